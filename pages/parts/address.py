"""The address bar: what a link holds, and reading it back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from firmtrade_core.figures import FIXED
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import VARIABLES
from firmtrade_core.margins import FirmsError
from firmtrade_core.paths import asset
from firmtrade_core.scenarios.links import LinkError, LongLinkError, decode, encode, missing_world, older_link
from firmtrade_core.world.world import World
from pages.parts import kept
from pages.parts.store import SHOWINGS, VIEWS, Store, opening_country
from pages.parts.worlds import UPLOADED

#: Addresses stay below this: mail programs and chats cut longer ones.
LONGEST = 2000

#: Where the session keeps which chart is shown alone.
ONLY = "only_chart"

_RESTORED = "world_restored"

#: Countries that can be pinned at once.
MOST_PINS = 12

_mount = st.components.v2.component(
    "firmtrade_address",
    # Every page has this component, so what every page's words need comes along.
    js="\n".join(asset(name).read_text(encoding="utf-8") for name in ("terms.js", "address.js")),
    isolate_styles=False,
)


def keep(
    store: Store, world: World, *, bare: bool = False, beside: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Keep the address bar in step with the store, and the store with Back and Forward.

    Comes first on every page: in the fragment where it has one, else in its frame.

    Parameters
    ----------
    bare
        Whether the page's own address says nothing; links to other pages carry the scenario all the same.
    beside
        What else the page's address says.
    """
    take(store, world)

    def popped() -> None:
        value = st.session_state["address"].popped
        if isinstance(value, Mapping):
            store.heard = max(store.heard, int(value.get("count", 0)))
            if text := str(value.get("search", ""))[1:]:
                read(text, store, world)

    def restored() -> None:
        secret = st.session_state["address"].kept
        if UPLOADED not in st.session_state and isinstance(secret, str):
            found = kept.find(secret)
            st.session_state[kept.SECRET] = secret if found is not None else ""
            if found is None:
                store.notice = (
                    "The world you uploaded in this tab is gone with the server's memory: upload it again on the Data page. "
                    "What you see is the shipped world."
                )
            else:
                st.session_state[UPLOADED] = found
                st.session_state[_RESTORED] = True

    search = query(store, world)
    # A view of one chart stays one when it is loaded again.
    alone = {"embed": "true", "only": only} if (only := st.session_state.get(ONLY)) else {}
    beside = {**alone, **beside}
    bare = bare and not alone
    data = {
        "session": store.session,
        "search": "" if bare else "?" + "&".join(filter(None, (urlencode(beside), search))),
        "links": f"?{search}",
        "push": store.push,
        "heard": store.heard,
        "kept": st.session_state.get(kept.SECRET),
        "go": f"{_base()}/{store.go}" if store.go else "",
    }
    with st.container(key="ft_address"):
        _mount(key="address", data=data, on_popped_change=popped, on_kept_change=restored)
    store.push = False
    if st.session_state.pop(_RESTORED, False):
        # With the world of before the reload: all of the page, not this part alone.
        st.rerun()


def _base() -> str:
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}" if base else ""


def take(store: Store, world: World) -> None:
    """Put in force what the address said when the session began, once."""
    if store.unread:
        text, store.unread = store.unread, ""
        read(text, store, world)
        store.past.clear()


def query(store: Store, world: World) -> str:
    """What stands behind the question mark; without the scenario where no link can hold it."""
    found: dict[str, str] = {}
    try:
        found["s"] = encode(store.scenario, world)
    except LongLinkError:
        return urlencode(_view(store, world))
    found |= _view(store, world)
    if store.scenario.treats_firms and (home := home_in_use(world)) is not None:
        found["home"] = home.content_hash
    if store.reference is not None:
        try:
            longer = found | {"against": encode(store.reference, world), "shown": store.showing}
        except LongLinkError:
            longer = found
        found = longer if len(urlencode(longer)) < LONGEST - 80 else found
    return urlencode(found)


def home_in_use(world: World) -> HomeFirms | None:
    """The firms in use; None also where their file cannot be read, which pages that need them say."""
    # Not above: pages that show firms need the frame, and the frame this file.
    from pages.parts.home import current_home

    try:
        return current_home(world)
    except FirmsError:
        return None


def elsewhere(store: Store, world: World) -> str:
    """What the scenario in force was made on that is not in use here: another world, other firms; empty where all is."""
    return " ".join(filter(None, (missing_world(store.scenario, world), _missing_home(store, world))))


def _missing_home(store: Store, world: World) -> str:
    meant = store.firms
    if not meant or not store.scenario.treats_firms:
        return ""
    home = home_in_use(world)
    if home is not None and home.content_hash == meant:
        return ""
    here = (
        "no firms are loaded here"
        if home is None
        else f"here are those of {home.source} ({home.content_hash})"
    )
    return (
        f"This scenario was made with other firms of its home country (content hash {meant[:16]}), and {here}: its numbers will "
        "differ. Ask the sender for the file of home firms and name it in FIRMTRADE_HOME."
    )


def too_long(store: Store, world: World) -> str:
    """Why no link holds the scenario; empty where one does."""
    try:
        encode(store.scenario, world)
    except LongLinkError as error:
        return str(error)
    return ""


def _view(store: Store, world: World) -> dict[str, str]:
    wanted = {
        "country": (store.country, opening_country(world)),
        "map": (store.outcome, "real_income"),
        "flows": ("1" if store.flows else "", ""),
        "view": (store.view, VIEWS[0]),
        "colours": (f"{store.fixed_scale:g}" if store.fixed_scale else "", ""),
        "pins": (".".join(store.pins), ""),
    }
    return {name: value for name, (value, usual) in wanted.items() if value != usual}


def read(text: str, store: Store, world: World) -> None:
    """Put in force what an address says; what cannot be read is said on the page and changes nothing."""
    # What an earlier address could not say is gone with it.
    store.notice = ""
    try:
        given = dict(parse_qsl(text, max_num_fields=20)) if len(text) < 3 * LONGEST else {"s": text}
    except ValueError:
        store.notice = "The address asks for more things than any link made here, and is not read."
        return
    _read_view(given, store, world)
    if "s" not in given:
        return
    try:
        scenario = decode(given["s"])
        older = older_link(given["s"])
    except LinkError as error:
        store.notice = f"{error} What you see is the scenario that was here before."
        return
    store.become(scenario)
    store.push, store.firms = False, given.get("home", "")
    store.reference, against = None, ""
    if "against" in given:
        try:
            store.reference = decode(given["against"])
            store.showing = given["shown"] if given.get("shown") in SHOWINGS else SHOWINGS[-1]
        except LinkError as error:
            against = (
                f"The scenario is the link's; what it is read against cannot be had, and is left out. {error}"
            )
    store.notice = " ".join(filter(None, (older, against)))


def _read_view(given: Mapping[str, str], store: Store, world: World) -> None:
    country, outcome, view = (given.get(name, "") for name in ("country", "map", "view"))
    store.country = country if country in world.countries else opening_country(world)
    store.outcome = outcome if outcome in VARIABLES else "real_income"
    store.view = view if view in VIEWS else VIEWS[0]
    store.flows = given.get("flows") == "1"
    pins = given.get("pins", "").split(".")
    store.pins = tuple(dict.fromkeys(code for code in pins if code in world.countries))[:MOST_PINS]
    store.story = given.get("story", store.story)[:40]
    colours = given.get("colours", "")
    store.fixed_scale = next((value for value in FIXED if f"{value:g}" == colours), 0.0)
    # Digits of other scripts, and those above the line, are no numbers to count with.
    step = given.get("present", "")
    store.presenting = step.isascii() and step.isdigit()
