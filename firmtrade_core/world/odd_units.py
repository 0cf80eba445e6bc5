"""One country in other units than the rest: tariffs in percent among fractions, sales in thousands among millions.

A whole table in the wrong unit shows in its means; one country does not. Its rates are held against what others levy on the
same goods of the same origins' sectors, and its sales abroad against its own purchases there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: An importer's rates are in doubt from so many times what others levy on the same sectors, at the median, where its own
#: mean where one is paid is at least `HIGH_MEAN` or some rate at least `HIGH_RATE`.
TIMES_OTHERS, HIGH_MEAN, HIGH_RATE = 8.0, 0.5, 2.0

#: Or where its own mean is so high by itself, and so many times the others' median mean.
MEAN_ALONE, TIMES_MEANS = 1.0, 20.0

#: Sales abroad in doubt: so many times what the country buys abroad, or so small a part of it; with so many partners.
TIMES_PURCHASES, FEWEST_PARTNERS = 100.0, 3

#: Countries out of scale at most that are asked about.
MOST_OUT_OF_SCALE = 3


def importers_in_percent(importer: pd.Series, sector: pd.Series, rate: Array) -> list[str]:
    """Importers whose tariffs look like percent among others' fractions.

    Parameters
    ----------
    importer, sector : Series
    rate : (rows,)
        Fractions; NaN where unknown.
    """
    table = pd.DataFrame({"importer": importer.astype(str), "sector": sector.astype(str), "rate": rate})
    paid = table[np.isfinite(rate) & (rate > 0)]
    if paid["importer"].nunique() < 3:
        return []
    own = paid.groupby(["importer", "sector"])["rate"].median().unstack("sector")
    logs = np.log(own.to_numpy(float))
    means = paid.groupby("importer")["rate"].mean()
    found = []
    for place, name in enumerate(own.index):
        others = np.delete(logs, place, axis=0)
        known = np.isfinite(logs[place]) & np.isfinite(others).any(axis=0)
        if not known.any():
            continue
        gap = float(np.median(logs[place, known] - np.nanmedian(others[:, known], axis=0)))
        rates = paid.loc[paid["importer"] == name, "rate"]
        unlike = gap >= np.log(TIMES_OTHERS) and (rates.mean() >= HIGH_MEAN or rates.max() >= HIGH_RATE)
        alone = means[name] >= MEAN_ALONE and means[name] >= TIMES_MEANS * means.drop(name).median()
        if unlike or alone:
            found.append(str(name))
    return found


def sellers_out_of_scale(exporter: pd.Series, importer: pd.Series, value: Array) -> list[tuple[str, float]]:
    """Countries that sell abroad a hundred times what they buy there, or a hundredth: code and how many times."""
    table = pd.DataFrame(
        {"exporter": exporter.astype(str), "importer": importer.astype(str), "value": np.nan_to_num(value)}
    )
    abroad = table[(table["exporter"] != table["importer"]) & (table["value"] > 0)]
    abroad = abroad.groupby(["exporter", "importer"])["value"].sum().reset_index()
    found: list[tuple[str, float]] = []
    # The farthest first: what one country sells in another unit makes its partners' purchases odd, too.
    while len(found) <= MOST_OUT_OF_SCALE:
        sides = [abroad.groupby(side)["value"].sum() for side in ("exporter", "importer")]
        partners = abroad.groupby("exporter")["importer"].nunique()
        both = pd.concat([*sides, partners], axis=1, keys=["sold", "bought", "partners"]).dropna()
        both = both[both["partners"] >= FEWEST_PARTNERS]
        if both.empty:
            return found
        times = both["sold"] / both["bought"]
        farthest = times.index[int(np.abs(np.log(times.to_numpy(float))).argmax())]
        if abs(np.log(float(times[farthest]))) < np.log(TIMES_PURCHASES):
            return found
        found.append((str(farthest), float(times[farthest])))
        abroad = abroad[abroad["exporter"] != farthest]
    # Where many are out of scale, the table is of a kind of its own: one-sided, or of one country's reports.
    return []


def true_or_false(column: pd.Series) -> bool:
    """Whether a column of rates holds true and false, which would be read as 100 % and 0."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return True
    words = column.dropna().astype(str).str.strip().str.casefold()
    return bool(len(words)) and set(words.unique()) <= {"true", "false"}


def percent_words(names: list[str]) -> str:
    """What is said of such importers, with what to do."""
    return (
        f"Tariffs of {', '.join(names[:10])} are many times what others levy on the same sectors: they look like percent among "
        "fractions. Divide them by 100, or insist that they are meant (insist=True)."
    )


def scale_words(found: list[tuple[str, float]]) -> str:
    """What is said of such sellers, with what to do."""
    told = "; ".join(
        f"{name} sells abroad {times:.3g} times what it buys there" for name, times in found[:10]
    )
    return f"{told}. That looks like another unit (thousands among millions). Mend the values, or insist that they are meant (insist=True)."
