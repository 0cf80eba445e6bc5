"""A confounded design with a known effect: an unobserved trait moves both take-up and capability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.channels.data import ChannelData, Outcomes

Array = NDArray[np.float64]

#: True effects of the attribute on κ and on g.
ON_CAPABILITY, ON_FIXED_COST = 0.30, 0.20

OBSERVED = ("size", "skill", "age")

#: Valid instruments that hardly move take-up; several, so that two-stage least squares leans towards the bias.
WEAK = tuple(f"slots_{number}" for number in range(1, 21))


@dataclass(frozen=True)
class Drawn:
    """Firms with what is observed, the hidden ``trait`` and the true κ; sales by market (F, J), missing where absent."""

    firms: pd.DataFrame
    capability: Array
    log_sales: Array
    entry: Array
    entry_density: Array

    def data(
        self, controls: tuple[str, ...] = OBSERVED, instruments: tuple[str, ...] = (), noise: float = 0.5
    ) -> ChannelData:
        """Effects on true capability seen with noise, and on entry: no posterior in between."""
        blur = noise * np.random.default_rng(len(self.firms)).standard_normal(len(self.firms))
        outcomes = Outcomes(self.capability + blur, self.entry, self.entry_density)
        return ChannelData.from_frame(self.firms, outcomes, "certificate", controls, instruments)


def draw(
    firms: int = 2000, markets: int = 8, seed: int = 0, *, binary: bool = True, confounded: float = 0.7
) -> Drawn:
    """Certificates go to large, skilled firms with a good (hidden) manager; lots and, hardly, slots move them too."""
    generator = np.random.default_rng(seed)
    size, skill, age, trait = generator.standard_normal((4, firms))
    slots = generator.standard_normal((len(WEAK), firms))
    lottery = (generator.random(firms) < 0.5).astype(float)
    demand = 0.6 * size + 0.4 * skill + 0.9 * trait + 1.4 * (lottery - 0.5) + 0.04 * slots.sum(0)
    demand = demand + generator.standard_normal(firms)
    certificate = (demand > 0.3).astype(float) if binary else demand
    u = confounded * trait + 0.6 * generator.standard_normal(firms)
    capability = ON_CAPABILITY * certificate + 0.5 * size + 0.3 * skill + u
    g = ON_FIXED_COST * certificate + 0.2 * age
    xi, nu = generator.standard_normal((2, firms, markets))
    xi = 1.0 * (0.4 * nu + np.sqrt(1 - 0.16) * xi)
    threshold = np.linspace(0.0, 2.0, markets)
    index = (capability + g)[:, None] - threshold
    present = index + 0.7 * nu > 0
    log_sales = np.where(present, 2 + capability[:, None] + xi, np.nan)
    spread = np.sqrt(0.6**2 + 0.7**2)
    centre = ((capability - u + confounded * trait + g)[:, None] - threshold) / spread
    density = np.exp(-0.5 * centre**2) / np.sqrt(2 * np.pi) / spread
    table = pd.DataFrame(
        {
            "firm": [f"F{i:05d}" for i in range(firms)],
            "sector": np.where(generator.random(firms) < 0.5, "food", "metals"),
            "certificate": certificate,
            "size": size,
            "skill": skill,
            "age": age,
            "trait": trait,
            "lottery": lottery,
            **dict(zip(WEAK, slots, strict=True)),
            "nothing": generator.standard_normal(firms),
        }
    )
    return Drawn(table, capability, log_sales, present.mean(1), density.mean(1))
