"""Which cells to withhold beside those that reveal a firm, so that no sum of what is published gives them away.

`protect` solves one linear programme by cell and side that still lacks its protection interval: the cheapest change of the
elements that moves it so far and leaves every total as it is; whatever cell that change passes through is withheld (the
heuristic of Kelly, Golden and Assad 1992 as later used within exact methods). Then it opens again, largest first,
every cell that the audit can spare. `optimal` is the exact model (Fischetti and Salazar-González) for small tables, and
`hypercube` the textbook method of statistical offices (Repsilber 1994), both to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_matrix, eye_array, hstack, vstack

from firmtrade_core.disclosure.audit import FARTHEST, ROUNDING, Deviations, exposed
from firmtrade_core.disclosure.errors import DisclosureError
from firmtrade_core.disclosure.release import Release

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pattern:
    """What of a release is withheld.

    Parameters
    ----------
    release
    hidden : (P,) of bool
        Primary and complementary numbers.
    exposed : tuple of int
        Primary numbers that cannot be protected while the totals stand: the totals beside them must not be published.
    """

    release: Release
    hidden: Mask
    exposed: tuple[int, ...] = ()

    @property
    def complementary(self) -> Mask:
        """Numbers withheld for the sake of others, (P,)."""
        return self.hidden & ~self.release.primary


@dataclass(eq=False)
class _Search:
    release: Release
    hidden: Mask
    #: By primary number and side: a change of the elements, (E,), that moves it far enough.
    witness: dict[tuple[int, int], Array] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    def secure(self) -> bool:
        """Withhold what every primary number still needs; whether anything more was."""
        release, before = self.release, int(self.hidden.sum())
        wanted = release.protection
        order = sorted(np.flatnonzero(release.primary & (wanted > 0)), key=lambda n: -wanted[n])
        for number in order:
            for side in (1, -1):
                if (int(number), side) not in self.witness and int(number) not in self.lost:
                    self._cheapest(int(number), side)
        return int(self.hidden.sum()) > before

    def _cheapest(self, number: int, side: int) -> None:
        release = self.release
        sums, reach = release.sums, float(release.protection[number])
        fixed = ~release.cells & ~release.judgement.broken
        open_cells = np.flatnonzero(release.cells & ~self.hidden)
        size = sums.shape[1]
        target = sums[[number]]
        # Elements up and down, then what each open cell moves by.
        equal = [hstack([sums[fixed], -sums[fixed]]), hstack([target, -target])]
        single = np.diff(sums.indptr)[open_cells] == 1
        cost = np.full(size, 1e-9)
        weight = 1 + release.values[open_cells].clip(min=0) / max(float(np.abs(release.values).max()), 1e-300)
        np.add.at(cost, sums[open_cells[single]].indices, weight[single])
        joint = open_cells[~single]
        costs = [cost, cost]
        extra = len(joint)
        if extra:
            step = eye_array(extra, format="csr")
            equal = [hstack([block, csr_matrix((block.shape[0], 2 * extra))]) for block in equal]
            equal.append(hstack([sums[joint], -sums[joint], -step, step]))
            costs += [weight[~single], weight[~single]]
        right = np.zeros(sum(block.shape[0] for block in equal))
        right[int(fixed.sum())] = side
        room = np.minimum(release.value / reach, FARTHEST) if release.nonnegative else np.full(size, FARTHEST)
        top = np.concatenate([np.full(size, FARTHEST), np.maximum(room, 0.0), np.full(2 * extra, np.inf)])
        found = linprog(
            np.concatenate(costs),
            A_eq=vstack(equal).tocsr(),
            b_eq=right,
            bounds=np.column_stack([np.zeros(len(top)), top]),
            method="highs",
        )
        if found.x is None:
            self.lost.add(number)
            return
        change = found.x[:size] - found.x[size : 2 * size]
        change[np.abs(change) < 1e-7] = 0.0
        self._keep(change * reach)

    def _keep(self, change: Array) -> None:
        """Withhold what a change passes through, and note all that it protects, the same turned round included."""
        release = self.release
        for way in (change, -change):
            if not self._possible(way):
                continue
            moved = release.sums @ way
            far = np.abs(moved) >= release.protection * (1 - ROUNDING)
            for number in np.flatnonzero(release.primary & far & (moved != 0)):
                self.witness.setdefault((int(number), 1 if moved[number] > 0 else -1), way)
        moved = np.abs(release.sums @ change)
        self.hidden |= release.cells & (moved > 1e-7 * np.abs(change).max())

    def _possible(self, change: Array) -> bool:
        """Whether elements stay at zero or more."""
        release = self.release
        return not release.nonnegative or not (change < -release.value * (1 + 1e-9) - 1e-300).any()

    def spare(self, most: int) -> None:
        """Open complementary cells again, largest first, as long as everything stays protected."""
        release = self.release
        extra = np.flatnonzero(self.hidden & ~release.primary)
        for number in sorted(extra, key=lambda n: -abs(release.values[n])):
            if most <= 0:
                return
            self.hidden[number] = False
            own = np.zeros(len(self.hidden), dtype=bool)
            own[number] = True
            if _unsafe_lines(release, self.hidden, own):
                self.hidden[number] = True
                continue
            row = release.sums[int(number)]
            touched = [
                key for key, way in self.witness.items() if abs(float((row @ way)[0])) > 1e-9 * abs(way).max()
            ]
            if len(touched) > most:
                self.hidden[number] = True
                continue
            free, kept, done = Deviations.of(release, self.hidden), dict(self.witness), True
            found: list[tuple[Array, Array]] = []
            for key in touched:
                # One change often protects many.
                way = next(
                    (
                        w
                        for w, moved in found
                        if key[1] * moved[key[0]] >= release.protection[key[0]] * (1 - ROUNDING)
                    ),
                    None,
                )
                if way is None:
                    most -= 1
                    way = _way(free, *key)
                    if way is None:
                        done = False
                        break
                    found += [(each, release.sums @ each) for each in (way, -way) if self._possible(each)]
                kept[key] = way
            if done:
                self.witness = kept
            else:
                self.hidden[number] = True


def _way(free: Deviations, number: int, side: int) -> Array | None:
    """A change of the elements that protects a number on one side with the cells withheld now; None where there is none."""
    release = free.release
    reach = float(release.protection[number])
    target = np.asarray(release.sums[number, free.free].todense()).ravel()
    if not target.any():
        return None
    values = release.value[free.free] / reach
    low = -np.minimum(values, FARTHEST) if release.nonnegative else np.full(len(values), -FARTHEST)
    rows = vstack([free.equations, csr_matrix(target)]).tocsr()
    found = linprog(
        np.zeros(len(target)),
        A_eq=rows,
        b_eq=np.append(np.zeros(free.equations.shape[0]), side),
        bounds=np.column_stack([low, np.full(len(values), FARTHEST)]),
        method="highs",
    )
    if found.x is None:
        return None
    way = np.zeros(release.sums.shape[1])
    way[free.free] = np.where(np.abs(found.x) < 1e-7, 0.0, found.x) * reach
    return way


def protect(release: Release, *, most_opened: int = 400) -> Pattern:
    """Withhold primary cells and as few others as it takes.

    Every primary number keeps its protection interval in the exact audit, and the hidden cells of any line of a table add up
    to a sum that reveals nobody either (two hidden firms know each other's values else), as far as open cells are left.

    Parameters
    ----------
    most_opened
        Linear programmes spent at most on opening cells again.
    """
    search = _Search(release, release.primary.copy())
    while True:
        while lines := _unsafe_lines(release, search.hidden):
            for line in lines:
                # A line before may have taken its cell along.
                if (line & ~search.hidden).sum() == line.sum():
                    _hide_smallest(release, search.hidden, line)
        if not search.secure():
            break
    search.spare(most_opened)
    return Pattern(release, search.hidden, tuple(sorted(search.lost)))


def _unsafe_lines(release: Release, hidden: Mask, among: Mask | None = None) -> list[Mask]:
    """Open cells of each line whose hidden cells together reveal a firm, where any are left open.

    Parameters
    ----------
    among : (P,) of bool, optional
        Cells whose lines alone are looked at.
    """
    element, firm, value = release.entries
    found = []
    for line in release.lines:
        shut = hidden & (line >= 0)
        if among is not None:
            shut &= np.isin(line, line[among & (line >= 0)])
        if not shut.any():
            continue
        # Elements of hidden cells, by the line's number.
        numbers = np.flatnonzero(shut)
        owner = np.full(release.sums.shape[1], -1, dtype=np.intp)
        block = release.sums[numbers]
        owner[block.indices] = np.repeat(line[numbers], np.diff(block.indptr))
        placed = owner[element]
        held = placed >= 0
        judged = release.rule.judge(placed[held], firm[held], value[held], int(line.max()) + 1)
        for number in np.flatnonzero(judged.broken):
            left = (line == number) & ~hidden
            if left.any():
                found.append(left)
    return found


def _hide_smallest(release: Release, hidden: Mask, among: Mask) -> None:
    left = np.flatnonzero(among)
    hidden[left[int(np.abs(release.values[left]).argmin())]] = True


# To compare with ------------------------------------------------------------------------------------


def without_lines(release: Release, *, most_opened: int = 400) -> Pattern:
    """`protect` by the audit alone, as the methods that it is compared with."""
    search = _Search(release, release.primary.copy())
    while search.secure():
        pass
    bare = Release(
        release.names,
        release.sums,
        release.value,
        release.cells,
        release.judgement,
        (),
        release.entries,
        release.rule,
    )
    search.release = bare
    search.spare(most_opened)
    return Pattern(release, search.hidden, tuple(sorted(search.lost)))


def optimal(release: Release, seconds: float = 30.0) -> Pattern:
    """As few complementary cells as possible under the audit: an integer programme, for small tables.

    Raises
    ------
    DisclosureError
        If no optimum was found in time, or there is none.
    """
    size, rows = release.sums.shape[1], release.sums.shape[0]
    wanted = release.protection
    asked = [(int(n), s) for n in np.flatnonzero(release.primary & (wanted > 0)) for s in (1, -1)]
    choice = np.flatnonzero(release.cells & ~release.primary)
    fixed = np.flatnonzero(~release.cells & ~release.judgement.broken)
    if not asked:
        return Pattern(release, release.primary.copy())
    sums, many, picks = release.sums, len(asked), len(choice)
    blocks, low, high = [], [], []
    column_low, column_high = np.full(many * size + picks, -np.inf), np.full(many * size + picks, np.inf)
    for place, (number, side) in enumerate(asked):
        reach = float(wanted[number])
        big = 50.0
        room = np.minimum(release.value / reach, big) if release.nonnegative else np.full(size, big)
        column_low[place * size : (place + 1) * size] = -room
        column_high[place * size : (place + 1) * size] = big

        def wide(block: csr_matrix, place: int = place) -> csr_matrix:
            left, right = (
                csr_matrix((block.shape[0], place * size)),
                csr_matrix((block.shape[0], (many - place - 1) * size)),
            )
            return hstack([left, block, right])

        blocks.append(
            hstack([wide(vstack([sums[fixed], sums[[number]]])), csr_matrix((len(fixed) + 1, picks))])
        )
        exact = np.append(np.zeros(len(fixed)), side)
        low.append(exact)
        high.append(exact)
        for sign in (1, -1):
            blocks.append(hstack([wide(sign * sums[choice]), -big * eye_array(picks, format="csr")]))
            low.append(np.full(picks, -np.inf))
            high.append(np.zeros(picks))
    column_low[many * size :], column_high[many * size :] = 0, 1
    found = milp(
        np.append(np.zeros(many * size), np.ones(picks)),
        constraints=LinearConstraint(vstack(blocks).tocsr(), np.concatenate(low), np.concatenate(high)),
        bounds=Bounds(column_low, column_high),
        integrality=np.append(np.zeros(many * size), np.ones(picks)),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if found.status != 0 or found.x is None:
        raise DisclosureError("No optimum was found in time; compare on a smaller table.")
    hidden = release.primary.copy()
    hidden[choice[found.x[many * size :] > 0.5]] = True
    assert rows == len(hidden)
    return Pattern(release, hidden)


def _without(axis: list[Any], label: object) -> list[Any]:
    """The axis' other labels."""
    return [other for other in axis if other != label]


def hypercube(release: Release) -> Pattern:
    """The textbook method for one table: each primary cell becomes a corner of a box of withheld cells.

    Of all boxes (two labels in each column, no corner empty, every corner of value at least the protection interval) the
    one that withholds the fewest further cells, then the least value. Cells of which no box exists stay exposed.

    Raises
    ------
    DisclosureError
        For linked tables.
    """
    finest = max((names for names, _ in release.names), key=len)
    if sum(bool(cell) for cell in release.cells) != release.sums.shape[1]:
        raise DisclosureError("The hypercube method is for one table whose totals stand.")
    places = {labels: n for n, (names, labels) in enumerate(release.names) if names == finest}
    axes = [list(dict.fromkeys(column)) for column in zip(*places, strict=True)]
    hidden, lost = release.primary.copy(), []
    cells = {n: labels for labels, n in places.items()}
    for number in sorted(np.flatnonzero(release.primary), key=lambda n: -release.protection[n]):
        own = cells[int(number)]
        best: tuple[int, float, list[int]] | None = None
        for other in product(*map(_without, axes, own)):
            corners = [places.get(corner) for corner in product(*zip(own, other, strict=True))]
            if any(corner is None for corner in corners):
                continue
            box = [int(corner) for corner in corners if corner is not None]
            if release.nonnegative and min(release.values[box]) < release.protection[number]:
                continue
            more = [corner for corner in box if not hidden[corner]]
            cost = (len(more), float(sum(release.values[more])), box)
            best = cost if best is None or cost[:2] < best[:2] else best
        if best is None:
            lost.append(int(number))
        else:
            hidden[best[2]] = True
    return Pattern(release, hidden, tuple(lost))


def compare(release: Release, *, exact: bool = True) -> dict[str, tuple[int, int]]:
    """Complementary cells and exposed primary cells of each method on one table.

    Returns
    -------
    dict
        ``here``, ``hypercube`` and, if asked for, ``optimal``: cells lost beside the primary ones, and primary cells that the
        exact audit finds exposed.
    """
    patterns = {"here": without_lines(release), "hypercube": hypercube(release)}
    if exact:
        patterns["optimal"] = optimal(release)
    return {
        name: (int(found.complementary.sum()), len(exposed(release, found.hidden)))
        for name, found in patterns.items()
    }
