"""All replications as one job: each is a step that, once finished, stays finished."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from firmtrade_core.jobs import Checkpoints, Progress
from firmtrade_core.published.replicate import MissingDataError, replicate, replications
from firmtrade_core.published.replication import Report


def run_replications(
    names: Sequence[str], run: str, *, progress: Progress, checkpoints: Checkpoints
) -> dict[str, Report | str]:
    """Compute published results again.

    Parameters
    ----------
    names
        See `replications`.
    run
        Names the run: a run of the same name carries on where it stopped, another begins afresh.
    progress, checkpoints
        Of the job.

    Returns
    -------
    dict
        By name, the report; or, where data are missing, which, and where the public finds them.
    """
    found: dict[str, Report | str] = {}
    for position, name in enumerate(names):
        progress(position / len(names), f"{replications()[name].title}, {position + 1} of {len(names)}")
        found[name] = checkpoints.step(name, run, partial(_report_or_reason, name))
    return found


def _report_or_reason(name: str) -> Report | str:
    try:
        return replicate(name)
    except MissingDataError as error:
        return str(error)
