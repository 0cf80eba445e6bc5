"""Published results: reproduced within their bands, and misses and missing data told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium.certificate import TOLERANCE as CERTIFICATE_TOLERANCE
from firmtrade_core.published import replicate as replication
from firmtrade_core.published.gravity_tables import ONE_UNIT
from firmtrade_core.published.nafta import MEMBERS
from firmtrade_core.published.replicate import MissingDataError
from firmtrade_core.published.replication import CERTIFIED, PRINTED, Replication, Report, Row, published
from firmtrade_core.published.trade_without_borders import (
    EXPORTS_MOVE,
    GUIDE_STOPS,
    Borders,
    exports,
    market_clearing_residual,
)

Reports = Callable[[str], Report]


@pytest.fixture(scope="module")
def runs() -> dict[str, Report]:
    return {}


@pytest.fixture
def report(needs_data: Callable[[str], Path], runs: dict[str, Report]) -> Reports:
    def run(name: str) -> Report:
        for file in replication.replications()[name].files:
            needs_data(Path(file).parts[0])
        return runs.setdefault(name, replication.replicate(name))

    return run


def rows_of(report: Report, result: str) -> pd.DataFrame:
    table = report.table().set_index("place")
    rows = table[table["result"] == result]
    assert len(rows) > 0
    return rows


@pytest.mark.data
def test_border_estimates(report: Reports) -> None:
    rows = rows_of(report("trade-without-borders"), "coefficient")
    assert rows["ours"].round(3).tolist() == [-2.474, -0.791, 0.674]


@pytest.mark.data
def test_conditional_exports_of_all_countries(report: Reports) -> None:
    rows = rows_of(report("trade-without-borders"), "exports, conditional")
    target = published("agtpa_trade_without_borders").set_index("country")
    assert set(rows.index) == set(target.index) and len(rows) == 69
    gap = rows["ours"] - target.loc[rows.index, "exports_conditional_pct"]
    assert gap.abs().max() < 0.0001


@pytest.mark.data
@pytest.mark.parametrize(
    ("result", "column", "band"),
    [
        ("real GDP", "real_gdp_full_pct", 0.60),
        ("factory price", "factory_price_full_pct", 0.47),
        ("inward resistance", "inward_mr_full_pct", 0.83),
    ],
)
def test_full_equilibrium_within_the_bands(report: Reports, result: str, column: str, band: float) -> None:
    rows = rows_of(report("trade-without-borders"), result)
    target = published("agtpa_trade_without_borders").set_index("country")
    gap = (rows["ours"] - target.loc[rows.index, column]).abs()
    assert len(gap) == 69
    assert gap.max() < band
    assert gap.idxmax() == "HKG"
    assert result != "real GDP" or gap.median() < 0.09


@pytest.mark.data
def test_full_exports_within_the_bands(report: Reports) -> None:
    target = published("agtpa_trade_without_borders").set_index("country")["exports_full_pct"]
    for result, band, median in (
        ("exports, spending φY as the guide", 0.018, 0.006),
        ("exports, markets cleared", 0.022, 0.002),
    ):
        ours = rows_of(report("trade-without-borders"), result)["ours"]
        gap = ((1 + ours / 100) / (1 + target.loc[ours.index] / 100) - 1).abs()
        assert gap.max() < band
        assert gap.median() < median


@pytest.mark.data
@pytest.mark.parametrize(
    ("result", "column"),
    [
        ("real GDP", "real_gdp_full_pct"),
        ("factory price", "factory_price_full_pct"),
        ("inward resistance", "inward_mr_full_pct"),
        ("exports", "exports_full_pct"),
    ],
)
def test_the_guides_own_iteration_gives_the_published_digits(
    report: Reports, result: str, column: str
) -> None:
    ours = rows_of(report("trade-without-borders"), f"{result}, the guide's iteration")["ours"]
    target = published("agtpa_trade_without_borders").set_index("country")[column]
    assert len(ours) == 69
    assert (ours - target.loc[ours.index]).abs().max() < 1e-4


@pytest.mark.data
def test_our_markets_clear_where_the_published_ones_do_not(report: Reports) -> None:
    whole = report("trade-without-borders")
    rows = {r.result: r for r in whole.rows if r.result.startswith("excess demand")}
    at_printed, at_rest = rows["excess demand, published prices"], rows["excess demand, guide at rest"]
    assert at_printed.published is not None and at_printed.published > 0.02
    assert at_rest.published is not None and at_rest.published > 0.01
    assert at_printed.ours < 1e-9
    assert at_printed.verdict == at_rest.verdict == "holds; theirs does not"
    assert whole.holds


@pytest.mark.data
def test_nafta_at_two_decimals(report: Reports) -> None:
    whole = report("nafta")
    target = published("caliendo_parro_2015_table2").set_index("country")
    for result, column in (
        ("terms of trade", "terms_of_trade_pct"),
        ("volume of trade", "volume_of_trade_pct"),
        ("welfare, first-order sum", "welfare_first_order_pct"),
        ("real wage", "real_wage_pct"),
        ("imports from members", "imports_from_nafta_pct"),
    ):
        ours = rows_of(whole, result)["ours"]
        assert ours.round(2).to_dict() == target[column].loc[list(MEMBERS)].to_dict(), result
    exact = rows_of(whole, "real income, exact (not in the paper)")["ours"]
    assert exact.round(2).to_dict() == {"MEX": 0.01, "CAN": -0.11, "USA": 0.07}
    assert whole.holds


# Without the real data ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_borders() -> Borders:
    """Six countries whose trade obeys gravity exactly, with known coefficients."""
    n = 6
    rng = np.random.default_rng(5)
    distance = np.exp(rng.uniform(5, 9, (n, n)))
    distance = np.sqrt(distance * distance.T)
    contiguity = np.triu(rng.random((n, n)) < 0.4, 1).astype(float)
    contiguity += contiguity.T
    border = 1 - np.eye(n)
    trade = np.exp(5 - 0.8 * np.log(distance) + 0.5 * contiguity - 2 * border)
    trade *= np.exp(rng.normal(5, 1, (n, 1)) + rng.normal(0, 1, n))
    codes = ["AAA", "BBB", "CCC", "DDD", "DEU", "EEE"]
    panel = pd.DataFrame(
        {
            "exporter": np.repeat(codes, n),
            "importer": np.tile(codes, n),
            "pair_id": np.arange(n * n),
            "year": 2006.0,
            "trade": trade.ravel(),
            "dist": distance.ravel(),
            "cntg": contiguity.ravel(),
        }
    )
    elsewhere = panel.assign(year=2002.0, trade=1.0)
    return Borders.of_panel(pd.concat([elsewhere, panel.sample(frac=1, random_state=1)]))


def test_estimation_recovers_gravity(small_borders: Borders) -> None:
    estimate = small_borders.estimate
    assert estimate.coefficients == pytest.approx({"border": -2, "ln_dist": -0.8, "cntg": 0.5}, abs=1e-6)
    assert (estimate.observations, estimate.separated) == (36, 0)
    observed = small_borders.table["trade"].to_numpy().reshape(6, 6)
    np.testing.assert_allclose(small_borders.fitted, observed, rtol=1e-5)


def test_conditional_effects_keep_totals(small_borders: Borders) -> None:
    flows = small_borders.borderless
    np.testing.assert_allclose(flows.sum(1), small_borders.output, rtol=1e-12)
    np.testing.assert_allclose(flows.sum(0), small_borders.expenditure, rtol=1e-12)
    # Odds ratios of trade change by the border's term alone, whatever the resistances do.
    odds = flows / small_borders.fitted
    ratio = odds[0, 1] * odds[2, 3] / (odds[0, 3] * odds[2, 1])
    assert ratio == pytest.approx(1)
    assert odds[0, 1] * odds[1, 0] / (odds[0, 0] * odds[1, 1]) == pytest.approx(np.exp(4), rel=1e-5)
    assert (exports(flows) > exports(small_borders.fitted)).all()


def test_residual_tells_an_equilibrium_from_a_near_miss(small_borders: Borders) -> None:
    result = small_borders.full_equilibrium()
    assert np.abs(market_clearing_residual(small_borders, result.wage_change)).max() < 1e-9
    assert np.abs(market_clearing_residual(small_borders, 3 * result.wage_change)).max() < 1e-9
    nudged = result.wage_change * np.array([1.01, 1, 1, 1, 1, 1])
    assert np.abs(market_clearing_residual(small_borders, nudged)).max() > 1e-3


def sample(difference: float = 0.0, places: int = 6) -> list[Row]:
    rows = [Row("wage", f"P{i}", "%", 1.0, 1.0 + 0.001 * i, 0.001 * i, 0.01) for i in range(places)]
    return [*rows, Row("price", "P0", "%", 2.0, 2.0 + difference, difference, 0.01)]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Replication]]:
    """Two replications in place of the real ones; the second needs a file that is not there."""
    known = {
        "here": Replication("here", "Here", "Author (2000).", (), "", lambda _: sample()),
        "away": Replication("away", "Away", "Author (2001).", ("x/y.csv",), "the archive of Z", lambda _: []),
    }
    monkeypatch.setattr(replication, "replications", lambda: MappingProxyType(known))
    monkeypatch.setattr(replication, "asset", lambda name: tmp_path / name)
    yield known


def test_row_holds_only_within_its_band() -> None:
    assert Row("r", "p", "times", 1.0, 1.5, 0.5, 0.5).holds
    assert not Row("r", "p", "times", 1.0, 1.6, 0.6, 0.5).holds
    assert not Row("r", "p", "times", 1.0, float("nan"), float("nan"), 0.5).holds
    assert Row("r", "p", "times", 1e-2, 1e-12, 1e-12, 1e-9, residual=True).verdict == "holds; theirs does not"


def test_a_distance_that_is_the_papers_own_tolerance_is_not_said_to_hold() -> None:
    loose = Row(
        "price", "P0", "%", 1.0, 1.5, 0.5, 1.0, "% of the level", "it stops at 0.01", papers_tolerance=True
    )
    assert loose.holds and loose.verdict == "within the paper's own tolerance"
    report = Report("n", "t", "c", (), (*sample(), loose), "2000-01-01")
    assert report.verdict == "7 of 8 numbers within their band, 1 within the paper's own tolerance"
    assert report.table()["cause"].tolist()[-1] == "it stops at 0.01"
    missed = Row(
        "price", "P0", "%", 1.0, 3.0, 2.0, 1.0, "% of the level", "it stops at 0.01", papers_tolerance=True
    )
    assert missed.verdict == "misses"


def test_bands_come_from_printed_digits_or_the_papers_own_tolerance() -> None:
    """No band is fitted to a distance: each is a printed half or whole unit, a certificate's, or a stopping rule's."""
    allowed = {
        PRINTED: {0.5, 0.05, 0.005, 0.0005},
        ONE_UNIT: {0.0001},
        CERTIFIED: {CERTIFICATE_TOLERANCE},
    }
    for report in replication.stored_run().values():
        for row in report.rows:
            bands = allowed.get(row.cause, {100 * GUIDE_STOPS * k for k in (1, 2, EXPORTS_MOVE)})
            assert any(row.band == pytest.approx(band, rel=1e-5) for band in bands), row
            assert row.papers_tolerance == (row.cause not in allowed), row


def test_summary_shows_the_furthest_and_every_miss(registered: dict[str, Replication]) -> None:
    shown = replication.replicate("here").summary()
    assert shown["place"].tolist() == ["P5 (furthest of 6)", "P0"]
    rows = [
        *sample(),
        Row("wage", "P9", "%", 1.0, 2.0, 1.0, 0.01),
        Row("wage", "P8", "%", 1.0, 3.0, 2.0, 0.01),
    ]
    report = Report("n", "t", "c", (), tuple(rows), "2000-01-01")
    assert report.summary()["verdict"].tolist().count("misses") == 2


def test_missing_data_name_the_file_and_its_public_origin(registered: dict[str, Replication]) -> None:
    with pytest.raises(MissingDataError, match=r"x/y\.csv missing .* the archive of Z"):
        replication.replicate("away")


def test_stored_run_says_it_was_not_rerun(registered: dict[str, Replication]) -> None:
    fresh = replication.replicate("here")
    replication.store([fresh])
    replication.store([Report("away", "Away", "c", ("n",), tuple(sample()), "2001-02-03")])
    stored = replication.stored_run()
    assert stored["here"].rows == fresh.rows
    assert replication.replicate_or_recall("here").rerun_here
    recalled = replication.replicate_or_recall("away")
    assert recalled.dated == "not rerun here (run on 2001-02-03)"


def test_command_exits_by_outcome(registered: dict[str, Replication]) -> None:
    run = CliRunner().invoke
    assert run(app, ["replicate", "here"]).exit_code == 0
    both = run(app, ["replicate", "--json"])
    assert both.exit_code == 3
    printed = json.loads(both.stdout)
    assert printed["reports"][0]["rows"][-1]["verdict"] == "holds"
    assert "the archive of Z" in printed["missing"]["away"]
    registered["here"] = Replication("here", "Here", "c", (), "", lambda _: sample(difference=0.02))
    missed = run(app, ["replicate", "here"])
    assert missed.exit_code == 1 and "misses" in missed.stdout
    unknown = run(app, ["replicate", "hree"])
    assert unknown.exit_code == 2 and "here, away" in unknown.stderr


def test_shipped_run_covers_every_replication_and_holds() -> None:
    stored = replication.stored_run()
    assert set(stored) == set(replication.replications())
    assert all(report.holds and not report.rerun_here for report in stored.values())


@pytest.mark.data
def test_shipped_run_is_current(report: Reports) -> None:
    for name, stored in replication.stored_run().items():
        fresh = report(name)
        assert [(r.result, r.place) for r in stored.rows] == [(r.result, r.place) for r in fresh.rows]
        ours = [[r.ours for r in rows if not r.residual] for rows in (stored.rows, fresh.rows)]
        np.testing.assert_allclose(ours[0], ours[1], rtol=1e-5, atol=1e-7)
