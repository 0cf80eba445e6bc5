"""One box finds economies by any name, products by their words, and policies."""

from __future__ import annotations

import pytest

from firmtrade_core.scenarios.finder import Found, findable, product_words, search, sectors_of_product
from firmtrade_core.world.embedded import load_embedded_world

WORLD = load_embedded_world()


def first(text: str) -> Found:
    return search(text, findable(WORLD), 1)[0]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Vietnam", "VNM"), ("viet nam", "VNM"), ("Deutschland", "DEU"), ("Côte d’Ivoire", "CIV"), ("ivory coast", "CIV"),
        ("Burma", "MMR"), ("zaire", "COD"), ("usa", "USA"), ("GB", "GBR"), ("Kenya", "KEN"), ("swaziland", "SWZ"),
        ("Soviet Union", "RUS"), ("turkey", "TUR"), ("Holland", "NLD"),
    ],
)  # fmt: skip
def test_economies_answer_to_all_their_names(typed: str, code: str) -> None:
    assert (first(typed).kind, first(typed).target) == ("place", code)


def test_members_of_the_rest_of_the_world_and_former_states_say_where_they_are_told() -> None:
    assert "rest of the world" in first("Kenya").note
    assert "1991" in first("Soviet Union").note and "Russia" in first("Soviet Union").note


@pytest.mark.parametrize(
    ("typed", "heading", "sector"),
    [
        ("steel", "72", "metals"), ("cars", "8703", "vehicles_transport_eq"), ("wine", "2204", "food_beverages_tobacco"),
        ("chips", "8542", "electronics_machinery"), ("8703", "8703", "vehicles_transport_eq"), ("cotton", "5201", "agriculture"),
        ("T-shirts", "61", "textiles_apparel_leather"), ("medicines", "30", "fuels_chemicals_plastics_minerals"),
    ],
)  # fmt: skip
def test_products_lead_to_their_sector(typed: str, heading: str, sector: str) -> None:
    found = next(item for item in search(typed, findable(WORLD)) if item.kind == "product")
    assert f"HS {heading}," in found.note and found.target == sector


def test_in_a_finer_list_of_sectors_a_product_leads_to_all_that_hold_it() -> None:
    assert sectors_of_product("72", ("A01", "C24A", "C24B", "C25", "C26")) == ("C24A", "C24B", "C25")
    assert sectors_of_product("2716", WORLD.sectors) == ()


def test_policies_are_found_by_name_and_by_what_they_do() -> None:
    assert first("embargo").target == "embargo_on_russian_energy"
    assert first("mercosur").kind == "policy"


def test_no_word_means_two_products_and_every_row_has_a_sector_but_electricity() -> None:
    words = [word for _, some in product_words() for word in some]
    assert len(words) == len(set(words))
    assert [code for code, _ in product_words() if not sectors_of_product(code, WORLD.sectors)] == ["2716"]


def test_nothing_typed_finds_nothing_and_nonsense_neither() -> None:
    assert search("  ", findable(WORLD)) == [] and search("xqzzy", findable(WORLD)) == []
