"""What the programmes of a scenario achieve: a section of the lab that fills itself in while sliders stay live.

The main numbers come with the redraw. Bands, displacement and the comparison with tariff cuts need some twenty more
solves: a fragment works at them in short spells between redraws, and forgets them as soon as a lever moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

import streamlit as st

from firmtrade_core.analysis.programme_study import LEVEL, Alternative, ProgrammeStudy
from firmtrade_core.analysis.programmes import ProgrammeResult, evaluate_programme, variants
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.figures import stable_scale
from firmtrade_core.figures.programmes import (
    destination_bars,
    extra_exports_bars,
    finding,
    moved_jobs_bars,
    new_exporters,
    new_exporters_map,
)
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.inclusion import Inclusion, programme_inclusion
from firmtrade_core.labels import grouped, in_percent, number
from firmtrade_core.report.export import Table, to_csv, to_excel
from firmtrade_core.report.programme_tables import about_programme, alternatives, measures, programme_tables
from firmtrade_core.scenarios import Programme, ScenarioError
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources
from pages.parts.firms.home import home_or_complaint, look_at_home
from pages.parts.firms.inclusion import reached_and_gaining
from pages.parts.frame import chart
from pages.parts.frame.exports import EXCEL
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import complain, notes
from pages.parts.frame.store import Store, seeded
from pages.parts.lab.programme_card import POLICIES
from pages.parts.lab.sharing import file_stem
from pages.parts.lab.structure import OWN_FIRMS
from pages.parts.result.solving import UnsolvedError, solve_scenario

_KEY = "programmes"

#: Studies kept for a session.
MOST_STUDIES = 8

#: Seconds that one spell of work may take, and how often there is one.
SPELL, EVERY = 0.2, 0.45

#: Seconds after a redraw in which no work begins: the next move of a lever would have to wait for it.
REST = 1.2


@dataclass(eq=False)
class Bench:
    """A session's programme results.

    Parameters
    ----------
    card
        Position of the programme looked at.
    studies
        By everything they depend on, the latest last.
    """

    card: int = 0
    studies: dict[tuple[str, str, str, int], ProgrammeStudy] = field(default_factory=dict)

    def keep(self, key: tuple[str, str, str, int], make: Callable[[], ProgrammeStudy]) -> ProgrammeStudy:
        """The study of that key, begun where there is none."""
        found = self.studies.pop(key, None) or make()
        self.studies[key] = found
        for oldest in list(self.studies)[:-MOST_STUDIES]:
            del self.studies[oldest]
        return found


def current_bench() -> Bench:
    """The session's bench."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Bench()
    found: Bench = st.session_state[_KEY]
    return found


def programme_results(store: Store, world: World) -> None:
    """The section: nothing where the scenario has no programme."""
    places = [i for i, card in enumerate(store.scenario.cards) if isinstance(card, Programme)]
    if not places:
        return
    with st.container(key="ft_programme"):
        st.html('<h2 class="ft-heading">What the programme achieves</h2>')
        home = home_or_complaint(world)
        if home is None:
            st.html(
                '<p class="ft-quiet">No firms of a home country are loaded, so nobody can be counted one by one: the programme '
                "moves the law of firms as a whole (Pareto, unless Model choices say otherwise), and the numbers above say "
                "what that does. Name a file of home firms in FIRMTRADE_HOME to see who would export.</p>"
            )
            return
        look_at_home(store, home)
        if store.scenario.structure.family not in ("firms", "differing"):
            _switch(store, home)
            return
        bench = current_bench()
        _chooser(bench, store, places)
        study = _study(bench, store, world, home)
        if study is not None and (
            home.synthetic or allowed("what a programme achieves", home.content_hash, "Scenario lab")
        ):
            _show(store, study)


def programmes_in_brief(store: Store, world: World) -> bool:
    """What each programme achieves, for a briefing and for a room: the finding, its stamps, the numbers with their bands.

    Returns
    -------
    bool
        Whether there is anything to show: the scenario treats firms, and they are counted one by one.
    """
    places = programmes_shown(store)
    home = home_or_complaint(world) if places else None
    if home is None:
        return False
    if not home.synthetic and not allowed("what programmes achieve", home.content_hash, "Briefing"):
        return False
    bench = current_bench()
    with st.container(key="ft_programmes_brief"):
        st.html(
            '<h2 class="ft-heading">What the programmes achieve</h2>'
            if len(places) > 1
            else '<h2 class="ft-heading">What the programme achieves</h2>'
        )
        for place in places:
            study = _study(bench, store, world, home, place)
            if study is None:
                continue
            st.html(f'<p class="ft-step"><b>{escape(finding(study.result))}</b>{_stamps(study)}</p>')
            st.fragment(_numbers, run_every=None if study.finished else EVERY)(study, time.monotonic())
            st.html(f'<p class="ft-quiet">{escape(_terms(study))}</p>')
    return True


def programmes_shown(store: Store) -> list[int]:
    """Positions of programmes in force whose firms are counted one by one."""
    if store.scenario.structure.family not in ("firms", "differing"):
        return []
    cards = store.scenario.cards
    return [i for i, card in enumerate(cards) if isinstance(card, Programme) and card.enabled]


def _switch(store: Store, home: HomeFirms) -> None:
    """One click to the family in which firms are counted one by one."""
    kind = "synthetic firms" if home.synthetic else "firms"
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    row.html(
        f'<p class="ft-step">Under <i>Model choices</i> firms now follow a law as a whole. Who would export, where and at '
        f"what price can be told with the {grouped(len(home))} {kind} of {escape(country_name(home.country))}.</p>"
    )
    row.button(
        f"Use the firms of {country_name(home.country)}",
        type="primary",
        key="use_own_firms",
        on_click=lambda: store.edit_structure(OWN_FIRMS),
    )


def _chooser(bench: Bench, store: Store, places: list[int]) -> None:
    bench.card = bench.card if bench.card in places else places[0]
    if len(places) < 2:
        return

    def look_at(place: int | None) -> None:
        bench.card = bench.card if place is None else place

    cards = store.scenario.cards
    st.segmented_control(
        "Programme",
        places,
        format_func=lambda i: f"{i + 1}: {_policy(cards[i])}",
        label_visibility="collapsed",
        **seeded("programme_card", bench.card, look_at),
    )


def _policy(card: object) -> str:
    return POLICIES[card.policy] if isinstance(card, Programme) else ""


def _study(
    bench: Bench, store: Store, world: World, home: HomeFirms, place: int | None = None
) -> ProgrammeStudy | None:
    """The programme's results, with bands begun; None after saying why there are none."""
    scenario, card = store.scenario, bench.card if place is None else place

    def make() -> ProgrammeStudy:
        whole, rest = variants(scenario, card)
        latest = store.latest
        without, _ = solve_scenario(rest, world, latest)
        # On screen already, unless the card is switched off or is not the last.
        shown = scenario if scenario.cards[card].enabled else whole
        with_it, _ = solve_scenario(shown, world, latest)
        result = evaluate_programme(scenario, world, home, card, with_it=with_it, without=without)
        return ProgrammeStudy(scenario, world, home, card, result)

    try:
        return bench.keep((world.content_hash, scenario.content_hash, home.content_hash, card), make)
    except (ComparisonError, EquilibriumError, ScenarioError, UnsolvedError) as error:
        complain(
            "No results of this programme",
            str(error),
            "Change the card, or take the last step back with Undo.",
        )
        return None


def _show(store: Store, study: ProgrammeStudy) -> None:
    result, world = study.result, study.world
    st.html(
        f'<p class="ft-step" data-programme="{escape(result.with_it.content_hash)}"><b>{escape(finding(result))}</b>'
        f"{_stamps(study)}</p>"
    )
    if not store.scenario.cards[study.card].enabled:
        st.html('<p class="ft-quiet">The card is switched off: this is what it would do if it were on.</p>')
    # A finished study is drawn once; an unfinished one comes back for more.
    st.fragment(_numbers, run_every=None if study.finished else EVERY)(study, time.monotonic())
    under = f"{world.name} · {store.scenario.name} · {result.stamp}"
    source = f"{short_sources(world)} Firms: {study.home.source}."
    scale = stable_scale(new_exporters(result).change, store.scales.get("new_exporters"))
    store.scales["new_exporters"] = scale
    key = f"{result.with_it.content_hash}-{study.card}"
    left, right = st.columns([7, 5], gap="large")
    with left:
        subtitle = (
            f"Change in the number of firms of {country_name(study.home.country)} that sell there · {under}"
        )
        drawn = new_exporters_map(result, scale=scale, subtitle=subtitle, source=source)
        chart.draw(drawn, key="programme_map", result=key, kind="programme_map")
    with right:
        drawn = extra_exports_bars(
            result, subtitle=f"Extra exports by sector, million USD a year · {under}", source=source
        )
        chart.draw(drawn, key="programme_products", result=key)
        drawn = moved_jobs_bars(result, subtitle=f"Change in jobs by sector · {under}", source=source)
        chart.draw(drawn, key="programme_jobs", result=key)
    with left:
        drawn = destination_bars(
            result, subtitle=f"Extra exports by destination, million USD a year · {under}", source=source
        )
        chart.draw(drawn, key="programme_destinations", result=key)
    reached_and_gaining(
        _inclusion(key, result),
        key="programme",
        result=key,
        under=under,
        about=lambda: about_programme(study),
    )
    _take_away(study)
    notes(tuple(note for note in (result.wto, _reading(study), _terms(study)) if note))


@st.cache_resource(show_spinner=False, max_entries=8)
def _inclusion(key: str, _result: ProgrammeResult) -> Inclusion:
    return programme_inclusion(_result.without, _result.before, _result.with_it, _result.after)


def _stamps(study: ProgrammeStudy) -> str:
    return "".join(f'<span class="ft-tag">{escape(word)}</span>' for word in study.result.stamps)


def _reading(study: ProgrammeStudy) -> str:
    effect = study.result.effect
    return (
        f"Each firm reached gains {number(effect.capability, signed=True)} log points of capability (s.e. {number(effect.capability_error)}) and saves "
        f"{number(effect.fixed_cost_saving, signed=True)} of fixed costs (s.e. {number(effect.fixed_cost_error)}): {effect.source}. Bands ({in_percent(LEVEL)}) "
        "hold the error of these effects alone, from solves at either end of each; the world's own parameters are held."
    )


def _terms(study: ProgrammeStudy) -> str:
    """What the account rests on."""
    return ". ".join(f"{name}: {words}" for name, words in study.result.account.terms()) + "."


# Numbers, bands, comparison ----------------------------------------------------------------------


def _numbers(study: ProgrammeStudy, drawn: float) -> None:
    """Numbers with their bands so far; on its own timer it works at what is missing."""
    if not study.finished and time.monotonic() - drawn > REST:
        until = time.monotonic() + SPELL
        while not study.advance() and time.monotonic() < until:
            pass
        if study.finished:
            # The page without the timer.
            st.rerun()
    cells = "".join(
        _cell(study, *line)
        for line in measures(study.result)
        if line[0] not in ("outlay", "public") and (line[0] != "gain" or not study.result.account.known)
    )
    cells += _displaced(study)
    state = "done" if study.finished else "working"
    st.html(f'<div class="ft-numbers" data-study="{state}">{cells}</div>')
    if study.finished:
        _comparison(study)
    else:
        st.progress(
            study.done, text="Working out bands, displacement and what the same money would do otherwise"
        )


#: How a unit is written under a number, and what its million is called.
_SHORT = {
    "million USD a year": "m USD",
    "USD a year": "USD",
    "times": "×",
}


#: What stands where others have their band.
_WITHOUT_BAND = {
    "treated": "of the population, counted",
    "public_cost": "at the point estimate",
    "jobs": "of all workers",
    "revealed_break_even": "only others' gain counts",
    "revealed_ratio": "only others' gain counts",
}


def _cell(study: ProgrammeStudy, key: str, name: str, value: float, unit: str) -> str:
    low, high = study.bands.get(key, (float("nan"), float("nan")))
    scale, short = _scaled(value, _SHORT.get(unit, unit))
    signed = key in ("new_exporters", "new_pairs", "exports", "real_income", "gain", "public_cost")
    shown = _written(value * scale, signed=signed)
    if key in study.bands:
        words = f"{in_percent(LEVEL)}: {_written(low * scale, signed=signed)} to {_written(high * scale, signed=signed)}"
    elif key in _WITHOUT_BAND:
        words = _WITHOUT_BAND[key]
    else:
        words = "no interval: the effect has no error" if study.finished else "interval being worked out"
    return _html_cell(name, shown, short, words, study.result.stamp)


def _written(value: float, *, signed: bool = False) -> str:
    # Endless where there is nothing to divide by: nobody gained, or nothing paid.
    return "∞" if value == float("inf") else number(value, significant=3, signed=signed)


def _scaled(value: float, unit: str) -> tuple[float, str]:
    """Billions where millions would be long."""
    return (1e-3, "bn USD") if unit == "m USD" and abs(value) >= 1000 else (1.0, unit)


def _html_cell(name: str, shown: str, unit: str, words: str, evidence: str) -> str:
    return (
        f'<div class="ft-number"><span class="ft-label">{escape(name)}</span><span class="ft-value">{escape(shown)}'
        f'<small>{escape(unit)}</small></span><span class="ft-detail">{escape(words)}</span>'
        f'<span class="ft-band">{escape(evidence)}</span></div>'
    )


def _displaced(study: ProgrammeStudy) -> str:
    """What others at home lose; known once the study is under way."""
    evidence = study.result.stamp
    lines = (
        ("firms", "Sales that other firms", "same sectors, not reached; real"),
        ("sectors", "Output that other sectors", "sectors not reached; real"),
    )
    cells = ""
    for key, name, words in lines:
        if study.done < 0.4 and not study.finished:
            cells += _html_cell(f"{name} lose", "…", "", words, evidence)
            continue
        value = study.result.displaced[key]
        scale, unit = _scaled(value, "m USD")
        verb = "gain" if value < 0 else "lose"
        cells += _html_cell(
            f"{name} {verb}", number(abs(value) * scale, significant=3), unit, words, evidence
        )
    return cells


def _comparison(study: ProgrammeStudy) -> None:
    """The programme beside tariff cuts of equal cost."""
    result = study.result
    own = (result.real_income, result.gain, result.exports, result.new_exporters)
    paid = _money(result.public_cost) if result.account.known else "cost not entered"
    rows = [("This programme", "", f"{paid}, {country_name(study.home.country)}", *_line(*own))]
    refused = []
    for name, payer, found in alternatives(study):
        if isinstance(found, Alternative):
            values = (found.real_income, found.gain, found.exports, found.new_exporters)
            how = f"{in_percent(found.share)} of every tariff lifted"
            rows.append((name, how, f"{_money(found.paid)}, {payer}", *_line(*values)))
        elif isinstance(found, str):
            refused.append(f"{name}: {found}")
    heads = (
        "The same money",
        "How",
        "Who pays",
        "Real income",
        "Gain after cost",
        "Extra exports",
        "New exporters",
    )
    # Three columns of words, then numbers.
    kinds = [""] * 3 + [" class=ft-num"] * 4
    head = "".join(f"<th scope=col{k}>{escape(word)}</th>" for word, k in zip(heads, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{escape(cell)}</td>' for cell, k in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    st.html(
        f'<div class="ft-words ft-equal"><h3>{escape(_verdict(study))}</h3><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"</table></div>"
    )
    for line in refused:
        st.html(f'<p class="ft-quiet">{escape(line)}</p>')


def _verdict(study: ProgrammeStudy) -> str:
    """Which use of the money at home brings more, as the table's title."""
    cut, gain = study.own_cut, study.result.gain
    stamp = study.result.stamp
    if not isinstance(cut, Alternative):
        return f"What the same money would do otherwise ({stamp})"
    best, other = ("the programme", "a tariff cut") if gain >= cut.gain else ("a tariff cut", "the programme")
    band = study.bands.get("gain", (gain, gain))
    sure = "" if not band[0] <= cut.gain <= band[1] else ", within the band"
    return f"At equal cost {best} brings more income than {other}{sure} ({stamp})"


def _line(income: float, gain: float, exports: float, firms: float) -> tuple[str, ...]:
    return (
        f"{number(income, signed=True)}\u202f%",
        _money(gain, signed=True),
        _money(exports, signed=True),
        number(firms, significant=3, signed=True),
    )


def _money(million: float, *, signed: bool = False) -> str:
    scale, unit = _scaled(million, "m USD")
    return f"{number(million * scale, significant=3, signed=signed)} {unit}"


# Files -------------------------------------------------------------------------------------------


def _take_away(study: ProgrammeStudy) -> None:
    stem = f"{file_stem(study.scenario.name)}_programme"
    names = ("summary", "destinations", "products", "jobs", "comparison")
    row = st.container(horizontal=True, gap="small")
    for name in names:
        row.download_button(
            f"{name.capitalize()} (CSV)",
            lambda name=name: to_csv(_table(study, name), about_programme(study)),
            f"{stem}_{name}.csv",
            "text/csv",
            icon=":material/download:",
            type="tertiary",
            key=f"programme_{name}_csv",
            on_click="ignore",
        )
    row.download_button(
        "All (Excel)",
        lambda: to_excel(programme_tables(study.finish()), about_programme(study)),
        f"{stem}.xlsx",
        EXCEL,
        icon=":material/table:",
        type="tertiary",
        key="programme_excel",
        on_click="ignore",
        help="Units, bands, evidence and provenance inside",
    )


def _table(study: ProgrammeStudy, name: str) -> Table:
    """One table, with everything that is still missing worked out."""
    return next(table for table in programme_tables(study.finish()) if table.key == name)
