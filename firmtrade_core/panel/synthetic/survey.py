"""What a survey makes of the truth: answers with error, and answers that are not given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from firmtrade_core.panel.synthetic.structure import SyntheticDesign

Array = NDArray[np.float64]

#: Answers on a scale from 0 to 1, and from 0 upwards: how each takes error.
SHARES = ("skill_share", "on_time_delivery", "digital_presence")
AMOUNTS = ("rnd_intensity", "imported_input_share", "capital")

#: Questions, and how often each is skipped, relative to the mean.
SURVEYED = {
    "skill_share": 0.8,
    "on_time_delivery": 1.2,
    "digital_presence": 0.6,
    "rnd_intensity": 1.6,
    "imported_input_share": 0.9,
    "capital": 1.3,
    "foreign_ownership": 0.5,
    "trade_finance": 1.1,
}

#: How the log odds of silence fall in size and in manager quality, both standardised.
SILENCE_OF_THE_SMALL, SILENCE_OF_THE_BAD = 0.4, 0.25

#: Share of silence that is a whole questionnaire not returned, the rest single answers.
WHOLE_QUESTIONNAIRE = 0.4


def survey(
    table: pd.DataFrame, manager_quality: Array, design: SyntheticDesign, generator: np.random.Generator
) -> pd.DataFrame:
    """The firm table as observed.

    Errors are classical on the log-odds scale (shares) or the log scale (amounts). Silence is likelier among the
    small (which the table shows) and under bad managers (which it does not: missing not at random).

    Parameters
    ----------
    table
        The truth, one row by firm and year.
    manager_quality : (rows,)
    """
    seen = table.copy()
    noise = dict(zip((*SHARES, *AMOUNTS), generator.standard_normal((6, len(table))), strict=True))
    for name in SHARES:
        middle = np.clip(table[name].to_numpy(), 1e-3, 1 - 1e-3)
        seen[name] = expit(logit(middle) + design.measurement_error * noise[name])
    for name in AMOUNTS:
        spread = design.measurement_error * (1 / 3 if name == "capital" else 1)
        answer = table[name].to_numpy() * np.exp(spread * noise[name])
        seen[name] = answer if name == "capital" else np.minimum(answer, 1.0)
    silent = _silence(table["employment"].to_numpy(dtype=float), manager_quality, design, generator)
    seen[list(SURVEYED)] = seen[list(SURVEYED)].mask(silent)
    return seen


def _silence(
    employment: Array, manager_quality: Array, design: SyntheticDesign, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Unanswered questions, (rows, questions)."""
    if design.missing == 0:
        return np.zeros((len(employment), len(SURVEYED)), dtype=bool)
    size = np.log(employment)
    standard = (size - size.mean()) / max(size.std(), 1e-9)
    tilt = np.exp(-SILENCE_OF_THE_SMALL * standard - SILENCE_OF_THE_BAD * manager_quality)
    odds = tilt / tilt.mean()
    whole = design.missing * WHOLE_QUESTIONNAIRE
    single = (design.missing - whole) / (1 - whole)
    unreturned = generator.random(len(odds)) < np.minimum(whole * odds, 0.95)
    rate = np.minimum(single * odds[:, None] * np.array(list(SURVEYED.values())), 0.95)
    skipped = generator.random(rate.shape) < rate
    return np.asarray(unreturned[:, None] | skipped)
