"""Estimates of the synthetic home country that ship with the product, so that no page opens empty.

They answer what the pages ask first and name the edition of the method that made them; `make home` makes them anew. Files are
data alone (`jobs.kept`): nothing in them is run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from firmtrade_core.capability import work as capability
from firmtrade_core.channels import work as channels
from firmtrade_core.jobs import Progress, silent
from firmtrade_core.jobs.kept import KeptError, keep, read
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import asset, write_whole

Kind = Literal["capability", "channels"]

EDITIONS: dict[Kind, int] = {"capability": capability.EDITION, "channels": channels.EDITION}

#: Firms of the samples that the pages open with.
FIRMS: dict[Kind, int] = {"capability": 2_000, "channels": 8_000}


@dataclass(frozen=True)
class Stored:
    """A stored estimate.

    Parameters
    ----------
    result
        A `capability.work.CapabilityReport` or a `channels.from_panel.ChannelReport`.
    made
        The day it was estimated.
    firms
        Of the sample.
    edition
        Of the method that made it; `EDITIONS` has the present ones.
    current
        Whether that is the present one.
    """

    result: Any
    made: date
    firms: int
    edition: int
    current: bool


def folder() -> Path:
    """Where stored estimates lie."""
    return asset("estimates/home")


@cache
def usual(kind: Kind) -> capability.Request | channels.Request:
    """What the pages ask first."""
    design = SyntheticDesign(firms=FIRMS[kind])
    if kind == "capability":
        return capability.Request(design, settings=capability.Settings(two_indices=True))
    small = make_country(SyntheticDesign(firms=300)).panel
    return channels.Request(design, channels.default_questions(small))


@cache
def stored(kind: Kind) -> Stored | None:
    """What is stored of a kind, by an earlier edition of the method too; None where there is nothing that can be read."""
    path = folder() / f"{kind}.kept"
    try:
        about = json.loads((folder() / f"{kind}.json").read_text(encoding="utf-8"))
        edition, made = int(about["edition"]), date.fromisoformat(about["made"])
        return Stored(read(path), made, int(about["firms"]), edition, edition == EDITIONS[kind])
    except (OSError, KeptError, ValueError, KeyError):
        return None


def answer(kind: Kind, request: object) -> Stored | None:
    """The stored estimate, where it is what a request asks for."""
    found = stored(kind)
    return found if found is not None and request == usual(kind) else None


def estimate(kind: Kind, progress: Progress = silent) -> Path:
    """Estimate what the pages ask first and store it; the file.

    Raises
    ------
    CapabilityError, ChannelError
    """
    request = usual(kind)
    if isinstance(request, capability.Request):
        result: Any = capability.estimate_capability(**request.arguments, progress=progress)
    else:
        result = channels.estimate_channels(**request.arguments, progress=progress)
    return store(kind, result, date.today())


def store(kind: Kind, result: Any, made: date) -> Path:
    """Write an estimate of what the pages ask first; the file."""
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"{kind}.kept"
    keep(path, result, mode=0o644)
    about = {"made": made.isoformat(), "edition": EDITIONS[kind], "firms": FIRMS[kind]}
    write_whole(folder() / f"{kind}.json", (json.dumps(about, indent=1) + "\n").encode(), mode=0o644)
    return path
