"""Instruments that move an attribute in any shape: a cross-fitted first stage in place of straight lines.

Where E[e | x, z] = 0, the best single instrument for the partially linear model is ``E[d | x, z] - E[d | x]`` (Chamberlain
1987; with learners and folds, CCDDHNR18 and Belloni, Chen, Chernozhukov, Hansen 2012). A firm's own attribute takes no part
in its prediction, so that many shapes do not make a weak instrument look strong, and the effective F of the one prediction
is its test. It asks for more than an ordinary instrument does: that z says nothing of what is left out, in any shape.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.channels.crossfit import CrossFit, residuals
from firmtrade_core.channels.learners import choose, out_of_fold
from firmtrade_core.channels.weak import WEAK, first_stage

Array = NDArray[np.float64]

#: What a shape is looked for by, besides the learners asked for.
SHAPES = ("splines", "boosting")

#: Ends the name of such an instrument.
IN_ANY_SHAPE = "in any shape"


def strengthened(fits: CrossFit) -> CrossFit:
    """The fits with one instrument, the attribute's cross-fitted prediction, where straight lines are weak and it is strong.

    They come back as they are where the instruments are strong as they stand, where no shape makes them so, or where
    straight lines predict best (then they are weak in truth).
    """
    names = fits.data.instrument_names
    if not names or first_stage(residuals(fits, instruments=True), fits.data.firm).effective_f >= WEAK:
        return fits
    learner, prediction = _predicted(fits)
    if learner == "linear" or np.ptp(prediction) == 0:
        return fits
    label = f"{' and '.join(names)} {IN_ANY_SHAPE}"
    other = fits.with_data(
        replace(fits.data, instruments=pd.DataFrame({label: prediction}, index=fits.data.instruments.index))
    )
    strong = first_stage(residuals(other, instruments=True), fits.data.firm).effective_f >= WEAK
    return other if strong else fits


def _predicted(fits: CrossFit) -> tuple[str, Array]:
    """The learner with the smallest loss, and what controls and instruments say of the attribute's residual, (R,)."""
    data, settings = fits.data, fits.settings
    known = np.column_stack([fits.controls, data.instruments.to_numpy(float)])
    left = data.treatment - fits.treatment()
    candidates = tuple(dict.fromkeys((*settings.learners, *SHAPES)))
    choice, first = choose(
        candidates, known, left[0], fits.folds[0], IN_ANY_SHAPE, seed=settings.seed, weights=data.weights
    )
    if choice.explained <= 0:
        return "linear", np.zeros(len(first))
    made = [first] + [
        out_of_fold(choice.learner, known, left[r], fits.folds[r], classify=False, seed=settings.seed + r,
                    weights=data.weights)
        for r in range(1, settings.repetitions)
    ]  # fmt: skip
    return choice.learner, np.mean(made, axis=0)
