"""Backtests: what the model predicted from earlier data and what happened, where it has skill and where not."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from firmtrade_core.backtests import BacktestError
from firmtrade_core.backtests.board import NUMBERS, Board, Episode, stored_board
from firmtrade_core.backtests.words import finding, judged, last_horizon, verdict
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.sectors import FINER_SECTORS
from firmtrade_core.figures.backtests import elasticities_by_years, predicted_and_actual
from firmtrade_core.labels import grouped, number
from firmtrade_core.report.backtest_tables import board_table, partner_table
from firmtrade_core.report.export import written_now
from firmtrade_core.world.elasticities import horizon_sets
from firmtrade_core.world.world import World
from pages.parts.forecasts import own_forecasts
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, heading, open_page, table
from pages.parts.frame.store import Store, current, seeded

_EPISODE, _METHOD = "backtest_episode", "backtest_method"

_HEAD = ("Skill", "Correlation", "Slope", "Error", "of no change", "Relative", "of equal growth")
#: Units of the columns of scores.
_UNITS = {
    "Skill": "skill",
    "Correlation": "correlation",
    "Slope": "times",
    "Error": "log points",
    "of no change": "log points",
    "Relative": "log points",
    "of equal growth": "log points",
    "Pairs": "count",
    "Cells": "count",
    "Years": "years",
    "Ahead": "years",
}

_FIELDS = ("skill", "correlation", "slope", "error", "no_change", "relative_error", "equal_growth")


def _two(value: Any) -> str:
    found = float(value)
    return "–" if not np.isfinite(found) else number(found, significant=2)


def _opening(board: Board) -> None:
    st.html(
        f'<h1 class="ft-sentence">{escape(finding(board))}</h1><p class="ft-prose">Each episode is predicted from earlier years and the '
        "tariffs that followed, and held against what happened to goods imports by partner. <b>Skill</b> is 1 where a prediction is "
        "perfect, 0 where it is no better than letting every partner grow like the importer's total (which is known only "
        "afterwards), below 0 where it is worse. Slope is of what happened on what was predicted: below 1 the prediction moves too "
        "much. Nothing here tests real income, prices or jobs: they are not observed without the policy.</p>"
    )


def _overview(board: Board) -> None:
    rows = []
    for episode in board.episodes:
        far = last_horizon(episode)
        cells = [_two(episode.row(f"model {e:g}", far)["skill"]) for e in NUMBERS]
        for kind in ("econometrics", "learning"):
            own = [
                float(row["skill"])
                for row in episode.rows
                if row["kind"] == kind and row["horizon"] == far and row["sample"] == "all"
            ]
            cells.append(_two(max(own)) if own else "–")
        first = episode.row("model 4", far)
        rows.append((episode.title, grouped(int(first["predictions"])), f"{far}", *cells))
    table(
        "Skill by episode: 1 is perfect, 0 no better than equal growth",
        (
            "Episode",
            "Pairs",
            "Ahead",
            *(f"Model, elasticity {e:g}" for e in NUMBERS),
            "Best econometrics",
            "Best machine learning",
        ),
        rows,
        units=_UNITS
        | dict.fromkeys([f"Model, elasticity {e:g}" for e in NUMBERS], "skill")
        | dict.fromkeys(["Best econometrics", "Best machine learning"], "skill"),
    )
    st.html(
        f'<p class="ft-quiet">Stored run of {board.made.isoformat()}. Econometrics and machine learning know only changes that were over before '
        "each forecast, so that in rule-chosen episodes they predict the later part of the pairs; all on the same pairs stand below. "
        "To make it again: <code>python -m firmtrade_core backtest --world-panel FLOWS --agreements PANEL --tariffs TABLE --store</code></p>"
    )


def _episode(board: Board) -> None:
    keys = {episode.key: episode for episode in board.episodes}
    shown = st.session_state.setdefault("backtests", {"episode": "us_2025", "method": "model 4"})
    left, right = st.columns([7, 5], vertical_alignment="bottom")
    left.selectbox(
        "Episode",
        list(keys),
        format_func=lambda key: keys[key].title,
        **seeded(_EPISODE, shown["episode"], lambda key: shown.update(episode=key)),
    )
    episode = keys[shown["episode"]]
    methods = {m: _method_words(m) for m in episode.points[0] if m.split()[0] in ("model", "duties")}
    if shown["method"] not in methods:
        shown["method"] = "model 4"
    right.segmented_control(
        "Trade elasticity",
        list(methods),
        required=True,
        format_func=methods.__getitem__,
        **seeded(_METHOD, shown["method"], lambda name: shown.update(method=name)),
    )
    st.html(
        f'<p class="ft-prose">{escape(verdict(episode))}</p><p class="ft-quiet">{escape(episode.words)}</p>'
    )
    far = last_horizon(episode)
    row = episode.row(shown["method"], far)
    picture, beside = st.columns([7, 5], gap="large")
    with picture:
        drawn = predicted_and_actual(
            episode.points,
            shown["method"],
            title=f"{episode.title}: {judged(float(row['skill']))} at {methods[shown['method']].lower()}",
            subtitle="Log changes of goods imports by pair, relative to the importer's total · on the line a prediction is right · "
            f"the {len(episode.points)} pairs with most trade",
            source="Stored run of the record of predictions; sources in assets/backtests",
        )
        chart.draw(drawn, key="backtest_scatter", result=f"{board.made}{episode.key}{shown['method']}")
    with beside:
        table(
            "Largest misses, trade elasticity 4",
            ("Importer and partner", "From, to", "Missed by, log points", "Of squared error"),
            [
                (
                    f"{country_name(m['importer'])} from {country_name(m['partner'])}",
                    f"{m['since']} to {m['until']}",
                    number(float(m["missed"]), signed=True, significant=2),
                    f"{100 * float(m['share']):.0f} %",
                )
                for m in episode.misses[:8]
            ],
            words=("From, to",),
        )
        table(
            "Without some partners, trade elasticity 4",
            ("Left out", "Correlation", "Slope", "Skill"),
            [
                (
                    str(w["without"])
                    if str(w["without"]).startswith("without")
                    else f"without {country_name(w['without'])}",
                    *(_two(w[f]) for f in ("correlation", "slope", "skill")),
                )
                for w in episode.without[:7]
            ],
            units=_UNITS,
        )
    _methods(episode)
    if episode.sectors:
        with st.expander("By sector, trade elasticity 4"):
            table(
                f"{episode.title}: by sector",
                ("Sector", "Cells", *_HEAD),
                [
                    (
                        FINER_SECTORS.get(str(s["sector"]), str(s["sector"])),
                        grouped(int(s["predictions"])),
                        *(_two(s[f]) for f in _FIELDS),
                    )
                    for s in episode.sectors
                ],
                units=_UNITS,
                headed=False,
            )


def _method_words(method: str) -> str:
    kind, value = method.split()
    return f"Elasticity {value}" if kind == "model" else f"{value}, duties collected"


def _methods(episode: Episode) -> None:
    def line(row: Mapping[str, Any]) -> tuple[str, ...]:
        label = f"{row['label']}{' (pairs all predict)' if row['sample'] != 'all' else ''}"
        return (
            label,
            f"{row['horizon']:.0f}",
            grouped(int(row["predictions"])),
            *(_two(row[f]) for f in _FIELDS),
        )

    by_skill = sorted(
        episode.rows, key=lambda row: -float(row["skill"]) if np.isfinite(float(row["skill"])) else np.inf
    )
    table(
        "Every method, the best first (errors in log points, weighted by imports before)",
        ("Method", "Years", "Pairs", *_HEAD),
        [line(row) for row in by_skill],
        units=_UNITS,
        whole=False,
    )


def _by_years(board: Board) -> None:
    heading(
        "Short run and long run",
        "Response of imports before duties to the price with duties, by years since a tariff began to change. The model's own "
        "elasticity, of spending with duties, is one less in size. Studies differ too much for one path: each is a choice by itself, "
        "under Model choices in the lab.",
    )
    sets = horizon_sets()
    published = [
        (
            float(s.years),
            -next(iter(s.by_sector.values())) - (0.0 if s.flow_values == "border" else 1.0),
            s.label,
        )
        for s in sets.values()
        if not s.name.startswith("LP") and s.years.replace(".", "").isdigit()
    ]
    left, right = st.columns([6, 6], gap="large")
    with left:
        first, last = board.elasticities[0], board.elasticities[-1]
        drawn = elasticities_by_years(
            board.elasticities,
            published,
            title=f"Imports fall by {abs(float(first['estimate'])):.2f} % per % in the first year, {abs(float(last['estimate'])):.2f} % after "
            f"{last['horizon']:.0f}",
            subtitle="Local projections on the world panel 2011 to 2022 with 95 % band; diamonds: published",
            source="OECD ICIO 2023 edition with tariffs of Teti's Global Tariff Database, own estimates; published as cited under Model choices",
        )
        chart.draw(drawn, key="backtest_years", result=f"years{board.made}")
    with right:
        episode, late = board.episode("us_2025"), board.episode("us_2025_apr_oct")
        rows = []
        for name, found in sets.items():
            size = next(iter(found.by_sector.values())) - (1.0 if found.flow_values == "border" else 0.0)
            rows.append(
                (
                    found.label,
                    found.years,
                    _two(size),
                    *(_skill(each, f"model {name}") for each in (episode, late)),
                )
            )
        table(
            "Each choice on US imports of 2025",
            ("Choice", "Years", "Model's elasticity", "Skill, 2025", "Skill, Apr to Oct"),
            rows,
            words=("Years",),
            units={
                "Years": "years",
                "Model's elasticity": "elasticity",
                "Skill, 2025": "skill",
                "Skill, Apr to Oct": "skill",
            },
        )


def _skill(episode: Episode, method: str) -> str:
    try:
        return _two(episode.row(method)["skill"])
    except BacktestError:
        return "–"


def _page(store: Store, world: World) -> None:
    try:
        board = stored_board()
    except BacktestError as error:
        complain("The record cannot be read", str(error))
        return
    _opening(board)
    _overview(board)
    heading("One episode")
    _episode(board)
    _by_years(board)
    own_forecasts(store, world)
    heading("To take away")
    about = (("Made on", board.made.isoformat()), ("Sources", "assets/backtests/README.md"), written_now())
    table_downloads(board_table(board), lambda: about, key="backtest_board", label="Every score")
    table_downloads(partner_table(board), lambda: about, key="backtest_partners", label="Partners' records")


_world = open_page("Backtests")
_page(current(_world), _world)
