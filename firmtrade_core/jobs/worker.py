"""The process of a job: ``python -m firmtrade_core.jobs.worker FOLDER``."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import time
from functools import reduce
from pathlib import Path
from typing import Any

from firmtrade_core.jobs.checkpoints import Checkpoints
from firmtrade_core.jobs.job import JobStatus, State, birth, write_status
from firmtrade_core.jobs.progress import CancelledError
from firmtrade_core.paths import write_whole

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
        module, name, arguments = pickle.loads((folder / "call.pickle").read_bytes())
        function: Any = reduce(getattr, name.split("."), importlib.import_module(module))
        result = function(**arguments, progress=progress, checkpoints=Checkpoints(folder / "checkpoints"))
        write_whole(folder / "result.pickle", pickle.dumps(result), mode=0o600, lasting=False)
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
