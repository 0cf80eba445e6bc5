"""Products: Harmonised System codes, their vintages, concordances with weights, and families stable over time.

Concordance files come from the user's folder or from the real data (``hs-concordance``); nothing is shipped.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.artefacts import unwrapped, whole_number
from firmtrade_core.codes.word_lists import word_list
from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.paths import asset, read_rows

#: First year in which each edition of the Harmonised System was in force.
HS_VINTAGES = {"HS0": 1988, "HS1": 1996, "HS2": 2002, "HS3": 2007, "HS4": 2012, "HS5": 2017, "HS6": 2022}

#: Tariff chapters: 77 is reserved; 98 and 99 are for national use.
CHAPTERS = frozenset(range(1, 100)) - {77}

#: "Commodities not specified according to kind": the code under which the United Nations report the rest.
NOT_SPECIFIED = "999999"

_NAMES = {
    "HS0": ("hs0", "h0", "hs1988/92", "hs198892", "hs1988", "hs1992", "hs92", "hs88"),
    "HS1": ("hs1", "h1", "hs1996", "hs96"),
    "HS2": ("hs2", "h2", "hs2002", "hs02"),
    "HS3": ("hs3", "h3", "hs2007", "hs07"),
    "HS4": ("hs4", "h4", "hs2012", "hs12"),
    "HS5": ("hs5", "h5", "hs2017", "hs17"),
    "HS6": ("hs6", "h6", "hs2022", "hs22"),
    "ISIC2": ("isic2", "i2", "isicrevision2", "isicrev2", "isicrev.2"),
    "ISIC3": ("isic3", "i3", "isicrevision3", "isicrev3", "isicrev.3", "isicrevision3.1"),
    "ISIC4": ("isic4", "i4", "isicrevision4", "isicrev4", "isicrev.4"),
}
_CLASSIFICATION = {alias: name for name, aliases in _NAMES.items() for alias in aliases}


class ConcordanceError(ValueError):
    """A concordance cannot be read or does not lead where it is asked to. The message says which is missing."""


def vintage_of(year: int) -> str:
    """The edition of the Harmonised System in force in a year.

    Examples
    --------
    >>> vintage_of(1995), vintage_of(2012), vintage_of(2024)
    ('HS0', 'HS4', 'HS6')

    Raises
    ------
    ConcordanceError
    """
    if year < HS_VINTAGES["HS0"]:
        raise ConcordanceError(f"The Harmonised System begins in 1988; {year} is earlier.")
    return max((name for name, start in HS_VINTAGES.items() if start <= year), key=HS_VINTAGES.__getitem__)


@dataclass(frozen=True)
class ProductReading:
    """What a product code as written means: six digits or None, and the rule that was needed, if any."""

    code: str | None
    rule: str | None


def read_product(text: str, known: frozenset[str] | None = None) -> ProductReading:
    """Six digits of a Harmonised System code, however it was written; `read_products` for one code.

    Punctuation and a spreadsheet's ``.0`` go; an odd number of digits means that a leading zero was lost (chapters 1
    to 9), for codes have two, four, six, eight or ten. National digits beyond the sixth are cut.

    Parameters
    ----------
    known
        Codes of the vintage; with them, six digits that are in no vintage are ``product.unknown``.

    Examples
    --------
    >>> read_product("10121"), read_product("8703.23.00").code, read_product("8703").rule
    (ProductReading(code='010121', rule='product.leading_zero'), '870323', 'product.coarse')
    """
    return read_products({text: 1}, known)[text]


#: Words for all products together.
_ALL_PRODUCTS = word_list("all_products")

#: Codes of full length from which on a column's zeros tell what other software does to them.
_ENOUGH_CODES = 5


def read_products(
    counts: Mapping[str, int], known: frozenset[str] | None = None
) -> dict[str, ProductReading]:
    """What a column's codes mean, judged beside each other.

    Codes have an even number of digits; the usual one of the column tells what is short. A code one digit short lost a
    zero: its first, unless there is no such heading, the column's codes of full length keep theirs and none of them ends in a zero (then the last),
    or the concordance knows the other reading only. Where neither can be told from the other it is
    ``product.lost_zero``. In a column of headings with a point (``8703.23``) digits missing behind the point are zeros.

    Parameters
    ----------
    counts
        Lines by text.
    known
        As for `read_product`.

    Examples
    --------
    >>> [r.code for r in read_products({"8703.23": 5, "8703.2": 1, "201.1": 1}).values()]
    ['870323', '870320', '020110']
    """
    bare = {text: _bare_code(text) for text in counts}
    # Before a number's ``.00`` goes: behind the four digits of a heading it is the rest of the code.
    points = {
        text: found
        for text in counts
        if (found := re.fullmatch(r"(\d{3,4})\.(\d{1,6})", unwrapped(str(text)).strip()))
    }
    rows = sum(counts.values())
    # Headings alone, saved as numbers, all end in ``.0``.
    told = any(found[2] != "0" for found in points.values())
    dotted = told and 2 * sum(counts[text] for text in points) > rows
    width = max((len(found[2]) for found in points.values()), default=0)
    width += width % 2
    digits = {
        text: re.sub(r"[\s.\-_']", "", code).removeprefix("HS").removeprefix("hs")
        for text, code in bare.items()
        if text not in points or not dotted
    }
    numbers = {text: code for text, code in digits.items() if code.isdigit() and code.isascii()}
    zeros = _Zeros.of(numbers, counts)
    read: dict[str, ProductReading] = {}
    for text, code in bare.items():
        if text in points and dotted:
            read[text] = _pointed(points[text][1], points[text][2], width, known)
        elif text in numbers:
            read[text] = _plain_code(numbers[text], zeros, known)
        else:
            read[text] = ProductReading(None, _no_code(code))
    return read


def _bare_code(text: str) -> str:
    whole, gone = whole_number(unwrapped(str(text)))
    return "E+" if gone else whole


def _no_code(code: str) -> str:
    if code == "E+":
        return "product.digits_gone"
    letters = re.sub(r"[^A-Z0-9]", "", code.upper())
    return "product.total" if letters in _ALL_PRODUCTS else "product.unreadable"


@dataclass(frozen=True)
class _Zeros:
    """What a column's codes of full length tell of zeros: the length, how many there are, which begin or end with one."""

    length: int
    codes: int
    begin: bool
    end: bool

    @classmethod
    def of(cls, numbers: Mapping[str, str], counts: Mapping[str, int]) -> _Zeros:
        lengths: dict[int, int] = {}
        for text, code in numbers.items():
            if len(code) in (6, 8, 10, 12):
                lengths[len(code)] = lengths.get(len(code), 0) + counts[text]
        length = max(lengths, key=lambda size: lengths[size]) if lengths else 6
        full = {code for code in numbers.values() if len(code) == length}
        return cls(length, len(full), any(c[0] == "0" for c in full), any(c[-1] == "0" for c in full))


def _plain_code(code: str, zeros: _Zeros, known: frozenset[str] | None) -> ProductReading:
    if len(code) > 12 or not code.strip("0"):
        return ProductReading(None, "product.unreadable")
    if len(code) % 2 == 0:
        return _six(code, None, known)
    if len(code) < 5:
        return ProductReading(None, "product.coarse")
    first, last = (
        _six(f"0{code}", "product.leading_zero", known),
        _six(f"{code}0", "product.trailing_zero", known),
    )
    if code[0] == "0" or len(code) != zeros.length - 1 or zeros.codes < _ENOUGH_CODES:
        # Few codes beside it, or another length: spreadsheets eat leading zeros.
        return last if code[0] == "0" or (first.code is None and last.code is not None) else first
    if first.code is None or last.code is None:
        return first if last.code is None else last
    if zeros.begin and not zeros.end:
        return last
    if zeros.begin and zeros.end:
        return ProductReading(None, "product.lost_zero")
    return first


def _pointed(heading: str, rest: str, width: int, known: frozenset[str] | None) -> ProductReading:
    """A heading and what follows the point, each as long as the column's."""
    whole = f"{heading.zfill(4)}{rest.ljust(width, '0')}"
    lost = (
        "product.leading_zero" if len(heading) < 4 else "product.trailing_zero" if len(rest) < width else None
    )
    return _six(whole, lost, known)


@cache
def headings() -> Mapping[str, int]:
    """How many headings each chapter has had in any edition of 1988 to 2022: they are numbered without a gap."""
    return {row["chapter"]: int(row["headings"]) for row in read_rows(asset("codes/hs_headings.csv"), ",")}


def _has_heading(code: str) -> bool:
    """Whether a code lies in a heading that there is; chapters 98 and 99 are for national use."""
    return int(code[:2]) in CHAPTERS and int(code[2:4]) <= headings().get(code[:2], 99)


def _six(code: str, rule: str | None, known: frozenset[str] | None) -> ProductReading:
    if len(code) < 6 or (code[2:4] == "00" and int(code[:2]) in CHAPTERS):
        # A chapter filled up with zeros is one all the same.
        return ProductReading(None, "product.coarse")
    six = code[:6]
    if not _has_heading(six) or (known is not None and six not in known and six != NOT_SPECIFIED):
        return ProductReading(None, "product.unknown")
    return ProductReading(six, rule)


@dataclass(frozen=True, eq=False)
class Concordance:
    """How codes of one classification fall onto another.

    Parameters
    ----------
    source, target
        ``HS0`` to ``HS6``, ``ISIC3`` and so on.
    pairs
        Columns ``source``, ``target`` and ``weight``; the weights of a source code are positive and add up to one.
    """

    source: str
    target: str
    pairs: pd.DataFrame

    def __post_init__(self) -> None:
        pairs = self.pairs[["source", "target", "weight"]].drop_duplicates(["source", "target"])
        pairs = pairs.sort_values(["source", "target"], ignore_index=True)
        total = pairs.groupby("source")["weight"].transform("sum")
        object.__setattr__(self, "pairs", pairs.assign(weight=pairs["weight"] / total))

    @classmethod
    def from_pairs(cls, source: str, target: str, pairs: Iterable[tuple[str, str]]) -> Concordance:
        """Equal weights over the targets of each source code."""
        frame = pd.DataFrame(list(pairs), columns=["source", "target"], dtype="str").assign(weight=1.0)
        return cls(source, target, frame)

    @cached_property
    def splits(self) -> int:
        """Source codes that fall onto several targets: only there do weights matter."""
        return int((self.pairs["source"].value_counts() > 1).sum())

    def reversed(self) -> Concordance:
        """The concordance read backwards, with equal weights."""
        return Concordance.from_pairs(
            self.target, self.source, zip(self.pairs["target"], self.pairs["source"], strict=True)
        )

    def weighted_by(self, trade: Mapping[str, float] | pd.Series) -> Concordance:
        """Weights in proportion to trade observed in the target classification.

        Source codes none of whose targets is traded keep equal weights; where some are, the others get none.
        """
        observed = self.pairs["target"].map(pd.Series(trade, dtype=float)).fillna(0.0).clip(lower=0.0)
        silent = observed.groupby(self.pairs["source"]).transform("sum") == 0
        pairs = self.pairs.assign(weight=observed.where(~silent, 1.0))
        return Concordance(self.source, self.target, pairs[pairs["weight"] > 0])

    def then(self, other: Concordance) -> Concordance:
        """This concordance followed by another; weights multiply along the way.

        Raises
        ------
        ConcordanceError
            If the other does not start where this one ends.
        """
        if self.target != other.source:
            raise ConcordanceError(
                f"{self.source} to {self.target} cannot be followed by {other.source} to {other.target}."
            )
        joined = self.pairs.merge(other.pairs, left_on="target", right_on="source", suffixes=("", "_next"))
        weight = joined["weight"] * joined["weight_next"]
        pairs = pd.DataFrame({"source": joined["source"], "target": joined["target_next"], "weight": weight})
        added = pairs.groupby(["source", "target"])["weight"].sum().reset_index()
        return Concordance(self.source, other.target, added)

    def convert(
        self, table: pd.DataFrame, column: str, amounts: Sequence[str], *, unmapped: str = NOT_SPECIFIED
    ) -> pd.DataFrame:
        """A table with its codes in the target classification; amounts are split by weight, so totals stay.

        Rows with a code that the concordance does not hold get ``unmapped``; rows with equal labels are added up.
        """
        labels = [name for name in table if name not in (column, *amounts)]
        joined = table.merge(self.pairs, how="left", left_on=column, right_on="source")
        weight = joined["weight"].fillna(1.0)
        joined[column] = joined["target"].fillna(unmapped)
        for amount in amounts:
            joined[amount] = joined[amount] * weight
        grouped = joined.groupby([*labels, column], as_index=False, dropna=False, observed=True, sort=False)
        return grouped[list(amounts)].sum(min_count=1)[[*table.columns]]


def read_concordance(path: Path) -> Concordance:
    """Read a concordance as the World Bank (WITS), the United Nations or others publish them.

    Any table with two columns whose names tell classifications is understood: ``HS6_6d, HS5_6d``;
    ``HS 2017 Product Code, ISIC Revision 3 Product Code``; ``From HS 2022, To HS 2017``. A column ``weight`` is used
    where there is one.

    Raises
    ------
    ConcordanceError
        Saying which columns were found.
    """
    try:
        table = _read_codes(path)
    except (OSError, ValueError, ImportError, csv.Error) as error:
        raise ConcordanceError(f"{path.name} cannot be read as a table of codes: {error}") from error
    found: dict[str, str] = {}
    for column in table.columns:
        name = _classification_of(str(column))
        if name is not None and name not in found:
            found[name] = str(column)
    if len(found) < 2:
        raise ConcordanceError(
            f"{path.name}: two columns must name their classifications, as in HS6_6d, HS5_6d or 'HS 2017 Product "
            f"Code'. It has {', '.join(map(repr, table.columns[:8]))}."
        )
    (source, source_column), (target, target_column) = list(found.items())[:2]
    weights = read_numbers(table["weight"]).values if "weight" in table else np.ones(len(table))
    blank = table["weight"].isna().to_numpy(bool) if "weight" in table else np.zeros(len(table), dtype=bool)
    if (bad := ~(weights >= 0) & ~blank).any():
        text = str(table["weight"][bad].iloc[0])[:40]
        raise ConcordanceError(
            f"{path.name}: the weight {text!r} in row {int(bad.argmax()) + 1} is no number of 0 or more."
        )
    pairs = pd.DataFrame(
        {
            "source": table[source_column].map(lambda text: _whole_code(source, text)),
            "target": table[target_column].map(lambda text: _whole_code(target, text)),
            "weight": weights,
        }
    ).dropna()
    if pairs.empty:
        raise ConcordanceError(
            f"{path.name} holds no pair of codes in {source_column!r} and {target_column!r}."
        )
    return Concordance(source, target, pairs)


def _read_codes(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in (".xls", ".xlsx"):
        return pd.read_excel(path, dtype=str)
    return pd.read_csv(path, dtype=str, sep=None, engine="python", encoding_errors="replace")


def _classification_of(column: str) -> str | None:
    """Classification that a column's name tells, None for descriptions and for shorter codes."""
    text = re.sub(r"[\s_-]", "", column.casefold()).removeprefix("from").removeprefix("to")
    if "description" in text or re.search(r"(?<!6)(?<!isic3)(?<!isic4)(?<!isic2)[1-35]d$|hs\d4d$", text):
        return None
    if re.fullmatch(r"isic\d[1-3]d", text):
        return None
    text = re.sub(r"(productcode|code|[46]d|\(?subheading\)?)$", "", text)
    return _CLASSIFICATION.get(text)


def _whole_code(classification: str, text: object) -> str | None:
    digits = re.sub(r"\D", "", str(text)) if isinstance(text, str) else ""
    if not digits:
        return None
    width = 6 if classification.startswith("HS") else 4
    return digits.zfill(width) if len(digits) <= width else digits[:width]


class ProductCodes:
    """All concordances at hand, and what follows from them: known codes, ways between vintages, stable families."""

    def __init__(self, concordances: Iterable[Concordance]) -> None:
        self._direct = {(c.source, c.target): c for c in concordances}
        if not self._direct:
            raise ConcordanceError(
                "No concordance is at hand. Put UNSD or WITS concordance files into a folder and name it."
            )

    @classmethod
    def from_folder(cls, folder: Path) -> ProductCodes:
        """Read every concordance file in a folder; files that are none are left out.

        Raises
        ------
        ConcordanceError
            If there is no folder or none of its files is a concordance; the message repeats why.
        """
        files = sorted(
            p for p in folder.glob("*") if p.suffix.lower() in (".csv", ".tsv", ".txt", ".xls", ".xlsx")
        )
        return cls.from_files(files, str(folder))

    @classmethod
    def from_files(cls, files: Sequence[Path], where: str = "The list of files") -> ProductCodes:
        """Read concordance files; those that are none are left out, unless all are.

        Raises
        ------
        ConcordanceError
        """
        read, refused = [], []
        for path in files:
            try:
                read.append(read_concordance(path))
            except ConcordanceError as error:
                refused.append(str(error))
        if not read:
            raise ConcordanceError(f"{where} holds no concordance. " + " ".join(refused[:3]))
        return cls(read)

    @cached_property
    def classifications(self) -> tuple[str, ...]:
        """Names of the classifications that the concordances connect."""
        return tuple(sorted({name for pair in self._direct for name in pair}))

    def known(self, classification: str) -> frozenset[str]:
        """All codes of a classification that occur in a concordance."""
        codes: set[str] = set()
        for (source, target), concordance in self._direct.items():
            if source == classification:
                codes |= set(concordance.pairs["source"])
            if target == classification:
                codes |= set(concordance.pairs["target"])
        return frozenset(codes)

    def way(self, source: str, target: str) -> Concordance:
        """The concordance between two classifications: direct, backwards, or along the fewest steps.

        Raises
        ------
        ConcordanceError
            If no way leads there.
        """
        if source == target:
            known = self.known(source)
            return Concordance.from_pairs(source, target, zip(known, known, strict=True))
        steps = self._shortest(source, target)
        if steps is None:
            raise ConcordanceError(
                f"No way leads from {source} to {target}; the concordances at hand connect {', '.join(self.classifications)}."
            )
        return self._along(steps)

    def _along(self, steps: Sequence[str]) -> Concordance:
        hops = itertools.pairwise(steps)
        links = [
            self._direct[hop] if hop in self._direct else self._direct[hop[::-1]].reversed() for hop in hops
        ]
        whole = links[0]
        for link in links[1:]:
            whole = whole.then(link)
        return whole

    def _shortest(self, source: str, target: str) -> list[str] | None:
        ways, seen = [[source]], {source}
        while ways:
            way = ways.pop(0)
            if way[-1] == target:
                return way
            beside = {b for a, b in self._direct if a == way[-1]} | {
                a for a, b in self._direct if b == way[-1]
            }
            for name in sorted(beside - seen):
                seen.add(name)
                ways.append([*way, name])
        return None

    def families(self, vintages: Sequence[str] | None = None) -> pd.DataFrame:
        """Families of codes that no revision cuts through: connected components over all vintages.

        Two codes are of one family when a chain of revisions links them (Pierce and Schott 2012); trade added up by
        family can be compared over all the years that the vintages cover.

        Parameters
        ----------
        vintages
            Which editions to connect; all that are at hand, unless given.

        Returns
        -------
        DataFrame
            Columns ``vintage``, ``code``, ``family`` (named by its smallest code in the oldest vintage) and ``codes``
            (number of codes of that vintage in the family).
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        names = [
            c for c in self.classifications if c.startswith("HS") and (vintages is None or c in vintages)
        ]
        nodes = [(name, code) for name in names for code in sorted(self.known(name))]
        position = {node: i for i, node in enumerate(nodes)}
        ends = [
            (position[a, s], position[b, t])
            for (a, b), concordance in self._direct.items()
            if a in names and b in names
            for s, t in zip(concordance.pairs["source"], concordance.pairs["target"], strict=True)
        ]
        rows, columns = np.array(ends, dtype=int).reshape(-1, 2).T
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(nodes), len(nodes)))
        component = connected_components(graph, directed=False)[1]
        frame = pd.DataFrame(nodes, columns=["vintage", "code"]).assign(component=component)
        # Nodes are in the order of vintages, then codes: the first of a component names it.
        frame["family"] = frame.groupby("component")["code"].transform("first")
        frame["family"] += frame.groupby("component")["vintage"].transform("first").str[-1].radd("-")
        frame["codes"] = frame.groupby(["component", "vintage"])["code"].transform("size")
        return frame[["vintage", "code", "family", "codes"]]
