"""Best policy: the rate that serves a country best, what others answer, what they could have together, whom to treat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from html import escape
from typing import Any, cast

import streamlit as st

from firmtrade_core.analysis.optimal import BestResponse, OptimumError, Sureness
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import Headline
from firmtrade_core.figures.policy import (
    GAIN_UNITS,
    LEVERS,
    gain_curve,
    points,
    rate_bars,
    shared_gains,
    war_path,
)
from firmtrade_core.home.default import named_file
from firmtrade_core.home.home import GRADES
from firmtrade_core.labels import change, in_percent, in_powers, in_unit, level, listed, number
from firmtrade_core.report.recipe import command_line, python_code
from firmtrade_core.scenarios import Programme, Scenario
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.scenarios.links import reference
from firmtrade_core.scenarios.programmes import effect_of
from firmtrade_core.scenarios.schema import AnyCard
from firmtrade_core.scenarios.words import countries as spoken
from firmtrade_core.world.world import World
from pages.parts import address, bands, best, chart
from pages.parts.best import FAILURES, Answer, Choices, choices
from pages.parts.frame import certificate_line, complain, heading, headline_strip, notes, open_page, table
from pages.parts.home import current_home, home_or_complaint
from pages.parts.looking import country_box, say_where
from pages.parts.programme_card import POLICIES
from pages.parts.sharing import file_stem
from pages.parts.store import Store, current, seeded
from pages.parts.worlds import named_world, searched, short_sources

INSTRUMENTS = {
    "uniform": "One rate for all goods",
    "sector": "One by sector",
    "partner_sector": "By partner and sector",
}
LEVER_NAMES = {
    "tariff": "Import tariffs",
    "export_tax": "Export taxes",
    "production_subsidy": "Production subsidies",
}
OBJECTIVES = {
    "real_income": "Real income",
    "duties": "Duties collected",
    "weighted": "Real income, one sector counting more",
}
ABOVE = {"nothing": "Nothing: policies as in the data", "scenario": "The scenario on screen"}

#: Rivals offered first.
USUAL_RIVALS = ("CHN", "USA", "DEU")


def _asked(store: Store, world: World, asked: Choices) -> None:
    """The rows of choices."""

    def put(name: str) -> Any:
        return lambda value: setattr(asked, name, value)

    one, two, three, four = st.columns(4, vertical_alignment="bottom", gap="small")
    country_box(one, store, world, "country_best", searched(world))
    two.selectbox(
        "Lever",
        list(LEVER_NAMES),
        format_func=LEVER_NAMES.__getitem__,
        **seeded("best_lever", asked.lever, put("lever")),
    )
    offered = [name for name in INSTRUMENTS if name != "partner_sector" or asked.lever == "tariff"]
    if asked.instrument not in offered:
        asked.instrument = "sector"
    three.selectbox(
        "Instrument",
        offered,
        format_func=INSTRUMENTS.__getitem__,
        help="By partner and sector takes some seconds: it has hundreds of rates.",
        **seeded("best_instrument", asked.instrument, put("instrument")),
    )
    four.selectbox(
        "Objective",
        list(OBJECTIVES),
        format_func=OBJECTIVES.__getitem__,
        help="With a sector that counts more: [I + Σ (λ − 1)(w L + Π)]/P, what the sector's labour and firms earn at weight λ.",
        **seeded("best_objective", asked.objective, put("objective")),
    )
    say_where(store, world)
    one, two, three, four = st.columns(4, vertical_alignment="bottom", gap="small")
    one.selectbox(
        "What else is in force",
        list(ABOVE),
        format_func=ABOVE.__getitem__,
        **seeded("best_above", asked.above, put("above")),
    )
    two.number_input(
        "Least, points", -99.0, 500.0, step=5.0, **seeded("best_lowest", asked.lowest, put("lowest"))
    )
    three.number_input(
        "Largest, points", -99.0, 500.0, step=5.0, **seeded("best_highest", asked.highest, put("highest"))
    )
    if asked.objective == "weighted":
        if asked.sector not in world.sectors:
            asked.sector = world.sectors[0]
        left, right = four.columns([3, 2], vertical_alignment="bottom", gap="small")
        left.selectbox(
            "Sector",
            list(world.sectors),
            format_func=world.sector_name,
            **seeded("best_sector", asked.sector, put("sector")),
        )
        right.number_input("Weight", 0.0, 5.0, step=0.1, **seeded("best_weight", asked.weight, put("weight")))


def _headlines(found: Answer) -> list[Headline]:
    best_, unit = found.best, GAIN_UNITS[found.best.objective][0]
    who = country_name(best_.country)
    rates = best_.rates
    items = []
    if len(rates) == 1:
        detail = "added to what is in force"
        if best_.flat is not None:
            low, high = best_.flat
            detail = f"as good to 0.001 points: {points(low)} to {points(high)}"
        items.append(Headline("Best rate", 100 * float(rates[0]), "points", detail, "best_rate"))
    else:
        detail = f"from {points(float(rates.min()))} to {points(float(rates.max()))}"
        items.append(
            Headline("Best rates, simple mean", 100 * float(rates.mean()), "points", detail, "best_rate")
        )
    if best_.objective == "duties":
        items.append(Headline(f"Duties of {who}", best_.gain, unit, "a year, nobody answering", "best_rate"))
    label = f"Real income of {who}"
    world = best_.equilibrium.world
    dollars = 1e-3 * best_.real_income / 100 * float(world.income[world.countries.index(best_.country)])
    items.append(
        Headline(label, best_.real_income, "%", f"{change(dollars, 'bn USD')} a year", "real_income")
    )
    if best_.objective == "weighted":
        items.append(Headline("Weighted real income", best_.gain, "%", "what is maximised", "real_income"))
    if found.curve is not None:
        at = int(abs(found.curve.rates - rates[0]).argmin())
        items.append(
            Headline(
                "Real income of all others",
                float(found.curve.others[at]),
                "%",
                "together",
                "world_real_income",
            )
        )
    if found.break_even is not None:
        detail = "with the same lever, further up"
        items.append(Headline("Gain gone at", 100 * found.break_even, "points", detail, "break_even_rate"))
    if found.tipping is not None:
        detail = "by all others, on the same goods"
        items.append(
            Headline("Undone by retaliation of", 100 * found.tipping, "points", detail, "tipping_retaliation")
        )
    return items


def _banded(items: list[Headline], found: Answer, drawn: Future[Sureness] | None) -> list[Headline]:
    """Headlines with the gain's band, and of rates the range under other laws of firms."""
    sure: Sureness | None = bands.result_of(drawn)
    if sure is None:
        words = bands.excuse(drawn)
        return [replace(item, band=words) for item in items] if words else items
    own = sure.real_income

    def told(item: Headline) -> Headline:
        if item.variable == "real_income" and item.label.startswith("Real income of"):
            return replace(item, band=f"90 %: {own.ends}", verdict=own.verdict)
        if item.variable == "world_real_income":
            return replace(item, band=f"90 %: {sure.others.ends}", verdict=sure.others.verdict)
        if item.variable == "break_even_rate":
            return replace(item, band=_under_laws([*sure.break_even.values()]))
        if item.variable == "tipping_retaliation":
            return replace(item, band=_under_laws([*sure.tipping.values()]))
        if item.label.startswith("Duties"):
            ends = " to ".join(number(1e3 * end, signed=True) for end in (sure.duties.low, sure.duties.high))
            return replace(item, band=f"90 %: {ends}", verdict=sure.duties.verdict)
        if item.variable == "best_rate":
            return replace(item, band=_under_laws([float(r.mean()) for r in sure.rates.values()]))
        return replace(item, band="as real income, weights given")

    return [told(item) for item in items]


def _under_laws(rates: list[float]) -> str:
    """The range of a rate over other laws of firms: structure, no chance."""
    if not rates:
        return "no other law of firms tells one"
    low, high = (number(100 * end, signed=True) for end in (min(rates), max(rates)))
    return f"other laws of firms: {low}" if low == high else f"other laws of firms: {low} to {high}"


def _certificate(found: BestResponse) -> None:
    unit = GAIN_UNITS[found.objective][0]
    tried = "none of the random answers and further climbs tried does better"
    if found.solved_tries == 0:
        tried = "no other answer tried had an equilibrium"
    words = [
        f"At rest: the largest slope left is {in_powers(found.slope)} % of income per point; {tried} ({found.solved_tries} tried)."
    ]
    if not found.holds:
        words = [
            "The certificate does not hold: the answer is not at rest, or another one tried is better. Do not use it."
        ]
    if found.at_bounds:
        words.append(
            f"{len(found.at_bounds)} of {len(found.rates)} rates are held by a bound: the best may lie beyond it. "
            "Proportional deficits let a country with a large imbalance gain by moving its income; compare deficits removed."
        )
    if found.lever != "production_subsidy" and math.isfinite(found.first_order_gain):
        words.append(
            "The first-order formula of shares and elasticities (Lashkaripour 2021, without its terms for markups) is up to "
            f"{in_unit(100 * found.first_order_distance, 'points')} points away and would give {change(found.first_order_gain, unit)}."
        )
    words.append(f"{found.solves} certified equilibria, {found.seconds:.1f} seconds.")
    st.html(f'<p class="ft-quiet">{escape(" ".join(words))}</p>')


def _take(store: Store, world: World, given: Scenario, cards: Sequence[AnyCard], name: str, key: str) -> None:
    """Open the answer in the lab, or take it away as YAML and code."""
    try:
        scenario = given.with_(
            name=name[:120], description="", source="", world=None, cards=(*given.cards, *cards)
        )
    except ValueError as error:
        st.html(f'<p class="ft-quiet">No scenario holds this answer: {escape(str(error))}</p>')
        return
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    if row.button(
        "Open in the lab",
        icon=":material/tune:",
        key=f"best_open_{key}",
        help="Puts it in force as a scenario, with a link of its own; Undo brings yours back.",
    ):
        store.become(scenario, push=True)
        st.switch_page("pages/lab.py")
    row.download_button(
        "YAML",
        scenario.with_(world=reference(world)).to_yaml(),
        file_name=f"{file_stem(name)}.yaml",
        mime="application/yaml",
        icon=":material/download:",
        key=f"best_yaml_{key}",
        on_click="ignore",
    )
    code = row.popover("Code", icon=":material/code:", key=f"best_code_{key}", on_change="rerun")
    if code.open:
        with code:
            file, firms_file = named_world(), named_file()
            python, shell = st.tabs(["Python", "Command line"])
            python.code(
                python_code(scenario, world, file, current_home(world), firms_file),
                language=None,
                height=330,
                wrap_lines=True,
            )
            shell.code(
                command_line(scenario, world, file, home_file=firms_file),
                language=None,
                height=330,
                wrap_lines=True,
            )


def _under(store: Store, world: World, given: Scenario, unit: str) -> str:
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    return f"{unit}, against none of the rates · {dated} · {given.name}"


def _response(store: Store, world: World, given: Scenario, asked: Choices) -> bool:
    """The country's own best; whether there is one."""
    try:
        with st.spinner("Looking for the best rates"):
            found = best.answer(world, given, store.country, asked)
    except OptimumError as error:
        complain(
            "No best policy to show",
            str(error),
            "Change what is asked here, or the structure in the Scenario lab.",
        )
        return False
    except FAILURES as error:
        complain(
            "No equilibrium to show",
            str(error),
            "Change what is asked here, or the scenario in the Scenario lab.",
        )
        return False
    mine = found.best
    sure = best.sure(store, world, given, asked, found)
    said = assumed(given, mine.equilibrium)
    bands.follow(
        sure,
        lambda: headline_strip(
            _banded(_headlines(found), found, sure), mine.equilibrium.content_hash, assumed=(said,)
        ),
    )
    unit = GAIN_UNITS[mine.objective][0]
    source = short_sources(world)
    if found.curve is not None:
        marks = []
        if found.break_even is not None:
            marks.append((found.break_even, "gain gone"))
        drawn = gain_curve(
            mine,
            found.curve,
            marks=marks,
            subtitle=_under(
                store,
                world,
                given,
                f"{OBJECTIVES[mine.objective]}, {unit}, shaded where as good to 0.001 points",
            ),
            source=source,
        )
        chart.draw(drawn, key="best_curve", result=mine.equilibrium.content_hash, kind="curve")
    else:
        drawn = rate_bars(mine, subtitle=_under(store, world, given, "Points added"), source=source)
        chart.draw(drawn, key="best_rates", result=mine.equilibrium.content_hash, kind="bars")
    _certificate(mine)
    try:
        cards = mine.cards()
    except OptimumError as error:
        st.html(f'<p class="ft-quiet">{escape(str(error))}</p>')
    else:
        name = f"Best {LEVERS[mine.lever]} of {country_name(mine.country)}"
        _take(store, world, given, cards, name, "own")
    notes(found.notes)
    certificate_line(mine.equilibrium)
    return True


def _open(asked: Choices, name: str, label: str) -> bool:
    """A button that opens an answer on demand; whether it is open."""
    if name not in asked.asked:
        st.button(
            label,
            icon=":material/play_arrow:",
            key=f"best_ask_{name}",
            on_click=asked.asked.add,
            args=(name,),
        )
    return name in asked.asked


def _several(store: Store, world: World, given: Scenario, asked: Choices) -> None:
    heading(
        "If others answer",
        "Best answers in turn, with the lever and instrument above, lead to rates from which nobody gains by departing alone: Nash. "
        "Together the same countries can set their tariffs to better effect.",
    )
    others = [code for code in searched(world) if code in world.countries and code != store.country]
    rivals = tuple(c for c in asked.rivals if c in others)
    if not rivals:
        rivals = tuple(c for c in USUAL_RIVALS if c in others)[:1] or tuple(others[:1])

    def choose(codes: list[str]) -> None:
        asked.rivals = tuple(codes)

    st.columns([3, 2])[0].multiselect(
        "With whom",
        others,
        format_func=country_name,
        max_selections=5,
        **seeded("best_rivals", list(rivals), choose),
    )
    who = (store.country, *rivals)
    names = listed([country_name(c) for c in who], 6)
    one, two = st.columns(2, gap="large")
    with one:
        heading("The war, answer by answer")
        if _open(asked, "war", "Let them answer"):
            _fought(store, world, given, who, names, asked)
    with two:
        heading("Cooperation")
        if _open(asked, "together", "Let them agree"):
            _agreed(store, world, given, who, names, asked)


def _fought(
    store: Store, world: World, given: Scenario, who: tuple[str, ...], names: str, asked: Choices
) -> None:
    try:
        with st.spinner("Best answers in turn"):
            war = best.war(world, given, who, asked)
    except FAILURES as error:
        complain("No war to show", str(error), "Change what is asked.")
        return
    end = war.end
    drawn = war_path(war, subtitle=_under(store, world, given, "Real income, %"), source=short_sources(world))
    chart.draw(drawn, key="best_war", result=end.equilibrium.content_hash, kind="curve")
    mean = "" if len(next(iter(end.responses.values())).rates) == 1 else "mean "
    rows = [
        (
            f"{step.turn}. {country_name(step.country)}",
            points(float(step.response.rates.mean())),
            *(change(step.gains[c], "%") for c in who),
        )
        for step in war.steps
    ]
    rows.append(
        (
            "At rest",
            "; ".join(points(float(end.responses[c].rates.mean())) for c in who),
            *(change(end.gains[c], "%") for c in who),
        )
    )
    table(
        "Who answers, and with what",
        ("Answer", f"{mean.capitalize()}rate".capitalize(), *(country_name(c) for c in who)),
        rows,
        whole=False,
    )
    state = "holds" if end.holds else "does not hold: do not use it"
    st.html(
        f'<p class="ft-quiet">Every step is a certified equilibrium. The certificate of the rest {state}: rates move by at most '
        f"{in_unit(100 * end.moved, 'points')} points when each climbs once more, and no random rate of one country alone does better.</p>"
    )
    _take(store, world, given, end.cards(), f"Nash rates of {names}", "war")


def _agreed(
    store: Store, world: World, given: Scenario, who: tuple[str, ...], names: str, asked: Choices
) -> None:
    def weigh(value: int) -> None:
        asked.share = value

    def reach(value: bool) -> None:
        asked.among = value

    left, right = st.columns(2, vertical_alignment="bottom", gap="small")
    left.slider(
        f"Weight of {country_name(who[0])}, %",
        5,
        95,
        step=5,
        help="Pareto weight: Σ ω ln(I/P) is maximised; the rest is shared equally among the others.",
        **seeded("best_share", asked.share, weigh),
    )
    right.toggle(
        "On one another's goods only",
        help="Off: on all imports, so that they also act on outsiders as one.",
        **seeded("best_among", asked.among, reach),
    )
    try:
        with st.spinner("Rates that serve them together"):
            found, along = best.together(world, given, who, asked)
            war = best.war(world, given, who, asked) if asked.lever == "tariff" else None
    except FAILURES as error:
        complain("No agreement to show", str(error), "Change what is asked.")
        return
    rest = None if war is None else war.end
    if along:
        drawn = shared_gains(
            along,
            rest,
            subtitle=_under(store, world, given, "Real income, %, as the weight moves"),
            source=short_sources(world),
        )
        chart.draw(drawn, key="best_frontier", result=found.equilibrium.content_hash, kind="curve")
    rows = [
        (
            country_name(c),
            points(float(found.rates[c].mean())),
            change(found.gains[c], "%"),
            change(rest.gains[c], "%") if rest is not None else "–",
        )
        for c in who
    ]
    mean = "Rate" if len(found.rates[who[0]]) == 1 else "Mean rate"
    table("Together", ("Country", mean, "Real income, together", "Nash"), rows)
    state = "holds" if found.holds else "does not hold: do not use it"
    bound = ""
    if found.at_bounds:
        bound = " One rate is" if found.at_bounds == 1 else f" {found.at_bounds} rates are"
        bound += " held by a bound: the best may lie beyond it."
    if losing := [country_name(c) for c in who if found.gains[c] < -5e-4]:
        bound += (
            f" At these weights {listed(losing, 6)} would do better without: more weight there changes it."
        )
    st.html(
        f'<p class="ft-quiet">The certificate {state} ({found.solved_tries} other answers tried).{bound} Rates below nothing are '
        "subsidies to imports: with markups, more trade is worth more than it costs, and under proportional deficits rates also move income "
        "from one to another.</p>"
    )
    _take(store, world, given, found.cards(), f"Cooperation of {names}", "together")


def _budget(store: Store, world: World, given: Scenario, asked: Choices) -> None:
    """Whom to treat with a budget."""
    home = home_or_complaint(world)
    if home is None:
        return
    heading(
        f"Whom to treat with a budget, in {country_name(home.country)}",
        "What each firm's treatment is worth to the country at the margin, and a rule of three questions at most, learned on one half of "
        "the firms and valued on the other.",
    )

    def put(name: str) -> Any:
        return lambda value: setattr(asked, name, value)

    one, two, three, four, five = st.columns(5, vertical_alignment="bottom", gap="small")
    one.selectbox(
        "Programme",
        list(POLICIES),
        format_func=POLICIES.__getitem__,
        **seeded("best_policy_kind", asked.policy, put("policy")),
    )
    two.number_input(
        "Budget, m USD a year", 0.1, 100_000.0, step=5.0, **seeded("best_budget", asked.budget, put("budget"))
    )
    three.number_input(
        "Cost per firm, USD a year",
        1.0,
        1e9,
        step=1000.0,
        format="%.0f",
        help="Yours to enter: nothing shipped says what a treatment costs.",
        **seeded("best_unit_cost", asked.unit_cost, put("unit_cost")),
    )
    four.slider(
        "At least small firms, %",
        0,
        90,
        step=10,
        help="Least share of the treated with fewer than 50 workers.",
        **seeded("best_small", asked.small, put("small")),
    )
    five.slider(
        "At least outside the largest region, %",
        0,
        90,
        step=10,
        **seeded("best_outside", asked.outside, put("outside")),
    )
    if not _open(asked, "budget", "Look for a rule"):
        return
    try:
        with st.spinner("Valuing every firm, then looking for a rule"):
            found = best.targeted(world, given, home, asked)
    except FAILURES as error:
        complain("No rule to show", str(error), "Change what is asked.")
        return
    people_pay = found.unit_cost * (1 + found.card.cost_of_funds)
    left, right = st.columns([2, 3], gap="large")
    with left:
        lines = "".join(f"<li>{escape(line[:1].upper() + line[1:])}</li>" for line in found.rule)
        st.html(f'<h3 class="ft-title">The rule: treat</h3><ul class="ft-list">{lines}</ul>')
    with right:
        table(
            "On firms not used to choose it",
            ("Way", "Worth per firm treated", "90 % band", "Small firms", "Outside the largest region"),
            [
                (
                    way.name,
                    level(1e-6 * way.per_dollar * people_pay, "m USD") + " a year",
                    f"{number(1e-6 * way.low * people_pay)} to {level(1e-6 * way.high * people_pay, 'm USD')}",
                    in_percent(way.small),
                    in_percent(way.outside),
                )
                for way in found.ways
            ],
        )
    gap = 100 * (found.first_order / found.solved - 1) if found.solved else math.nan
    words = [
        f"The rule stops paying at {level(1e-6 * found.break_even, 'm USD')} a year per firm.",
        f"All chosen at once: {change(found.first_order, 'm USD')} a year at the margin; a whole solution of the world gives "
        f"{change(found.solved, 'm USD')} ({change(gap, '%')} apart).",
    ]
    if not math.isnan(found.concession):
        words.append(
            f"The same budget in duties forgone takes {in_unit(found.concession_points, 'points')} points off own tariffs and moves real income by "
            f"{change(found.concession, 'm USD')} a year."
        )
    if asked.unit_cost != Choices().unit_cost:
        rule, *_, chance = found.ways
        words.append(
            f"At the cost you entered, a dollar that people pay brings {level(rule.per_dollar, 'USD')} by the rule, "
            f"{level(chance.per_dollar, 'USD')} at random (standard deviation {number(chance.spread)})."
        )
    else:
        words.append(
            "The cost per firm is a place-holder that says how many the budget treats: no ratio is shown until you enter yours."
        )
    kind = "Synthetic firms, invented effects" if home.synthetic else "The firms loaded"
    words.append(
        f"{kind}; evidence of the effect: {GRADES[effect_of(Programme(policy=cast(Any, asked.policy)), home).grade]}. Firms of a file that stand "
        "for a whole country's output are large, and so is what each is worth. The cost of public funds "
        "is included, firms' own cost is not. The band is that of the effect's own standard error, the firms chosen as they are."
    )
    st.html("".join(f'<p class="ft-quiet">{escape(line)}</p>' for line in words))
    under = Scenario.parse(
        given.to_dict() | {"structure": {**given.to_dict().get("structure", {}), "family": "firms"}}
    )
    _take(store, world, under, found.cards, f"{POLICIES[asked.policy]} by a rule", "rule")


@st.fragment
def _page(world: World) -> None:
    store, asked = current(world), choices()
    address.keep(store, world)
    st.html(f'<h1 class="ft-sentence">What would serve {escape(spoken([store.country]).text)} best</h1>')
    _asked(store, world, asked)
    given = best.background(store.scenario, asked)
    if _response(store, world, given, asked):
        _several(store, world, given, asked)
    _budget(store, world, given, asked)


_page(open_page("Best policy", live=True))
