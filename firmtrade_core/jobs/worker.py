"""The process of a job: ``python -m firmtrade_core.jobs.worker FOLDER``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from firmtrade_core.jobs.checkpoints import Checkpoints
from firmtrade_core.jobs.job import CALL, RESULT, JobStatus, State, birth, write_status
from firmtrade_core.jobs.kept import keep, named, read
from firmtrade_core.jobs.line import turn
from firmtrade_core.jobs.progress import CancelledError

#: Seconds between notes of progress: a loop may report as often as it likes.
_NOTE_EVERY = 0.1


def main(folder: Path) -> int:
    """Run the call that lies in the folder; 0 done, 1 failed, 2 cancelled."""
    position, last = 0.0, 0.0

    def note(state: State, message: str) -> None:
        write_status(
            folder, JobStatus(state, position, message, os.getpid(), time.time(), birth(os.getpid()))
        )

    def progress(fraction: float, message: str) -> None:
        nonlocal position, last
        if (folder / "cancel").exists():
            raise CancelledError
        position = max(position, min(max(fraction, 0.0), 1.0))
        if time.monotonic() - last > _NOTE_EVERY:
            last = time.monotonic()
            note("running", message)

    note("running", "Starting")
    try:
        module, name, arguments = read(folder / CALL)
        function = named(f"{module}:{name}")
        with turn(lambda words: progress(0.0, words)):
            result = function(**arguments, progress=progress, checkpoints=Checkpoints(folder / "checkpoints"))
        keep(folder / RESULT, result)
    except CancelledError:
        note("cancelled", "Cancelled.")
        return 2
    except BaseException as error:
        note("failed", f"{type(error).__name__}: {error}"[:2000])
        return 1
    position = 1.0
    note("done", "Done.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
