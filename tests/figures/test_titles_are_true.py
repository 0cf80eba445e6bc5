"""Titles and sentences that judge say what their numbers say: "most", "mostly", "overstates", "lowers the error"."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.analysis.flows import Flows
from firmtrade_core.attribution import firm_growth, result
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import Outcome, sector_bars
from firmtrade_core.figures.effects import NAIVE, _readings_title
from firmtrade_core.figures.flows import sankey_finding
from firmtrade_core.figures.heterogeneity import _margin_title, step_bars
from firmtrade_core.figures.programmes import destination_bars, extra_exports_bars, moved_jobs_bars
from firmtrade_core.figures.world_map import finding
from firmtrade_core.gravity.machine_costs import CostComparison
from firmtrade_core.labels import VARIABLES, shows
from firmtrade_core.words.gravity import event_finding
from firmtrade_core.world.embedded import load_embedded_world

WORLD = load_embedded_world()
N, S = WORLD.shape

#: A zero in brackets or behind a sign: nobody is named for it.
NIL = re.compile(r"\([+−]?0(\.0+)?\s?[%\u202f\u00a0 )]")

small = st.lists(
    st.floats(-1, 1).map(lambda v: round(v, 4)) | st.sampled_from([0.0, 0.004, -0.004, 30.0, -30.0]),
    min_size=3,
    max_size=8,
)


def padded(values: list[float], length: int) -> np.ndarray:
    return np.array([*values, *[0.0] * (length - len(values))])


@given(small)
def test_the_map_names_who_moves_most_and_nobody_for_a_zero(values: list[float]) -> None:
    change = padded(values, N)
    text = finding(Outcome(VARIABLES["real_income"], change), WORLD)
    assert not NIL.search(text)
    for way, extreme in (("falls", change.argmin()), ("rises", change.argmax())):
        said = re.search(rf"{way} most in (?:the )?([^(,]+) \(", text)
        moves = shows(change[extreme]) and (change[extreme] > 0) == (way == "rises")
        assert (said is not None) == moves
        if said:
            assert said[1] == country_name(WORLD.countries[int(extreme)])
    assert ("most" in text) or not any(map(shows, change))


def test_a_headline_does_not_name_a_zero() -> None:
    change = padded([0.0012, -0.0031], N)
    text = finding(Outcome(VARIABLES["real_income"], change), WORLD)
    assert text == "Real income: no change above 0.01\u202f% anywhere"


@given(small)
def test_sector_bars_name_the_sector_that_moves_most(values: list[float]) -> None:
    percent = padded(values, S)
    title = sector_bars(WORLD, "USA", "Exports", percent, np.full(S, np.nan), subtitle="", source="").title
    most = int(np.abs(percent).argmax())
    if "most in" in title:
        name = WORLD.sector_name(WORLD.sectors[most])
        assert title.endswith(name[0].lower() + name[1:]) and ("rise" in title) == (percent[most] > 0)
    else:
        assert not shows(np.abs(percent).max())


@given(st.lists(st.floats(-0.02, 0.02) | st.floats(-50, 50), min_size=9, max_size=9))
def test_flows_name_the_links_that_move_most(moves: list[float]) -> None:
    before = np.full((3, 3), 100.0)
    moved = np.reshape(moves, (3, 3)) * (1 - np.eye(3))
    text = sankey_finding(Flows(("Aa", "Bb", "Cc"), before, before + moved))
    assert not NIL.search(text)
    names = "Aa", "Bb", "Cc"
    for way, place in (("falls", moved.argmin()), ("rises", moved.argmax())):
        if f"{way} most" in text:
            i, j = divmod(int(place), 3)
            assert f"{way} most from {names[i]} to {names[j]}" in text


def programme(**tables: Any) -> Any:
    return SimpleNamespace(with_it=SimpleNamespace(world=WORLD), **tables)


@given(st.lists(st.floats(-900, 900), min_size=S, max_size=S), st.booleans())
def test_jobs_come_mostly_from_where_over_half_of_those_lost_were(values: list[float], persons: bool) -> None:
    jobs = pd.DataFrame({"sector": WORLD.sectors, "percent": values})
    if persons:
        jobs["persons"] = values
    title = moved_jobs_bars(programme(jobs=jobs), subtitle="", source="").title
    lost, gained = -np.minimum(values, 0), np.maximum(values, 0)
    if "mostly from" in title:
        assert persons and lost.max() > 0.5 * lost.sum()
        assert WORLD.sector_name(WORLD.sectors[int(lost.argmax())]).lower() in title.lower()
    if title != "Jobs stay where they are":
        assert WORLD.sector_name(WORLD.sectors[int(gained.argmax())]).lower() in title.lower()


@given(st.lists(st.floats(-1e-2, 1e-2) | st.floats(-50, 50), min_size=S, max_size=S))
def test_extra_exports_count_and_name_what_shows(values: list[float]) -> None:
    table = pd.DataFrame(
        {"name": [WORLD.sector_name(s) for s in WORLD.sectors], "exports": values, "pairs": 0.0}
    )
    title = extra_exports_bars(programme(products=table), subtitle="", source="").title
    assert ("move most" in title) == shows(float(np.abs(values).max()), "m USD")
    counted = destination_bars(programme(destinations=table), subtitle="", source="").title
    told = int(re.search(r"to (\d+) of", counted)[1])  # type: ignore[index]
    assert told == sum(v > 0 and shows(v, "m USD") for v in values)


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3))
def test_the_largest_step_is_the_one_named(values: list[float]) -> None:
    parts = dict(zip(("power", "selection", "links"), values, strict=True))
    steps: Any = SimpleNamespace(parts=lambda: parts, country="USA", kind="cost")
    title = step_bars([steps], subtitle="", source="").title
    if "most of what firms do" in title:
        from firmtrade_core.analysis.steps import STEPS

        assert title.startswith(STEPS[max(parts, key=lambda k: abs(parts[k]))])
    else:
        assert max(map(abs, values)) < 0.005


@given(
    st.floats(-0.5, 0.5),
    st.floats(0, 0.2),
    st.floats(-0.5, 0.5),
    st.sampled_from(["instrument", "association"]),
)
def test_the_naive_premium_is_judged_by_the_numbers(
    effect: float, error: float, naive: float, grade: str
) -> None:
    interval = (effect - 1.645 * error, effect + 1.645 * error)
    study: Any = SimpleNamespace(
        overlap=None,
        effect=SimpleNamespace(capability=effect, capability_interval=interval, grade=grade),
        reading=lambda name: SimpleNamespace(effect=naive) if name == NAIVE else None,
    )
    title = _readings_title(study)
    if grade == "association":
        assert title.endswith("an association")
    elif interval[0] <= 0 <= interval[1]:
        assert "cannot tell" in title
    elif "overstates" in title:
        times = float(re.search(r"([\d.]+) times", title)[1])  # type: ignore[index]
        assert abs(naive) > abs(effect) and naive * effect > 0
        assert times == pytest.approx(naive / effect, abs=0.051, rel=1e-9)
    elif "wrong sign" in title:
        assert naive * effect < 0
    elif "as large as" in title:
        assert 0.8 <= effect / naive < 1.25
    elif "hides" in title:
        assert abs(effect) > abs(naive) or naive == 0


@given(st.integers(0, 500), st.floats(0.3, 1.5))
def test_boosting_lowers_the_error_by_what_is_said(seed: int, better: float) -> None:
    random = np.random.default_rng(seed)
    y = random.normal(size=60)
    noise = random.normal(size=(2, 60))
    pairs = pd.DataFrame(
        {"revealed": y, "linear": y + 0.5 * noise[0], "boosted": y + 0.5 * better * noise[1]}
    )
    text = CostComparison(pairs, 0).verdict
    linear, boosted = (float(((y - pairs[form]) ** 2).mean()) for form in ("linear", "boosted"))
    if "lowers its error by" in text:
        assert boosted < linear
        assert float(re.search(r"(\d+)", text)[1]) / 100 == pytest.approx(1 - boosted / linear, abs=0.006)  # type: ignore[index]
    if "predicts better than boosting" in text:
        assert linear < boosted


@given(st.floats(-1.5, 1.5), st.floats(0.01, 0.5), st.floats(0, 1))
def test_an_event_study_says_percent_of_trade_and_only_what_it_can_tell(
    effect: float, error: float, p: float
) -> None:
    study: Any = SimpleNamespace(
        policy="rta",
        in_all=(3, effect, effect - 2 * error, effect + 2 * error),
        anticipation=SimpleNamespace(p_value=p),
    )
    text = event_finding(study)
    if "not told cleanly" in text:
        assert p < 0.05 + 1e-12
    elif "told apart from zero" in text:
        assert abs(effect) <= 2 * error
    else:
        told = float(re.search(r"trade is ([\d.]+)", text)[1])  # type: ignore[index]
        assert told == pytest.approx(abs(100 * math.expm1(effect)), rel=0.06, abs=0.006)
        assert ("higher" in text) == (effect > 0)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_the_law_where_entry_matters_most_is_named(extensive: list[float], intensive: list[float]) -> None:
    table = pd.DataFrame(
        {
            "label": ["All firms alike", "Pareto firms", "Lognormal firms"],
            "extensive": extensive,
            "intensive": intensive,
            "composition": 0.0,
        }
    )
    table["change"] = table["extensive"] + table["intensive"]
    title = _margin_title(table, "Chile")
    if "matters most with" in title:
        moving = table[table["change"].abs() > 1e-9]
        share = moving["extensive"].abs() / moving[["extensive", "intensive"]].abs().sum(axis=1)
        assert title.lower().endswith(str(moving["label"][share.idxmax()]).lower())


@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6))
def test_most_of_a_change_comes_from_what_is_named(parts: list[float]) -> None:
    labels = [f"Source {c}" for c in "abcdef"]
    table = pd.DataFrame({"source": labels, "label": labels, "change": parts, "percent": parts})
    change = sum(parts)
    found: Any = SimpleNamespace(country="CHL", change=change * 1e3, percent=change, waterfall=lambda: table)
    text = result.Attribution.sentence(found)
    if "hardly change" in text:
        return
    named = re.findall(r"source ([a-f]) \(", text.split(";")[0])
    pushing = [p for p in parts if p * change > 0]
    share = sum(abs(parts["abcdef".index(n)]) for n in named) / sum(map(abs, pushing))
    assert all(parts["abcdef".index(n)] * change > 0 for n in named)
    if "most of it from" in text and len(named) > 1:
        assert share > 0.5


def test_growth_that_does_not_show_is_no_fall() -> None:
    parts = dict.fromkeys(firm_growth.PARTS, 0.0) | {"within": -0.001}
    text = firm_growth.ProductivityGrowth("labour", parts, -0.001, {}, 0.001).sentence()
    assert "fell by 0" not in text and "grew by 0" not in text and text.count("stayed as it was") == 2
