"""The levers: one editor for a stack of policy cards, one drawer for the model's structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.groups import group_label, group_members, group_names
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.world.elasticities import elasticity_sets
from firmtrade_core.world.world import World
from pages.parts.frame import complain
from pages.parts.store import Store, seeded
from pages.parts.worlds import by_name


@dataclass(frozen=True)
class Slide:
    """How a card's number is set: on screen in ``unit``, in the scenario times ``factor``."""

    field: str
    label: str
    lowest: float
    highest: float
    step: float
    format: str
    help: str
    factor: float = 0.01
    start: float = 0.10


@dataclass(frozen=True)
class CardKind:
    """What a kind of card is called and which pickers it has, as (field, label) pairs."""

    title: str
    places: tuple[tuple[str, str], ...]
    slide: Slide | None = None
    sectors: bool = True
    opening: tuple[tuple[str, Any], ...] = ()


_EXPORTER, _IMPORTER = ("exporters", "Exports of"), ("importers", "To")

TARIFF_METHODS = {"add": "Add points", "set": "Set to", "scale": "Scale", "swiss": "Swiss formula"}

TARIFF_SLIDES = {
    "add": Slide(
        "value", "Points added", -20, 100, 1, "%+d pts", "Percentage points on top of today's tariffs."
    ),
    "set": Slide("value", "New tariff", 0, 100, 1, "%d %%", "Replaces today's tariffs, whatever they are."),
    "scale": Slide(
        "value",
        "Times today's tariff",
        0,
        5,
        0.05,
        "× %.2f",
        "1 leaves tariffs as they are, 0 lifts them.",
        factor=1,
        start=2.0,
    ),
    "swiss": Slide(
        "value",
        "Coefficient a",
        1,
        50,
        1,
        "%d %%",
        "New tariff = a·t/(a+t): high tariffs fall most, none stays above a.",
    ),
}

_COST = "Negative values make trade cheaper, positive ones dearer."

KINDS: dict[str, CardKind] = {
    "tariff": CardKind(
        "Tariff",
        (("importers", "Who sets it"), ("exporters", "On imports from")),
        opening=(("method", "add"), ("value", 0.10)),
    ),
    "schedule": CardKind("Tariff schedule", (("importers", "Who sets it"),)),
    "free_trade_area": CardKind("Free-trade area", (("members", "Members"),)),
    "customs_union": CardKind("Customs union", (("members", "Members"),)),
    "export_subsidy": CardKind(
        "Export subsidy or tax",
        (_EXPORTER, _IMPORTER),
        Slide(
            "value",
            "Share of the price paid",
            -50,
            50,
            1,
            "%+d %%",
            "Negative values tax exports.",
            start=0.05,
        ),
        opening=(("value", 0.05),),
    ),
    "trade_cost": CardKind(
        "Transport, standards, facilitation",
        (_EXPORTER, _IMPORTER),
        Slide("change", "Change of variable trade costs", -50, 100, 1, "%+d %%", _COST, start=-0.05),
        opening=(("change", -0.05),),
    ),
    "fixed_cost": CardKind(
        "Export promotion (fixed costs)",
        (_EXPORTER, _IMPORTER),
        Slide("change", "Change of fixed costs", -90, 200, 5, "%+d %%", _COST, start=-0.20),
        opening=(("change", -0.20),),
    ),
    "embargo": CardKind("Embargo", (_EXPORTER, _IMPORTER)),
    "productivity": CardKind(
        "Productivity",
        (("countries", "Where"),),
        Slide(
            "change", "Change of productivity", -50, 50, 1, "%+d %%", "Of the producers there.", start=0.02
        ),
        opening=(("change", 0.02),),
    ),
    "demand": CardKind(
        "Demand",
        (("countries", "Where"),),
        Slide(
            "change",
            "Change of demand",
            -50,
            100,
            1,
            "%+d %%",
            "Spending on other sectors makes room.",
            start=0.10,
        ),
        opening=(("change", 0.10),),
    ),
}

RETALIATION = {
    "none": "None",
    "mirror": "The same points back",
    "proportional": "In proportion to lost exports",
    "list": "A list of measures",
}


# Cards ------------------------------------------------------------------------------------------


def cards(store: Store, world: World) -> None:
    """All cards of the scenario, each editable in place."""
    if not store.scenario.cards:
        st.html(
            '<p class="ft-empty">No policy yet: this is the baseline. Add one below, or choose a preset.</p>'
        )
    for index, card in enumerate(store.scenario.cards):
        with st.container(border=True, key=f"ft_card_{index}"):
            _card(store, world, index, card)
    _add(store, world)


def _card(store: Store, world: World, index: int, card: Any) -> None:
    kind = KINDS[card.kind]
    _card_head(store, index, card, kind)
    for field, label in kind.places:
        _places(store, world, index, card, field, label)
    if kind.sectors:
        _sectors(store, world, index, card)
    if card.kind == "tariff":
        _tariff(store, index, card)
    elif card.kind == "schedule":
        _schedule(card)
    elif kind.slide is not None:
        _slider(store, index, card, kind.slide)
    if problem := store.problems.get(f"card {index}"):
        complain("Not in force yet", problem)


def _card_head(store: Store, index: int, card: Any, kind: CardKind) -> None:
    row = st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
    )
    row.toggle(
        kind.title,
        help="Switch this policy on or off.",
        **seeded(f"card_{index}_enabled", card.enabled, lambda on: store.edit_card(index, {"enabled": on})),
    )
    row.button(
        "",
        icon=":material/close:",
        key=f"card_{index}_remove",
        help="Take this policy away",
        type="tertiary",
        on_click=store.remove_card,
        args=(index,),
    )


def _places(store: Store, world: World, index: int, card: Any, field: str, label: str) -> None:
    chosen = store.shown(f"card {index}", field, getattr(card, field))
    chosen = [] if tuple(chosen) == (EVERYTHING,) else list(chosen)
    options = [*_groups_in(world), *by_name(world)]
    options += [name for name in chosen if name not in options]
    st.multiselect(
        label,
        options,
        format_func=place_name,
        placeholder="All countries",
        **seeded(
            f"card_{index}_{field}",
            chosen,
            lambda names: store.edit_card(index, {field: list(names) or [EVERYTHING]}),
        ),
    )


def _sectors(store: Store, world: World, index: int, card: Any) -> None:
    chosen = list(store.shown(f"card {index}", "sectors", card.sectors))
    usual = [ALL_GOODS] if card.kind not in ("productivity", "demand") else [EVERYTHING]
    options = [ALL_GOODS, EVERYTHING, *world.sectors]
    options += [name for name in chosen if name not in options]
    st.multiselect(
        "Which goods" if card.kind not in ("productivity", "demand") else "Which sectors",
        [option for option in options if [option] != usual],
        format_func=lambda name: _sector_name(world, name),
        placeholder=_sector_name(world, usual[0]),
        **seeded(
            f"card_{index}_sectors",
            [] if chosen == usual else chosen,
            lambda names: store.edit_card(index, {"sectors": list(names) or usual}),
        ),
    )


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
    _slider(store, index, card, TARIFF_SLIDES[method])
    _retaliation(store, index, card)


def _slider(store: Store, index: int, card: Any, slide: Slide) -> None:
    value = store.shown(f"card {index}", slide.field, getattr(card, slide.field)) / slide.factor
    whole = slide.step == int(slide.step)
    as_number: Callable[[float], float] = (lambda v: round(v)) if whole else (lambda v: round(v, 4))
    st.slider(
        slide.label,
        min_value=as_number(min(slide.lowest, value)),
        max_value=as_number(max(slide.highest, value)),
        step=as_number(slide.step),
        format=slide.format,
        help=slide.help,
        **seeded(
            f"card_{index}_{slide.field}_{slide.label}",
            as_number(value),
            lambda v: store.edit_card(index, {slide.field: round(v * slide.factor, 6)}, sliding=True),
        ),
    )


def _retaliation(store: Store, index: int, card: Any) -> None:
    kind = card.retaliation.kind
    st.selectbox(
        "Retaliation",
        [name for name in RETALIATION if name != "list" or kind == "list"],
        format_func=RETALIATION.__getitem__,
        help="What the countries that are hit do in return.",
        **seeded(
            f"card_{index}_retaliation",
            kind,
            lambda name: store.edit_card(index, {"retaliation": {"kind": name}}),
        ),
    )


def _schedule(card: Any) -> None:
    st.html('<p class="ft-quiet">Each exporter pays its own added points, as announced.</p>')


def _add(store: Store, world: World) -> None:
    def add() -> None:
        kind = st.session_state["add_card"]
        if kind:
            store.add_card(new_card(kind, store.country, world))
        st.session_state["add_card"] = None

    st.selectbox(
        "Add a policy",
        [kind for kind in KINDS if kind != "schedule"],
        index=None,
        key="add_card",
        format_func=lambda kind: KINDS[kind].title,
        placeholder="Add a policy …",
        label_visibility="collapsed",
        on_change=add,
    )


def new_card(kind: str, country: str, world: World) -> dict[str, Any]:
    """A card that makes sense at once: by, from or in the country looked at."""
    card: dict[str, Any] = {"kind": kind, **dict(KINDS[kind].opening)}
    place = KINDS[kind].places[0][0]
    if place == "members":
        others = [code for code in world.countries if code not in (country, "ROW")]
        sizes = {code: world.income[world.country_index(code)] for code in others}
        card[place] = [country, *sorted(others, key=lambda code: -sizes[code])[:1]]
    else:
        card[place] = [country]
    return card


# Names ------------------------------------------------------------------------------------------


def place_name(code: str) -> str:
    """Name of a country or group, as pickers show it."""
    return group_label(code) if code in group_names() else country_name(code)


def _groups_in(world: World) -> list[str]:
    present = set(world.countries)
    return [name for name in group_names() if len(present & set(group_members(name))) > 1]


def _sector_name(world: World, name: str) -> str:
    words = {ALL_GOODS: "All goods", EVERYTHING: "All goods and services"}
    return words.get(name) or world.sector_name(name)


# Structure --------------------------------------------------------------------------------------

FAMILIES = {
    "armington": "Not at all (Armington)",
    "krugman": "Not at all (Krugman)",
    "pareto": "Pareto (Chaney)",
    "lognormal": "Lognormal",
}

ENTRY = {"restricted": "Given number of firms", "free": "Free entry"}

DEFICITS = {
    "fixed": "Fixed share of the world",
    "proportional": "In step with income",
    "removed": "Removed",
}

_UNIFORM = "one value"


def structure(store: Store) -> None:
    """Model choices in one drawer, each with plain help."""
    chosen = store.scenario.structure
    with st.popover("Model choices", icon=":material/settings:", width="stretch"):
        st.selectbox(
            "How firms differ",
            list(FAMILIES) + (["eaton_kortum"] if chosen.family == "eaton_kortum" else []),
            format_func=lambda name: FAMILIES.get(name, "Not at all (Eaton-Kortum)"),
            help="Armington: goods differ by origin. Krugman: identical firms, each with its own variety. Pareto: few "
            "large firms, many small. Lognormal: fewer giants. With Pareto or lognormal firms, exporters enter and "
            "leave markets when a policy moves.",
            **seeded("structure_family", chosen.family, lambda name: store.edit_structure({"family": name})),
        )
        _elasticity(store, chosen)
        _closures(store, chosen)
        if problem := store.problems.get("structure"):
            complain("Not in force yet", problem)


def _elasticity(store: Store, chosen: Any) -> None:
    sets = elasticity_sets()
    given = chosen.elasticity
    own = "set by sector"
    options = [_UNIFORM, *sets] + ([own] if isinstance(given, dict) else [])
    shown = own if isinstance(given, dict) else (given if isinstance(given, str) else _UNIFORM)

    def choose(name: str) -> None:
        if name != own:
            store.edit_structure({"elasticity": 4.0 if name == _UNIFORM else name})

    st.selectbox(
        "Trade elasticity",
        options,
        format_func=lambda name: sets[name].label if name in sets else name[0].upper() + name[1:],
        help="How strongly trade falls when it gets one percent dearer: one value for all sectors, or a published "
        "set by sector. Higher values mean goods are easier to replace.",
        **seeded("structure_elasticity", shown, choose),
    )
    if shown == _UNIFORM:
        st.slider(
            "Value for all sectors",
            1.0,
            12.0,
            step=0.1,
            format="%.1f",
            **seeded(
                "structure_uniform", float(given), lambda v: store.edit_structure({"elasticity": round(v, 3)})
            ),
        )
    elif shown in sets:
        st.caption(sets[shown].source)


def _closures(store: Store, chosen: Any) -> None:
    st.selectbox(
        "Number of firms",
        list(ENTRY),
        format_func=ENTRY.__getitem__,
        help="Given: profits go to the country's income. Free: firms are founded until profits only pay for founding.",
        **seeded("structure_entry", chosen.entry, lambda name: store.edit_structure({"entry": name})),
    )
    st.selectbox(
        "Trade deficits",
        list(DEFICITS),
        format_func=DEFICITS.__getitem__,
        help="The model does not explain deficits: they keep their share of world income, move with spending, or go.",
        **seeded(
            "structure_deficits", chosen.deficits, lambda name: store.edit_structure({"deficits": name})
        ),
    )
    st.slider(
        "Labour-supply elasticity",
        0.0,
        2.0,
        step=0.1,
        format="%.1f",
        help="By how many percent hours worked rise when the real wage rises by one percent. 0: everyone works as before.",
        **seeded(
            "structure_labour",
            float(chosen.labour_supply_elasticity),
            lambda v: store.edit_structure({"labour_supply_elasticity": round(v, 3)}),
        ),
    )
