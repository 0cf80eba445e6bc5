"""The verb pipeline: raw files to a briefing, stopped in the middle and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.harmonise.firm_tables import looks_like_firms
from firmtrade_core.jobs import CancelledError
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.raw import write_raw
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.report import pipeline as work

QUICK = [
    "--home", "chl", "--table-year", "2022", "--learner", "splines", "--attribute", "on_time_delivery",
    "--repetitions", "1", "--effect-learner", "linear",
]  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(make_country(SyntheticDesign(firms=400, years=3)), folder)
    return folder


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["pipeline", *arguments])
    return done.exit_code, done.output


def stages(printed: str) -> dict[str, bool]:
    return {stage["name"]: stage["reused"] for stage in json.loads(printed)["stages"]}


@pytest.mark.truth
def test_raw_files_become_a_briefing_in_as_many_runs_as_it_takes(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(raw), "-o", str(tmp_path / "out"), "--salt", str(tmp_path / "salt"), *QUICK, "--json"]
    whole = work.run_pipeline

    def stopped(*given: Any, progress: Any, **others: Any) -> Any:
        def watched(share: float, words: str) -> None:
            if words.startswith("Estimating what attributes do:"):
                raise KeyboardInterrupt
            progress(share, words)

        return whole(*given, progress=watched, **others)

    monkeypatch.setattr(work, "run_pipeline", stopped)
    code, printed = run(*arguments)
    assert code == 130 and "run the same command again" in printed
    monkeypatch.setattr(work, "run_pipeline", whole)

    code, printed = run(*arguments)
    assert code == 0
    assert stages(printed) == {
        "harmonise": True, "panel": True, "capability": True, "channels": False, "home": False, "scenario": False,
        "briefing": False,
    }  # fmt: skip
    first = json.loads(printed)
    assert first["country"] == "CHL" and first["about"]["Certificate"].startswith("largest residual")
    assert len(first["headlines"]) == 6 and first["exporting"]["Home firms that export"][0] > 10

    # Again: nothing is done twice, and the numbers are the same.
    again = json.loads(run(*arguments)[1])
    assert all(stage["reused"] for stage in again["stages"][:-1])
    assert again["headlines"] == first["headlines"] and again["about"] | {"Written": ""} == first["about"] | {
        "Written": ""
    }

    # Another scenario takes up where the firms stand; a file that is gone is made again.
    (tmp_path / "out" / "home.parquet").unlink()
    code, printed = run(*arguments, "--preset", "trade_facilitation")
    assert code == 0
    redone = [name for name, reused in stages(printed).items() if not reused]
    assert redone == ["home", "scenario", "briefing"]

    page = (tmp_path / "out" / "briefing.html").read_text()
    for part in (
        "Invented firms",
        "Who gains and who loses",
        "What attributes do",
        "Certificate",
        "SHA-256",
        "σ_u",
    ):
        assert part in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    register = pd.read_csv(raw / "synthetic_business_register.csv")
    identifiers = set(pd.read_parquet(tmp_path / "out" / "home.parquet")["firm"])
    assert not [
        name for name in (*register["name"], *register["tax_number"], *identifiers) if str(name) in page
    ]
    assert (tmp_path / "out" / ".steps").stat().st_mode & 0o077 == 0


def test_a_job_that_is_called_off_keeps_what_it_finished(raw: Path, tmp_path: Path) -> None:
    def stop(share: float, words: str) -> None:
        if words.startswith("Checking"):
            raise CancelledError

    from firmtrade_core.cli.ends import read_scenario
    from firmtrade_core.cli.pipeline import _plan
    from firmtrade_core.harmonise.pipeline import Settings

    plan = _plan(
        raw, Settings(home="CHL", table_year=2022), read_scenario(None, "us_ten_points"), None, tmp_path / "salt", "splines",
        ["none"], 1, None, 0,
    )  # fmt: skip
    assert plan.synthetic and plan.attributes == ()
    with pytest.raises(CancelledError):
        work.run_pipeline(plan, tmp_path / "out", progress=stop)
    assert [p.name.partition("-")[0] for p in (tmp_path / "out" / ".steps").glob("*.kept")] == ["harmonise"]


def test_mistakes_are_told_in_words(tmp_path: Path, raw: Path) -> None:
    common = ["-o", str(tmp_path / "out"), "--salt", str(tmp_path / "salt")]
    code, printed = run(str(tmp_path / "nowhere"), *common, "--home", "CHL")
    assert code == 2 and "does not exist" in printed
    code, printed = run(str(raw), *common, "--home", "XXX", "--json")
    assert code == 2 and "no country XXX" in json.loads(printed)["error"]
    code, printed = run(str(raw), *common, "--home", "CHL", "--learner", "magic")
    assert code == 2 and "unknown" in printed
    (tmp_path / "few").mkdir()
    rows = "".join(f"f{i},2022,metals,{10 + i},{i * 1000}\n" for i in range(12))
    (tmp_path / "few" / "firms.csv").write_text(f"firm,year,sector,employment,exports\n{rows}")
    code, printed = run(str(tmp_path / "few"), *common, "--home", "CHL")
    assert code == 1 and "nothing of what firms are like" in printed


def test_surveys_of_shares_alone_are_firm_tables() -> None:
    assert looks_like_firms(["tax_number", "year", "skill_share_percent", "on_time_delivery_percent"])
    assert not looks_like_firms(["certificate", "holder", "address", "standard"])
