"""Published gravity tables: The Log of Gravity, table 3, and the Advanced Guide, chapter 1, table 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification, every
from firmtrade_core.published.replication import PRINTED, Replication, Row, published

LOG_OF_GRAVITY_TABLE = "log-of-gravity/log_of_gravity.dta"
GUIDE_PANEL = "agtpa/panel_1986_2006.parquet"

#: Published with three decimals, and with four.
THREE_DECIMALS, FOUR_DECIMALS = 0.0005 + 1e-9, 0.0001

#: Cause of a band of one unit of the fourth decimal.
ONE_UNIT = "one unit of the last printed digit: half for rounding, half for where iterative estimates stop"

HEADINGS = {
    "ols_log": "OLS on logs",
    "ppml_positive": "PPML, positive flows",
    "ppml_all": "PPML, all flows",
    "ols": "OLS",
    "ols_remoteness": "OLS with remoteness",
    "ols_fixed_effects": "OLS with effects",
    "ppml_fixed_effects": "PPML with effects",
}

#: What the guide's table calls variables that are computed from the panel.
GUIDE_TERMS = {
    "log_dist": "log(dist)",
    "log_y": "log_output",
    "log_e": "log_expenditure",
    "log_remoteness_exp": "log_remoteness_exporter",
    "log_remoteness_imp": "log_remoteness_importer",
}


def log_of_gravity(table: pd.DataFrame, regressors: tuple[str, ...]) -> dict[str, GravityEstimate]:
    """The three columns of the paper's table: 136 countries in 1990, no effects, White errors."""
    named = table.rename(columns={"s2_ex": "exporter", "s1_im": "importer"})
    panel = GravityPanel.from_table(named[["exporter", "importer", "trade", *regressors]])
    ppml = GravitySpecification(regressors, (), clusters=(), domestic=False)
    return {
        "ols_log": estimate(panel, ppml.with_(estimator="ols")),
        "ppml_positive": estimate(panel, ppml.with_(zeros=False)),
        "ppml_all": estimate(panel, ppml),
    }


def guide_table(table: pd.DataFrame) -> dict[str, GravityEstimate]:
    """The four columns of the guide's table: 69 countries, 1986 to 2006 every four years, trade between them.

    Outputs, expenditures and remoteness include sales at home, which are then left out. The guide's pairs are
    the same both ways round.
    """
    panel = GravityPanel.from_table(table)
    ppml = GravitySpecification(
        ("log(dist)", "cntg", "lang", "clny"),
        clusters=("symmetric_pair",),
        domestic=False,
        years=every(4, 1986, 2006),
    )
    sizes = ppml.with_(regressors=(*ppml.regressors, "log_output", "log_expenditure"), effects=())
    return {
        "ols": estimate(panel, sizes.with_(estimator="ols")),
        "ols_remoteness": estimate(panel, sizes.with_(estimator="ols_remoteness")),
        "ols_fixed_effects": estimate(panel, ppml.with_(estimator="ols")),
        "ppml_fixed_effects": estimate(panel, ppml),
    }


def compute_log_of_gravity(folder: Path) -> list[Row]:
    """Published against ours, every coefficient but the constants."""
    target = published("santos_silva_tenreyro_2006_table3")
    found = log_of_gravity(pd.read_stata(folder / LOG_OF_GRAVITY_TABLE), tuple(target["term"].unique()))
    return [*_against(target, found, {}, THREE_DECIMALS)]


def compute_guide_table(folder: Path) -> list[Row]:
    """Published against ours: coefficients and clustered errors."""
    found = guide_table(pd.read_parquet(folder / GUIDE_PANEL))
    return [*_against(published("agtpa_table1"), found, GUIDE_TERMS, FOUR_DECIMALS, ONE_UNIT)]


def _against(
    target: pd.DataFrame,
    found: Mapping[str, GravityEstimate],
    terms: Mapping[str, str],
    band: float,
    cause: str = PRINTED,
) -> Iterator[Row]:
    for record in target.to_dict(orient="records"):
        column, term = str(record["column"]), str(record["term"])
        estimates = found[column]
        values = {"estimate": estimates.coefficients, "std_error": estimates.standard_errors}
        for kind, words in (("estimate", ""), ("std_error", ", standard error")):
            if kind in record:
                ours, theirs = values[kind][terms.get(term, term)], float(record[kind])
                yield Row(
                    f"{HEADINGS[column]}{words}",
                    term,
                    "log points per unit",
                    theirs,
                    ours,
                    ours - theirs,
                    band,
                    cause=cause,
                )


LOG_OF_GRAVITY = Replication(
    name="log-of-gravity",
    title="The Log of Gravity",
    citation=(
        "Santos Silva, J. M. C. and S. Tenreyro (2006). The Log of Gravity. Review of Economics and Statistics "
        "88(4), 641-658, table 3."
    ),
    files=(LOG_OF_GRAVITY_TABLE,),
    origin="the authors' page of the paper, The Log of Gravity (Stata file).",
    compute=compute_log_of_gravity,
    notes=("All 14 coefficients of the three columns, published with three decimals.",),
)

GUIDE_TABLE = Replication(
    name="gravity-guide",
    title="Traditional and structural gravity",
    citation=(
        "Yotov, Y. V., R. Piermartini, J.-A. Monteiro and M. Larch (2016). An Advanced Guide to Trade Policy "
        "Analysis: The Structural Gravity Model. UNCTAD and WTO, chapter 1, table 1."
    ),
    files=(GUIDE_PANEL,),
    origin=(
        "the data that accompany the guide (UNCTAD, vi.unctad.org/tpa), chapter 1, application 1; also the table "
        "agtpa_applications of the R package tradepolicy."
    ),
    compute=compute_guide_table,
    notes=("Errors are clustered by pair, the same both ways round.",),
)
