"""Growth among firms adds up exactly, says what happened, and reveals no real firm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from firmtrade_core.attribution import (
    AttributionError,
    FirmHistory,
    attribute_firms,
    attribute_productivity,
    melitz_polanec,
    read_history,
)
from firmtrade_core.attribution.firm_growth import ELSEWHERE, PARTS, ProductivityGrowth, read_source
from firmtrade_core.attribution.panel import KINDS, margin_moves
from firmtrade_core.cli.main import app
from firmtrade_core.labels import shows
from firmtrade_core.panel import FirmPanel, PanelMetadata
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.years import open_years
from tests.worlds import make_world

FLOWS = [
    ("a", "DEU", 1, 10.0), ("a", "DEU", 2, 14.0), ("a", "FRA", 2, 3.0), ("b", "DEU", 1, 5.0), ("b", "FRA", 1, 2.0),
    ("b", "FRA", 2, 1.0), ("c", "DEU", 1, 4.0), ("d", "FRA", 2, 6.0),
]  # fmt: skip


def history(flows: list[tuple[str, str, int, float]], *, synthetic: bool = True) -> FirmHistory:
    table = pd.DataFrame(flows, columns=["firm", "destination", "year", "exports"])
    table["exports"] *= 1e6
    firms = table[["firm", "year"]].drop_duplicates().assign(weight=1.0)
    return FirmHistory(table, firms, "Invented", "CHL", "USD", "invented", synthetic)


@pytest.fixture(scope="module")
def made() -> FirmHistory:
    return read_history(make_country(SyntheticDesign(firms=400, years=3)).panel)


def test_growth_by_hand() -> None:
    found = attribute_firms(history(FLOWS), 1, 2)
    expected = {"incumbents": 4 - 1, "new_markets": 3, "left_markets": -5, "entrants": 6, "exits": -4}
    assert found.totals[list(KINDS)].to_dict() == pytest.approx(expected)
    assert found.totals["change"] == pytest.approx(3) and found.percent == pytest.approx(100 * 3 / 21)
    assert found.firms.to_dict() == {
        "incumbents": 2,
        "new_markets": 1,
        "left_markets": 1,
        "entrants": 1,
        "exits": 1,
    }
    assert list(found.table["name"]) == ["France", "Germany"]
    assert (
        "rose by +14" in found.sentence().replace("by 14", "by +14") and "new exporters" in found.sentence()
    )
    with pytest.raises(AttributionError, match="2 is not before 1"):
        attribute_firms(history(FLOWS), 2, 1)
    with pytest.raises(AttributionError, match="no flows of 3"):
        attribute_firms(history(FLOWS), 1, 3)


def random_flows(seed: int) -> list[tuple[str, str, int, float]]:
    """Sales of some firms in some places, few or many, even or dominated by one."""
    random = np.random.default_rng(seed)
    count = int(random.integers(4, 40))
    spread, chance = random.uniform(0, 3), random.uniform(0.1, 0.9)
    return [
        (f"f{i}", place, year, float(random.lognormal(0, spread)))
        for i in range(count)
        for place in ("DEU", "FRA", "CHN", "USA")
        for year in (1, 2)
        if random.random() < chance
    ]


@given(st.integers(0, 1_000_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_growth_adds_up_whatever_firms_do(seed: int, synthetic: bool) -> None:
    flows = [*random_flows(seed), ("a", "DEU", 1, 1.0), ("a", "DEU", 2, 1.0)]
    given_ = history(flows, synthetic=synthetic)
    try:
        found = attribute_firms(given_, 1, 2)
    except AttributionError as error:
        assert not synthetic and "Too few firms export" in str(error)
        return
    levels = given_.flows.groupby("year")["exports"].sum() / 1e6
    close = {"rtol": 0, "atol": 1e-9 * float(levels.sum())}
    assert found.totals["change"] == pytest.approx(levels[2] - levels[1], abs=close["atol"])
    np.testing.assert_allclose(found.steps()["change"].sum(), found.totals["change"], **close)
    np.testing.assert_allclose(found.table["change"].sum(), found.totals["change"], **close)
    whole = found.table.dropna()
    np.testing.assert_allclose(whole[list(KINDS)].sum(axis=1), whole["change"], **close)
    if synthetic:
        assert len(whole) == len(found.table)
        np.testing.assert_allclose(found.table[list(KINDS)].sum(), found.totals[list(KINDS)], **close)
        return
    # Whatever is shown of a margin stands for five firms at least, none of them with over three quarters of it.
    moves = margin_moves(given_.flows, 1, 2)
    own = set(found.table["destination"])
    moves["destination"] = moves["destination"].where(moves["destination"].isin(own), ELSEWHERE)
    for by, shown in (
        (["destination", "margin"], found.table.set_index("destination")[list(KINDS)].stack()),
        (["margin"], found.totals[list(KINDS)].dropna()),
    ):
        sizes = moves.groupby([*by, "firm"])["change"].sum().abs().groupby(level=by)
        wrong = (sizes.size() < 5) | (sizes.max() > 0.75 * sizes.sum())
        assert not set(wrong.index[wrong]) & set(shown.dropna().index)


def test_small_destinations_of_real_firms_stand_together() -> None:
    random = np.random.default_rng(0)
    many = [
        (f"f{i}", place, year, float(random.lognormal()))
        for i in range(40)
        for place in ("DEU", "FRA")
        for year in (1, 2)
        if random.random() < 0.7
    ]
    few = [(f"f{i}", "MLT", 1, 1.0) for i in range(3)] + [(f"f{i}", "MLT", 2, 1.0) for i in range(9)]
    found = attribute_firms(history([*many, *few], synthetic=False), 1, 2)
    assert "MLT" not in set(found.table["destination"]) and ELSEWHERE in set(found.table["destination"])
    assert "MLT" in set(attribute_firms(history([*many, *few]), 1, 2).table["destination"])
    for _, row in found.table.iterrows():
        assert row["before"] >= 0 and row["after"] >= 0
    with pytest.raises(AttributionError, match="Too few firms export"):
        attribute_firms(history(FLOWS, synthetic=False), 1, 2)


def test_productivity_by_hand() -> None:
    """Two survivors, one entrant, one that closes; sizes and logs small enough to check on paper."""
    panel = pd.DataFrame(
        {
            "firm": ["a", "b", "c", "a", "b", "d"],
            "year": [1, 1, 1, 2, 2, 2],
            "productivity": [1.0, 2.0, 0.5, 1.5, 2.0, 3.0],
            "sales": [10.0, 10.0, 20.0, 10.0, 30.0, 10.0],
        }
    )
    parts = melitz_polanec(panel, 1, 2)
    assert parts["within"] == pytest.approx(1.75 - 1.5)
    # Survivors' weighted means: 1.5, then (15 + 60) / 40 = 1.875.
    assert parts["reallocation"] == pytest.approx((1.875 - 1.75) - 0)
    assert parts["entry"] == pytest.approx(0.2 * (3.0 - 1.875))
    assert parts["exit"] == pytest.approx(0.5 * (1.5 - 0.5))
    assert parts["total"] == pytest.approx((15 + 60 + 30) / 50 - (10 + 20 + 10) / 40)
    doubled = melitz_polanec(
        panel.assign(w=[1, 2, 1, 1, 2, 1], sales=panel["sales"] / [1, 2, 1, 1, 2, 1]), 1, 2, weight="w"
    )
    assert doubled["within"] == pytest.approx((1.5 + 4) / 3 - (1 + 4) / 3)
    assert doubled["total"] == pytest.approx(parts["total"])
    with pytest.raises(AttributionError, match="twice"):
        melitz_polanec(pd.concat([panel, panel]), 1, 2)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_parts_of_productivity_add_up_with_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (random.choice(30, random.integers(5, 25), replace=False) for _ in range(2))
    panel = pd.DataFrame({"firm": [*first, *second], "year": [1] * len(first) + [2] * len(second)})
    panel["phi"], panel["size"], panel["w"] = (
        random.normal(size=len(panel)),
        random.lognormal(0, 2, len(panel)),
        random.uniform(0.5, 9, len(panel)),
    )
    if not set(first) & set(second):
        with pytest.raises(AttributionError, match="No firm"):
            melitz_polanec(panel, 1, 2, productivity="phi", share="size", weight="w")
        return
    parts = melitz_polanec(panel, 1, 2, productivity="phi", share="size", weight="w")
    total = parts.pop("total")
    assert sum(parts.values()) == pytest.approx(total, abs=1e-11)
    means = [np.average(p["phi"], weights=p["size"] * p["w"]) for _, p in panel.groupby("year")]
    assert total == pytest.approx(means[1] - means[0], abs=1e-11)


def test_the_synthetic_country_is_read(made: FirmHistory) -> None:
    assert made.years == (2020, 2021, 2022) and made.measures == ("labour", "total_factor")
    found = attribute_firms(made, 2020, 2022)
    assert found.withheld == 0 and found.history.unit == ("bn USD", 1e3)
    for measure in made.measures:
        parts = attribute_productivity(made, 2020, 2022, measure)
        assert sum(parts.parts[key] for key in PARTS) == pytest.approx(parts.total, abs=1e-12)
        assert len(parts.steps()) == 4 and parts.firms["survivors"] > 100
    # Some books are incomplete: such firms neither enter nor close.
    assert attribute_productivity(made, 2020, 2022, "total_factor").firms["left_out"] > 0
    with pytest.raises(AttributionError, match="does not allow wages"):
        attribute_productivity(made, 2020, 2022, "wages")


def test_real_entrants_too_few_to_show_are_refused(made: FirmHistory) -> None:
    one_more = pd.concat([made.firms[made.firms["year"] == 2021], made.firms[made.firms["year"] == 2021]])
    one_more["year"] = np.repeat([1, 2], len(one_more) // 2)
    lonely = replace(made, firms=one_more.iloc[1:], synthetic=False)
    with pytest.raises(AttributionError, match="Fewer than 5 firms are entrants"):
        attribute_productivity(lonely, 1, 2)


def test_a_panel_without_destinations_or_exports(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"firm": ["a", "b"], "year": [1, 2], "sector": "x", "exports": [2e6, 5e6], "weight": 2.0}
    )
    made = read_history(FirmPanel.from_frames(table, metadata=PanelMetadata(home="CHL", synthetic=True)))
    assert attribute_firms(made, 1, 2).totals["change"] == pytest.approx(6)
    assert not made.measures
    with pytest.raises(AttributionError, match="how much firms export"):
        read_history(FirmPanel.from_frames(table.drop(columns="exports")))
    with pytest.raises(AttributionError, match=r"no firms\.parquet"):
        read_source(tmp_path)


def test_years_of_data(tmp_path: Path) -> None:
    worlds = {2011: make_world(seed=1), 2012: make_world(seed=2)}
    tables = [w.to_long().assign(year=year) for year, w in worlds.items()]
    pd.concat(tables).to_csv(tmp_path / "flows.csv", index=False)
    data = open_years(tmp_path / "flows.csv")
    assert data.years == (2011, 2012) and data.world(2011).provenance.year == 2011
    np.testing.assert_allclose(data.world(2012).expenditure, worlds[2012].expenditure)
    with pytest.raises(WorldError, match="no year 1999"):
        data.world(1999)
    folder = tmp_path / "worlds"
    folder.mkdir()
    with pytest.raises(WorldError, match="holds no file"):
        open_years(folder)
    for year in data.years:
        data.world(year).save(folder / f"{year}.world")
    again = open_years(folder)
    assert again.years == data.years
    np.testing.assert_allclose(again.world(2011).expenditure, data.world(2011).expenditure)
    data.world(2011).save(folder / "twin.world")
    with pytest.raises(WorldError, match="both of 2011"):
        open_years(folder)
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "bare.csv", index=False)
    with pytest.raises(WorldError, match="no column year"):
        open_years(tmp_path / "bare.csv")
    done = CliRunner().invoke(
        app, ["attribute", "C01", "--from", str(tmp_path / "flows.csv"), "--to-year", "2012", "--json"]
    )
    assert done.exit_code == 0 and json.loads(done.stdout)["compared"] == "2011 to 2012"
    done = CliRunner().invoke(app, ["attribute", "C01", "--from", str(folder / "2012.world")])
    assert done.exit_code == 2 and "holds one year" in done.output


def test_the_verb_tells_growth_among_firms(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["attribute", "CHL", "--synthetic", "400", "--from-year", "2019", "--json"])
    assert run.exit_code == 0
    content = json.loads(run.stdout)
    change = sum(row["change"] for row in content["destinations"])
    assert sum(row["change"] for row in content["margins"]) == pytest.approx(change)
    assert content["years"] == [2019, 2022] and len(content["productivity"]) == 2
    for each in content["productivity"]:
        assert sum(each["parts"].values()) == pytest.approx(each["total"], abs=1e-12)
    make_country(SyntheticDesign(firms=300, years=2)).panel.save(tmp_path)
    run = CliRunner().invoke(app, ["attribute", "CHL", "--panel", str(tmp_path)])
    assert run.exit_code == 0 and "Same firms, same markets" in run.stdout
    run = CliRunner().invoke(app, ["attribute", "PER", "--panel", str(tmp_path)])
    assert run.exit_code == 2 and "are of CHL" in run.output


@settings(deadline=None)
@given(st.lists(st.floats(-80, 80).map(lambda v: round(v, 3)), min_size=5, max_size=5))
def test_what_leads_the_sentence_is_net_and_more_than_all_else_that_pushes(moves: list[float]) -> None:
    """Gross entry never leads beside gross exit of the same size; the three net parts add up to the change."""
    gains = dict(zip(("incumbents", "new_markets", "entrants", "left_markets", "exits"), moves, strict=True))
    gains |= {key: abs(gains[key]) for key in ("new_markets", "entrants")}
    gains |= {key: -abs(gains[key]) for key in ("left_markets", "exits")}
    change = sum(gains.values())
    totals = pd.Series(gains | {"before": 100.0, "after": 100.0 + change, "change": change})
    found = replace(attribute_firms(history(FLOWS), 1, 2), totals=totals)
    net = found.net()
    assert sum(net.values()) == pytest.approx(found.percent)
    text = found.sentence()
    if shows(change):
        assert (" rose by " in text) == (change > 0)
    else:
        assert "stayed as they were" in text
    if "above all by" in text:
        leader = text.split("above all by ")[1]
        name = next(name for name in net if leader.startswith(name))
        others = sum(v for other, v in net.items() if other != name and v * change > 0)
        assert net[name] * change > 0 and abs(net[name]) > abs(others)


@given(st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4), st.floats(-60, 60))
def test_productivity_tells_logs_from_percent_and_credits_only_what_pushes(
    parts: list[float], aggregate: float
) -> None:
    named = dict(zip(PARTS, parts, strict=True))
    found = ProductivityGrowth("labour", named, sum(parts), {}, aggregate)
    text = found.sentence()
    head, mean = text.split("; ", maxsplit=1)
    still = "stayed as it was"
    assert "%" not in mean and (still in head) == (not shows(aggregate)) and ("%" in head) == shows(aggregate)
    mean_of_logs = mean.split(";")[0]
    assert (still in mean_of_logs) == (not shows(sum(parts), "log points"))
    for words, value, unit in ((head, aggregate, "%"), (mean_of_logs, sum(parts), "log points")):
        if shows(value, unit):
            assert ("grew" in words) == (value > 0) and unit in words
    if "did most" in mean:
        sign = 1 if sum(parts) >= 0 else -1
        assert max(sign * part for part in parts) > 0


def test_forty_five_log_points_are_not_forty_five_percent() -> None:
    """Chile's plants, 1990 to 1996: the mean of logs rose by 0.45, value added per worker by 41.6 %."""
    parts = {"within": 0.40, "reallocation": 0.05, "entry": -0.11, "exit": 0.11}
    text = ProductivityGrowth("labour", parts, 0.4487, {}, 41.55).sentence()
    assert text == (
        "Value added per worker of all firms grew by 42\u202f%; the mean of firms' logs, weighted by employment, grew by "
        "0.45\u00a0log points; within survivors did most (+0.40\u00a0log points)."
    )
