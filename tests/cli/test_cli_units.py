"""Every verb of the command line: no number without its unit, no raw float, persons and firms whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.labels.printed import head_unit, unitless
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.raw import write_raw
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from tests.gravity.panels import gravity_table

#: What must never meet a reader.
_RAW = re.compile(r"\b(nan|None|inf)\b|\d\.\d{7,}|\d\.\d+[\s\u00a0\u202f](persons?|firms?)\b")

#: Three scenarios: a tariff, a subsidy, a programme for firms.
SCENARIOS = {
    "tariff": "cards:\n- {kind: tariff, importers: [USA], method: add, value: 0.1}\n",
    "subsidy": "cards:\n- {kind: export_subsidy, exporters: [CHL], value: 0.05}\n",
    "programme": "cards:\n- {kind: programme, policy: quality_certification, take_up: 0.3, unit_cost: 5000}\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    country = make_country(SyntheticDesign(firms=400, years=3, seed=3))
    country.panel.save(folder / "panel")
    write_raw(country, folder / "raw")
    gravity_table(noise=0.2).to_csv(folder / "flows.csv", index=False)
    for name, text in SCENARIOS.items():
        (folder / f"{name}.yaml").write_text(f"name: A {name}\n{text}")
    return folder


def printed(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def check(text: str) -> None:
    assert text.strip()
    assert unitless(text) == []
    assert not _RAW.search(text), _RAW.search(text)


@pytest.mark.parametrize("name", SCENARIOS)
def test_solve_and_attribute(name: str, made: Path) -> None:
    check(printed("solve", made / f"{name}.yaml", "--gains-from-trade"))
    check(printed("attribute", "CHL", "--scenario", made / f"{name}.yaml"))


def test_optimise() -> None:
    check(printed("optimise", "CHL", "--structure", "none", "--tries", "1", "--starts", "0"))


def test_worlds_and_panels(made: Path) -> None:
    check(printed("world", "show"))
    check(printed("panel", "synthetic", "--firms", "400", "--years", "3"))
    check(printed("panel", "validate", made / "panel"))
    check(printed("panel", "describe", made / "panel"))
    check(printed("attribute", "CHL", "--synthetic", "400", "--from-year", "2020"))


def test_gravity(made: Path) -> None:
    formula = "trade ~ log(dist) + contiguity | exporter^year + importer^year"
    check(printed("gravity", "estimate", made / "flows.csv", formula))


@pytest.mark.truth
def test_firms(made: Path) -> None:
    check(printed("firms", "estimate", made / "panel", "--learner", "splines", "--draws", "0"))


@pytest.mark.truth
def test_long_verbs(made: Path, tmp_path: Path) -> None:
    panel = made / "panel"
    check(printed("firms", "estimate", panel, "--learner", "splines", "--draws", "10", "--compare"))
    check(printed("firms", "explain", panel))
    effects = tmp_path / "effects.json"
    settings = ("--attribute", "on_time_delivery", "--repetitions", "1", "--learner", "linear")
    check(printed("channels", "--panel", panel, *settings, "--write-table", effects))
    check(
        printed(
            "firms",
            "home",
            panel,
            "--effects",
            effects,
            "--learner",
            "splines",
            "--out",
            tmp_path / "h.parquet",
        )
    )
    check(
        printed(
            "harmonise",
            made / "raw",
            "-o",
            tmp_path / "h",
            "--home",
            "CHL",
            "--table-year",
            "2022",
            "--salt",
            tmp_path / "salt",
        )
    )
    check(
        printed(
            "pipeline", made / "raw", "-o", tmp_path / "out", "--salt", tmp_path / "salt", "--home", "CHL", "--table-year",
            "2022", "--learner", "splines", "--attribute", "on_time_delivery", "--repetitions", "1", "--effect-learner", "linear",
        )
    )  # fmt: skip


def test_replicate_prints_units(needs_data) -> None:  # type: ignore[no-untyped-def]
    needs_data("log-of-gravity")
    check(printed("replicate", "log-of-gravity"))


@pytest.mark.parametrize(
    "line",
    ["output: 199171.3", "Exports 12.4", "gain +0.33", "skill_share: 0.103", "Quality 0.93"],
)
def test_numbers_without_a_unit_are_found(line: str) -> None:
    assert unitless(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "Exports 103 bn USD to 99.7 bn USD (−3.0 %)",
        "81 countries x 10 sectors, 2022",
        "+0.54 (+0.17 to +0.91) log points",
        "Attribute   Capability, log points   Fixed costs, %\nSkills   0.54   −4.6",
        "hash b6cf33406ad64a9d; trade elasticity 4",
        "",
    ],
)
def test_numbers_with_their_unit_pass(line: str) -> None:
    assert unitless(line) == []


def test_heads_tell_their_unit() -> None:
    assert head_unit("Capability, log points") == "log points" and head_unit("Change (bn USD)") == "bn USD"
    assert head_unit("Firms") == "firms" or head_unit("Firms") == ""
    assert head_unit("Estimate") == ""
