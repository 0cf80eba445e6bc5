"""What attributes' names and values say of them: their kind, the sign theory gives their effect, which move together.

Names are read by whole words, split at anything but letters and digits: ``age`` is no part of ``wages``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

Array = NDArray[np.float64]
Clusters = tuple[tuple[str, ...], ...]

#: Words and phrases that place an attribute in a group; a plural counts as its singular.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "scale": (
        "employment", "employee", "worker", "persons", "capital", "size", "sales", "revenue", "turnover", "output",
        "value_added", "assets", "age", "plant", "material", "inputs", "wage_bill",
    ),
    "productivity": (
        "productivity", "tfp", "per_worker", "per_employee", "per_hour", "rnd", "r_d", "research", "innovation", "patent",
        "skill", "skilled", "education", "training", "technology", "wage", "salary", "markup",
    ),
    "quality and differentiation": (
        "quality", "certificate", "certified", "certification", "iso", "on_time", "delivery", "reliability", "defect",
        "differentiation", "differentiated", "advertising", "advertise", "advertises", "advertisement", "marketing", "brand", "trademark",
        "trade_mark", "design", "management", "managerial", "unit_value",
    ),
    "network and information": (
        "link", "network", "digital", "website", "internet", "platform", "information", "supplier", "buyer", "customer",
        "imported_input", "scope", "centrality",
    ),
    "finance": (
        "finance", "financial", "credit", "debt", "loan", "leverage", "liquidity", "bank", "insurance", "ownership",
        "owner", "owned", "foreign",
    ),
    "location": (
        "region", "province", "district", "city", "urban", "distance", "location", "port", "border", "coast", "zone",
    ),
    "sector": ("sector", "industry"),
}  # fmt: skip

#: Columns made of a category begin with its name, whatever the category is called.
CATEGORIES = {"sector": "sector", "industry": "sector", "region": "location", "province": "location"}

#: Signs that theory gives an effect on capability, by words; only where it is plain: what lowers a firm's own costs
#: or raises what buyers pay for it (MODEL 2), and what makes delivery cost more. Size, age, wages, skills, research,
#: ownership and links are left to the data: they can go either way, or follow from trade.
SIGNS: Mapping[int, tuple[str, ...]] = {
    1: (
        "productivity", "tfp", "value_added_per_worker", "certificate", "certified", "certification", "on_time",
        "reliability",
    ),
    -1: (
        "distance_to_port", "port_distance", "distance_to_border", "border_distance", "distance_to_market",
        "market_distance", "unit_cost", "marginal_cost", "transport_cost", "trade_cost", "shipping_cost", "freight_cost",
        "logistics_cost", "tariff", "defect",
    ),
}  # fmt: skip

#: Words that make of a signed attribute something theory does not sign, or turn it around.
UNSIGNED = frozenset(
    {"growth", "change", "gap", "loss", "dispersion", "variance", "not", "unknown", "missing"}
)
TURNED = frozenset({"no", "false", "without", "non"})

#: Rank correlation beyond which attributes count as moving together.
TOGETHER = 0.7


def group_of(attribute: str) -> str:
    """Kind of attribute by the words in its name; ``other`` where none fits.

    The longest phrase counts; else kinds before mere scale (``network_size``), and the last word (``supplier_credit``).
    """
    words = _words(attribute)
    if words and words[0] in CATEGORIES:
        return CATEGORIES[words[0]]
    found = [
        (len(phrase), group != "scale", place, group)
        for group, phrases in GROUPS.items()
        for phrase in map(_words, phrases)
        for place in _places(words, phrase)
    ]
    return max(found)[-1] if found else "other"


def theory_signs(attributes: Sequence[str]) -> dict[str, int]:
    """Signs by name for `Learner.signs`, of those attributes whose effect theory signs (`SIGNS`).

    Names may be the panel's or the estimator's (``log_`` before amounts, ``_yes`` or ``_no`` after answers).
    """
    signs = {name: _sign_of(_words(name)) for name in attributes}
    return {name: sign for name, sign in signs.items() if sign}


def _sign_of(words: tuple[str, ...]) -> int:
    if UNSIGNED & set(words):
        return 0
    found = {
        sign
        for sign, phrases in SIGNS.items()
        for phrase in map(_words, phrases)
        for _ in _places(words, phrase)
    }
    if len(found) != 1:
        return 0
    return -found.pop() if TURNED & set(words) else found.pop()


def _words(name: str) -> tuple[str, ...]:
    """Lower-case words in the singular."""
    return tuple(_singular(word) for word in re.split(r"[^a-z0-9]+", name.lower()) if word)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _places(words: tuple[str, ...], phrase: tuple[str, ...]) -> Iterator[int]:
    """Where a phrase ends among words."""
    size = len(phrase)
    return (at + size for at in range(len(words) - size + 1) if words[at : at + size] == phrase)


def correlated_clusters(
    attributes: Array, weights: Array, names: Sequence[str], threshold: float = TOGETHER
) -> Clusters:
    """Attributes that move together: average linkage on rank correlations beyond the threshold, either sign.

    Parameters
    ----------
    attributes : (R, K)
        NaN where missing; a pair's correlation is of the rows that have both.
    weights : (R,)
        Of rows.

    Returns
    -------
    tuple of tuple of str
        Every attribute is in one; the largest clusters first, attributes in their order.
    """
    correlation = rank_correlations(attributes, weights)
    if len(names) < 2:
        return tuple((str(name),) for name in names)
    tree = linkage(squareform(1 - np.abs(correlation), checks=False), "average")
    label = fcluster(tree, 1 - threshold, "distance")
    found = [tuple(str(n) for n, of in zip(names, label, strict=True) if of == k) for k in np.unique(label)]
    place = {str(name): at for at, name in enumerate(names)}
    return tuple(sorted(found, key=lambda members: (-len(members), place[members[0]])))


def rank_correlations(attributes: Array, weights: Array) -> Array:
    """Weighted Spearman correlations (K, K), pairwise where values are missing; 0 where a column does not vary."""
    known, count = np.isfinite(attributes), attributes.shape[1]
    whole: NDArray[np.bool_] = np.all(known, axis=0)
    ranks = np.column_stack(
        [
            _ranks(column, weights) if full else column
            for column, full in zip(attributes.T, whole, strict=True)
        ]
    )
    found = np.eye(count)
    for first in range(count):
        for second in range(first):
            both = slice(None) if whole[first] and whole[second] else known[:, first] & known[:, second]
            w = weights[both]
            x, y = (
                ranks[both, k] if isinstance(both, slice) else _ranks(attributes[both, k], w)
                for k in (first, second)
            )
            found[first, second] = found[second, first] = _correlation(x, y, w)
    return found


def _ranks(column: Array, weights: Array) -> Array:
    """Middle of each value's share of cumulated weight; as ranks, ties sharing theirs, where weights are equal."""
    if len(column) == 0 or np.ptp(weights) == 0:
        ranks: Array = rankdata(column)
        return ranks
    _, place = np.unique(column, return_inverse=True)
    mass = np.bincount(place, weights=weights)
    middle: Array = (np.cumsum(mass) - mass / 2)[place]
    return middle


def _correlation(x: Array, y: Array, weights: Array) -> float:
    if len(x) < 3 or weights.sum() <= 0:
        return 0.0
    x, y = x - np.average(x, weights=weights), y - np.average(y, weights=weights)
    spread = np.sqrt((weights @ x**2) * (weights @ y**2))
    return float((weights * x) @ y / spread) if spread > 0 else 0.0
