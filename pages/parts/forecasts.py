"""Forecasts of one's own on screen: enter what the scenario says, list with day and hash, score against a file."""

from __future__ import annotations

from datetime import date
from html import escape

import streamlit as st

from firmtrade_core.backtests import BacktestError, misses
from firmtrade_core.backtests.own import Entered, Forecasts, forecast_of
from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import number
from firmtrade_core.scenarios.library import LONGEST_NAME, LibraryError, default_url
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.uploads import Upload
from firmtrade_core.world.world import World
from pages.parts.data.worlds import by_name
from pages.parts.frame import access
from pages.parts.frame.page import complain, heading, table
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store
from pages.parts.frame.uploads import read_uploaded_table
from pages.parts.result.solving import UnsolvedError, solve_in

_SAID = "forecast_said"

#: Forecasts listed at once.
MOST_LISTED = 12


@st.cache_resource(show_spinner=False)
def _opened(url: str) -> Forecasts:
    return Forecasts(url)


def own_forecasts(store: Store, world: World) -> None:
    """The whole section."""
    heading(
        "Forecasts of your own",
        "What the scenario on screen says of a country's imports by partner, kept in your library with the day and a hash over every "
        "number; it is never replaced. When data come, it is scored like the episodes above.",
    )
    left, right = st.columns([4, 7], gap="large")
    with left:
        _enter(store, world)
    with right:
        try:
            found = _opened(default_url()).forecasts()
        except LibraryError as error:
            complain("The library cannot be read", str(error))
            return
        _listed(found)
        _scored(found)


def _enter(store: Store, world: World) -> None:
    st.html(f'<p class="ft-quiet">On screen now: {sentence(store.scenario, world)}</p>')
    codes = by_name(world)
    st.selectbox(
        "Whose imports",
        codes,
        index=codes.index(store.country) if store.country in codes else 0,
        format_func=country_name,
        key="forecast_importer",
    )
    one, two = st.columns(2)
    year = date.today().year
    one.text_input("From the period", value=str(year), key="forecast_since", max_chars=40)
    two.text_input("To the period", value=str(year + 1), key="forecast_until", max_chars=40)
    st.text_input("Name", key="forecast_name", max_chars=LONGEST_NAME, placeholder=store.scenario.name)

    def enter() -> None:
        state = st.session_state
        if not access.may("save"):
            state[_SAID] = (False, access.refusal("save"))
            return
        try:
            if not state["forecast_since"].strip() or not state["forecast_until"].strip():
                raise BacktestError("Say which two periods are compared, such as 2026 and 2027.")
            result, _ = solve_in(store, world)
            made = forecast_of(
                result,
                state["forecast_importer"],
                state["forecast_name"].strip() or store.scenario.name,
                state["forecast_since"],
                state["forecast_until"],
                scenario=store.scenario,
            )
            kept = _opened(default_url()).enter(made)
        except (BacktestError, LibraryError, UnsolvedError) as error:
            state[_SAID] = (False, str(error))
            return
        state[_SAID] = (True, f"Entered as {made.name} on {made.entered.isoformat()}, hash {kept.digest}.")

    st.button("Enter the forecast", icon=":material/edit_calendar:", on_click=enter, key="forecast_enter")
    good, words = st.session_state.get(_SAID, (True, ""))
    if words and good:
        st.html(f'<p class="ft-good" role="status">{escape(words)}</p>')
    elif words:
        complain("Not entered", words)


def _listed(found: list[Entered]) -> None:
    table(
        "Entered",
        ("Forecast", "Day", "Imports of", "Periods", "Partners", "Hash"),
        [
            (
                each.forecast.name,
                each.forecast.entered.isoformat(),
                country_name(each.forecast.importer),
                f"{each.forecast.since} to {each.forecast.until}",
                str(len(each.forecast.changes)),
                f"{each.digest[:12]}{'' if each.unchanged else ', CHANGED SINCE'}",
            )
            for each in found[:MOST_LISTED]
        ],
        words=("Day", "Imports of", "Periods", "Hash"),
        units={"Partners": "count"},
    )


def _scored(found: list[Entered]) -> None:
    if not found:
        return
    by_key = {each.key: each for each in found}
    st.selectbox(
        "Score", list(by_key), format_func=lambda key: by_key[key].forecast.name, key="forecast_chosen"
    )
    given = access.uploader(
        "What happened (CSV, Excel or Parquet)",
        type=["csv", "xlsx", "parquet"],
        key="forecast_data",
        help="Columns partner (code or name), before and after: imports before duties of the two periods, in one money.",
    )
    if given is None:
        return
    chosen = by_key[st.session_state["forecast_chosen"]]
    try:
        score, rows = chosen.forecast.held_against(read_uploaded_table(Upload(given.name, given.getvalue())))
    except (BacktestError, WorldError, ValueError) as error:
        complain("Not scored", str(error))
        return
    if not chosen.unchanged:
        complain(
            "This forecast was changed after it was entered",
            "Its hash no longer fits: the score proves nothing.",
        )
    st.html(
        f'<p class="ft-good" role="status">{escape(chosen.forecast.name)}, entered on {chosen.forecast.entered.isoformat()}: skill '
        f"{number(score.skill, significant=2)} over {score.predictions} partners, correlation {number(score.correlation, significant=2)}, slope "
        f"{number(score.slope, significant=2)}; error {number(score.error, significant=2)} log points, of no change "
        f"{number(score.no_change, significant=2)}.</p>"
    )
    table(
        "Largest misses",
        ("Partner", "Happened, log points", "Forecast, log points", "Of squared error"),
        [
            (
                country_name(m["partner"]),
                number(float(m["actual"]), signed=True, significant=2),
                number(float(m["predicted"]), signed=True, significant=2),
                f"{100 * float(m['share']):.0f} %",
            )
            for m in misses(rows, 6).to_dict("records")
        ],
    )
