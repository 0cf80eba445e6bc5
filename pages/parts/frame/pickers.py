"""Pickers of who, on whom, which goods, and how much: groups among countries, branches among sectors, numbers on a rail."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import streamlit as st

from firmtrade_core.codes.groups import group_label, group_names
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.scenarios.membership import Membership, groups_here, place_words
from firmtrade_core.scenarios.sector_tree import Branch, sector_tree
from firmtrade_core.world.world import World
from pages.parts.data.worlds import searched
from pages.parts.frame.store import seeded

#: Seconds after a list was drawn empty again within which the same choice is an echo of the one before.
ECHO = 1.0

#: What sliders and the boxes beside them show, and showed before, by key.
_SHOWN = "slid"


@st.cache_resource(show_spinner=False, max_entries=8)
def _groups(world_hash: str, _world: World) -> dict[str, Membership]:
    return {found.group: found for found in groups_here(_world)}


@st.cache_resource(show_spinner=False, max_entries=8)
def _branches(world_hash: str, _world: World) -> dict[str, tuple[int, Branch]]:
    """Branches by what a card writes for them, with their depth, parents first."""
    return {"|".join(branch.names): (depth, branch) for depth, branch in sector_tree(_world).walk()}


def place_name(code: str, world: World) -> str:
    """Name of a country or group, as pickers show it."""
    return group_label(code) if code in group_names() else place_words(code, world)


def take_one(
    label: str,
    options: Sequence[str],
    take: Callable[[str], Any],
    *,
    key: str,
    named: Callable[[str], str],
    placeholder: str,
) -> None:
    """A list that hands over what is chosen and empties itself.

    Until a browser has heard that the list is empty, whatever else it sends (bands that ask whether they are there) still
    carries the choice, which would be taken a second time; such an echo is passed over.

    Parameters
    ----------
    label
        For who hears the page; the placeholder is what is seen.
    options
    take
        Gets the option chosen.
    key
        Of the widget.
    named
        How an option reads.
    placeholder
    """
    memory = f"{key}_taken"

    def chosen() -> None:
        choice = st.session_state[key]
        st.session_state[key] = None
        last, drawn = st.session_state.get(memory, (None, 0.0))
        if choice and not (choice == last and monotonic() - drawn < ECHO):
            # Not drawn yet: no choice before that is another one.
            st.session_state[memory] = (choice, math.inf)
            take(choice)

    last, drawn = st.session_state.get(memory, (None, 0.0))
    if drawn == math.inf:
        st.session_state[memory] = (last, monotonic())
    st.selectbox(
        label,
        options,
        index=None,
        key=key,
        format_func=named,
        placeholder=placeholder,
        label_visibility="collapsed",
        on_change=chosen,
    )


def places(
    label: str,
    world: World,
    key: str,
    chosen: Sequence[str],
    write: Callable[[list[str]], Any],
    *,
    empty: str = "All countries",
) -> None:
    """Countries and groups; who is in the chosen groups stands in the help.

    Parameters
    ----------
    label
    world
    key
        Of the widget.
    chosen
        Codes in force.
    write
        Takes the new codes; an empty list where nothing is chosen.
    empty
        What nothing chosen means.
    """
    shown = [] if tuple(chosen) == (EVERYTHING,) else list(chosen)
    groups = _groups(world.shown_hash, world)
    options = [*groups, *searched(world)]
    options += [name for name in shown if name not in options]
    members = [groups[name].sentence() for name in shown if name in groups]
    st.multiselect(
        label,
        options,
        format_func=lambda code: place_name(code, world),
        placeholder=empty,
        help="\n\n".join(members) or "Countries, or groups such as the European Union.",
        select_all=False,
        **seeded(key, shown, lambda names: write(list(names))),
    )


def sectors(
    label: str,
    world: World,
    key: str,
    chosen: Sequence[str],
    write: Callable[[list[str]], Any],
    *,
    usual: Sequence[str] = (ALL_GOODS,),
    empty: str = "",
) -> None:
    """Sectors and branches of sectors; parameters as `places`.

    Parameters
    ----------
    usual
        What nothing chosen means, in a card's words.
    empty
        The same in words for people, where it is no branch.
    """
    branches = _branches(world.shown_hash, world)
    shown = [] if tuple(chosen) == tuple(usual) else _as_options(chosen, branches)
    options = [option for option in branches if option != "|".join(usual)]
    options += [option for option in shown if option not in options]
    st.multiselect(
        label,
        options,
        format_func=lambda option: sector_words(world, option),
        placeholder=empty or sector_words(world, "|".join(usual)),
        select_all=False,
        **seeded(
            key,
            shown,
            lambda names: write(list(dict.fromkeys(code for name in names for code in name.split("|")))),
        ),
    )


def _as_options(names: Sequence[str], branches: dict[str, tuple[int, Branch]]) -> list[str]:
    whole = "|".join(names)
    return [whole] if whole in branches else list(names)


def sector_words(world: World, option: str) -> str:
    """A branch as pickers show it: `Manufacturing (all 7)`."""
    _, branch = _branches(world.shown_hash, world).get(option, (0, None))
    if branch is None:
        return world.sector_name(option)
    if not branch.children:
        return branch.label
    if option in (ALL_GOODS, EVERYTHING):
        return {ALL_GOODS: "All goods", EVERYTHING: "All goods and services"}[option]
    return f"{branch.label} (all {len(branch.sectors)})"


def sectors_of(world: World, names: Sequence[str]) -> tuple[str, ...]:
    """Codes of the world's sectors that options of a picker mean."""
    if not names:
        return ()
    branches = _branches(world.shown_hash, world)
    wanted = {code for name in names for code in (branches[name][1].sectors if name in branches else (name,))}
    return tuple(code for code in world.sectors if code in wanted)


def slider(
    label: str,
    lowest: float,
    highest: float,
    *,
    key: str,
    value: float,
    write: Callable[[Any], Any],
    step: float = 1,
    format: str | None = None,
    help: str | None = None,
    beyond: bool = False,
) -> None:
    """A slider with a box beside it in which the number can be typed.

    Parameters
    ----------
    lowest, highest
        Ends of the rail; a value beyond them moves them.
    key
        Of the slider; the box is the same key with `_box`.
    value
        In force: whole where the rail is.
    write
        Takes the new value, slid or typed.
    step
        Of the rail; whole numbers throughout where it is one and so are the ends.
    format
        How the slider writes its value.
    beyond
        Whether a number beyond the ends may be typed.
    """
    whole = all(float(number).is_integer() for number in (lowest, highest, step, value))
    kind: type[int] | type[float] = int if whole else float
    ends = kind(min(lowest, value)), kind(max(highest, value))
    box = f"{key}_box"
    shown, before = _shown(key, kind(value))

    def take(_: Any) -> None:
        # A quick second move comes with what the other of the two held before the first: the moved one counts.
        given = [st.session_state[name] for name in (key, box)]
        moved = [number for number in given if number not in (None, shown)]
        if moved:
            write(next((number for number in moved if number != before), moved[0]))

    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"ft_slide_{key}")
    row.slider(
        label,
        *ends,
        step=kind(step),
        format=format,
        help=help,
        # Its default too: a rerun that overtakes a message drops what the session put there, and the rail's end would count.
        value=kind(value),
        **seeded(key, kind(value), take, shape=(*ends, kind(step), kind.__name__)),
    )
    row.number_input(
        f"{label}, as a number",
        *((None, None) if beyond else ends),
        step=kind(step),
        format="%d" if whole else "%.6g",
        label_visibility="collapsed",
        value=kind(value),
        **seeded(box, kind(value), take),
    )


def _shown(key: str, value: float) -> tuple[float, float]:
    """What a slider and its box show from now on, and what they showed before."""
    kept: dict[str, tuple[float, float]] = st.session_state.setdefault(_SHOWN, {})
    now, before = kept.get(key, (value, value))
    kept[key] = (value, before if now == value else now)
    return kept[key]
