"""Which kind of advantage an attribute gives is told apart, on firms made by other assumptions than the estimator's."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.channels import ChannelError, Settings
from firmtrade_core.channels.advantages import Advantages, advantages
from firmtrade_core.cli.main import app
from firmtrade_core.panel import FirmPanel, PanelMetadata

QUICK = Settings(repetitions=1, learners=("linear",), folds=3)
FIRMS, YEARS = 360, (2020, 2021, 2022)


def made(seed: int = 8) -> FirmPanel:
    """Skills make firms productive, certificates make goods better (not dearer), a web shop brings partners; sizes are Pareto."""
    rng = np.random.default_rng(seed)
    names = np.array([f"F{i:04d}" for i in range(FIRMS)])
    skill, certificate, shop = rng.random(FIRMS), rng.integers(0, 2, FIRMS), rng.random(FIRMS)
    capital = 50 * (1 - rng.random(FIRMS)) ** (-1 / 1.6)
    omega = 1.5 * skill + 0.3 * rng.laplace(size=FIRMS)
    rows = []
    for year in YEARS:
        omega = 0.8 * omega + 0.2 * 1.5 * skill + 0.15 * rng.standard_normal(FIRMS)
        labour = 3 * capital**0.8 * np.exp(0.4 * omega + 0.3 * rng.standard_normal(FIRMS))
        product = np.exp(omega) * labour**0.6 * capital**0.35
        rows.append(
            pd.DataFrame(
                {"firm": names, "year": year, "sector": "food", "employment": labour, "capital": capital,
                 "value_added": product * np.exp(0.05 * rng.standard_normal(FIRMS)), "materials": product,
                 "wages": 0.5 * product * np.exp(0.2 * rng.standard_normal(FIRMS)), "sales": 2.4 * product, "exports": 0.1 * product,
                 "skill_share": skill, "quality_certificate": certificate, "digital_presence": shop}
            )
        )  # fmt: skip
    firm = np.repeat(np.arange(FIRMS), 3)
    price = np.exp(0.3 * rng.standard_normal(len(firm)))
    quantity = price**-5.0 * np.exp(2.0 * certificate[firm] + 0.8 * rng.standard_normal(len(firm)))
    trade = pd.DataFrame(
        {"firm": names[firm], "year": 2022, "flow": "export", "country": np.tile(["DEU", "FRA", "USA"], FIRMS),
         "product": "010121", "value": price * quantity, "quantity": quantity}
    )  # fmt: skip
    supplier = np.repeat(np.arange(FIRMS), rng.poisson(1 + 8 * shop))
    links = pd.DataFrame(
        {"supplier": names[supplier], "buyer": names[rng.integers(0, FIRMS, len(supplier))], "year": 2022}
    )
    links = links[links["supplier"] != links["buyer"]].drop_duplicates()
    return FirmPanel.from_frames(
        pd.concat(rows, ignore_index=True), trade, links,
        metadata=PanelMetadata(name="Firms of a test", home="CHL", money="USD", synthetic=True),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Advantages:
    return advantages(
        made(), ["skill_share", "quality_certificate", "digital_presence"], sigma=5.0, settings=QUICK
    )


def test_each_attribute_is_given_its_kind(found: Advantages) -> None:
    assert found.kind_of("quality_certificate") == ("differentiation",)
    assert found.kind_of("digital_presence") == ("networks",)
    assert found.kind_of("skill_share")[0] == "scale"


def test_effects_have_size_and_interval(found: Advantages) -> None:
    cells = found.cells.set_index(["attribute", "outcome"])
    quality = cells.loc[("quality_certificate", "quality")]
    assert quality["low"] < quality["effect"] < quality["high"] and quality["effect"] > 1
    assert abs(cells.loc[("quality_certificate", "unit_value"), "effect"]) < 0.5
    assert cells.loc[("skill_share", "productivity"), "step"] == "10 points more"
    assert (cells["firms"] <= FIRMS).all()


def test_words_a_minister_reads(found: Advantages) -> None:
    assert found.words("quality_certificate").startswith(
        "Quality certificate goes with differentiation (more quality)"
    )


def test_what_the_panel_lacks_is_said() -> None:
    firms = made().firms[["firm", "year", "sector", "skill_share", "employment"]]
    with pytest.raises(ChannelError, match="Nothing tells a kind of advantage"):
        advantages(FirmPanel.from_frames(firms), sigma=5.0, settings=QUICK)


def test_the_command_tells_the_table(tmp_path) -> None:
    folder = made().save(tmp_path / "panel")
    options = ["channels", "--panel", str(folder), "--advantages", "--attribute", "quality_certificate"]
    result = CliRunner().invoke(app, [*options, "--learner", "linear", "--repetitions", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["words"]["quality_certificate"].startswith("Quality certificate goes with differentiation")
