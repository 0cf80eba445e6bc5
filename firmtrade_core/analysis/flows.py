"""Trade between groups of countries before and after: the links of a Sankey or chord view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.groups import group_label, group_members
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import ComparisonError, abroad, before_and_after
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

OTHERS = "Other countries"


@dataclass(frozen=True, eq=False)
class Flows:
    """Trade between G groups, billion USD at the border; home sales left out.

    Parameters
    ----------
    groups
        Names, in order.
    before, after : (G, G)
        From the row's group to the column's; the diagonal is trade between members.
    """

    groups: tuple[str, ...]
    before: Array
    after: Array

    @property
    def change(self) -> Array:
        """Percent, (G, G); NaN where nothing was traded."""
        ratio = np.divide(
            self.after, self.before, out=np.full(self.before.shape, np.nan), where=self.before > 0
        )
        return 100 * (ratio - 1)

    def links(self, *, inside: bool = True) -> pd.DataFrame:
        """One row per link that carries trade before or after, largest first.

        Parameters
        ----------
        inside
            Whether trade between members of one group is shown.

        Returns
        -------
        DataFrame
            source, target (positions in `groups`), origin, destination, before, after (bn USD), change (percent).
        """
        shown = (self.before > 0) | (self.after > 0)
        if not inside:
            shown &= ~np.eye(len(self.groups), dtype=bool)
        source, target = np.nonzero(shown)
        rows = pd.DataFrame(
            {
                "source": source,
                "target": target,
                "origin": [self.groups[g] for g in source],
                "destination": [self.groups[g] for g in target],
                "before": self.before[source, target],
                "after": self.after[source, target],
                "change": self.change[source, target],
            }
        )
        largest = rows[["before", "after"]].max(axis=1)
        return rows.loc[largest.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def flows_between(
    second: Equilibrium,
    groups: Mapping[str, Sequence[str]],
    sectors: Sequence[str] | None = None,
    *,
    first: Equilibrium | None = None,
) -> Flows:
    """Trade between groups before and after.

    Parameters
    ----------
    second : Equilibrium
    groups
        Name to codes; countries in none are gathered under `OTHERS`.
    sectors
        Codes; all unless given.
    first : Equilibrium, optional
        What it is read against; the world's baseline unless given.

    Raises
    ------
    ComparisonError
        If a country is in two groups.
    UnknownCodeError
    """
    world = second.world
    names, weight = _membership(world, groups)
    chosen = [world.sector_index(code) for code in (world.sectors if sectors is None else sectors)]
    before, after = (
        weight.T @ abroad(state.accounts("border_value"))[:, :, chosen].sum(2) @ weight * BILLION
        for state in before_and_after(second, first)
    )
    return Flows(names, before, after)


def default_groups(world: World, focus: str, most: int = 7) -> dict[str, tuple[str, ...]]:
    """The country looked at, the European Union as one, and the largest traders; others are left over.

    Parameters
    ----------
    focus
        Code of the country looked at.
    most
        Number of groups, the left-over ones not counted.
    """
    union = tuple(c for c in group_members("EU") if c in world.countries and c != focus)
    groups: dict[str, tuple[str, ...]] = {country_name(focus): (focus,)}
    if len(union) > 1:
        name = group_label("EU").split(" (")[0]
        inside = focus in group_members("EU")
        groups[f"Other {name}" if inside else name] = union
    traded = abroad(world.border_value).sum(2)
    size = traded.sum(0) + traded.sum(1)
    taken = {focus, REST_OF_WORLD, *(union if len(union) > 1 else ())}
    for i in np.argsort(-size, kind="stable"):
        code = world.countries[i]
        if code not in taken and len(groups) < most:
            groups[country_name(code)] = (code,)
    return groups


def _membership(world: World, groups: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], Array]:
    """Names of the groups, and the (N, G) matrix of who is in which."""
    place: dict[int, str] = {}
    for name, codes in groups.items():
        for code in codes:
            i = world.country_index(code)
            if place.setdefault(i, name) != name:
                raise ComparisonError(
                    f"{country_name(code)} is in {place[i]} and in {name}; keep it in one, so that trade adds up."
                )
    named = [name for name in groups if name in place.values()]
    names = (*named, OTHERS) if len(place) < len(world.countries) else tuple(named)
    weight = np.zeros((len(world.countries), len(names)))
    for i in range(len(world.countries)):
        weight[i, names.index(place.get(i, OTHERS))] = 1.0
    return names, weight
