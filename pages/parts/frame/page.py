"""What every page shares: style, the world in the sidebar, designed error states, the certificate."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType

import streamlit as st
from streamlit.navigation.page import Page

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import Headline
from firmtrade_core.labels import DEFINITIONS, ROW_UNIT, UnitError, in_powers, is_bare_number, number, unit
from firmtrade_core.labels.glossary import explained
from firmtrade_core.labels.printed import head_unit
from firmtrade_core.paths import PROJECT, asset
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.data.worlds import UPLOADED, current_world, named_world
from pages.parts.frame import access, address
from pages.parts.frame.search import PAGE, search_box
from pages.parts.frame.store import Store, current

SIDEBAR_WIDTH = 212

#: Of a table whose cells all carry their units.
NO_UNITS: Mapping[str, str] = MappingProxyType({})

_IN_FRAME = "in_frame"


def navigation() -> Page:
    """The pages, in order; a page is listed once it works."""
    st.session_state[_IN_FRAME] = True
    st.set_page_config(
        page_title="firmtrade",
        page_icon=str(asset("icon.svg")),
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    st.logo(asset("logo.svg"), size="large", link=None, icon_image=asset("icon.svg"))
    # The first page has the bare address; it is reached by the mark, and stands in no group.
    front = st.Page(f"pages/{FIRST}.py", title="Start", url_path="start", default=True)
    listed: dict[str, list[Page]] = {
        group: [
            st.Page(f"pages/{name}.py", title=title, url_path=name)
            for name, title in pages
            if (PROJECT / "pages" / f"{name}.py").exists()
        ]
        for group, pages in PAGES.items()
    }
    # Beyond twelve pages Streamlit would hide the rest behind a button.
    page = st.navigation({"": [front]} | listed, expanded=True)
    st.session_state[PAGE] = page.url_path or FIRST
    return page


#: The page that opens first.
FIRST = "front"

#: Pages in the order of the sidebar, by group: file and address, title. Those that exist are listed.
PAGES = {
    "Policy": (
        ("briefing", "Briefing"),
        ("lab", "Scenario lab"),
        ("stories", "Stories"),
        ("best_policy", "Best policy"),
        ("compare", "Compare"),
        ("heterogeneity", "Role of heterogeneity"),
        ("who_gains", "Who gains"),
        ("attribution", "Attribution"),
    ),
    "Firms": (
        ("firms", "Firms"),
        ("firm_view", "Firm view"),
        ("channels", "Channels"),
        ("firm_data", "Firm data"),
    ),
    "Evidence": (
        ("trade_costs", "Trade costs"),
        ("backtests", "Backtests"),
        ("data", "Data"),
        ("methods", "Methods"),
    ),
}


def menu() -> tuple[tuple[str, str], ...]:
    """Names and titles of all pages in the menu, in order."""
    return tuple(page for pages in PAGES.values() for page in pages)


def open_page(title: str, *, live: bool = False) -> World:
    """Dress a page and return the session's world; stops the page where the world cannot be read.

    Parameters
    ----------
    title
    live
        Whether the page changes the scenario in a fragment, which then keeps the address itself.

    Safe on a page file that Streamlit serves by itself, as it does on a fresh server before any session has
    run the entry script: the page then puts up the navigation itself.
    """
    if not st.session_state.get(_IN_FRAME):
        navigation()
        # Once more, by way of the entry script: what widgets of this first run send would be lost.
        st.rerun()
    st.set_page_config(page_title=f"{title} · firmtrade")
    st.html(asset("style.css"))
    access.gate(complain)
    _alone()
    try:
        world = current_world()
    except WorldError as error:
        complain(
            "The world cannot be read",
            str(error),
            "Name a file that can be read in FIRMTRADE_WORLD, or unset it.",
        )
        st.stop()
    _sidebar(world)
    access.badge()
    if st.session_state.get(PAGE) != FIRST:
        with st.sidebar.container(key="ft_side_search"):
            search_box(current(world), world, menu(), key="ft_find_aside")
    if not live:
        address.keep(current(world), world)
        # Whatever page a link opens, a reader is told what it could not say.
        notice(current(world))
    return world


#: Where the session keeps the names of charts that the page has drawn.
DRAWN = "charts_drawn"

#: Names that elements of charts may have, as classes write them.
_CHART_NAME = re.compile(r"chart_\w{1,80}")


def _alone() -> None:
    """Where the address asks for one chart only, as a page that frames it does: nothing else is in sight."""
    asked = st.query_params.get("only", "")
    if _CHART_NAME.fullmatch(asked):
        st.session_state[address.ONLY] = asked
    only = st.session_state.get(address.ONLY)
    if not only:
        return
    st.session_state[DRAWN] = set()
    st.html(
        "<span hidden></span><style>.stSidebar, .stAppHeader, [data-testid=stSidebarCollapsedControl] { display: none !important; }"
        ".stMainBlockContainer { padding: 0.5rem 0.75rem !important; }"
        f"[data-testid=stMain]:has(#{only}) [data-testid=stElementContainer]:not(:has(#{only})):not(.st-key-ft_address),"
        f"[data-testid=stMain]:has(#{only}) [data-testid=stColumn]:not(:has(#{only})) {{ display: none !important; }}"
        f"[data-testid=stMain]:has(#{only}) [data-testid=stColumn]:has(#{only}) {{ flex: 1 1 100% !important; width: 100% !important; position: static; }}"
        "</style>"
    )


def no_such_chart() -> None:
    """Last on every page: where the address asks for one chart only and the page has drawn none of that name, say so, and nothing else."""
    only = st.session_state.get(address.ONLY)
    if not only or only in st.session_state.get(DRAWN, ()):
        return
    st.html(
        "<span hidden></span><style>[data-testid=stMain] [data-testid=stElementContainer]:not(:has(.ft-error)):not(.st-key-ft_address)"
        " { display: none !important; }</style>"
    )
    complain(
        "There is no such chart here",
        f"The address asks for {only} alone, and this page draws no chart of that name as it stands.",
        "Copy the address again from the chart's own tools.",
    )


def _sidebar(world: World) -> None:
    n, s = world.shape
    provenance = world.provenance
    facts = [f"{n} economies, {s} sectors"]
    if provenance.year:
        facts.append(f"baseline year {provenance.year}")
    if provenance.estimated_trade:
        facts.append(f"estimated: {provenance.estimated_trade}")
    origin = "uploaded in this session" if st.session_state.get(UPLOADED) else ""
    origin = origin or ("named by FIRMTRADE_WORLD" if named_world() else "")
    facts += [origin] if origin else []
    lines = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    st.sidebar.html(f'<div class="ft-world"><b>{escape(world.name)}</b><ul>{lines}</ul></div>')


def complain(what: str, why: str, how: str = "") -> None:
    """A designed error state: what happened, why, and what to do."""
    _boxed("alert", what, why, how)


def warn(what: str, why: str, how: str = "") -> None:
    """What a reader must not overlook in a result, in the box of an error; nothing went wrong, and nothing is interrupted."""
    _boxed("note", what, why, how)


def _boxed(role: str, what: str, why: str, how: str) -> None:
    st.html(
        f'<div class="ft-error" role="{role}"><b>{escape(what)}</b><p>{escape(why)}</p>'
        f"{f'<p>{escape(how)}</p>' if how else ''}</div>"
    )


def notice(store: Store) -> None:
    """What a link or file could not say, or which world it meant."""
    said = " ".join(filter(None, (store.notice, address.elsewhere(store, current_world()))))
    if said:
        complain("About the link or file you opened", said)


def unexpected(error: Exception) -> bool:
    """What a reader sees of a fault of the program: what to do, not where it broke; the log has the rest."""
    logging.getLogger("firmtrade").error("A page failed.", exc_info=error)
    complain(
        "This page has met a fault of its own",
        f"It is of the kind {type(error).__name__}, and is written to the server's log.",
        "Your scenario is in the address bar: reload the page to carry on with it, or take the last step back.",
    )
    return True


def headline_strip(
    numbers: list[Headline], result: str, *, large: bool = False, assumed: Sequence[str] = ()
) -> None:
    """Headline numbers with unit, second reading and band; the page carries the result's hash.

    Parameters
    ----------
    assumed
        How firms differ, elasticity and closures (`scenarios.assumptions.assumed`), a line for each result.
    """
    items = "".join(_headline(item) for item in numbers)
    kind = " ft-large" if large else ""
    st.html(
        f'<div class="ft-numbers{kind}" data-result="{escape(result)}">{items}</div>{_assumed_lines(assumed)}'
    )


def _assumed_lines(assumed: Sequence[str]) -> str:
    return "".join(f'<p class="ft-quiet ft-assumed">{explained(line)}</p>' for line in assumed)


def assumed_line(words: str) -> None:
    """Under which structure a page's numbers were computed (`scenarios.assumptions.assumed`)."""
    st.html(_assumed_lines([words]))


def _headline(item: Headline) -> str:
    return (
        f'<div class="ft-number"><span tabindex="0" role="button" data-means="{escape(DEFINITIONS[item.variable].explanation)}" '
        f'class="ft-term ft-label">{escape(item.label)}</span>'
        f'<span class="ft-value">{escape(number(item.value, signed=True))}<small>{escape(item.unit)}</small></span>'
        f'<span class="ft-detail">{escape(item.detail)}</span>'
        f'<span class="ft-band">{escape(item.band or "no interval yet")}</span>'
        f'<span class="ft-band ft-verdict">{escape(item.verdict)}</span></div>'
    )


def heading(words: str, quiet: str = "") -> None:
    """Heading of a section, with what it means."""
    more = f'<p class="ft-quiet">{explained(quiet)}</p>' if quiet else ""
    st.html(f'<h2 class="ft-heading">{escape(words)}</h2>{more}')


def table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[str] = (),
    units: Mapping[str, str] = NO_UNITS,
    units_said: bool = False,
    headed: bool = True,
    whole: bool = True,
) -> None:
    """A table of texts as the screen writes them: what a row is about at the left, numbers at the right.

    Parameters
    ----------
    title
        Also its name for readers of the screen.
    head
    rows
        Cells by column.
    words
        Heads of columns that hold words: at the left, broken where they must be.
    units
        Registered units of columns whose cells are bare numbers and whose head does not end in one: written in the head.
    units_said
        Whether the title or heading says the units already; heads then go without.
    headed
        Whether the title stands above; not where a heading already does.
    whole
        Whether all rows are in sight; a long table scrolls in its place.

    Raises
    ------
    UnitError
        If a column holds bare numbers and no registered unit.
    """
    rows = [tuple(row) for row in rows]
    for place, name in enumerate(head):
        if name in units:
            unit(units[name])
        elif not head_unit(name) and any(is_bare_number(row[place]) for row in rows):
            raise UnitError(
                f"“{name}” of “{title}” holds numbers without a unit: give it one of labels.UNITS."
            )
    kinds = [' class="ft-left"' if name in words else "" for name in head]
    heads = "".join(
        f"<th scope=col{kind}>{escape(name if units_said else _with_unit(name, units.get(name, '')))}</th>"
        for name, kind in zip(head, kinds, strict=True)
    )
    lines = (
        "".join(_row(row, kinds) for row in rows)
        or f"<tr><td class=ft-left colspan={len(head)}>None.</td></tr>"
    )
    st.html(
        f"{f'<h3 class=ft-title>{escape(title)}</h3>' if headed else ''}"
        f'<div class="ft-table{" ft-whole" if whole else ""}" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _with_unit(name: str, counted_in: str) -> str:
    """A head with its unit; what is counted is named by the head itself."""
    return name if counted_in in ("", "count", ROW_UNIT) else f"{name}, {counted_in}"


def _row(cells: Sequence[str], kinds: Sequence[str]) -> str:
    figures = "".join(
        f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(cells[1:], kinds[1:], strict=True)
    )
    return f"<tr><th scope=row>{escape(cells[0])}</th>{figures}</tr>"


def certificate_line(equilibrium: Equilibrium) -> None:
    """What the result's certificate says, in one line."""
    certificate = equilibrium.certificate
    st.html(
        f'<p class="ft-certificate">{explained("Certified equilibrium")}: the largest residual of the model\'s equations is '
        f"{in_powers(certificate.largest)} (allowed: {in_powers(1e-9)}), {certificate.iterations} iterations, "
        f"{1000 * certificate.seconds:.0f} ms. Result <code>{escape(equilibrium.content_hash)}</code></p>"
    )


def notes(items: tuple[str, ...]) -> None:
    """What was read onto this world approximately."""
    if items:
        lines = "".join(f"<li>{escape(item)}</li>" for item in items)
        st.html(f'<ul class="ft-notes">{lines}</ul>')
