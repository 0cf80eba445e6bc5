"""The model's structure: one fold among the levers, each choice in plain words."""

from __future__ import annotations

from typing import Any

import streamlit as st

from firmtrade_core.margins.exporters import EXPORTER_LAWS, SOURCE, ExporterLaw
from firmtrade_core.scenarios.assumptions import FIXED_DEFICITS
from firmtrade_core.world.elasticities import ElasticitySet, elasticity_sets, horizon_sets, markup_sets
from firmtrade_core.world.world import World
from pages.parts.frame import pickers
from pages.parts.frame.page import complain
from pages.parts.frame.store import Store, seeded

FAMILIES = {
    "differing": "They differ: the home's own where loaded, else lognormal",
    "armington": "Not at all (Armington)",
    "eaton_kortum": "Not at all (Eaton-Kortum)",
    "krugman": "Not at all (Krugman)",
    "pareto": "Pareto (Chaney)",
    "lognormal": "Lognormal",
    "firms": "The home country's own firms",
}

#: The firms family, with lognormal firms in other countries: Pareto's profits there often exceed value added.
OWN_FIRMS = {"family": "firms", "elsewhere": "lognormal"}

ENTRY = {"restricted": "Given number of firms", "free": "Free entry"}

DEFICITS = {
    "proportional": "In step with income",
    "fixed": "Fixed share of the world",
    "removed": "Removed: trade balanced with and without the policy",
}

ELASTICITY_KINDS = {"cost": "Trade costs", "tariff": "Tariffs"}

DUTIES = {"lump_sum": "To households, as a lump sum", "labour_tax": "Through a lower tax on labour"}

#: Families in which firms pay to be in a market.
SELECTING = ("differing", "pareto", "lognormal", "firms")

_UNIFORM, _OWN, _FOLLOW = "one value", "own values by sector", "as the trade elasticity implies"

#: Where a slider of its own belongs to a family: field, label, range, help.
_SHAPES = {
    "pareto": (
        "tail",
        "Tail of the size distribution",
        1.05,
        5.0,
        "Near 1 a few giants make all exports, as in Zipf's law; higher values mean firms more alike.",
    ),
    "lognormal": (
        "dispersion",
        "Spread of the size distribution",
        0.2,
        5.0,
        "Standard deviation of log sales: 0.2 means firms nearly alike, 2.4 is what French exporters show.",
    ),
}


def structure(store: Store, world: World) -> None:
    """Model choices in one fold, each with plain help; beside the map, which answers to each."""
    fold = st.expander("Model choices", icon=":material/settings:", key="structure", on_change="rerun")
    if fold.open:
        with fold:
            _choices(store, world)


def _choices(store: Store, world: World) -> None:
    chosen = store.scenario.structure
    st.selectbox(
        "How firms differ",
        list(FAMILIES),
        format_func=FAMILIES.__getitem__,
        help="Armington: goods differ by origin. Eaton-Kortum: the cheapest source wins each good. Krugman: identical "
        "firms, each with its own variety. Pareto: few large firms, many small. Lognormal: fewer giants. With Pareto or "
        "lognormal firms, exporters enter and leave markets when a policy moves.",
        **seeded(
            "structure_family",
            chosen.family,
            lambda name: store.edit_structure(OWN_FIRMS if name == "firms" else {"family": name}),
        ),
    )
    if chosen.family in _SHAPES or chosen.family == "differing":
        _shape(store, chosen)
    _elasticity(store, world, chosen)
    if chosen.family not in ("armington", "eaton_kortum"):
        _markups(store, chosen)
    _closures(store, chosen)
    if problem := store.problems.get("structure"):
        complain("Not in force yet", problem)


def _shape(store: Store, chosen: Any) -> None:
    if chosen.family != "pareto":
        st.selectbox(
            "Spread of firms",
            [None, *EXPORTER_LAWS],
            format_func=lambda name: "As set below" if name is None else _exporters(EXPORTER_LAWS[name]),
            help=f"How unequal firms are, and how presence goes with sales in a market. {SOURCE}; bands of 90 %.",
            **seeded(
                "structure_firms_like",
                chosen.firms_like,
                lambda name: store.edit_structure({"firms_like": name}),
            ),
        )
        if chosen.firms_like is not None:
            return
    field, label, lowest, highest, words = _SHAPES[
        "lognormal" if chosen.family == "differing" else chosen.family
    ]
    value = float(getattr(chosen, field))
    pickers.slider(
        label,
        min(lowest, value),
        max(highest, value),
        step=0.05,
        format="%.2f",
        help=words,
        beyond=True,
        key=f"structure_{field}",
        value=value,
        write=lambda v: store.edit_structure({field: round(v, 3)}),
    )


def _exporters(law: ExporterLaw) -> str:
    low, high = law.dispersion_band
    return f"{law.label.capitalize()}: {law.dispersion:g} log points ({low:g} to {high:g})"


def _elasticity(store: Store, world: World, chosen: Any) -> None:
    sets = {**elasticity_sets(), **horizon_sets()}
    given = chosen.elasticity
    shown = _OWN if isinstance(given, dict) else (given if isinstance(given, str) else _UNIFORM)

    def choose(name: str) -> None:
        usual = given if isinstance(given, float) else 4.0
        start: dict[str, Any] = {_UNIFORM: usual, _OWN: dict.fromkeys(world.sectors, usual)}
        store.edit_structure({"elasticity": start.get(name, name)})

    st.selectbox(
        "Trade elasticity",
        [_UNIFORM, *sets, _OWN],
        format_func=lambda name: _set_words(sets[name]) if name in sets else name[0].upper() + name[1:],
        help="How strongly trade falls when it gets one percent dearer: one value for all sectors, a published set, your own by "
        "sector, or what a study or the world panel found some years after a change. Higher values mean goods are easier to "
        "replace. The page Backtests says which came nearest to what happened.",
        **seeded("structure_elasticity", shown, choose),
    )
    if shown == _UNIFORM:
        pickers.slider(
            "Value for all sectors",
            min(1.0, float(given)),
            max(12.0, float(given)),
            step=0.1,
            format="%.1f",
            beyond=True,
            key="structure_uniform",
            value=float(given),
            write=lambda v: store.edit_structure({"elasticity": round(v, 3)}),
        )
    elif isinstance(given, dict):
        _own_elasticities(store, world, given)
    elif shown in sets:
        st.caption(f"{sets[shown].source} Elasticities to {sets[shown].kind}s.{_horizon_words(sets[shown])}")
    if not isinstance(given, str):
        st.selectbox(
            "Elasticity to",
            list(ELASTICITY_KINDS),
            format_func=ELASTICITY_KINDS.__getitem__,
            help="Where firms enter and leave markets, a tariff moves trade more than a cost of the same size: it takes "
            "revenue that pays for being there.",
            **seeded(
                "structure_kind",
                chosen.elasticity_kind,
                lambda name: store.edit_structure({"elasticity_kind": name}),
            ),
        )


def _set_words(found: ElasticitySet) -> str:
    """A set's label; of those by years since the change that they are, so that short run stands beside long run."""
    return f"By years since the change: {found.label}" if found.years else found.label


def _horizon_words(found: ElasticitySet) -> str:
    """What a choice by years says of itself, with its interval where there is one."""
    if not found.years:
        return ""
    ends = next(iter(found.intervals.values()), None)
    said = "" if ends is None else f" 95 % interval {ends[0]:.2f} to {ends[1]:.2f}, as estimated."
    return f"{said} {found.note} A choice by itself: studies differ too much for one path through the years."


def _markups(store: Store, chosen: Any) -> None:
    """Markups apart from the trade elasticity (MODEL 11)."""
    sets, given = markup_sets(), chosen.within_elasticity
    shown = _FOLLOW if given is None else _OWN if isinstance(given, dict) else given
    shown = _UNIFORM if isinstance(given, float) else shown

    def choose(name: str) -> None:
        start: dict[str, Any] = {
            _FOLLOW: None,
            _UNIFORM: given if isinstance(given, float) else 6.0,
            _OWN: given,
        }
        store.edit_structure({"within_elasticity": start.get(name, name)})

    st.selectbox(
        "Markups",
        [*sets, _FOLLOW, _UNIFORM, *([_OWN] if shown == _OWN else [])],
        format_func=lambda name: sets[name].label if name in sets else name[0].upper() + name[1:],
        help="How far firms' prices stand above cost: how alike firms of one country are to one another sets it, apart from "
        "how alike goods of different countries are. Where markups and trade elasticity do not go together, or profits "
        "would take value added, markups are lowered and the notes say so.",
        **seeded("structure_markups", shown, choose),
    )
    if shown == _UNIFORM:
        markup = round(100 / (float(given) - 1), 2)
        pickers.slider(
            "Markup over cost in all sectors",
            min(2.0, markup),
            max(100.0, markup),
            step=1.0,
            format="%.0f %%",
            key="structure_markup",
            value=markup,
            write=lambda v: store.edit_structure({"within_elasticity": round(1 + 100 / v, 4)}),
        )
    elif shown in sets:
        markup = round(100 * float(chosen.services_markup), 2)
        pickers.slider(
            "Markup of services",
            min(2.0, markup),
            max(100.0, markup),
            step=1.0,
            format="%.0f %%",
            help="Your assumption: no published set covers services.",
            key="structure_services",
            value=markup,
            write=lambda v: store.edit_structure({"services_markup": round(v / 100, 4)}),
        )
        st.caption(sets[shown].source)


def _own_elasticities(store: Store, world: World, given: dict[str, float]) -> None:
    """One number per sector named, in this world's order."""
    for code in sorted(given, key=lambda c: world.sectors.index(c) if c in world.sectors else 999):
        _own_elasticity(store, code, world.sector_name(code) if code in world.sectors else code, given)


def _own_elasticity(store: Store, code: str, name: str, given: dict[str, float]) -> None:
    def write(value: float | None) -> None:
        if value is not None:
            store.edit_structure({"elasticity": given | {code: round(value, 4)}})

    key = f"structure_elasticity_{code}"
    now = float(given[code])
    st.number_input(name, min(0.1, now), max(1000.0, now), step=0.1, format="%.2f", **seeded(key, now, write))


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
        help="The model does not explain deficits: they move with income, keep their share of the world's, or are gone "
        "with and without the policy.",
        **seeded(
            "structure_deficits", chosen.deficits, lambda name: store.edit_structure({"deficits": name})
        ),
    )
    if chosen.deficits == "fixed":
        st.caption(FIXED_DEFICITS)
    st.selectbox(
        "Duties come back",
        list(DUTIES),
        format_func=DUTIES.__getitem__,
        help="As a lump sum to households; or they lower a tax on labour, which matters where labour supply responds. "
        "Subsidies and programmes are paid the same way.",
        **seeded("structure_duties", chosen.duties, lambda name: store.edit_structure({"duties": name})),
    )
    if chosen.family in SELECTING:
        share = round(100 * float(chosen.fixed_cost_abroad), 2)
        pickers.slider(
            "Fixed costs paid abroad",
            0.0,
            100.0,
            step=5.0,
            format="%.0f %%",
            help="Share of the cost of being in a market that is paid in the market's own labour.",
            key="structure_abroad",
            value=share,
            write=lambda v: store.edit_structure({"fixed_cost_abroad": round(v / 100, 4)}),
        )
    labour = float(chosen.labour_supply_elasticity)
    pickers.slider(
        "Labour-supply elasticity",
        0.0,
        max(2.0, labour),
        step=0.1,
        format="%.1f",
        help="By how many percent hours worked rise when the real wage rises by one percent. 0: everyone works as before.",
        beyond=True,
        key="structure_labour",
        value=labour,
        write=lambda v: store.edit_structure({"labour_supply_elasticity": round(v, 3)}),
    )
