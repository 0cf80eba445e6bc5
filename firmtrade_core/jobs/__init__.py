"""Long work in a spawned process: progress, cancel, resume from checkpoints by content hash."""

from firmtrade_core.jobs.apart import TooMuchError, apart
from firmtrade_core.jobs.checkpoints import Checkpoints, content_hash
from firmtrade_core.jobs.job import Job, JobError, JobStatus
from firmtrade_core.jobs.progress import CancelledError, Progress, part, silent

__all__ = [
    "CancelledError",
    "Checkpoints",
    "Job",
    "JobError",
    "JobStatus",
    "Progress",
    "TooMuchError",
    "apart",
    "content_hash",
    "part",
    "silent",
]
