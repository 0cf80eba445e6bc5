"""What kinds of policy card there are, and how their numbers are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    """What a kind of card is called, what it does in plain words, its pickers (field, label), and its number."""

    title: str
    help: str
    places: tuple[tuple[str, str], ...]
    slide: Slide | None = None
    opening: tuple[tuple[str, Any], ...] = ()


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

EXTERNAL_TARIFF = Slide(
    "external_tariff",
    "Common tariff",
    0,
    100,
    1,
    "%d %%",
    "What all members take from outsiders.",
    start=0.05,
)

SHARE = Slide(
    "share",
    "How much of it",
    0,
    150,
    5,
    "%d %%",
    "100 is the schedule as written, 50 half of the way from what stands before it.",
    start=1.0,
)

_EXPORTERS, _IMPORTERS, _MEMBERS = ("exporters", "Exports of"), ("importers", "To"), ("members", "Members")

_COST = "Negative values make trade cheaper, positive ones dearer."


def _change(label: str, lowest: int, highest: int, words: str, start: float, step: int = 1) -> dict[str, Any]:
    slide = Slide("change", label, lowest, highest, step, "%+d %%", words, start=start)
    return {"slide": slide, "opening": (("change", start),)}


KINDS: dict[str, CardKind] = {
    "tariff": CardKind(
        "Tariff",
        "Importers change what they take at the border.",
        (("importers", "Who sets it"), ("exporters", "On imports from")),
        opening=(("method", "add"), ("value", 0.10)),
    ),
    "schedule": CardKind(
        "Tariff schedule", "Points added by exporter, each its own.", (("importers", "Who sets it"),)
    ),
    "free_trade_area": CardKind(
        "Free-trade area",
        "Members lift the tariffs between them and keep their own towards others.",
        (_MEMBERS,),
    ),
    "customs_union": CardKind(
        "Customs union",
        "Members lift the tariffs between them and set one tariff towards others.",
        (_MEMBERS,),
    ),
    "export_subsidy": CardKind(
        "Export subsidy or tax",
        "The exporters' governments pay, or take, a share of the price of sales abroad.",
        (_EXPORTERS, _IMPORTERS),
        Slide("value", "Share of the price paid", -50, 90, 1, "%+d %%", "Negative values tax exports."),
        opening=(("value", 0.05),),
    ),
    "production_subsidy": CardKind(
        "Production subsidy or tax",
        "Governments pay their producers, or take, a share of what they sell, at home and abroad alike.",
        (("countries", "Where"),),
        Slide("value", "Share of sales paid", -50, 90, 1, "%+d %%", "Negative values tax production."),
        opening=(("value", 0.05),),
    ),
    "trade_cost": CardKind(
        "Transport, standards, facilitation",
        "What it costs to bring each unit across: freight, waiting at the border, differing standards.",
        (_EXPORTERS, _IMPORTERS),
        **_change("Change of variable trade costs", -50, 100, _COST, -0.05),
    ),
    "fixed_cost": CardKind(
        "Export promotion (fixed costs)",
        "What a firm spends to be in a foreign market at all. Plays a role where firms differ: Pareto or lognormal.",
        (_EXPORTERS, _IMPORTERS),
        **_change("Change of fixed costs", -90, 200, _COST, -0.20, 5),
    ),
    "embargo": CardKind("Embargo", "No trade at all in the goods named.", (_EXPORTERS, _IMPORTERS)),
    "productivity": CardKind(
        "Productivity",
        "Producers in these countries make more, or less, of the same inputs.",
        (("countries", "Where"),),
        **_change("Change of productivity", -50, 50, "Of the producers there.", 0.02),
    ),
    "demand": CardKind(
        "Demand",
        "Households in these countries shift spending towards, or away from, these sectors.",
        (("countries", "Where"),),
        **_change("Change of demand", -50, 100, "Spending on other sectors makes room.", 0.10),
    ),
    "programme": CardKind(
        "Firm programme",
        "A programme for firms at home: it raises what they can do or lowers their fixed costs, and is paid for.",
        (),
        opening=(("policy", "quality_certification"), ("take_up", 0.30)),
    ),
}

#: Kinds that act on producers and households at home rather than on trade.
AT_HOME = ("productivity", "demand")
