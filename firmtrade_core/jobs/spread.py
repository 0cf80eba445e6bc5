"""Independent pieces of work, one after another or on a Dask cluster: same pieces, same order, same numbers.

``FIRMTRADE_CLUSTER`` names the scheduler (``tcp://host:8786``), or is ``local`` for workers on this machine that come
and go with the work. Without it pieces run here. A worker that is lost takes no piece with it: the scheduler gives its
pieces to another. Pieces and answers travel as Python objects: use a cluster of your own, on a network you trust.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from firmtrade_core.jobs.progress import Progress, silent
from firmtrade_core.jobs.travel import packed, unpacked
from firmtrade_core.paths import PROJECT

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

#: Names a scheduler, or ``local``.
VARIABLE = "FIRMTRADE_CLUSTER"

LOCAL = "local"

#: Most workers of a local cluster; as many as the machine has cores unless given.
WORKERS_VARIABLE = "FIRMTRADE_WORKERS"

#: Seconds in which a scheduler must answer.
PATIENCE = 15.0

#: Workers that may be lost under one piece before it counts as what loses them.
LOSSES = 5

_lock = threading.Lock()
_known: dict[str, Any] = {}


class ClusterError(RuntimeError):
    """Pieces cannot be spread. The message says what to start or to unset."""


def wanted() -> str:
    """The cluster that is asked for; empty for none, and within a piece: pieces do not spread any further."""
    return "" if os.environ.get(_INSIDE) else os.environ.get(VARIABLE, "").strip()


def spread(
    function: Callable[..., Answer],
    pieces: Sequence[Piece],
    *,
    shared: tuple[Any, ...] = (),
    progress: Progress = silent,
    words: str = "Piece {done} of {all}",
) -> list[Answer]:
    """``[function(*shared, piece) for piece in pieces]``, wherever it is computed.

    Linear algebra runs on one thread everywhere, so that sums are added in one order: on machines of one kind answers are
    the same to the last digit, however many workers there are.

    Parameters
    ----------
    function
        At the top level of a module that workers can import.
    pieces
        As small as to be worth a message, and the same whatever the cluster.
    shared
        First arguments of every piece, sent once to a worker.
    progress
        Told after every piece; its error calls the rest off.
    words
        Said then, with ``done`` and ``all``.

    Raises
    ------
    ClusterError
        If the scheduler does not answer, or too many workers are lost.
    Exception
        Whatever a piece raises, of the first in order here, of the first to fail on a cluster.
    """
    where = wanted()
    if not where or len(pieces) < 2:
        answers = []
        for piece in pieces:
            answers.append(_alone(function, shared, piece))
            progress(len(answers) / len(pieces), words.format(done=len(answers), all=len(pieces)))
        return answers
    return _on(_client(where), function, pieces, shared, progress, words)


def _alone(function: Callable[..., Answer], shared: tuple[Any, ...], piece: Any) -> Answer:
    import_module("scipy.linalg")  # a limit reaches only libraries already loaded
    with threadpool_limits(1):
        return function(*shared, piece)


def _away(function: Callable[..., Any], piece: bytes, shared: bytes) -> bytes:
    """A piece on a worker."""
    os.environ[_INSIDE] = "yes"
    return packed(_alone(function, unpacked(shared), unpacked(piece)))


_INSIDE = "FIRMTRADE_WITHIN_PIECE"


def _on(
    client: Any,
    function: Callable[..., Answer],
    pieces: Sequence[Any],
    shared: tuple[Any, ...],
    progress: Progress,
    words: str,
) -> list[Answer]:
    distributed = _distributed()
    # What all pieces share is one task's answer, kept by whom it is sent to, and made again where its keeper is lost.
    given = client.submit(_same, packed(shared), pure=False)
    futures = [client.submit(_away, function, packed(piece), given, pure=False) for piece in pieces]
    try:
        with client.as_current():
            for done, _ in enumerate(distributed.as_completed(futures), start=1):
                progress(done / len(pieces), words.format(done=done, all=len(pieces)))
        return [unpacked(answer) for answer in client.gather(futures)]
    except distributed.KilledWorker as error:
        raise ClusterError(
            f"A piece of work lost {LOSSES} workers one after another, most likely for want of memory. Give workers more memory "
            f"(dask worker --memory-limit), or unset {VARIABLE} to compute here."
        ) from error
    finally:
        client.cancel(futures)


def _same(item: Answer) -> Answer:
    return item


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ClusterError(
            f"{VARIABLE} asks for a cluster, and the package distributed is not installed. Install it (pip install "
            "distributed), or unset the variable."
        ) from error


def _client(where: str) -> Any:
    """The one connection of this process to a cluster."""
    distributed = _distributed()
    with _lock:
        client = _known.get(where)
        if client is not None and client.status == "running":
            return client
        dask = import_module("dask")
        dask.config.set({"distributed.scheduler.allowed-failures": LOSSES})
        try:
            if where == LOCAL:
                _known[where] = distributed.Client(_local(distributed), set_as_default=False)
            else:
                _known[where] = distributed.Client(where, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(
                f"No scheduler answers at {where}. Start one (dask scheduler) and workers (dask worker {where}), or unset "
                f"{VARIABLE} to compute here. Write the address as tcp://host:8786, or {LOCAL} for workers of this machine."
            ) from error
        if len(_known) == 1:
            atexit.register(close)
        return _known[where]


def _local(distributed: Any) -> Any:
    """Workers of this machine, none while there is nothing to do."""
    asked = os.environ.get(WORKERS_VARIABLE, "").strip()
    most = int(asked) if asked.isdigit() and int(asked) > 0 else os.cpu_count() or 1
    here = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    cluster = distributed.LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        env={
            "PYTHONPATH": here,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            _INSIDE: "yes",
        },
    )
    cluster.adapt(minimum=0, maximum=most)
    return cluster


def close() -> None:
    """End connections, and the local workers."""
    with _lock:
        while _known:
            client = _known.popitem()[1]
            cluster = client.cluster
            client.close()
            if cluster is not None:
                cluster.close()
