"""The whole work on a panel as one job: capability once, then attribute by attribute, resumable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmtrade_core.capability import Learner
from firmtrade_core.capability import Settings as CapabilitySettings
from firmtrade_core.channels.crossfit import Settings
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.from_panel import (
    PRODUCTIVITY,
    ChannelReport,
    Question,
    Sample,
    draw_sample,
    report,
)
from firmtrade_core.jobs import Checkpoints, Progress, part, silent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.attributes import with_earlier_outcomes
from firmtrade_core.panel.source import Source, files_of, panel_of

#: Attributes that programmes move, as far as a panel has them; the synthetic one has all but productivity.
ATTRIBUTES = (
    "quality_certificate",
    "on_time_delivery",
    "supplier_links",
    "rnd_intensity",
    "skill_share",
    "digital_presence",
    "trade_finance",
    *PRODUCTIVITY,
)

#: Instruments of the synthetic home country, by attribute (`panel.synthetic.structure.INSTRUMENTS`).
SYNTHETIC_INSTRUMENTS = {"quality_certificate": ("instrument_voucher", "instrument_office_distance")}

#: Raised when estimates change, so that stored ones are not taken for them.
EDITION = 8

#: Smooth m and g are enough here: outcomes forgive what they miss to first order.
_SMOOTH = Learner(kind="splines", penalty=10.0)
CAPABILITY = CapabilitySettings(
    learner=_SMOOTH, entry_learner=_SMOOTH, two_indices=True, tune=False, tolerance=3.0
)


@dataclass(frozen=True)
class Request:
    """What is to be estimated on which panel.

    Parameters
    ----------
    source
        A design of synthetic firms, or a folder of a firm panel in Parquet.
    questions
    settings
    year
        The last one unless given.
    leave_out
        Attributes that are not to be controls, such as one that is the outcome in disguise. Those made of exports
        never are.
    earlier
        Whether size and productivity of the year before are controls; see `panel.attributes.earlier_outcomes`.
    elasticity_of_substitution
        σ, for trade-cost equivalents.
    """

    source: Source
    questions: tuple[Question, ...]
    settings: Settings = field(default_factory=Settings)
    year: int | None = None
    elasticity_of_substitution: float = 5.0
    leave_out: tuple[str, ...] = ()
    earlier: bool = False

    def __post_init__(self) -> None:
        for question in self.questions:
            both = sorted({*question.columns} & {*self.leave_out})
            if both:
                raise ChannelError(f"{', '.join(both)} cannot be both asked about and left out; choose one.")

    @property
    def arguments(self) -> dict[str, Any]:
        """Of `estimate_channels`, with the files that its result depends on."""
        return {"request": self, "files": files_of(self.source), "edition": EDITION}


def default_questions(panel: FirmPanel) -> tuple[Question, ...]:
    """The attributes that programmes move and the panel has, with the synthetic country's instruments."""

    def instruments(name: str) -> tuple[str, ...]:
        known = SYNTHETIC_INSTRUMENTS.get(name, ()) if panel.metadata.synthetic else ()
        return tuple(each for each in known if each in panel.instruments)

    return tuple(Question(name, instruments(name)) for name in ATTRIBUTES if name in panel.attributes)


def estimate_channels(
    request: Request,
    files: tuple[Path, ...] = (),
    edition: int = EDITION,
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> ChannelReport:
    """The report that a request asks for.

    Parameters
    ----------
    request
    files
        Of the panel, so that a changed one is estimated anew.
    edition
        Of the method; there is but one, it only tells stored results apart.
    progress, checkpoints
        Of a job.

    Raises
    ------
    ChannelError
        If the panel cannot be read or nothing can be estimated.
    """
    if edition != EDITION:
        raise ChannelError(f"Edition {edition} of the method is gone; this one is {EDITION}.")
    try:
        progress(0.01, "Reading the firms")
        panel = panel_of(request.source)
        if request.earlier:
            panel = with_earlier_outcomes(panel)

        def sample() -> Sample:
            told = part(progress, 0.03, 0.5)
            return draw_sample(
                panel, request.questions, year=request.year, leave_out=request.leave_out, capability=CAPABILITY,
                progress=lambda share, words: told(share, f"Capability, {words}"),
            )  # fmt: skip

        depends = (request.source, files, request.questions, request.year, request.leave_out, request.earlier)
        drawn = sample() if checkpoints is None else checkpoints.step("capability", depends, sample)
        return report(
            panel, request.questions, request.settings, year=request.year, sample=drawn,
            elasticity_of_substitution=request.elasticity_of_substitution, progress=part(progress, 0.5, 1.0),
        )  # fmt: skip
    except PanelError as error:
        raise ChannelError(str(error)) from error
