"""A job: one call of an importable function in a process of its own, followed through files in a private folder."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from firmtrade_core.jobs.checkpoints import content_hash
from firmtrade_core.jobs.kept import keep, read
from firmtrade_core.labels.units import in_percent
from firmtrade_core.paths import PROJECT, write_whole

State = Literal["running", "done", "failed", "cancelled", "lost"]

#: Files of a job's call and of what it returned.
CALL, RESULT = "call.kept", "result.kept"

#: Seconds a job has to stop by itself, at its next report of progress, before its process is ended.
GRACE_SECONDS = 5.0

#: Seconds after which who has not looked at a job any more no longer waits for it.
SILENT_SECONDS = 15.0

#: Linear algebra on one thread: workers share the machine with the screen.
_WORKER_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class JobError(RuntimeError):
    """A job has no result: it failed, was cancelled, or still runs. The message says which and why."""


@dataclass(frozen=True)
class JobStatus:
    """Where a job stands.

    Parameters
    ----------
    state
        ``lost`` means that its process ended without a word (killed, out of memory, machine restarted).
    fraction
        Share done, 0 to 1.
    message
        What it is doing, or why it failed.
    pid
        Of its process.
    updated
        When it last reported, seconds since the epoch.
    born
        When its process started, as the system counts (`birth`): numbers of processes are used again.
    """

    state: State
    fraction: float
    message: str
    pid: int
    updated: float
    born: int = 0

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state != "running"


class Job:
    """One call of a function in a spawned process.

    The function takes its arguments by keyword, and besides ``progress`` (`Progress`) and ``checkpoints``
    (`Checkpoints`). It must be importable by name: the process starts from the module, never from the running app.
    Starting an equal call again finds the finished result, or resumes from the checkpoints.

    Examples
    --------
    >>> job = Job.start(long_work, {"draws": 5}, folder)  # doctest: +SKIP
    >>> job.status().fraction, job.cancel()  # doctest: +SKIP
    """

    def __init__(self, folder: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.folder = folder
        self._process = process

    @classmethod
    def start(cls, function: Callable[..., Any], arguments: Mapping[str, Any], root: Path) -> Job:
        """Start a call, or attach to an equal one that runs or is done.

        Parameters
        ----------
        function
            At the top level of an importable module.
        arguments
            By name; they must be data (`kept`) and have a content hash.
        root
            Folder that holds jobs; each gets a subfolder named by the hash of its call.

        Raises
        ------
        JobError
        """
        if "<" in function.__qualname__:
            raise JobError(
                f"{function.__qualname__} is not importable by name; jobs call top-level functions."
            )
        folder = root / content_hash(function, arguments)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Equal calls that start at once must find one worker, not make one each.
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return cls._started(function, arguments, folder)

    @classmethod
    def _started(cls, function: Callable[..., Any], arguments: Mapping[str, Any], folder: Path) -> Job:
        running = cls(folder)
        if (folder / "status.json").is_file() and running.status().state in ("running", "done"):
            return running
        for leftover in ("cancel", RESULT):
            (folder / leftover).unlink(missing_ok=True)
        call = (function.__module__, function.__qualname__, dict(arguments))
        keep(folder / CALL, call)
        process = subprocess.Popen(
            [sys.executable, "-m", "firmtrade_core.jobs.worker", str(folder.resolve())],
            cwd=PROJECT,
            env={**os.environ, **_WORKER_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        first = JobStatus("running", 0.0, "Starting", process.pid, time.time(), birth(process.pid))
        write_status(folder, first, only_if_new=True)
        return cls(folder, process)

    def status(self) -> JobStatus:
        """Where the job stands now."""
        if self._process is not None:
            self._process.poll()
        status = read_status(self.folder)
        if status.state == "running" and not _alive(status):
            status = read_status(self.folder)
            if status.state == "running" and not _alive(status):
                return replace(status, state="lost", message="The process ended unexpectedly.")
        return status

    def cancel(self, grace: float = GRACE_SECONDS) -> JobStatus:
        """Ask the job to stop, wait for it, and end its process if it does not; checkpoints stay."""
        (self.folder / "cancel").touch()
        deadline = time.monotonic() + grace
        while not (status := self.status()).finished and time.monotonic() < deadline:
            time.sleep(0.02)
        if not status.finished:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            elif _alive(status):
                # Only the very process that was started: its number may be another program's by now.
                with suppress(ProcessLookupError):
                    os.kill(status.pid, 15)
            status = replace(status, state="cancelled", message="Cancelled.", updated=time.time())
            write_status(self.folder, status)
        return status

    def wanted(self, by: str) -> None:
        """Note that somebody waits for the job; said again now and then, for who falls silent is taken to have left."""
        folder = self.folder / "wanted"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / content_hash("wanted", {"by": by})).touch()

    def leave(self, by: str, grace: float = GRACE_SECONDS) -> bool:
        """Wait for the job no longer; it is cancelled where nobody else waits for it, and goes on where somebody does.

        Returns
        -------
        bool
            Whether it was cancelled.
        """
        folder = self.folder / "wanted"
        (folder / content_hash("wanted", {"by": by})).unlink(missing_ok=True)
        now = time.time()
        for other in folder.glob("*"):
            with suppress(OSError):
                if now - other.stat().st_mtime < SILENT_SECONDS:
                    return False
        self.cancel(grace)
        return True

    def wait(self, seconds: float = 3600.0) -> JobStatus:
        """Wait until the job is finished, at most so long."""
        deadline = time.monotonic() + seconds
        while not (status := self.status()).finished and time.monotonic() < deadline:
            time.sleep(0.02)
        return status

    def result(self) -> Any:
        """What the function returned.

        Raises
        ------
        JobError
            If it is not done; the message says why.
        KeptError
            If what it returned was altered on disk.
        """
        status = self.status()
        if status.state != "done":
            raise JobError(f"The job is {status.state} at {in_percent(status.fraction)}: {status.message}")
        return read(self.folder / RESULT)


def write_status(folder: Path, status: JobStatus, *, only_if_new: bool = False) -> None:
    """Note where a job stands; a starter's first note never replaces one of the worker."""
    path, content = folder / "status.json", json.dumps(asdict(status)).encode()
    if only_if_new and path.is_file() and read_status(folder).pid == status.pid:
        return
    write_whole(path, content, mode=0o600, lasting=False)


def read_status(folder: Path) -> JobStatus:
    """The last note on a job."""
    return JobStatus(**json.loads((folder / "status.json").read_bytes()))


def birth(pid: int) -> int:
    """When a process started, in the system's ticks; 0 where there is no such process or the system does not tell."""
    try:
        # The name in parentheses may hold blanks; the start is the twentieth field behind it.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _alive(status: JobStatus) -> bool:
    """Whether the process that a job was given still runs."""
    pid = status.pid
    # A child that ended stays visible until someone asks how it ended.
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return status.born == 0 or birth(pid) == status.born
