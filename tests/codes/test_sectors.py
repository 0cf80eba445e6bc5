"""Broad sectors and the ISIC codes in them."""

import pytest

from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector, is_goods


@pytest.mark.parametrize(
    ("code", "sector"),
    [
        ("A01", "agriculture"),
        ("A01_02", "agriculture"),
        ("B09", "mining_energy"),
        ("C10T12", "food_beverages_tobacco"),
        ("C13T15", "textiles_apparel_leather"),
        ("C17_18", "wood_paper_other_mfg"),
        ("C31T33", "wood_paper_other_mfg"),
        ("C19", "fuels_chemicals_plastics_minerals"),
        ("C24A", "metals"),
        ("26", "electronics_machinery"),
        ("C302T309", "vehicles_transport_eq"),
        ("H49", "services"),
        ("Services (aggregate)", "services"),
    ],
)
def test_isic(code: str, sector: str) -> None:
    assert broad_sector(code) == sector
    assert sector in BROAD_SECTORS


def test_no_such_division() -> None:
    with pytest.raises(KeyError, match="no division 34"):
        broad_sector("C34")


@pytest.mark.parametrize(
    ("label", "goods"),
    [("A01_02", True), ("C29", True), ("H49", False), ("D", False), ("Services", False), ("12", True)],
)
def test_goods(label: str, goods: bool) -> None:
    assert is_goods(label) is goods
