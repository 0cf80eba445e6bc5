"""One search box: places, products, policies, stories, pages and terms; and where each of them leads."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from firmtrade_core.codes.iso import plain_text
from firmtrade_core.labels.glossary import TERMS
from firmtrade_core.paths import asset
from firmtrade_core.report.stories import stories
from firmtrade_core.scenarios import load_preset, preset_names
from firmtrade_core.scenarios.finder import Found, findable
from firmtrade_core.scenarios.membership import holder
from firmtrade_core.world.world import World
from pages.parts.frame.store import Store
from pages.parts.lab.card_kinds import KINDS

_mount = st.components.v2.component(
    "firmtrade_search", js=asset("search.js").read_text(encoding="utf-8"), isolate_styles=False
)

#: What pages are looked for by, beside their titles.
PAGE_WORDS = {
    "briefing": "summary headline numbers present print room",
    "lab": "tariff levers cards scenario simulate",
    "stories": "examples cases",
    "best_policy": "optimal tariff nash retaliation cooperation war",
    "compare": "side by side two scenarios",
    "heterogeneity": "firms differ pareto lognormal melitz",
    "who_gains": "jobs regions concentration supply loss of a partner",
    "attribution": "growth decomposition past",
    "firms": "shap capability what makes firms export machine learning",
    "firm_view": "one firm profile upgrade",
    "channels": "causal effects instruments double machine learning",
    "firm_data": "customs records upload harmonise clean",
    "trade_costs": "gravity elasticities distance ppml",
    "backtests": "record predictions forecast",
    "data": "upload own world accounts quality",
    "methods": "model validation replication literature cite glossary",
}

#: Pages that show the country looked at: who picks one there stays.
_SHOW_COUNTRY = frozenset(
    {"front", "briefing", "lab", "best_policy", "heterogeneity", "who_gains", "attribution"}
)

#: Where the session keeps the name of the page that runs.
PAGE = "page_here"

_GO = "search_leads_to"


@st.cache_data(show_spinner=False, max_entries=8)
def index(shown_hash: str, _world: World, pages: tuple[tuple[str, str], ...]) -> list[list[object]]:
    """All that can be found, as the box takes it: kind, target, label, note, plain words."""
    found = [*findable(_world)]
    for name, kind in KINDS.items():
        found.append(Found("kind", name, kind.title, kind.help, (plain_text(kind.title),)))
    rows: list[list[object]] = [
        [item.kind, item.target, item.label, item.note, list(item.words)] for item in found
    ]
    for told in stories():
        words = [plain_text(told.title), plain_text(told.asks)]
        rows.append(["story", told.key, told.title, f"{told.dated}. {told.asks}", words])
    for name, title in pages:
        rows.append(["page", name, title, "", [plain_text(title), *PAGE_WORDS.get(name, "").split()]])
    for term in TERMS:
        rows.append(
            ["term", term.name, term.name, term.means, [plain_text(w) for w in (term.name, *term.forms)]]
        )
    return rows


def search_box(store: Store, world: World, pages: tuple[tuple[str, str], ...], *, key: str) -> None:
    """The box; goes where the choice leads.

    Parameters
    ----------
    store, world
    pages
        Names and titles of the pages in the menu.
    key
        Of the element.
    """

    def picked() -> None:
        choice = st.session_state[key].picked
        if isinstance(choice, Mapping):
            leads = follow(store, world, str(choice.get("kind", "")), str(choice.get("target", "")))
            st.session_state[_GO] = leads if leads in dict(pages) else ""

    _mount(
        key=key,
        data={
            "index": index(world.shown_hash, world, pages),
            "label": "Search countries, products, policies, pages and terms",
            "hint": "Country, product, policy, page …" if key == "ft_find" else "Search …",
        },
        on_picked_change=picked,
    )
    if (leads := st.session_state.pop(_GO, "")) and leads != _here():
        st.switch_page(f"pages/{leads}.py")


def follow(store: Store, world: World, kind: str, target: str) -> str:
    """Put a choice in force, and say which page shows it; "" for this one. What is unknown changes nothing."""
    if kind == "place" and (found := holder(target, world)):
        store.country, store.inside = found, "" if found == target else target
        return "" if _here() in _SHOW_COUNTRY else "lab"
    if kind == "product" and set(target.split("|")) <= set(world.sectors):
        store.view, store.sectors = "partners", tuple(target.split("|"))
        return "lab"
    if kind == "policy" and target in preset_names():
        store.become(load_preset(target), push=True)
        return "" if _here() in ("front", "briefing", "lab") else "lab"
    if kind == "kind" and target in KINDS:
        # Not above: levers need the pickers, and those the frame that holds this box.
        from pages.parts.lab.levers import new_card

        store.add_card(new_card(target, store.country, world))
        return "lab"
    if kind == "story" and target in {told.key for told in stories()}:
        store.story = target
        return "stories"
    if kind == "page":
        return target
    return "methods" if kind == "term" else ""


def _here() -> str:
    """Name of the page that runs."""
    return str(st.session_state.get(PAGE, ""))
