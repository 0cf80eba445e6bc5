"""Reads the names in a scenario onto a world's labels.

Every label of a world stands for a set of parts: a country for itself, ``ROW`` for all countries not
listed by themselves, a sector for its divisions of ISIC. What a scenario names is a set of parts too; a
label takes the share of its parts that are named. A share between 0 and 1 is the simple mean over the
parts, and is reported as approximate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, capitals, country_name
from firmtrade_core.codes.groups import group_label, group_members, group_names, group_of
from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.places import PRESENT, explain_unknown, read_place
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.scenarios.errors import ScenarioError, suggestion
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING, listed
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Parts = frozenset[str]

#: What a scenario may call all countries, in error.
_WORLD = frozenset({"WORLD", "WLD", "W00", "ALL COUNTRIES", "MUNDO", "MONDE", "WELT"})


class Atlas:
    """Where a scenario's countries and sectors lie in a world.

    Parameters
    ----------
    world : World

    Attributes
    ----------
    notes : list of str
        What was split, merged or approximated, each once, in the order of reading.
    abroad : (N, N, 1) of bool
        True off the diagonal: trade between countries.
    home, structure, elasticity, within
        Firms of the home country, structure, ε and γ by sector (None without a nest), which firm programmes need.
    """

    def __init__(
        self,
        world: World,
        *,
        home: HomeFirms | None = None,
        structure: Structure | None = None,
        elasticity: Array | None = None,
        within: Array | None = None,
    ) -> None:
        self.world, self.home = world, home
        self.structure = structure or Structure()
        self.elasticity = np.ones(len(world.sectors)) if elasticity is None else elasticity
        self.within = within
        self.notes: list[str] = []
        self.abroad = ~np.eye(len(world.countries), dtype=bool)[:, :, None]
        self.country_parts = parts_of_countries(tuple(world.countries))
        self.sector_parts = _parts_of_sectors(tuple(world.sectors))

    # Axes ---------------------------------------------------------------------------------------

    def countries(self, names: Sequence[str], excluded: Sequence[str] = ()) -> Array:
        """Share of each country of the world that is named and not excluded, (N,).

        Raises
        ------
        ScenarioError
            For a name that is unknown, retired, or not in this world; suggests the likely one.
        """
        named = _union(map(self._country, names)) - _union(map(self._country, excluded))
        return self._weights(named, names, self.world.countries, self.country_parts, "countries")

    def sectors(self, names: Sequence[str], excluded: Sequence[str] = ()) -> Array:
        """Share of each sector of the world that is named and not excluded, (S,); raises as `countries`."""
        named = _union(map(self._sector, names)) - _union(map(self._sector, excluded))
        return self._weights(named, names, self.world.sectors, self.sector_parts, "sectors")

    def cells(self, exporters: Array, importers: Array, sectors: Array) -> Array:
        """Share of each cell that is covered, (N, N, S); home sales are not.

        Raises
        ------
        ScenarioError
            If no trade between countries is covered.
        """
        pairs = exporters[:, None] * importers * self.abroad[:, :, 0]
        # Laid out sector by sector, as a world's cells are.
        covered = np.moveaxis(pairs * sectors[:, None, None], 0, 2)
        if not covered.any():
            raise ScenarioError(
                "It touches no trade between countries of this world: name at least one partner abroad and one "
                "sector that the exceptions leave in."
            )
        return covered

    def by_country(self, values: Mapping[str, float], otherwise: float, *, strict: bool = True) -> Array:
        """A value for each country of the world, (N,): the simple mean over its parts.

        Parameters
        ----------
        values, otherwise
            By code, and where a country has no entry.
        strict
            Whether entries for countries that are not in the world are refused rather than noted.
        """
        entries: dict[str, float] = {}
        for name, value in values.items():
            entries |= dict.fromkeys(self._country(name, strict=strict), value)
        means = []
        for label, parts in zip(self.world.countries, self.country_parts, strict=True):
            own = [entries.get(part, otherwise) for part in sorted(parts)]
            means.append(sum(own) / len(own) if min(own) < max(own) else own[0])
            if min(own) < max(own):
                self.note(
                    f"{country_name(label)} takes {means[-1] * 100:.3g} points, the simple mean over its "
                    f"{len(own)} members (approximate)."
                )
        return np.array(means)

    def by_sector(self, values: Mapping[str, float], what: str) -> Array:
        """A value for each sector of the world, (S,): the mean over the named sectors it is made of.

        Raises
        ------
        ScenarioError
            Naming sectors without a value, and names that are unknown.
        """
        entries: dict[str, float] = {}
        for name, value in values.items():
            if (parts := self._sector_parts(name)) is not None:
                entries |= dict.fromkeys(parts, value)
        result = np.empty(len(self.world.sectors))
        for s, (label, parts) in enumerate(zip(self.world.sectors, self.sector_parts, strict=True)):
            known = [entries[part] for part in sorted(parts) if part in entries]
            if not known:
                raise ScenarioError(f"There is no {what} for sector {label}.{suggestion(label, values)}")
            result[s] = known[0] if min(known) == max(known) else sum(known) / len(known)
        self._note_reading(values, entries, what)
        return result

    def _note_reading(self, values: Mapping[str, float], entries: Mapping[str, float], what: str) -> None:
        labelled = list(zip(self.world.sectors, self.sector_parts, strict=True))
        moved = [label for label, _ in labelled if label not in values]
        mixed = [label for label, parts in labelled if len({entries[p] for p in parts if p in entries}) > 1]
        if moved:
            self.note(f"The {what} of {some(moved)} is read from the sectors they belong to.")
        if mixed:
            self.note(f"The {what} of {some(mixed)} is a simple mean over its parts (approximate).")

    def parts(self, names: Sequence[str]) -> Parts:
        """Countries behind names, those inside the rest of the world one by one; raises as `countries`."""
        return _union(map(self._country, names))

    def note(self, text: str) -> None:
        """Keeps a sentence for the report, once."""
        if text not in self.notes:
            self.notes.append(text)

    # Names --------------------------------------------------------------------------------------

    def _country(self, name: str, *, strict: bool = True) -> Parts:
        present = _union(self.country_parts)
        if name == EVERYTHING:
            return present
        if name in self.world.countries:
            return self.country_parts[self.world.countries.index(name)]
        if (group := group_of(name)) is not None:
            return self._group(group, frozenset(group_members(group)), present)
        place = read_place(name)
        key = str(place.code) if place.kind in PRESENT else name.upper()
        if key != name.upper():
            self.note(f"{name!r} is read as {country_name(key)} ({key}).")
        if key in present:
            return frozenset({key})
        if is_known(key):
            missing = f"{country_name(key)} ({key}) is not in this world"
            if strict:
                raise ScenarioError(
                    f"{missing}, and no country or rest of the world stands for it. Leave it out."
                )
            self.note(f"{missing}; its entry has no effect.")
            return frozenset()
        if place.kind == "unknown":
            raise ScenarioError(
                f"{name!r} is no country of this world and no group. Write a code of three letters, a name, or one of "
                f"{', '.join(group_names())}."
            )
        everywhere = f" Write {EVERYTHING} for all countries." if name.strip().upper() in _WORLD else ""
        raise ScenarioError(f"{explain_unknown(name)}{everywhere}")

    def _group(self, name: str, members: Parts, present: Parts) -> Parts:
        if not members & present:
            raise ScenarioError(f"No member of {group_label(name)} is in this world.")
        if absent := sorted(members - present):
            who = some([country_name(code) for code in absent])
            self.note(f"{group_label(name)}: {who} {'is' if len(absent) == 1 else 'are'} not in this world.")
        return members & present

    def _sector_parts(self, name: str) -> Parts | None:
        if name in self.world.sectors:
            return self.sector_parts[self.world.sectors.index(name)]
        return parts_of_sector(name)

    def _sector(self, name: str) -> Parts:
        present = _union(self.sector_parts)
        if name == EVERYTHING:
            return present
        if name == ALL_GOODS:
            goods = [
                i for i in range(len(self.sector_parts)) if self.world.goods is None or self.world.goods[i]
            ]
            return _union(self.sector_parts[i] for i in goods)
        parts = self._sector_parts(name)
        if parts is None or not parts & present:
            known = (*self.world.sectors, ALL_GOODS, EVERYTHING)
            raise ScenarioError(
                f"{name!r} is no sector of this world, nor one that can be read onto its sectors."
                f"{suggestion(name, known) or f' Its sectors are {some(self.world.sectors)}.'}"
            )
        if gap := parts - present:
            raise ScenarioError(f"{name} covers ISIC {listed(sorted(gap))}, which this world does not have.")
        if name not in self.world.sectors:
            here = [w for w, own in zip(self.world.sectors, self.sector_parts, strict=True) if own & parts]
            self.note(f"{name} is read as {listed(here)} here ({'split' if len(here) > 1 else 'merged'}).")
        return parts

    def _weights(
        self, named: Parts, names: Sequence[str], labels: Sequence[str], parts_of: Sequence[Parts], axis: str
    ) -> Array:
        weights = np.array([len(parts & named) / len(parts) for parts in parts_of])
        if not weights.any():
            raise ScenarioError(
                f"The exceptions leave nothing of {listed(names)}; keep at least one of the {axis}."
            )
        for label, parts, weight in zip(labels, parts_of, weights, strict=True):
            if 0 < weight < 1:
                hidden = some([country_name(part) for part in sorted(parts & named)])
                self.note(
                    f"{country_name(label)} takes {weight * 100:.2g} % of the change, the simple mean over its "
                    f"{len(parts)} {axis} (approximate): {hidden} {'is' if len(parts & named) == 1 else 'are'} "
                    "named."
                )
        return weights


def _union(sets: Iterable[Parts]) -> Parts:
    return frozenset().union(*sets)


@lru_cache(maxsize=16)
def parts_of_countries(labels: tuple[str, ...]) -> tuple[Parts, ...]:
    """Countries that each label of a world stands for."""
    alone = frozenset(labels)

    def parts(label: str) -> Parts:
        if label == REST_OF_WORLD:
            groups = [group_members(other) for other in labels if other in group_names()]
            return frozenset(capitals()) - alone - _union(map(frozenset, groups)) or frozenset({label})
        if label in group_names():
            return frozenset(group_members(label)) - alone or frozenset({label})
        return frozenset({label})

    return tuple(parts(label) for label in labels)


@lru_cache(maxsize=16)
def _parts_of_sectors(labels: tuple[str, ...]) -> tuple[Parts, ...]:
    """Parts in ISIC where all labels belong to it and do not overlap; each label for itself otherwise."""
    known = [parts for label in labels if (parts := parts_of_sector(label)) is not None]
    if len(known) == len(labels) and sum(map(len, known)) == len(_union(known)):
        return tuple(known)
    return tuple(frozenset({label}) for label in labels)


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few names and how many more there are."""
    if len(names) <= most:
        return listed(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
