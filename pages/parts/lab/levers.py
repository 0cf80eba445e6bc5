"""The levers: one editor for a stack of policy cards."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

import streamlit as st

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.scenarios.membership import place_words
from firmtrade_core.scenarios.offers import is_by_lines
from firmtrade_core.scenarios.schedules import DatedTable, dated, entries, in_words, read_schedule
from firmtrade_core.scenarios.schema import TariffSchedule
from firmtrade_core.words.scenario import points
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.uploads import Upload
from firmtrade_core.world.world import World
from pages.parts.data.worlds import searched
from pages.parts.firms.home import current_home
from pages.parts.frame import access, pickers
from pages.parts.frame.page import complain
from pages.parts.frame.store import Store, seeded
from pages.parts.frame.uploads import read_uploaded_table
from pages.parts.lab import moving
from pages.parts.lab.answers import retaliation, retaliation_details
from pages.parts.lab.card_kinds import (
    AT_HOME,
    EXTERNAL_TARIFF,
    KINDS,
    TARIFF_METHODS,
    TARIFF_SLIDES,
    Slide,
)
from pages.parts.lab.programme_card import evidence, of_policy, programme, programme_details
from pages.parts.lab.tariff_lines import offer_of, read_lines, trade_of_lines

EXCEPTIONS = {
    "except_importers": "But not these importers",
    "except_exporters": "But not these exporters",
    "except_sectors": "But not these goods",
}


def cards(store: Store, world: World) -> None:
    """All cards of the scenario, each editable in place."""
    if not store.scenario.cards:
        st.html(
            '<p class="ft-empty">No policy yet: this is the baseline. Add one below, or choose a preset.</p>'
        )
    for index, card in enumerate(store.scenario.cards):
        with st.container(border=True, key=f"ft_card_{index}"):
            _card(store, world, index, card)
    if problem := store.problems.get("scenario"):
        complain("Not added", problem)
    _add(store, world)


def _card(store: Store, world: World, index: int, card: Any) -> None:
    _head(store, world, index, card)
    for field, label in KINDS[card.kind].places:
        _places(store, world, index, card, field, label)
    _sectors(store, world, index, card)
    _number(store, world, index, card)
    if problem := store.problems.get(f"card {index}"):
        complain("Not in force yet", _at_a_box(problem))


def _at_a_box(problem: str) -> str:
    """What is wrong with a rate, for a box that holds points and takes no '%': what files are told cannot be done there."""
    if "rates are fractions" not in problem:
        return problem
    return (
        "More than 200 points are taken for a slip here: give fewer. A rate that is meant stands in a scenario file "
        "(Share, save, open), written as '300 %'."
    )


def _number(store: Store, world: World, index: int, card: Any) -> None:
    slide = KINDS[card.kind].slide
    if card.kind == "tariff":
        _tariff(store, index, card)
    elif card.kind == "schedule":
        _schedule(store, world, index, card)
    elif card.kind == "customs_union":
        _external_tariff(store, index, card)
    elif card.kind == "programme":
        programme(store, index, card, current_home(world))
    elif slide is not None:
        _slider(store, index, slide)
    if card.kind in ("fixed_cost", "trade_cost"):
        evidence(index, card)


# Head of a card ---------------------------------------------------------------------------------


def _head(store: Store, world: World, index: int, card: Any) -> None:
    row = st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        gap=None,
        key=f"ft_head_{index}",
    )
    row.toggle(
        _title(card, world),
        help=f"{KINDS[card.kind].help} Switch it off to see the rest without it.",
        **seeded(f"card_{index}_enabled", card.enabled, lambda on: store.edit_card(index, {"enabled": on})),
    )
    tools = row.container(horizontal=True, gap=None, width="content", key=f"ft_tools_{index}")
    more = tools.popover(
        "More",
        type="tertiary",
        key=f"card_{index}_more",
        on_change="rerun",
        help="Exceptions, order, copy, and what else this policy can do.",
    )
    if more.open:
        with more:
            _more(store, world, index, card)
    tools.button(
        "Remove",
        icon=":material/close:",
        key=f"card_{index}_remove",
        help="Take this policy away; Undo brings it back.",
        type="tertiary",
        on_click=store.remove_card,
        args=(index,),
    )


def _title(card: Any, world: World) -> str:
    """A card's kind and whose policy it is: `Tariff: United States`."""
    places = KINDS[card.kind].places
    if card.kind == "programme":
        # A programme that names no country is of the firms that are loaded.
        home = None if card.country else current_home(world)
        codes = tuple(filter(None, (home.country if home is not None else card.country,)))
    else:
        codes = getattr(card, places[0][0]) if places else ()
    named = [pickers.place_name(code, world) for code in codes if code != EVERYTHING]
    more = f" and {len(named) - 2} more" if len(named) > 2 else ""
    return f"{KINDS[card.kind].title}: {', '.join(named[:2])}{more}" if named else KINDS[card.kind].title


def _more(store: Store, world: World, index: int, card: Any) -> None:
    """What is needed now and then: details of the policy, exceptions, copy and order."""
    if "both_directions" in type(card).model_fields:
        st.toggle(
            "Both directions",
            help="Also for what the importers sell to the exporters.",
            **seeded(
                f"card_{index}_both",
                card.both_directions,
                lambda on: store.edit_card(index, {"both_directions": on}),
            ),
        )
    if card.kind == "export_subsidy":
        _choice(
            store,
            index,
            "method",
            card.method,
            "How",
            {"add": "On top of today's", "set": "Instead of today's"},
        )
    if card.kind == "programme":
        programme_details(store, index, card)
    if card.kind == "schedule":
        _schedule_file(store, index, card)
    if card.kind in ("tariff", "schedule"):
        retaliation_details(store, world, index, card)
    for field, label in EXCEPTIONS.items():
        if field in type(card).model_fields:
            _exceptions(store, world, index, card, field, label)
    last = len(store.scenario.cards) - 1
    row = st.container(horizontal=True, gap="small", key=f"ft_order_{index}")
    row.button("Copy", key=f"card_{index}_copy", on_click=store.duplicate_card, args=(index,))
    row.button("Up", key=f"card_{index}_up", on_click=store.move_card, args=(index, -1), disabled=index == 0)
    row.button(
        "Down", key=f"card_{index}_down", on_click=store.move_card, args=(index, 1), disabled=index == last
    )


def _exceptions(store: Store, world: World, index: int, card: Any, field: str, label: str) -> None:
    chosen = store.shown(f"card {index}", field, getattr(card, field))
    pick = pickers.sectors if field == "except_sectors" else pickers.places
    extra: dict[str, Any] = {"usual": ()} if field == "except_sectors" else {}
    pick(
        label,
        world,
        f"card_{index}_{field}",
        chosen,
        lambda names: store.edit_card(index, {field: names}),
        empty="No exception",
        **extra,
    )


def _choice(
    store: Store, index: int, field: str, value: str, label: str, words: dict[str, str], **more: Any
) -> None:
    st.selectbox(
        label,
        list(words),
        format_func=words.__getitem__,
        **seeded(f"card_{index}_{field}", value, lambda name: store.edit_card(index, {field: name, **more})),
    )


# Who, on whom, which goods ----------------------------------------------------------------------


def _places(store: Store, world: World, index: int, card: Any, field: str, label: str) -> None:
    pickers.places(
        label,
        world,
        f"card_{index}_{field}",
        store.shown(f"card {index}", field, getattr(card, field)),
        lambda names: store.edit_card(index, {field: names or [EVERYTHING]}),
    )


def _sectors(store: Store, world: World, index: int, card: Any) -> None:
    usual = [EVERYTHING] if card.kind in AT_HOME else [ALL_GOODS]
    pickers.sectors(
        "Which sectors" if card.kind in AT_HOME else "Which goods",
        world,
        f"card_{index}_sectors",
        store.shown(f"card {index}", "sectors", card.sectors),
        lambda names: store.edit_card(index, {"sectors": names or usual}),
        usual=usual,
    )


# How much ---------------------------------------------------------------------------------------


def _tariff(store: Store, index: int, card: Any) -> None:
    method = store.shown(f"card {index}", "method", card.method)

    def choose(name: str | None) -> None:
        if name:
            store.edit_card(index, {"method": name, "value": TARIFF_SLIDES[name].start})

    st.selectbox(
        "How",
        list(TARIFF_METHODS),
        format_func=TARIFF_METHODS.__getitem__,
        **seeded(f"card_{index}_method", method, choose),
    )
    _slider(store, index, TARIFF_SLIDES[method])
    retaliation(store, index, card)


def _slider(store: Store, index: int, slide: Slide) -> None:
    def write(value: float) -> None:
        store.edit_card(index, {slide.field: round(value * slide.factor, 6)}, sliding=True)

    def draw() -> None:
        given = getattr(store.scenario.cards[index], slide.field)
        value = store.shown(f"card {index}", slide.field, given) / slide.factor
        whole = slide.step == int(slide.step)
        pickers.slider(
            slide.label,
            slide.lowest,
            slide.highest,
            step=slide.step,
            format=slide.format,
            help=slide.help,
            beyond=True,
            key=f"card_{index}_{slide.field}_{slide.label}",
            value=round(value) if whole and abs(value - round(value)) < 1e-6 else round(float(value), 4),
            write=moving.slid(store, write),
        )

    moving.part(store, draw)


def _external_tariff(store: Store, index: int, card: Any) -> None:
    own = store.shown(f"card {index}", "external_tariff", card.external_tariff) is not None
    st.toggle(
        "One tariff of our own choice",
        help="Otherwise the members' mean tariff on outsiders, by sector, weighted by trade.",
        **seeded(
            f"card_{index}_own_tariff",
            own,
            lambda on: store.edit_card(index, {"external_tariff": EXTERNAL_TARIFF.start if on else None}),
        ),
    )
    if own:
        _slider(store, index, EXTERNAL_TARIFF)


def _schedule(store: Store, world: World, index: int, card: Any) -> None:
    """A dated table by its day, rows of one's own, or points by exporter: choose one, set its points."""
    table = dated(card)
    if table is not None:
        moving.part(store, lambda: _policy_on_a_day(store, index, table))
    elif card.rows:
        _own_rows(store, index, card)
    else:
        _points_by_exporter(store, world, index, card)
    retaliation(store, index, card)


def _policy_on_a_day(store: Store, index: int, table: DatedTable) -> None:
    """The policies in force on a day, with their story."""
    card = store.scenario.cards[index]
    if not isinstance(card, TariffSchedule):
        return
    days = [regime.since for regime in table.regimes]
    regime = table.regime(card.day)

    def choose(day: date) -> None:
        # A slider that is gone may still speak once: a file has taken the table's place by then.
        now = store.scenario.cards[index] if index < len(store.scenario.cards) else None
        if isinstance(now, TariffSchedule) and dated(now) is not None:
            store.edit_card(index, {"day": day.isoformat(), "digest": table.digest}, sliding=True)

    st.select_slider(
        "Policy on this day",
        days,
        format_func=in_words,
        help=f"{table.caveats}",
        **seeded(
            f"card_{index}_day",
            regime.since,
            moving.slid(store, choose),
        ),
    )
    st.html(
        f'<p class="ft-empty"><b>In force on {in_words(card.day or regime.since)}</b> · {escape(regime.authority)}<br>'
        f"{escape(regime.story)}</p>"
        f'<p class="ft-empty">{escape(table.age(date.today()) or f"Newest entry: {in_words(days[-1])}; checked on {in_words(table.checked)}.")} '
        f"{escape(table.caveats)}</p>"
    )


def _own_rows(store: Store, index: int, card: Any) -> None:
    """What a schedule of one's own holds; of tariff lines, how they add up."""
    rates = sorted(row.rate for row in card.rows)
    days = sorted({row.effective for row in card.rows if row.effective is not None})
    phased = (
        f" Yearly steps from {in_words(days[0])} to {in_words(days[-1])}; shown: {in_words(card.day) if card.day else 'the last'}."
        if len(days) > 1
        else ""
    )
    st.html(
        f'<p class="ft-empty">{len(card.rows)} rows of your own, from {points(rates[0])} to {points(rates[-1])}.{phased}</p>'
    )
    if len(days) > 1:
        st.select_slider(
            "Step in force",
            days,
            format_func=in_words,
            **seeded(
                f"card_{index}_step",
                card.day if card.day in days else days[-1],
                lambda day: store.edit_card(index, {"day": day.isoformat()}, sliding=True),
            ),
        )
    if offer_of(index, card) is not None:
        st.html('<p class="ft-empty">From tariff lines: how they add up stands below the map.</p>')
    _choice(
        store, index, "method", card.method, "How", {"add": "On top of today's", "set": "Instead of today's"}
    )


def _schedule_file(store: Store, index: int, card: Any) -> None:
    """Rows from a file, in place of what the card lists."""
    given = access.uploader(
        "A schedule of your own (CSV, Excel or Parquet)",
        type=["csv", "xlsx", "parquet"],
        key=f"card_{index}_schedule_file",
        help="Columns exporter and rate (a fraction) or rate_percent; importer, sector, effective_date and basis where you "
        "have them. Or tariff lines: hs, base, final and staging, specific rates with value and quantity.",
    )
    trade = trade_of_lines(index)
    seen = None if given is None else (given.file_id, None if trade is None else trade.file_id)
    if given is None or st.session_state.get(f"card_{index}_schedule_read") == seen:
        return
    st.session_state[f"card_{index}_schedule_read"] = seen
    try:
        table = read_uploaded_table(Upload(given.name, given.getvalue()))
        rows = read_lines(index, table, trade, card) if is_by_lines(table) else read_schedule(table)
    except (ScenarioError, WorldError, ValueError) as error:
        complain("Not read", str(error))
        return
    plain = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
    # Rows of tariff lines are changes of today's tariffs.
    how = {"method": "add"} if is_by_lines(table) else {}
    store.edit_card(index, {"table": "", "added": {}, "digest": "", "day": None, "rows": plain} | how)
    st.rerun()


def _points_by_exporter(store: Store, world: World, index: int, card: Any) -> None:
    added = dict(entries(card))
    key = f"card_{index}_exporter"
    options = sorted({*searched(world), *added}, key=country_name)
    if st.session_state.get(key) not in options:
        st.session_state[key] = _largest([code for code in added if code not in card.importers], world)

    def points_of(exporter: str) -> float:
        return round(100 * added.get(exporter, card.otherwise), 4)

    exporter = st.selectbox(
        f"Points by exporter ({len(added)} listed)",
        options,
        key=key,
        format_func=lambda code: f"{place_words(code, world)}: {points_of(code):+g}",
        help=f"Exporters that are not listed get {100 * card.otherwise:g} points.",
    )

    def change(value: float) -> None:
        entries = added | {exporter: round(value / 100, 6)}
        store.edit_card(index, {"table": "", "added": entries}, sliding=True)

    pickers.slider(
        f"Points added to {country_name(exporter)}",
        -20.0,
        100.0,
        step=0.5,
        format="%+.1f pts",
        beyond=True,
        key=f"card_{index}_points",
        value=float(points_of(exporter)),
        write=change,
    )


def _largest(codes: list[str], world: World) -> str | None:
    """The largest economy of those named, or any where none is this world's."""
    here = [code for code in codes if code in world.countries and code != REST_OF_WORLD]
    return max(
        here, key=lambda code: world.income[world.country_index(code)], default=next(iter(codes), None)
    )


# A new card -------------------------------------------------------------------------------------


def _add(store: Store, world: World) -> None:
    pickers.take_one(
        "Add a policy",
        list(KINDS),
        lambda kind: store.add_card(new_card(kind, store.country, world)),
        key="add_card",
        named=lambda kind: KINDS[kind].title,
        placeholder="Add a policy …",
    )


def new_card(kind: str, country: str, world: World) -> dict[str, Any]:
    """A card that makes sense at once: by, from or in the country looked at."""
    card: dict[str, Any] = {"kind": kind, **dict(KINDS[kind].opening)}
    if kind == "programme":
        home = current_home(world)
        country = home.country if home is not None else country
        return card | {"country": country} | of_policy(card["policy"], None, home)
    place = KINDS[kind].places[0][0]
    partner = _largest([code for code in world.countries if code != country], world)
    largest = [partner] if partner else []
    if kind == "schedule":
        card["added"] = dict.fromkeys(largest, 0.10)
    card[place] = [country, *largest] if place == "members" else [country]
    return card
