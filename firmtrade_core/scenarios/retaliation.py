"""What those hit by a tariff do in return (MODEL 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.scenarios.atlas import Atlas, some
from firmtrade_core.scenarios.draft import Draft
from firmtrade_core.scenarios.schema import Retaliation
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


def retaliate(
    answer: Retaliation,
    raised: Array,
    sectors: Array,
    draft: Draft,
    atlas: Atlas,
    unanswered: Equilibrium | None,
) -> None:
    """Adds the answer to the draft's tariffs.

    Parameters
    ----------
    answer : Retaliation
    raised : (N, N, S)
        Points by which the card raised tariffs on goods of the origin in the destination.
    sectors : (S,)
        Share of each sector that the card covers: where proportional retaliation strikes.
    unanswered : Equilibrium or None
        The solve without retaliation, for the proportional kind.
    """
    raised = np.maximum(raised, 0.0) * atlas.countries(answer.by)[:, None, None]
    if not raised.any():
        atlas.note("Nobody who may retaliate is hit by a higher tariff, so there is no answer.")
    elif answer.kind == "mirror":
        draft.tariff = draft.tariff + answer.share * raised.swapaxes(0, 1)
    elif answer.kind == "proportional" and unanswered is not None:
        rates = proportional_rates(answer, raised, sectors, draft.world, unanswered)
        draft.tariff = draft.tariff + rates[:, :, None] * sectors
        _note_rates(rates, answer, atlas)
    elif answer.kind == "list":
        _strike_lists(answer, raised, draft, atlas)


def proportional_rates(
    answer: Retaliation, raised: Array, sectors: Array, world: World, unanswered: Equilibrium
) -> Array:
    """Rates on goods of the origin (who moved first) in the destination (who answers), (N, N).

    The duties they would raise on baseline imports equal ``share`` times the exports lost to the first
    mover in the cells it hit, at border values; the ceiling holds them down. The rule is that of
    suspended concessions equivalent to the trade lost (WTO Dispute Settlement Understanding, Article 22.4).

    Parameters
    ----------
    answer
        Share, ceiling and sectors.
    raised : (N, N, S)
        Cells that the first mover hit.
    sectors : (S,)
        Of the answer.
    world
    unanswered
        The world after the first move alone.
    """
    hit = raised > 0
    lost = np.where(hit, world.border_value - unanswered.border_value, 0.0).sum(2)
    bought = (world.border_value * sectors).sum(2)
    target = answer.share * np.maximum(lost, 0.0).T
    return np.minimum(answer.ceiling, target / np.where(bought > 0, bought, np.inf))


def _note_rates(rates: Array, answer: Retaliation, atlas: Atlas) -> None:
    countries = atlas.world.countries
    for mover in np.flatnonzero(rates.any(1)):
        highest_first = [j for j in np.argsort(-rates[mover], kind="stable") if rates[mover, j] > 0]
        answers = [f"{country_name(countries[j])} {rates[mover, j] * 100:.3g} points" for j in highest_first]
        atlas.note(
            f"In proportion to exports lost to {country_name(countries[mover])}, up to "
            f"{answer.ceiling * 100:g} points: {some(answers)}."
        )


def _strike_lists(answer: Retaliation, raised: Array, draft: Draft, atlas: Atlas) -> None:
    hit = raised.any(2).T
    for measure in answer.measures:
        by = atlas.countries(measure.by) * atlas.countries(answer.by)
        if not (hit * by).any():
            atlas.note(f"{', '.join(measure.by)} is not hit, so its list has no effect.")
        strikes = (hit * by)[:, :, None] * atlas.sectors(measure.sectors)
        draft.tariff = draft.tariff + measure.add * strikes
