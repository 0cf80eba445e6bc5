"""Which records are the same firm: probabilistic linkage of names and addresses (Fellegi and Sunter), by splink on DuckDB.

Names live in a database in memory that ends with the call. What leaves is identifiers and probabilities; names come
along only in the list for clerical review, which the caller shows and forgets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from firmtrade_core.harmonise.errors import LinkageError
from firmtrade_core.harmonise.names import is_placeholder, plain_address, plain_name, sorted_words
from firmtrade_core.jobs import Progress, silent

#: Fewest records on each side: below it, frequencies tell nothing.
_FEWEST = 20

#: Most records that may share a key for it to be worth comparing them all.
_MOST_SHARED = 100

#: In memory only, never on disk, and never more than this.
_PRIVATE: dict[str, str | bool | int | float | list[str]] = {
    "threads": "1", "memory_limit": "3GB", "temp_directory": "", "autoinstall_known_extensions": "false",
}  # fmt: skip

PAIR_COLUMNS = ("left", "right", "probability")


@dataclass(frozen=True)
class LinkagePlan:
    """What counts as a link.

    Parameters
    ----------
    accept
        Probability from which on a pair is linked without asking.
    review
        Probability from which on a pair is shown to a person.
    seed
        Of the sample that chance agreement is learned from.
    """

    accept: float = 0.95
    review: float = 0.30
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.accept <= 1:
            raise LinkageError(
                f"Thresholds are 0 < review <= accept <= 1; these are {self.review} and {self.accept}."
            )


@dataclass(frozen=True, eq=False)
class Linkage:
    """Pairs that may be the same firm.

    Parameters
    ----------
    pairs
        Columns ``left``, ``right`` (identifiers) and ``probability``, likeliest first; all pairs from the plan's
        ``review`` on.
    plan
    names
        By ``("left", identifier)`` and ``("right", identifier)``; only for the review.
    """

    pairs: pd.DataFrame
    plan: LinkagePlan
    names: dict[tuple[str, str], str]

    def links(self, decisions: pd.DataFrame | None = None) -> pd.DataFrame:
        """One-to-one links: the likeliest pairs first, a person's decisions before all.

        Where two pairs of a record are about as likely (odds within a factor of two), neither is linked: both wait
        in `review`.

        Parameters
        ----------
        decisions
            Columns ``left``, ``right`` and ``same`` (true or false).
        """
        ranked = self.pairs.assign(decided=False)
        if decisions is not None and len(decisions):
            ruled = decisions.astype({"left": "str", "right": "str"})
            ranked = self.pairs.merge(ruled[["left", "right", "same"]], how="outer", on=["left", "right"])
            refused = ranked["same"].eq(False).fillna(False)
            ranked["decided"] = ranked["same"].eq(True).fillna(False)
            ranked["probability"] = ranked["probability"].fillna(0.0)
            ranked = ranked[~refused.astype(bool)]
        accepted = ranked[ranked["decided"].astype(bool) | (ranked["probability"] >= self.plan.accept)]
        accepted = accepted[accepted["decided"].astype(bool) | ~_tied(accepted)]
        accepted = accepted.sort_values(
            ["decided", "probability", "left", "right"], ascending=[False, False, True, True]
        )
        return _one_to_one(accepted)[[*PAIR_COLUMNS]]

    def review(self) -> pd.DataFrame:
        """Pairs for a person to decide: in doubt, or with a rival that is as likely or likelier.

        Columns ``left``, ``left_name``, ``right``, ``right_name``, ``probability``, ``reason``; most doubtful first.
        """
        taken = self.links()
        linked = set(zip(taken["left"], taken["right"], strict=True))
        beaten = self.pairs["probability"] >= self.plan.accept
        keys = pd.Series(
            list(zip(self.pairs["left"], self.pairs["right"], strict=True)), index=self.pairs.index
        )
        shown = self.pairs[~keys.isin(linked)].copy()
        shown["reason"] = np.where(
            beaten[shown.index],
            np.where(_tied(self.pairs)[shown.index], "another pair is as likely", "another pair is likelier"),
            "in doubt",
        )
        for side in ("left", "right"):
            shown[f"{side}_name"] = [self.names.get((side, key), "") for key in shown[side]]
        shown = shown.sort_values("probability", key=lambda p: (p - 0.5).abs(), ignore_index=True)
        return shown[["left", "left_name", "right", "right_name", "probability", "reason"]]

    def expected_precision(self) -> float:
        """Mean probability of the links: what the model itself expects; check it with `accuracy`."""
        links = self.links()
        return float(links["probability"].mean()) if len(links) else float("nan")

    def accuracy(self, labelled: pd.DataFrame, thresholds: Sequence[float] | None = None) -> pd.DataFrame:
        """Precision and recall on labelled pairs, by threshold.

        Pairs that were never compared count as not linked.

        Parameters
        ----------
        labelled
            Columns ``left``, ``right`` and ``same``.

        Returns
        -------
        DataFrame
            ``threshold``, ``precision``, ``recall``, ``f1`` and the counts behind them.

        Raises
        ------
        LinkageError
            If no labelled pair is the same firm.
        """
        if not len(labelled) or not labelled["same"].astype(bool).any():
            raise LinkageError("Precision and recall need labelled pairs, some of them the same firm.")
        marked = labelled.astype({"left": "str", "right": "str"}).merge(
            self.pairs, how="left", on=["left", "right"]
        )
        probability, same = marked["probability"].fillna(0.0).to_numpy(), marked["same"].to_numpy(bool)
        rows = []
        for threshold in thresholds or (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
            said = probability >= threshold
            right, wrong, missed = (
                int((said & same).sum()),
                int((said & ~same).sum()),
                int((~said & same).sum()),
            )
            precision = right / (right + wrong) if right + wrong else float("nan")
            recall = right / (right + missed)
            f1 = 2 * right / (2 * right + wrong + missed)
            rows.append((threshold, precision, recall, f1, right, wrong, missed))
        return pd.DataFrame(
            rows, columns=["threshold", "precision", "recall", "f1", "right", "wrong", "missed"]
        )


def _tied(pairs: pd.DataFrame) -> pd.Series:
    """Whether another pair of the same left or right record has at least half the odds of a pair."""
    odds = pairs["probability"] / (1 - pairs["probability"]).clip(lower=1e-12)
    tied = pd.Series(False, index=pairs.index)
    for side in ("left", "right"):
        ranked = odds.sort_values(ascending=False)
        keys = pairs[side].reindex(ranked.index)
        place = ranked.groupby(keys).cumcount()
        best = ranked.groupby(keys).transform("first")
        second = ranked.where(place == 1).groupby(keys).transform("max").fillna(0.0)
        tied |= ((second >= best / 2) & (ranked >= best / 2)).reindex(pairs.index)
    return tied


def _one_to_one(ranked: pd.DataFrame) -> pd.DataFrame:
    """Pairs in order of rank, each side used once."""
    left_taken: set[str] = set()
    right_taken: set[str] = set()
    kept = []
    for row, (left, right) in enumerate(zip(ranked["left"], ranked["right"], strict=True)):
        if left not in left_taken and right not in right_taken:
            left_taken.add(left)
            right_taken.add(right)
            kept.append(row)
    return ranked.iloc[kept].reset_index(drop=True)


def link(
    left: pd.DataFrame,
    right: pd.DataFrame,
    plan: LinkagePlan | None = None,
    *,
    progress: Progress = silent,
) -> Linkage:
    """Pairs of records of two sources that may be the same firm.

    Parameters
    ----------
    left, right
        Columns ``id`` (unique) and ``name``; ``address`` and ``place`` (town or post code) where both have them.

    Raises
    ------
    LinkageError
        If a column is missing, identifiers repeat, or there are too few records to learn from.
    """
    plan = plan or LinkagePlan()
    sides = {"left": _checked(left, "left"), "right": _checked(right, "right")}
    used = [
        c for c in ("address", "place") if all(c in side and side[c].notna().any() for side in sides.values())
    ]
    names = {(side, key): name for side, table in sides.items() for key, name in zip(table["id"], table["name"], strict=True)}  # fmt: skip
    progress(0.05, "Writing names alike")
    prepared = [_prepared(table, used) for table in sides.values()]
    _mark_keys(prepared)
    pairs = _predict(prepared, used, plan, progress, "link_only")
    return Linkage(pairs, plan, names)


def find_twins(
    table: pd.DataFrame, plan: LinkagePlan | None = None, *, progress: Progress = silent
) -> pd.Series:
    """Identifier of the first record of the same firm within one source, by identifier.

    Pairs from the plan's ``accept`` on are joined, and whatever is connected through them.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    plan = plan or LinkagePlan()
    checked = _checked(table, "table")
    used = [c for c in ("address", "place") if c in checked and checked[c].notna().any()]
    prepared = [_prepared(checked, used)]
    _mark_keys(prepared)
    pairs = _predict(prepared, used, plan, progress, "dedupe_only")
    pairs = pairs[pairs["probability"] >= plan.accept]
    position = {key: i for i, key in enumerate(checked["id"])}
    ends = pairs["left"].map(position).to_numpy(int), pairs["right"].map(position).to_numpy(int)
    graph = coo_array((np.ones(len(pairs)), ends), shape=(len(checked), len(checked)))
    group = connected_components(graph, directed=False)[1]
    return checked.groupby(group)["id"].transform("first").set_axis(checked["id"])


def _checked(table: pd.DataFrame, where: str) -> pd.DataFrame:
    if missing := {"id", "name"} - set(table.columns):
        raise LinkageError(f"The {where} records lack the column {' and '.join(sorted(missing))}.")
    named = table["name"].notna() & ~table["name"].astype(str).map(is_placeholder)
    kept = table[named].astype({"id": "str", "name": "str"}).reset_index(drop=True)
    if kept["id"].duplicated().any():
        raise LinkageError(f"Identifiers of the {where} records repeat; keep one row by firm.")
    if len(kept) < _FEWEST:
        raise LinkageError(
            f"The {where} records hold {len(kept)} names; linkage needs at least {_FEWEST} to learn from."
        )
    return kept


def _prepared(table: pd.DataFrame, used: Sequence[str]) -> pd.DataFrame:
    name = table["name"].map(plain_name)
    prepared = pd.DataFrame({"unique_id": table["id"], "name": name, "name_sorted": name.map(sorted_words)})
    if "address" in used:
        prepared["address"] = table["address"].fillna("").astype(str).map(plain_address).replace("", None)
    if "place" in used:
        prepared["place"] = table["place"].fillna("").astype(str).map(plain_name).replace("", None)
    written = ["name", "name_sorted"]
    prepared[written] = prepared[written].replace("", None)
    return prepared


def _mark_keys(tables: Sequence[pd.DataFrame]) -> None:
    """Columns ``key_...``: what likely twins share. Only pairs that share one are compared.

    The two rarest words of a name that at least one other name has (a word of one name alone is likely misspelt), the
    beginnings of the name as written and sorted, and the beginning and number of the address. Keys that many share
    tell nothing, and comparing all that share them would take forever: they are left empty.
    """
    counts = pd.concat([t["name"].dropna().str.split().explode() for t in tables]).value_counts().to_dict()

    def rare(name: object, place: int) -> str | None:
        words = (
            {w for w in str(name).split() if len(w) > 2 and counts[w] > 1} if isinstance(name, str) else set()
        )
        ranked = sorted(words, key=lambda w: (counts[w], w))
        return ranked[place] if len(ranked) > place else None

    for table in tables:
        table["key_rare"] = table["name"].map(lambda name: rare(name, 0))
        table["key_rare_2"] = table["name"].map(lambda name: rare(name, 1))
        table["key_start"] = table["name"].str.replace(" ", "").str[:8]
        table["key_sorted"] = table["name_sorted"].str.replace(" ", "").str[:10]
        if "address" in table:
            digits = table["address"].str.replace(r"\D", "", regex=True)
            table["key_address"] = table["address"].str.replace(" ", "").str[:12] + " " + digits
    for key in [c for c in map(str, tables[0]) if c.startswith("key_")]:
        met = pd.concat([t[key] for t in tables]).value_counts()
        common = set(met.index[met > _MOST_SHARED])
        for table in tables:
            table[key] = table[key].where(~table[key].isin(common), None)


def _letters_of_one_byte(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The tables with names and addresses in which one letter is one byte, as far as there are bytes for them.

    DuckDB measures likeness by bytes. Letters of other alphabets than the Latin are two or more of them, of which the first is
    the same for all: different names would look alike. Each letter gets a sign that no text has; equal stays equal.
    Some 85 letters have room, the commonest first: any alphabet, but not all Chinese characters.
    """
    written = [c for c in ("name", "name_sorted", "address") if c in tables[0]]
    count = Counter("".join(text for table in tables for c in written for text in table[c].dropna()))
    wide = [
        letter
        for letter, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))
        if ord(letter) > 127
    ]
    free = [chr(code) for code in range(33, 127) if chr(code) not in count]
    signs = str.maketrans(dict(zip(wide, free, strict=False)))
    return [
        table.assign(
            **{c: table[c].map(lambda text: text.translate(signs), na_action="ignore") for c in written}
        )
        for table in tables
    ]


def _predict(
    tables: Sequence[pd.DataFrame],
    used: Sequence[str],
    plan: LinkagePlan,
    progress: Progress,
    kind: Literal["link_only", "dedupe_only"],
) -> pd.DataFrame:
    import duckdb
    from splink import DuckDBAPI, Linker, block_on
    from splink.internals.exceptions import EMTrainingException

    tables = _letters_of_one_byte(tables)
    keys = [str(column) for column in tables[0]]
    blocks: list[Any] = [block_on(key) for key in keys if key.startswith("key_")]
    blocks += ["l.key_rare = r.key_rare_2", "l.key_rare_2 = r.key_rare"]
    # In memory: names are on no disk, and gone with the connection.
    with duckdb.connect(config=_PRIVATE) as connection:
        database = DuckDBAPI(connection)
        registered = [
            database.register(table, dataset_display_name=f"side_{n}") for n, table in enumerate(tables)
        ]
        progress(0.15, "Learning how often different firms agree by chance")
        settings = _chance_learned(registered[0], len(tables[0]), used, blocks, plan.seed)
        linker = Linker(registered, settings | {"link_type": kind}, log_level="ERROR")
        linker.training.estimate_probability_two_random_records_match([block_on("name_sorted")], recall=0.6)
        progress(0.4, "Learning how the same firm is written twice")
        learned, lessons = 0, _training_blocks(used)
        for block in lessons:
            # Where no pair agrees on something there is nothing to learn from it.
            with suppress(EMTrainingException):
                linker.training.estimate_parameters_using_expectation_maximisation(block)
                learned += 1
        if lessons and not learned:
            progress(1.0, "Nothing matches")
            return pd.DataFrame(columns=list(PAIR_COLUMNS)).astype(
                {"left": "str", "right": "str", "probability": float}
            )
        progress(0.6, "Comparing pairs")
        predicted = linker.inference.predict(threshold_match_probability=plan.review)
        found = connection.execute(
            f"SELECT unique_id_l, unique_id_r, source_dataset_l, match_probability FROM {predicted.physical_name}"
            if kind == "link_only"
            else f"SELECT unique_id_l, unique_id_r, 'side_0', match_probability FROM {predicted.physical_name}"
        ).fetchall()
    progress(1.0, "Linked")
    rows = [(a, b, p) if side == "side_0" else (b, a, p) for a, b, side, p in found]
    pairs = pd.DataFrame(rows, columns=list(PAIR_COLUMNS)).astype({"left": "str", "right": "str"})
    return pairs.sort_values(
        ["probability", "left", "right"], ascending=[False, True, True], ignore_index=True
    )


def _chance_learned(
    first: Any, records: int, used: Sequence[str], blocks: Sequence[Any], seed: int
) -> dict[str, Any]:
    """Settings with the shares of agreement between different firms, learned within one source.

    Between two sources, random pairs would hold true pairs, which in small sources are most of those that agree.
    """
    from splink import Linker

    learner = Linker([first], _settings(used, blocks, "dedupe_only"), log_level="ERROR")
    learner.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
    settings: dict[str, Any] = learner.misc.save_model_to_json()
    # What was never met among n (n - 1) / 2 pairs is rarer than one of them.
    floor = 1 / max(records * (records - 1), 2)
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level"):
                level["u_probability"] = max(level.get("u_probability") or 0.0, floor)
    return settings


def _training_blocks(used: Sequence[str]) -> list[Any]:
    """Rules under which likely pairs are gathered to learn from; no rule teaches the column it holds fixed.

    A name alone teaches nothing about itself: then `_USUAL` stands.
    """
    from splink import block_on

    return [block_on("key_address"), block_on("name_sorted")] if "address" in used else []


#: How the same firm's name is usually written twice: shares of equal, nearly equal, alike, somewhat alike, different.
_USUAL = (0.60, 0.18, 0.12, 0.06, 0.04)


def _settings(used: Sequence[str], blocks: Sequence[Any], kind: Literal["link_only", "dedupe_only"]) -> Any:
    import splink.comparison_library as cl
    from splink import SettingsCreator

    both = "greatest(jaro_winkler_similarity(name_l, name_r), jaro_winkler_similarity(name_sorted_l, name_sorted_r))"
    levels: list[dict[str, Any]] = [
        {"sql_condition": "name_l IS NULL OR name_r IS NULL", "label_for_charts": "missing", "is_null_level": True},
        {"sql_condition": "name_sorted_l = name_sorted_r", "label_for_charts": "equal"},
        {"sql_condition": f"{both} >= 0.96", "label_for_charts": "nearly equal"},
        {"sql_condition": f"{both} >= 0.90", "label_for_charts": "alike"},
        {"sql_condition": f"{both} >= 0.82", "label_for_charts": "somewhat alike"},
        {"sql_condition": "ELSE", "label_for_charts": "different"},
    ]  # fmt: skip
    for level, share in zip(levels[1:], _USUAL, strict=True):
        level["m_probability"] = share
    comparisons: list[Any] = [{"output_column_name": "name", "comparison_levels": levels}]
    if "address" in used:
        comparisons.append(cl.JaroWinklerAtThresholds("address", [0.95, 0.85]))
    if "place" in used:
        comparisons.append(cl.ExactMatch("place").configure(term_frequency_adjustments=True))
    return SettingsCreator(
        link_type=kind,
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=list(blocks),
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
