"""A world's sectors as a tree for pickers: goods over manufacturing over industries, services beside them.

Branches follow ISIC Rev. 4 and the broad sectors of `firmtrade_core.codes.sectors`. A branch with one sector is
that sector; sectors that the classification does not know hang straight under goods or services.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from firmtrade_core.codes.sectors import BROAD_SECTORS
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.world.world import World

#: Branches of goods: key, what readers call it, the code whose ISIC parts it gathers.
_BRANCHES = (
    ("primary", "Farming, fishing and mining", ("A", "B")),
    ("manufacturing", "Manufacturing", ("C",)),
)


@dataclass(frozen=True)
class Branch:
    """A sector, or sectors that are picked together.

    Parameters
    ----------
    label
        What readers call it.
    names
        What a scenario's card writes to mean it, shortest spelling.
    sectors
        Codes of the world's sectors in it, in the world's order.
    children
        Finer branches; none for a sector.
    """

    label: str
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    children: tuple[Branch, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Branch]]:
        """This branch and all below it, each with its depth, parents first."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


def sector_tree(world: World) -> Branch:
    """All sectors of a world, as a tree."""
    goods = np.ones(len(world.sectors), dtype=bool) if world.goods is None else world.goods
    made = [code for code, is_good in zip(world.sectors, goods, strict=True) if is_good]
    served = [code for code in world.sectors if code not in made]
    top = []
    if made:
        top.append(_branch(world, "All goods", made, names=(ALL_GOODS,), children=_goods(world, made)))
    if served:
        top.append(_branch(world, "Services", served, names=_spelling(world, "services", served)))
    return _branch(world, "Everything", world.sectors, names=(EVERYTHING,), children=top)


def named_by(tree: Branch, names: Sequence[str]) -> Branch | None:
    """The branch that a card's sector names mean; None where they are a choice of one's own."""
    found = next((branch for _, branch in tree.walk() if branch.names == tuple(names)), None)
    return found or next((b for _, b in tree.walk() if set(b.sectors) == set(names)), None)


def _goods(world: World, codes: Sequence[str]) -> list[Branch]:
    branches: list[Branch] = []
    left = list(codes)
    for key, label, sections in _BRANCHES:
        inside = _within(left, *sections)
        left = [code for code in left if code not in inside]
        if inside:
            names = _spelling(world, sections[0], inside) if key == "manufacturing" else tuple(inside)
            branches.append(_branch(world, label, inside, names=names, children=_broad(world, inside)))
    return [*branches, *(_leaf(world, code) for code in left)]


def _broad(world: World, codes: Sequence[str]) -> list[Branch]:
    """Branches by broad sector, in the world's order."""
    home = {code: next((key for key in BROAD_SECTORS if _within([code], key)), code) for code in codes}
    found = []
    for key in dict.fromkeys(home.values()):
        inside = [code for code in codes if home[code] == key]
        label = BROAD_SECTORS.get(key, key)
        found.append(_branch(world, label, inside, names=_spelling(world, key, inside)))
    return found


def _branch(
    world: World, label: str, codes: Sequence[str], *, names: tuple[str, ...], children: Sequence[Branch] = ()
) -> Branch:
    """Several sectors as a branch; one alone as itself."""
    if len(codes) == 1:
        return _leaf(world, codes[0])
    below = children if len(children) > 1 else [_leaf(world, code) for code in codes]
    return Branch(label, names, tuple(codes), tuple(below))


def _leaf(world: World, code: str) -> Branch:
    return Branch(world.sector_name(code), (code,), (code,))


def _within(codes: Sequence[str], *areas: str) -> list[str]:
    """Codes all of whose ISIC parts lie in one of the areas."""
    area = frozenset().union(*(parts_of_sector(name) or frozenset() for name in areas))
    return [code for code in codes if (parts := parts_of_sector(code)) and parts <= area]


def _spelling(world: World, key: str, codes: Sequence[str]) -> tuple[str, ...]:
    """The key where this world's sectors make up all of it, else the codes one by one."""
    present = frozenset().union(*(parts_of_sector(code) or frozenset() for code in codes))
    whole = key not in world.sectors and parts_of_sector(key) == present
    return (key,) if whole and len(codes) > 1 else tuple(codes)
