"""Groups of firms that only ever move together: what any question about real firms is answered in.

Whoever may ask which firms a condition reaches can ask again with the condition moved by a hair, and the difference of the
two answers is one firm: its region, size, age and score were told so in 41 openings of a link. Three defences were weighed.

*Noise on every answer*, keyed by the cell (the cell-key method of the Australian Bureau of Statistics), hides one
difference, but an answer here is not a count that is shown: it is a whole equilibrium of hundreds of numbers that follow
from the set of firms, and conditions that do not matter to a firm give as many fresh draws of the noise as one likes.
*A ledger of questions* must refuse by what was asked before: answers depend on the order, one reader's questions shut
another's, sums of three answers are not seen, and each refusal tells something.
*Groups*, chosen here: once for each home, its firms are split into groups that each satisfy the disclosure rule, and a
condition takes a group as a whole or not at all, by the group's own means. Every answer, of every reader, in any order and
any sum or difference, is a function of whole groups, so that nothing smaller than a group can be told: not by 41 links,
nor by a million. Equal questions have equal answers, files agree with the screen, and a refusal ("no group is eligible")
tells of groups only. The price is coarseness: at a bound, firms of a group that straddles it all go to the side of its mean.

Numbers of firms in other tables (by region, tenth, skill), whose cells are no unions of groups, are told with the cell-key
noise of `counted` on top of suppression, so that no difference between those and unions of groups is exact.

Groups are found by splitting at medians as long as both halves satisfy the rule (Mondrian partition: LeFevre, DeWitt and
Ramakrishnan 2006), sectors first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.disclosure.rules import Rule

Array = NDArray[np.float64]
Numbers = NDArray[np.intp]

#: Values of the number of persons at which groups are split by preference: the bounds of published size classes.
CLASSES = (10.0, 50.0, 250.0)

#: Noise on a number of firms: how far it may go, and the chances of 0 and of one step more to either side.
FARTHEST_COUNT, CHANCES = 2, (0.40, 0.20, 0.10)


def split(
    table: pd.DataFrame,
    kinds: Sequence[str],
    numbers: Sequence[str],
    magnitudes: Sequence[str],
    rule: Rule | None = None,
) -> Numbers:
    """Group of each firm, (F,), numbered from zero; -1 for all where there are too few to show anything of.

    Where one firm dominates all together, all are one group: what the whole country's firms do is no secret of one.

    Parameters
    ----------
    table
        One row per firm.
    kinds
        Columns of labels, in the order of splitting; a group that could not be told apart by one holds several labels.
    numbers
        Columns to split at medians, the one with the widest spread first.
    magnitudes
        Columns of money or persons in which no firm may dominate its group.
    """
    rule = rule or Rule()
    sizes = [pd.to_numeric(table[name], errors="coerce").fillna(0.0).to_numpy(float) for name in magnitudes]
    everyone = np.arange(len(table), dtype=np.intp)
    if not _safe(everyone, sizes, rule):
        few = len(table) < rule.fewest_firms
        return np.full(len(table), -1 if few else 0, dtype=np.intp)
    nodes = [everyone]
    for name in kinds:
        label = np.asarray(pd.factorize(table[name].astype(str))[0], dtype=np.intp)
        nodes = [part for node in nodes for part in _by_label(node, label[node], sizes, rule)]
    values = {
        name: pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in numbers
    }
    # Missing values lie below all others, so that they stay together.
    ranks: dict[str, Array] = {}
    for name, v in values.items():
        ranks[name] = np.asarray(
            pd.Series(np.where(np.isnan(v), -np.inf, v)).rank(pct=True), dtype=np.float64
        )
    found: list[Numbers] = []
    while nodes:
        node = nodes.pop()
        halves = _halves(node, values, ranks, sizes, rule)
        if halves is None:
            found.append(node)
        else:
            nodes.extend(halves)
    group = np.empty(len(table), dtype=np.intp)
    for number, node in enumerate(sorted(found, key=lambda rows: int(rows.min()))):
        group[node] = number
    return group


def _safe(rows: Numbers, sizes: list[Array], rule: Rule) -> bool:
    """Whether a group satisfies the rule in every magnitude that any of its firms has."""
    if len(rows) < rule.fewest_firms:
        return False
    cell = np.zeros(len(rows), dtype=np.intp)
    return not any(
        rule.judge(cell, np.arange(len(rows), dtype=np.intp), size[rows], 1).broken[0]
        for size in sizes
        if size[rows].any()
    )


def _by_label(rows: Numbers, label: Numbers, sizes: list[Array], rule: Rule) -> list[Numbers]:
    """One part by label that satisfies the rule; what does not goes together, with the smallest others if need be."""
    parts = [rows[label == each] for each in np.unique(label)]
    good = sorted((part for part in parts if _safe(part, sizes, rule)), key=len)
    rest = [part for part in parts if not _safe(part, sizes, rule)]
    if not rest:
        return good
    pool = np.concatenate(rest)
    while good and not _safe(pool, sizes, rule):
        pool = np.concatenate([pool, good.pop(0)])
    return [*good, pool]


def _halves(
    rows: Numbers, values: dict[str, Array], ranks: dict[str, Array], sizes: list[Array], rule: Rule
) -> tuple[Numbers, Numbers] | None:
    """Two parts that both satisfy the rule; None where there are none."""
    if len(rows) < 2 * rule.fewest_firms:
        return None
    spread = {name: float(np.ptp(rank[rows])) for name, rank in ranks.items()}
    for name in sorted(spread, key=lambda n: -spread[n]):
        if spread[name] <= 0:
            continue
        value = np.where(np.isnan(values[name][rows]), -np.inf, values[name][rows])
        middle = float(np.median(ranks[name][rows]))
        cuts = [value >= bound for bound in CLASSES if name == "employment"]
        cuts += [ranks[name][rows] >= middle, ranks[name][rows] > middle]
        for cut in cuts:
            if cut.any() and not cut.all():
                low, high = rows[~cut], rows[cut]
                if _safe(low, sizes, rule) and _safe(high, sizes, rule):
                    return low, high
    return None


def means(values: Array, group: Numbers) -> Array:
    """Each firm's value as the mean of its group, (F,); NaN where no firm of the group has one."""
    known = np.isfinite(values)
    size = int(group.max(initial=-1)) + 1
    count = np.bincount(group[known], minlength=size)
    total = np.bincount(group[known], values[known], minlength=size)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return np.asarray(mean[group], dtype=np.float64)


def row_keys(secret: bytes, count: int) -> NDArray[np.uint64]:
    """A number of each firm that only the file's owner can work out, (F,)."""
    seed = int.from_bytes(hashlib.blake2b(secret, digest_size=16, person=b"firmtrade-cells").digest(), "big")
    return np.random.default_rng(seed).integers(0, 2**63, count, dtype=np.uint64)


def counted(number: float, keys: NDArray[np.uint64]) -> float:
    """A number of firms with noise that depends on which firms they are, and on nothing else.

    Equal sets have equal noise, whoever asks and however often; sets that differ by one firm have noise that knows nothing
    of each other. At most `FARTHEST_COUNT` to either side, zero on average, never below zero.
    """
    draw = hashlib.blake2b(
        int(np.bitwise_xor.reduce(keys) if len(keys) else 0).to_bytes(8, "big")
        + len(keys).to_bytes(8, "big"),
        digest_size=8,
        person=b"firmtrade-noise",
    ).digest()
    place = int.from_bytes(draw, "big") / 2**64
    steps = list(range(-FARTHEST_COUNT, FARTHEST_COUNT + 1))
    ends = np.cumsum([CHANCES[abs(step)] for step in steps])
    return max(number + steps[int(np.searchsorted(ends, place, side="right").clip(0, len(steps) - 1))], 0.0)
