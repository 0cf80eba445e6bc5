"""A headline under alternative choices: every row is a run of its own, and what cannot move it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.analysis.robustness import KINDS, OF_FIRMS, FirmChain, choices, robustness
from firmtrade_core.analysis.robustness.choices import shrunken, untouched
from firmtrade_core.analysis.robustness.firm_chain import _filled, _with_errors
from firmtrade_core.analysis.uncertainty import UncertaintyError
from firmtrade_core.jobs import CancelledError, Checkpoints
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import TASTE_OF_CAPABILITY, SyntheticDesign
from firmtrade_core.scenarios import Scenario, load_preset, run
from firmtrade_core.world.embedded import load_embedded_world


@pytest.fixture(scope="module")
def world():
    return load_embedded_world()


@pytest.fixture(scope="module")
def scenario():
    return load_preset("us_ten_points")


PROGRAMME = Scenario.parse(
    {"cards": [{"kind": "programme", "policy": "trade_finance", "unit_cost": 10_000, "take_up": 0.3}]}
)


def test_rows_are_what_solve_says(world, scenario):
    found = robustness(scenario, world, country="USA", kinds=("law", "closure", "links"))
    usa = world.country_index("USA")
    for choice in choices(scenario, world, None, None):
        if choice.kind in ("law", "closure"):
            alone = 100 * (run(choice.scenario, world).real_income_change[usa] - 1)
            row = next(r for r in found.rows if r.label == choice.label)
            assert row.value == alone and row.residual < 1e-8
    bare = 100 * (run(scenario, world.with_(inputs=None)).real_income_change[usa] - 1)
    assert next(r.value for r in found.rows if r.kind == "links") == pytest.approx(bare, abs=1e-12)
    assert found.same_sign == np.mean([row.value > 0 for row in found.answered])


def test_all_kinds_of_choices_are_run_or_said_not_to_be(world, scenario):
    run_kinds = {choice.kind for choice in choices(scenario, world, None, None)}
    silent = untouched(scenario, None, world, None)
    assert run_kinds | set(silent) == set(KINDS) and not run_kinds & set(silent)
    assert set(silent) == set(OF_FIRMS) and "enter no equation" in silent["learners"]
    chain = FirmChain(SyntheticDesign(firms=300), ("trade_finance",))
    with_firms = {choice.kind for choice in choices(PROGRAMME, world, None, chain)}
    assert set(OF_FIRMS) <= with_firms


def test_a_study_called_off_goes_on_from_what_is_done(world, scenario, tmp_path):
    kept, told = Checkpoints(tmp_path), []

    def impatient(share: float, words: str) -> None:
        told.append(words)
        if len(told) > 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        robustness(scenario, world, country="USA", kinds=("law",), progress=impatient, checkpoints=kept)
    done = len(list(tmp_path.glob("choice-*")))
    assert done == 2
    whole = robustness(scenario, world, country="USA", kinds=("law",), checkpoints=kept)
    fresh = robustness(scenario, world, country="USA", kinds=("law",))
    assert [row.value for row in whole.rows] == [row.value for row in fresh.rows]


def test_wrong_words_are_refused(world, scenario):
    with pytest.raises(UncertaintyError, match="no outcome of a country"):
        robustness(scenario, world, country="USA", outcome="happiness")
    with pytest.raises(UncertaintyError, match="no kind of choice"):
        robustness(scenario, world, country="USA", kinds=("weather",))


def test_a_wider_prior_leaves_estimates_more_alone():
    spreads = [np.std([v for s, v in values.items() if s != "services"]) for values in shrunken().values()]
    assert spreads == sorted(spreads) and spreads[0] < spreads[-1]


def test_records_are_cleaned_filled_and_blurred_as_chosen(world):
    """The chain up to its estimates: raw files, cleaning, gaps, errors."""
    base = FirmChain(SyntheticDesign(firms=300, years=1))
    panel = base._panel(world)
    assert panel.metadata.synthetic and panel.metadata.home == "CHL"
    # What raw files do not carry is lent by the panel they were made of.
    assert {"skill_share", "trade_finance", "instrument_voucher"} <= set(panel.column_names())
    firms, gaps = panel.firms, [n for n in panel.attributes if panel.firms[n].isna().any()]
    assert gaps
    filled = _filled(panel, replace(base, filling="matched")).firms
    known = firms[gaps[0]].notna()
    assert not filled[gaps].isna().any().any() and (filled[gaps[0]][known] == firms[gaps[0]][known]).all()
    complete = _filled(panel, replace(base, filling="complete")).firms
    assert 0 < len(complete) < len(firms) and not complete[gaps].isna().any().any()
    blurred = _with_errors(panel, replace(base, reliability=0.8)).firms
    was, now = firms["skill_share"].dropna(), blurred["skill_share"].dropna()
    assert was.index.equals(now.index) and 0.6 < np.corrcoef(was, now)[0, 1] < 0.98
    assert _with_errors(panel, base) is panel


@pytest.mark.truth
def test_firms_are_made_anew_from_their_start(world):
    """The whole chain, twice: the same choices give the same firms, others give others."""
    base = FirmChain(SyntheticDesign(firms=600, years=2), ("trade_finance",), rounds=1)
    home = base.run(world)
    assert home.content_hash == base.run(world).content_hash
    assert home.synthetic and home.country == "CHL" and set(home.effects) == {"trade_finance"}
    assert replace(base, reliability=0.8).run(world).content_hash != home.content_hash
    found = robustness(
        PROGRAMME, world, home, country="CHL", outcome="exports", start=base.start, kinds=("measurement",)
    )
    assert np.isfinite(found.against) and len(found.answered) == 3


def test_taste_follows_capability_where_the_design_says_so(world):
    def correlation(variant: str) -> float:
        truth = make_country(SyntheticDesign(firms=600, years=1, variant=variant), world).truth
        own = truth.firms.unexplained[:, None] * np.ones_like(truth.shocks.sales)
        return float(np.corrcoef(own.ravel(), truth.shocks.sales.ravel())[0, 1])

    assert abs(correlation("well_specified")) < 0.05
    # Luck of the year is no part of taste.
    assert correlation("taste_follows_capability") == pytest.approx(TASTE_OF_CAPABILITY * 0.85**0.5, abs=0.05)
