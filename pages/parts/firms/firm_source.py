"""Whose firms a session studies: a folder of its own making, the one that the environment names, or synthetic ones."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import streamlit as st

from firmtrade_core.jobs import Job, JobStatus, content_hash
from firmtrade_core.labels import grouped
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import user_folder
from firmtrade_core.report.stored_estimates import Kind as StoredKind
from firmtrade_core.report.stored_estimates import Stored, answer
from pages.parts.firms.desk import current_desk
from pages.parts.frame import access
from pages.parts.frame.private import of_session
from pages.parts.frame.store import seeded

#: Names a folder of a firm panel in Parquet.
VARIABLE = "FIRMTRADE_FIRMS"

SYNTHETIC, NAMED, HARMONISED = "synthetic", "folder", "harmonised"

WORDS = {
    SYNTHETIC: "Synthetic firms of Chile",
    NAMED: f"Firms of {VARIABLE}",
    HARMONISED: "Firms harmonised in this session",
}


def named_folder() -> Path | None:
    """The folder that FIRMTRADE_FIRMS names, if it names one."""
    name = os.environ.get(VARIABLE, "").strip()
    return Path(name).expanduser() if name else None


def folders() -> dict[str, Path]:
    """Panels that the session may study, by source, the session's own first."""
    outcome = current_desk().outcome()
    own = None if outcome is None else outcome.folder / "panel"
    found = {HARMONISED: own if own is not None and own.is_dir() else None, NAMED: named_folder()}
    return {source: folder for source, folder in found.items() if folder is not None}


def read_panel(folder: Path | None) -> FirmPanel:
    """A folder's panel, or a small one of synthetic firms: its columns do not depend on how many are drawn.

    Raises
    ------
    PanelError
        If the folder holds no panel.
    """
    return (
        make_country(SyntheticDesign(firms=300)).panel if folder is None else FirmPanel.from_parquet(folder)
    )


def tells_of_the_year_before(panel: FirmPanel) -> bool:
    """Whether `panel.attributes.earlier_outcomes` has something to read."""
    return len(panel.years) > 1 and bool({"employment", "sales"} & {*panel.column_names()})


def changed(folder: Path) -> float:
    """When a panel was written last, in seconds: a folder may hold another one later."""
    return max((path.stat().st_mtime for path in folder.glob("*.parquet")), default=0.0)


@dataclass(eq=False)
class FirmBench:
    """Firms that a session studies by one kind of work, and the job that does it.

    Parameters
    ----------
    private
        Folder for work on real firms; removed with the session.
    source
        ``synthetic``, ``folder`` or ``harmonised``.
    firms
        Of the synthetic sample.
    earlier
        Whether the year before explains too; unless the reader chose, where firms are real and the panel tells of it.
    job
    problem
        Why nothing could be started.
    """

    #: Sizes of the synthetic sample; larger ones take longer and say more.
    SIZES: ClassVar[tuple[int, ...]] = ()
    #: Of the estimate that ships with the product.
    KIND: ClassVar[StoredKind]

    private: Path
    source: str = SYNTHETIC
    firms: int = 0
    earlier: bool | None = None
    job: Job | None = None
    problem: str = ""
    #: Who waits, and for which jobs no longer: work on synthetic firms is everybody's, and goes on while anybody waits.
    reader: str = field(default_factory=lambda: secrets.token_hex(8))
    left: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.firms = self.firms or self.SIZES[0]

    @property
    def folder(self) -> Path | None:
        """Of the panel; None for synthetic firms."""
        return folders().get(self.source)

    @property
    def basis(self) -> Path | SyntheticDesign:
        """The panel's folder, or the design of synthetic firms."""
        return self.folder or SyntheticDesign(firms=self.firms)

    @property
    def jobs(self) -> Path:
        """Synthetic firms are nobody's secret and are kept for all sessions; real ones stay with their own."""
        return user_folder() / "jobs" if self.source == SYNTHETIC else self.private

    def request(self) -> Any:
        """What the choices ask for."""
        raise NotImplementedError

    def shipped(self) -> Stored | None:
        """The estimate that ships with the product, where it is what the choices ask for and none was made here."""
        if self.source != SYNTHETIC or self.job is not None:
            return None
        return answer(self.KIND, self.request())

    def choose(self, source: str | None) -> None:
        """Study other firms."""
        self.source, self.earlier = source or self.source, None

    def with_earlier(self, told: bool) -> bool:
        """Whether the year before explains, of a panel that tells of it or not."""
        return told and (self.folder is not None if self.earlier is None else self.earlier)

    def attach(self, work: Any, arguments: dict[str, Any]) -> JobStatus | None:
        """Where a piece of work on these firms stands; None before it was asked for."""
        folder = self.jobs / content_hash(work, arguments)
        self.job = Job(folder) if (folder / "status.json").is_file() else None
        if self.job is None:
            return None
        status = self.job.status()
        if status.finished:
            return status
        if folder.name in self.left:
            return replace(status, state="cancelled", message="It goes on for others.")
        self.job.wanted(self.reader)
        return status

    def cancel(self) -> None:
        """Wait for the work no longer: it stops, and finished steps are kept, unless others wait for it."""
        if self.job is not None and not self.job.leave(self.reader):
            self.left.add(self.job.folder.name)

    def begin(self, work: Any, arguments: dict[str, Any]) -> None:
        """Start a piece of work on these firms, or wait for an equal one again."""
        if access.refused("work"):
            return
        self.job = Job.start(work, arguments, self.jobs)
        self.left.discard(self.job.folder.name)
        self.job.wanted(self.reader)


Kind = TypeVar("Kind", bound=FirmBench)


def session_bench(key: str, kind: type[Kind]) -> Kind:
    """The session's bench of a kind; its folder goes when the session does. Firms that are gone give way to synthetic ones."""

    def opened(folder: Path) -> Kind:
        bench = kind(folder)
        bench.choose(next(iter(folders()), SYNTHETIC))
        return bench

    found = of_session(key, opened)
    if found.source not in (*folders(), SYNTHETIC):
        found.choose(SYNTHETIC)
    return found


def source_choosers(
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
    bench: FirmBench,
    key: str,
) -> None:
    """Whose firms, and of synthetic ones how many."""

    def take_firms(value: int | None) -> None:
        bench.firms = value or bench.firms

    left.selectbox(
        "Firms",
        [*folders(), SYNTHETIC],
        format_func=WORDS.__getitem__,
        help=f"Harmonise firm records on the page Firm data, or name a folder with a firm panel in {VARIABLE}, to study "
        "real firms; they stay on this machine.",
        **seeded(f"{key}_source", bench.source, bench.choose),
    )
    if bench.source == SYNTHETIC:
        right.selectbox(
            "Sample",
            bench.SIZES,
            format_func=lambda count: f"{grouped(count)} firms",
            **seeded(f"{key}_sample", bench.firms, take_firms),
        )


def earlier_toggle(bench: FirmBench, told: bool, key: str) -> None:
    """Lets size and productivity of the year before explain; nothing where the panel does not tell of them."""

    def take(value: bool) -> None:
        bench.earlier = value

    if told:
        st.toggle(
            "The year before explains too",
            help="Firms' size, sales at home and productivity of the year before.",
            **seeded(f"{key}_earlier", bench.with_earlier(told), take),
        )


def shipped_line(bench: FirmBench) -> None:
    """Says of a stored estimate that it is one, of when and of whom; nothing of one that was made here."""
    found = bench.shipped()
    if found is not None:
        older = (
            ""
            if found.current
            else f", by edition {found.edition} of the method, which has been refined since"
        )
        st.html(
            f'<p class="ft-quiet" data-label="stored"><span class="ft-tag" style="margin-left:0">synthetic</span> Stored estimate of '
            f"{found.made.day} {found.made:%B %Y} on {grouped(found.firms)} invented firms of Chile{older}. Other firms, samples or "
            "settings are estimated in the background, with the time that is left.</p>"
        )


def how_to_mend(bench: FirmBench) -> str:
    """What to do about firms that cannot be read."""
    if bench.source == HARMONISED:
        return "Harmonise the files on the page Firm data again."
    return f"Mend the folder that {VARIABLE} names."
