"""Plants coded by ISIC Revisions 2, 3 and 4 reach the sectors of worlds of ten and of 28, as the revisions' own titles have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.codes.sectors import BROAD_SECTORS, FINER_SECTORS, finer_sector
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.margins.firm_functions import Deviations
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.sectors import sector_table
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from tests.scenarios.conftest import synthetic_world

#: What plants make, their codes in the three revisions, and the sectors of 28 and of ten that hold them.
PLANTS = (
    ("wheat", "1110", "0111", "0111", "A01", "agriculture"),
    ("sea fish caught", "1301", "0500", "0311", "A03", "agriculture"),
    ("copper ore", "2302", "1320", "0729", "B07", "mining_energy"),
    ("canned fish", "3114", "1512", "1020", "C10T12", "food_beverages_tobacco"),
    ("shoes", "3240", "1920", "1520", "C13T15", "textiles_apparel_leather"),
    ("sawn wood", "3311", "2010", "1610", "C16", "wood_paper_other_mfg"),
    ("pulp", "3411", "2101", "1701", "C17_18", "wood_paper_other_mfg"),
    ("furniture", "3320", "3610", "3100", "C31T33", "wood_paper_other_mfg"),
    ("petrol", "3530", "2320", "1920", "C19", "fuels_chemicals_plastics_minerals"),
    ("fertiliser", "3512", "2412", "2012", "C20", "fuels_chemicals_plastics_minerals"),
    ("medicines", "3522", "2423", "2100", "C21", "fuels_chemicals_plastics_minerals"),
    ("tyres", "3551", "2511", "2211", "C22", "fuels_chemicals_plastics_minerals"),
    ("cement", "3692", "2694", "2394", "C23", "fuels_chemicals_plastics_minerals"),
    ("steel", "3710", "2710", "2410", "C24A", "metals"),
    ("refined copper", "3720", "2720", "2420", "C24B", "metals"),
    ("cutlery", "3811", "2893", "2593", "C25", "metals"),
    ("computers", "3825", "3000", "2620", "C26", "electronics_machinery"),
    ("television sets", "3832", "3230", "2640", "C26", "electronics_machinery"),
    ("electric motors", "3831", "3110", "2710", "C27", "electronics_machinery"),
    ("farm machines", "3822", "2921", "2821", "C28", "electronics_machinery"),
    ("cars", "3843", "3410", "2910", "C29", "vehicles_transport_eq"),
    ("ships", "3841", "3511", "3011", "C301", "vehicles_transport_eq"),
    ("aircraft", "3845", "3530", "3030", "C302T309", "vehicles_transport_eq"),
    ("freight by road", "7114", "6023", "4923", "Services (aggregate)", "services"),
)

TEN, FINE = tuple(BROAD_SECTORS), (*FINER_SECTORS, "Services (aggregate)")


def _homes(labels: list[str]) -> HomeFirms:
    firms = pd.DataFrame(
        {"firm": [str(n) for n in range(len(labels))], "sector": labels, "capability": np.linspace(-1, 1, len(labels)),
         "fixed_cost_saving": 0.0, "weight": 1.0}
    )  # fmt: skip
    return HomeFirms("USA", firms, Deviations(0.5, 0.5, 0.5, 0.0))


@pytest.mark.parametrize("revision", [2, 3, 4])
def test_plants_reach_their_sector_of_both_worlds(revision: int) -> None:
    codes = pd.Series([plant[revision - 1] for plant in PLANTS])
    fine, ten = synthetic_world(sectors=FINE), synthetic_world(sectors=TEN)
    for given, worlds in (
        (f"isic{revision}", {"ten": ten}),
        (f"isic{revision}-finer", {"ten": ten, "28": fine}),
    ):
        table = sector_table(given, codes)
        home = _homes([table[code] for code in codes])
        for name, world in worlds.items():
            found = [world.sectors[place] for place in home.sector_of(world)]
            assert found == [plant[4 if name == "28" else 5] for plant in PLANTS], (given, name)


@pytest.mark.parametrize("revision", [2, 3, 4])
def test_a_code_too_short_or_of_no_revision_is_named(revision: int) -> None:
    short = {2: "382", 3: "27", 4: "24"}[revision]
    for code in (short, "0000", "steel"):
        with pytest.raises(PanelError, match=code):
            sector_table(f"isic{revision}-finer", pd.Series([code]))


def test_finer_sectors_lie_within_the_broad_sector_of_their_code_but_for_arms() -> None:
    """A plant is in the same broad sector by either map; weapons, machines in Revision 3, are metal products in Revision 4."""
    apart = []
    for plant in PLANTS:
        for revision in (2, 3, 4):
            code = plant[revision - 1]
            parts = parts_of_sector(finer_sector(code, revision))
            broad = sector_table(f"isic{revision}", pd.Series([code]))[code]
            if not parts <= parts_of_sector(broad):
                apart.append((plant[0], revision))
    assert not apart
    assert (finer_sector("2927", 3), finer_sector("2520", 4)) == ("C25", "C25")


@pytest.mark.truth
@pytest.mark.parametrize("revision", [3, 4])
def test_the_home_command_takes_plants_of_either_revision_to_both_worlds(
    revision: int, tmp_path: Path
) -> None:
    """A made panel with codes in place of its sectors, from `firms home --sectors` to firms by sector of both worlds."""
    panel = make_country(SyntheticDesign(firms=400)).panel
    coded = [plant for plant in PLANTS if plant[5] != "services"]
    number = panel.firms["firm"].astype("category").cat.codes.to_numpy() % len(coded)
    firms = panel.firms.assign(sector=[coded[n][revision - 1] for n in number])
    FirmPanel.from_frames(firms, panel.query("SELECT * FROM trade"), metadata=panel.metadata).save(
        tmp_path / "p"
    )
    out = tmp_path / "home.parquet"
    arguments = ["firms", "home", str(tmp_path / "p"), "--sectors", f"isic{revision}-finer", "--learner", "splines", "--no-effects", "--out", str(out)]  # fmt: skip
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 0, run.output
    home = HomeFirms.load(out)
    told = {str(firm): coded[n] for firm, n in zip(firms["firm"], number, strict=True)}
    for sectors, place in ((FINE, 4), (TEN, 5)):
        world = synthetic_world(sectors=sectors)
        found = [world.sectors[s] for s in home.sector_of(world)]
        assert found == [told[str(firm)][place] for firm in home.firms["firm"]]
