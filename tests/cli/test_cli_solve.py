"""The verb ``solve``: exit codes, numbers, files."""

import json

import pandas as pd
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium.errors import CertificateError
from firmtrade_core.scenarios import CompiledScenario, Scenario, load_preset, run
from firmtrade_core.world.embedded import load_embedded_world

runner = CliRunner()


def invoke(*arguments: str):
    return runner.invoke(app, ["solve", *arguments])


def test_a_preset_prints_headlines_and_certificate() -> None:
    result = invoke("--preset", "us_ten_points")
    assert result.exit_code == 0
    assert "The United States adds 10 points to its tariffs on all goods from all countries." in result.output
    assert "Certificate holds" in result.output
    assert "Real income" in result.output


def test_json_carries_the_solved_numbers() -> None:
    result = invoke("--preset", "us_ten_points", "--family", "pareto", "--elasticity", "FGO", "--json")
    assert result.exit_code == 0
    content = json.loads(result.output)
    world = load_embedded_world()
    structure = {"family": "pareto", "elasticity": "FGO"}
    solved = run(Scenario.parse({**load_preset("us_ten_points").to_dict(), "structure": structure}), world)
    shown = {row["country"]: row for row in content["countries"]}
    usa = world.country_index("USA")
    assert shown["USA"]["real_income"] == pytest.approx(solved.real_income_change[usa] - 1, rel=1e-8)
    assert content["headline"]["duties_after"] == pytest.approx(solved.duties.sum())
    assert content["certificate"]["holds"] is True
    assert content["certificate"]["content_hash"] == solved.content_hash


def test_results_file_can_be_solved_again(tmp_path) -> None:
    scenario, out = tmp_path / "scenario.yaml", tmp_path / "results.parquet"
    scenario.write_text("name: Mine\ncards: [{kind: tariff, importers: CHN, value: 5 %}]\n", encoding="utf-8")
    assert invoke(str(scenario), "--out", str(out)).exit_code == 0
    table = pd.read_parquet(out)
    usa = table.query("outcome == 'real_income' and origin == 'USA'")
    metadata = pyarrow.parquet.read_schema(out).metadata
    again = run(Scenario.from_yaml(metadata[b"firmtrade.scenario"]), load_embedded_world())
    position = again.world.country_index("USA")
    assert usa["scenario"].item() == pytest.approx(again.real_income_change[position], rel=1e-9)
    assert metadata[b"firmtrade.content_hash"].decode() == again.content_hash
    trade = table.query("outcome == 'trade_at_the_border'")
    assert trade["scenario"].sum() == pytest.approx(again.border_value.sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give a scenario file or --preset NAME"),
        (("x.yaml", "--preset", "us_ten_points"), "one of the two"),
        (("--preset", "us_ten_point"), "Did you mean us_ten_points"),
        (("missing.yaml",), "missing.yaml cannot be read"),
        (("--preset", "us_ten_points", "--world", "missing.world"), "missing.world cannot be read"),
        (("--preset", "us_ten_points", "--family", "weibull"), "structure, family"),
        (("--preset", "us_ten_points", "--elasticity", "-1"), "above 0"),
        (("--preset", "us_ten_points", "--elasticity", "XX"), "No elasticity set"),
    ],
)
def test_wrong_input_exits_2(arguments, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    as_json = invoke(*arguments, "--json")
    assert as_json.exit_code == 2
    assert message in json.loads(as_json.output)["error"]


def test_percent_in_a_file_exits_2(tmp_path) -> None:
    path = tmp_path / "percent.yaml"
    path.write_text("cards: [{kind: tariff, importers: USA, value: 10}]", encoding="utf-8")
    result = invoke(str(path))
    assert result.exit_code == 2
    assert "For 10 % write 0.1" in result.output


def test_no_certificate_exits_1(monkeypatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise CertificateError("The market for metals in Germany is off by 1e-3.")

    monkeypatch.setattr(CompiledScenario, "solve", fails)
    result = invoke("--preset", "us_ten_points")
    assert result.exit_code == 1
    assert "metals in Germany" in result.output


def test_presets_are_listed() -> None:
    result = invoke("--presets", "--json")
    assert result.exit_code == 0
    assert "eu_mercosur" in json.loads(result.output)


def test_every_choice_of_structure_has_an_option() -> None:
    options = (
        "--markups 0.25 --deficits removed --entry restricted --elasticity-kind tariff --labour-supply 0.5"
    )
    found = json.loads(invoke("--preset", "us_ten_points", "--json", *options.split()).output)
    structure = found["scenario"]["structure"]
    expected = {
        "within_elasticity": 5.0,
        "deficits": "removed",
        "entry": "restricted",
        "elasticity_kind": "tariff",
        "labour_supply_elasticity": 0.5,
    }
    assert {name: structure[name] for name in expected} == expected
    assert "markup 25 %" in found["scenario"]["assumed"]
    plain = json.loads(invoke("--preset", "us_ten_points", "--json", "--markups", "none").output)
    assert plain["scenario"]["structure"]["within_elasticity"] is None
    refused = invoke("--preset", "us_ten_points", "--markups", "-1")
    assert refused.exit_code == 2 and "above 0" in refused.output


def test_bands_stand_beside_the_answer() -> None:
    found = json.loads(invoke("--preset", "us_ten_points", "--bands", "--json").output)["bands"]
    (row,) = (r for r in found["rows"] if r["country"] == "USA" and r["result"] == "real income")
    assert row["low"] < row["value"] < row["high"] and row["unit"] == "%"
    assert found["level"] == 0.9 and any("Assumed" in note for note in found["rests_on"])
    assert "sign settled" in invoke("--preset", "us_ten_points", "--bands").output
