"""From a set of files to a panel of firms, with a log and an honest account: all steps, resumable.

Written for `firmtrade_core.jobs`: each step is kept under the hash of what it depends on. Names of firms lie in the
job's private folder while it runs, for linkage and its review, and go with it; nothing else that leaves names a firm.
"""

from __future__ import annotations

import datetime
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.codes.currencies import ExchangeRates, is_rate_table, rates_of
from firmtrade_core.codes.place_lists import NUMBER_LISTS, is_number_list, number_list_of
from firmtrade_core.codes.products import ConcordanceError, ProductCodes, read_concordance
from firmtrade_core.harmonise.annual import AnnualPlan, AnnualTrade, Weights, add_up, fiscal_to_calendar
from firmtrade_core.harmonise.changes import ChangeLog
from firmtrade_core.harmonise.database import exact_sum, passing_database
from firmtrade_core.harmonise.declarations import Options, read_declarations
from firmtrade_core.harmonise.errors import HarmoniseError, LayoutError, UnreadableFileError
from firmtrade_core.harmonise.findings import Finding, Rule
from firmtrade_core.harmonise.firm_tables import FIRM_FIELDS, FirmTable, looks_like_firms, read_firm_table
from firmtrade_core.harmonise.firm_tables import RULES as FIRM_RULES
from firmtrade_core.harmonise.gaps import impute, missingness_map, missingness_tests
from firmtrade_core.harmonise.layout import FIELD_NAMES, Layout, guess_layout
from firmtrade_core.harmonise.linkage import Linkage, LinkagePlan, link
from firmtrade_core.harmonise.mirror import (
    MirrorComparison,
    compare_with_world,
    newest_edition,
    product_sectors,
    scaled_trade,
)
from firmtrade_core.harmonise.outliers import find_outliers, set_outliers_missing
from firmtrade_core.harmonise.quoting import literal
from firmtrade_core.harmonise.reading import CONVERTED, open_text, refuse_others
from firmtrade_core.harmonise.scorecard import Scorecard, score
from firmtrade_core.harmonise.suspicions import DEFAULT_RULES, examine
from firmtrade_core.jobs import Checkpoints, Progress, content_hash, part, silent
from firmtrade_core.paths import whole_file, write_whole
from firmtrade_core.world.world import World

#: Amounts of a fiscal year that are spread over calendar years.
_FLOWS = ("sales", "value_added", "materials", "wages")

_NOT_TOLD = "not told"

#: Share of customs firms in the register below which names are compared.
_ENOUGH_SHARED = 0.95


#: Folder of completed firm tables within a panel's.
IMPUTED = "imputed"


@dataclass(frozen=True)
class Settings:
    """Everything that a person chooses.

    Parameters
    ----------
    home
        ISO code of the reporting country, for the comparison with the world.
    world
        World file; the embedded world unless given.
    edition, weights, first_month, shift_days
        See `annual.AnnualPlan`; ``edition`` counts only where concordances are at hand.
    fiscal_month
        Month in which the years of firm tables begin.
    rates
        Table of exchange rates (date, currency, usd), before the European Central Bank's.
    partners
        What numbers of partners mean where they are not ISO's: a list of `places.NUMBER_LISTS` by name, or a table
        (code, country).
    layouts, constants, corrections
        By file name: field to column; field to text; by field: text as written to text as meant.
    columns
        Field to column, in every file that has the column and no layout of its own; the other columns are guessed.
    act_on
        Rules of `suspicions` whose lines are left out.
    outliers_missing
        Whether outlying cells of firm tables are emptied, to be filled like gaps.
    draws
        Completed firm tables; 0 leaves gaps.
    accept, review
        Probabilities of linkage.
    decisions
        Table of a person's decisions on the review: left, right, same.
    table_year
        Year of firm tables that have no such column.
    synthetic
        Whether the files are invented, as the example's are: what is made of them says so.
    today
        Day that timeliness counts from; the present unless given.
    """

    home: str | None = None
    world: Path | None = None
    edition: str | None = "HS6"
    weights: Weights = "equal"
    first_month: int = 1
    shift_days: Mapping[str, int] = field(default_factory=dict)
    fiscal_month: int = 1
    rates: Path | None = None
    partners: str | Path | None = None
    layouts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    act_on: tuple[str, ...] = tuple(sorted(DEFAULT_RULES))
    outliers_missing: bool = False
    draws: int = 0
    accept: float = 0.95
    review: float = 0.30
    decisions: Path | None = None
    table_year: int | None = None
    synthetic: bool = False
    today: str | None = None


@dataclass(frozen=True)
class Sorted:
    """What each of a set of files is."""

    customs: tuple[Path, ...] = ()
    firms: tuple[Path, ...] = ()
    concordances: tuple[Path, ...] = ()
    rates: tuple[Path, ...] = ()
    partners: tuple[Path, ...] = ()
    corrections: tuple[Path, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came out, as plain data; tables lie in ``folder``.

    ``folder`` holds ``panel`` (firms.parquet, trade.parquet, panel.json; ``imputed`` where gaps were filled),
    ``log.parquet`` (customs lines), ``product_mapping.parquet`` (what codes became), ``firm_log.parquet``, ``quarantine.parquet``, ``suspicions.parquet``, ``scorecard.json`` and ``report.json``.
    """

    folder: Path
    sources: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, Any], ...]
    scorecard: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    mirror: dict[str, Any] | None = None
    linkage: dict[str, Any] | None = None
    gaps: dict[str, Any] | None = None
    review: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data without paths of the machine."""
        content = asdict(self)
        return {key: value for key, value in content.items() if key not in ("folder", "review")}


def sort_files(
    paths: Sequence[Path],
    layouts: Mapping[str, Mapping[str, str]] | None = None,
    constants: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Sorted:
    """Tell customs files, firm tables, concordances, exchange rates, lists of partners and corrections apart by their headers.

    Raises
    ------
    LayoutError
        If ``columns`` names a field that there is not, or a column that no file has.
    """
    kinds: dict[str, list[Path]] = {
        "customs": [],
        "firms": [],
        "concordances": [],
        "rates": [],
        "partners": [],
        "corrections": [],
    }
    left_out: dict[str, str] = {}
    met: set[str] = set()
    with tempfile.TemporaryDirectory() as workspace:
        for path in sorted(paths):
            kind, reason = _kind(
                path, Path(workspace), (layouts or {}).get(path.name), constants or {}, columns or {}, met
            )
            if kind:
                kinds[kind].append(path)
            else:
                left_out[path.name] = reason
    _check_columns(columns or {}, met)
    return Sorted(**{kind: tuple(found) for kind, found in kinds.items()}, left_out=left_out)


def _check_columns(given: Mapping[str, str], met: set[str]) -> None:
    known = dict.fromkeys((*FIELD_NAMES, *(f.name for f in FIRM_FIELDS)))
    if strange := sorted(set(given) - set(known)):
        raise LayoutError(f"There is no field {', '.join(strange)}; fields are {', '.join(known)}.")
    there = {column.strip().casefold() for column in met}
    if absent := sorted(c for c in given.values() if c.strip().casefold() not in there):
        raise LayoutError(
            f"No file has a column {', '.join(map(repr, absent))}. Columns are {', '.join(map(repr, sorted(met)[:30]))}."
        )


def _kind(
    path: Path,
    workspace: Path,
    layout: Mapping[str, str] | None,
    constants: Mapping[str, str],
    given: Mapping[str, str],
    met: set[str],
) -> tuple[str, str]:
    try:
        columns = header(path, workspace)
    except UnreadableFileError as error:
        return "", str(error)
    if not columns:
        return "", "empty"
    met.update(columns)
    if is_rate_table(columns):
        return "rates", ""
    if is_number_list(columns):
        return "partners", ""
    if {"field", "text", "meaning"} <= {column.strip().casefold() for column in columns}:
        return "corrections", ""
    chosen = Layout(layout, constants) if layout is not None else guess_layout(columns, constants, given)
    try:
        chosen.check(columns, path.name)
        return "customs", ""
    except LayoutError as error:
        reason = str(error)
    try:
        read_concordance(path)
        return "concordances", ""
    except ConcordanceError:
        pass
    if looks_like_firms(columns, given) or (layout is not None and "firm" in layout):
        return "firms", ""
    return "", reason


def header(path: Path, workspace: Path) -> tuple[str, ...]:
    """Columns of a file, from its first lines only.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read.
    """
    refuse_others(path)
    if path.suffix.lower() in CONVERTED:
        return open_text(path, workspace).columns
    try:
        with path.open("rb") as file:
            first = file.read(1 << 16)
    except OSError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    head = workspace / "head.csv"
    head.write_bytes(first)
    try:
        return open_text(head, workspace).columns
    except UnreadableFileError as error:
        raise UnreadableFileError(str(error).replace(head.name, path.name)) from error


def small_table(path: Path) -> pd.DataFrame:
    """A small table beside the records, as text: rates, partners, corrections, decisions; with titles, ``sep=`` or sheets as they come.

    Raises
    ------
    UnreadableFileError
        If it is no table.
    """
    with tempfile.TemporaryDirectory() as workspace:
        file = open_text(path, Path(workspace))
        if not file.columns:
            raise UnreadableFileError(f"{path.name} is empty.")
        return pd.read_csv(
            file.clean, sep=file.separator, dtype=str, keep_default_na=False, encoding="utf-8-sig",
            header=0, names=list(file.columns), engine="python", on_bad_lines="error", index_col=False,
        )  # fmt: skip


def harmonise(
    files: Sequence[Path],
    output: Path,
    salt: Path,
    settings: Settings | None = None,
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> Outcome:
    """Harmonise a set of files into a panel.

    Parameters
    ----------
    files
        Customs files, firm tables, concordances, exchange rates, lists of partners and corrections, in any order; headers tell which is which.
    output
        Folder to write.
    salt
        File with the secret that identifiers are hashed with (hexadecimal); kept apart from the output.

    Raises
    ------
    HarmoniseError
        If no file can be used, or a choice cannot be followed; single bad rows never raise.
    """
    settings = settings or Settings()
    output.mkdir(parents=True, exist_ok=True, mode=0o700)
    if salt.resolve().is_relative_to(output.resolve()):
        raise HarmoniseError("The salt must lie apart from the output; choose another place for one of them.")
    if checkpoints is not None:
        return _Run(files, output, _read_salt(salt), settings, progress, checkpoints).run()
    with tempfile.TemporaryDirectory() as folder:
        outcome = _Run(
            files, output, _read_salt(salt), settings, progress, Checkpoints(Path(folder) / "steps")
        ).run()
        return replace(outcome, review=None)


def _read_salt(path: Path) -> bytes:
    try:
        salt = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise HarmoniseError(f"{path.name} holds no salt in hexadecimal; make one first.") from error
    if len(salt) < 16:
        raise HarmoniseError(f"The salt in {path.name} has {len(salt)} bytes; it needs at least 16.")
    return salt


class _Run:
    """One run: the steps in order, each noting what went in and what came out."""

    def __init__(
        self,
        files: Sequence[Path],
        output: Path,
        salt: bytes,
        settings: Settings,
        progress: Progress,
        checkpoints: Checkpoints,
    ) -> None:
        self.output, self.salt, self.settings = output, salt, settings
        self.progress, self.checkpoints = progress, checkpoints
        self.private = checkpoints.folder.parent
        for stale in checkpoints.folder.glob("work-*"):
            shutil.rmtree(stale, ignore_errors=True)
        self.files = sort_files(files, settings.layouts, settings.constants, settings.columns)
        if not self.files.customs and not self.files.firms:
            reasons = " ".join(self.files.left_out.values())
            raise HarmoniseError(f"No file holds customs lines or a firm table. {reasons}".strip())
        self.products = self._concordances()
        self.corrections = self._corrections()
        self.sources: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self.notes = [f"{name} left out: {reason}" for name, reason in self.files.left_out.items()]
        self.filled: dict[str, float] = {}
        self.logs: list[tuple[str, ChangeLog]] = []
        self.in_dollars: list[bool] = []
        self.rows = 0

    def run(self) -> Outcome:
        customs = self._customs(part(self.progress, 0.0, 0.6))
        trade = self._trade(customs, part(self.progress, 0.6, 0.7)) if customs else None
        tables = self._tables(part(self.progress, 0.7, 0.74))
        linkage, tables = self._link(customs, tables, part(self.progress, 0.74, 0.82))
        sector_of = self._sectors()
        firms = self._firms(trade, tables, sector_of)
        firms = self._outliers(firms)
        gaps = self._fill(firms, part(self.progress, 0.84, 0.95))
        self.progress(0.95, "Comparing with the world's flows")
        mirror = self._mirror(trade, sector_of)
        card = self._score(customs, mirror)
        self._write(firms, customs, card)
        outcome = Outcome(
            self.output,
            tuple(self.sources),
            tuple(self.steps),
            tuple(_plain(f) for f in sorted(self.findings, key=lambda f: -f.rows) if f.rows),
            tuple(card.to_json()),
            tuple(dict.fromkeys(self.notes)),
            mirror.to_json() if mirror else None,
            self._linkage_report(linkage),
            gaps,
            self.private / "review.parquet" if linkage else None,
        )
        report = json.dumps(outcome.to_json(), indent=1, ensure_ascii=False, default=str)
        write_whole(self.output / "report.json", report)
        # Names of firms lie among the steps: they go once the panel stands.
        shutil.rmtree(self.checkpoints.folder, ignore_errors=True)
        self.progress(1.0, "Harmonised")
        return outcome

    # Steps --------------------------------------------------------------------------------------

    def _concordances(self) -> ProductCodes | None:
        return ProductCodes.from_files(self.files.concordances) if self.files.concordances else None

    def _rates(self) -> ExchangeRates:
        rates = ExchangeRates.european_central_bank()
        for path in (*self.files.rates, *([self.settings.rates] if self.settings.rates else [])):
            try:
                rates = rates.with_table(rates_of(small_table(path), path.name))
            except ValueError as error:
                raise HarmoniseError(f"{path.name}: {error}") from error
        return rates

    def _corrections(self) -> dict[str, dict[str, str]]:
        """What texts mean, by field: of tables among the files, then as chosen."""
        found = {name: dict(texts) for name, texts in self.settings.corrections.items()}
        for path in self.files.corrections:
            table = small_table(path)
            table = table.rename(columns=lambda name: str(name).strip().casefold())
            for name, text, meaning in zip(
                table["field"].str.strip(), table["text"], table["meaning"], strict=True
            ):
                if name not in FIELD_NAMES:
                    raise HarmoniseError(
                        f"{path.name}: there is no field {name!r}; fields are {', '.join(FIELD_NAMES)}."
                    )
                found.setdefault(name, {}).setdefault(text.strip(), meaning.strip())
        return found

    def _partners(self) -> str | dict[str, str] | None:
        """The list that numbers of partners are of: one by name, or tables of one's own together."""
        chosen = self.settings.partners
        if isinstance(chosen, str):
            if chosen not in NUMBER_LISTS:
                raise HarmoniseError(
                    f"There is no list of country codes {chosen!r}: there are {', '.join(NUMBER_LISTS)}, or a table (code, country)."
                )
            return chosen
        found: dict[str, str] = {}
        for path in (*self.files.partners, *([chosen] if chosen else [])):
            try:
                found |= number_list_of(small_table(path), path.name)
            except (OSError, ValueError) as error:
                raise HarmoniseError(str(error)) from error
        return found or None

    def _customs(self, progress: Progress) -> list[Path]:
        """Folders with the clean lines of each customs file."""
        folders = []
        before = after = lines = 0.0
        for number, path in enumerate(self.files.customs):
            step = part(progress, number / len(self.files.customs), (number + 1) / len(self.files.customs))
            folder, report = self._read_customs(number, path, step)
            self._note_customs(path, report)
            folders.append(folder)
            before += report["accounts"]["read"]
            lines += report["accounts"]["clean"]
            after += report["value"]
        if folders:
            self._step("Reading customs lines", "lines", before, lines, after)
        return folders

    def _read_customs(self, number: int, path: Path, progress: Progress) -> tuple[Path, dict[str, Any]]:
        settings = self.settings
        depends = (
            path, number, self.salt, settings.layouts.get(path.name), settings.constants, settings.columns, self.corrections,
            self.files.concordances, self.files.rates, settings.rates, self.files.partners, settings.partners,
        )  # fmt: skip
        folder = self.checkpoints.folder / f"customs-{content_hash(depends)}"

        def compute() -> dict[str, Any]:
            with tempfile.TemporaryDirectory(prefix="work-", dir=self.checkpoints.folder) as work:
                layout = settings.layouts.get(path.name)
                options = Options(
                    self.salt,
                    layout=Layout(layout, settings.constants) if layout is not None else None,
                    constants=settings.constants,
                    columns=settings.columns,
                    corrections=self.corrections,
                    partners=self._partners(),
                )
                found = read_declarations(
                    [path],
                    Path(work),
                    options,
                    products=self.products,
                    rates=self._rates(),
                    progress=progress,
                )
                found.save(folder, first_file=number)
                with whole_file(folder / "names.parquet") as place:
                    found.firm_names().to_parquet(place)
                value, last = found.connection.execute(
                    f"SELECT coalesce({exact_sum('value_usd')}, 0), max(date) FROM lines"
                ).fetchone() or (0.0, None)
                source = found.sources[0]
                report = {
                    "accounts": found.accounts(), "findings": found.findings, "value": value, "last": last,
                    "filled": found.filled(), "sha256": source.sha256, "layout": dict(source.layout.columns),
                }  # fmt: skip
                found.connection.close()
                return report

        return folder, self.checkpoints.step("customs", depends, compute)

    def _note_customs(self, path: Path, report: dict[str, Any]) -> None:
        accounts = report["accounts"]
        self.rows += accounts["read"]
        self.findings = _merge(self.findings, report["findings"].found, self.rows)
        self.notes += report["findings"].notes
        self.filled = _mean_filled(self.filled, report["filled"], self.rows, accounts["read"])
        self.sources.append(
            {"file": path.name, "kind": "customs", "sha256": report["sha256"], "rows": accounts["read"],
             "kept": accounts["clean"], "columns": report["layout"], "last": report["last"]}
        )  # fmt: skip

    def _trade(self, customs: list[Path], progress: Progress) -> AnnualTrade:
        lines = [folder / "lines.parquet" for folder in customs]
        progress(0.0, "Looking for suspicious lines")
        found, excluded = examine(lines, self.output / "suspicions.parquet", act_on=self.settings.act_on)
        self.findings = _merge(self.findings, found, self.rows)
        progress(0.5, "Adding lines up to years")
        edition = self.settings.edition if self.products else None
        if edition is None and self.settings.edition:
            self.notes.append("Product codes are left as declared: no concordance is at hand.")
        plan = AnnualPlan(edition, self.settings.weights, self.settings.first_month, self.settings.shift_days)
        panel = self.output / "panel"
        panel.mkdir(exist_ok=True)
        trade = add_up(
            lines,
            panel / "trade.parquet",
            plan,
            products=self.products,
            excluded=excluded,
            mapping=self.output / "product_mapping.parquet",
        )
        excluded.unlink()
        self.findings = _merge(self.findings, trade.findings, self.rows)
        clean = self.steps[-1]["after"]
        self._step("Setting suspicious lines aside", "lines", clean, trade.lines, trade.value)
        self._step(
            "Adding up by firm, year, country and product", "rows", trade.lines, trade.cells, trade.value
        )
        return trade

    def _tables(self, progress: Progress) -> list[FirmTable]:
        tables = []
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.checkpoints.folder) as work:
            for number, path in enumerate(self.files.firms):
                progress(number / len(self.files.firms), f"Reading {path.name}")
                table = read_firm_table(
                    path, Path(work), self.salt, layout=self.settings.layouts.get(path.name), columns=self.settings.columns,
                    year=self.settings.table_year, rates=self._rates(),
                )  # fmt: skip
                self.rows += table.rows
                self.findings = _merge(self.findings, table.findings, self.rows)
                self.notes += [f"{path.name}: {note}" for note in table.notes]
                self._step(f"Reading {path.name}", "rows", table.rows, len(table.table), None, len(table.log))
                self.sources.append(
                    {"file": path.name, "kind": "firms", "sha256": table.sha256, "rows": table.rows,
                     "kept": len(table.table), "columns": dict(table.layout), "last": None}
                )  # fmt: skip
                tables.append(table)
                self.in_dollars.append(table.in_dollars)
                self.logs.append((path.name, table.log))
        return tables

    def _link(
        self, customs: list[Path], tables: list[FirmTable], progress: Progress
    ) -> tuple[Linkage | None, list[FirmTable]]:
        """Give firms of the tables the identifier that customs know them by, where names say so."""
        if not customs or not tables:
            return None, tables
        files = ", ".join(literal(str(folder / "names.parquet")) for folder in customs)
        with passing_database() as connection:
            known = connection.execute(f"FROM read_parquet([{files}])").df().drop_duplicates("id")
        listed = pd.concat([t.names for t in tables], ignore_index=True).drop_duplicates("id")
        shared = known["id"].isin({key for t in tables for key in t.table["firm"]})
        if known.empty or listed.empty or shared.mean() >= _ENOUGH_SHARED:
            return None, tables
        left, right = known[~shared], listed[~listed["id"].isin(known["id"])]
        plan = LinkagePlan(self.settings.accept, self.settings.review)
        try:
            linkage = link(left, right, plan, progress=progress)
        except HarmoniseError as error:
            self.notes.append(f"Firms were not linked by name: {error}")
            return None, tables
        decisions = self._decisions()
        links = linkage.links(decisions)
        with whole_file(self.private / "review.parquet") as place:
            linkage.review().to_parquet(place)
        meant = dict(zip(links["right"], links["left"], strict=True))
        tables = [replace(t, table=t.table.assign(firm=t.table["firm"].replace(meant))) for t in tables]
        self._step(
            "Linking firms by name",
            "customs firms in the tables",
            int(shared.sum()),
            int(shared.sum()) + len(links),
        )
        return linkage, tables

    def _decisions(self) -> pd.DataFrame | None:
        path = self.settings.decisions
        if path is None:
            return None
        table = small_table(path).rename(columns=lambda name: str(name).strip().casefold())
        if absent := [name for name in ("left", "right", "same") if name not in table]:
            raise HarmoniseError(f"{path.name} lacks the column {absent[0]} of decisions: left, right, same.")
        said = table["same"].str.strip().str.casefold()
        true, false = {"true", "1", "1.0", "yes", "y", "si", "sí"}, {"false", "0", "0.0", "no", "n"}
        if strange := sorted(set(said) - true - false - {""}):
            raise HarmoniseError(f"{path.name}: same is {strange[0]!r}; write true or false.")
        kept = said != ""
        return table[kept].assign(same=said[kept].isin(true))

    def _linkage_report(self, linkage: Linkage | None) -> dict[str, Any] | None:
        if linkage is None:
            return None
        return {
            "linked": len(linkage.links()),
            "to_review": len(linkage.review()),
            "expected_precision": linkage.expected_precision(),
            "accept": linkage.plan.accept,
        }

    def _sectors(self) -> dict[str, str] | None:
        if self.products is None:
            return None
        edition = self.settings.edition or newest_edition(self.products)
        try:
            return product_sectors(self.products, edition)
        except (ConcordanceError, KeyError):
            self.notes.append(f"Products of {edition} lead to no sector: add a concordance to ISIC Rev. 3.")
            return None

    def _firms(
        self, trade: AnnualTrade | None, tables: list[FirmTable], sector_of: dict[str, str] | None
    ) -> pd.DataFrame:
        """One row by firm and year: what tables tell, joined with the sums of trade."""
        joined: pd.DataFrame | None = None
        for table in tables:
            calendar = fiscal_to_calendar(
                table.table, self.settings.fiscal_month, [c for c in _FLOWS if c in table.table]
            )
            calendar = (
                calendar.drop(columns="months_covered") if self.settings.fiscal_month == 1 else calendar
            )
            calendar = calendar.drop_duplicates(["firm", "year"])
            # Where two tables tell the same thing, the first is believed.
            joined = calendar if joined is None else _combined(joined, calendar)
        if trade is not None:
            sums = _trade_sums(trade.path, sector_of)
            joined = sums if joined is None else _with_trade(joined, sums)
        assert joined is not None  # one of both exists, or the run was refused
        if "sector" not in joined:
            joined["sector"] = _NOT_TOLD
        joined["sector"] = (
            joined["sector"].astype("str").replace({"nan": _NOT_TOLD, "": _NOT_TOLD}).fillna(_NOT_TOLD)
        )
        first = ["firm", "year", "sector"]
        return joined[[*first, *(c for c in joined if c not in first)]].sort_values(
            ["firm", "year"], ignore_index=True
        )

    def _outliers(self, firms: pd.DataFrame) -> pd.DataFrame:
        amounts = [
            f.name
            for f in FIRM_FIELDS
            if f.kind in ("amount", "number") and f.name in firms and f.name != "weight"
        ]
        found = find_outliers(firms, amounts)
        if found.empty:
            return firms
        share = len(found) / max(len(firms) * len(amounts), 1)
        self.findings = _merge(
            self.findings, [Finding(FIRM_RULES["cell.outlier"], len(found), share)], self.rows
        )
        if not self.settings.outliers_missing:
            return firms
        before = int(firms[amounts].notna().sum().sum())
        log = ChangeLog()
        cleaned = set_outliers_missing(firms, found, log)
        self.logs.append(("panel/firms.parquet", log))
        self._step("Emptying outliers", "cells", before, before - len(found), None, len(found))
        return cleaned

    def _fill(self, firms: pd.DataFrame, progress: Progress) -> dict[str, Any] | None:
        known = [
            f.name for f in FIRM_FIELDS if f.kind in ("amount", "number", "share", "flag") and f.name in firms
        ]
        columns = [c for c in known if firms[c].isna().any() and firms[c].notna().sum() >= 30]
        if not known:
            return None
        self.filled |= {c: float(firms[c].notna().mean()) for c in known}
        report: dict[str, Any] = {
            "missing": missingness_map(firms[["year", *known]]).to_dict("index"),
            "tests": missingness_tests(firms[known]).head(20).to_dict("records"),
        }
        if self.settings.draws >= 2 and columns:
            given = [c for c in ("sector", "region", "exports", "imports", "year") if c in firms]
            keys = firms[["firm"]]
            done = impute(
                firms.drop(columns="firm"), columns, given=given, draws=self.settings.draws, progress=progress
            )
            folder = self.output / "panel" / IMPUTED
            folder.mkdir(parents=True, exist_ok=True)
            for draw in range(done.draws):
                with whole_file(folder / f"firms_{draw + 1}.parquet") as filled:
                    keys.join(done.completed(draw)).to_parquet(filled)
            report["comparison"] = done.comparison().to_dict("records")
            report["draws"] = done.draws
            gaps = int(firms[columns].isna().sum().sum())
            self._step(f"Filling gaps in {done.draws} draws", "missing cells", gaps, 0, None, gaps)
        return report

    def _mirror(self, trade: AnnualTrade | None, sector_of: dict[str, str] | None) -> MirrorComparison | None:
        if trade is None or self.settings.home is None:
            return None
        try:
            found = compare_with_world(trade.path, self._world(), self.settings.home, sector_of=sector_of)
        except HarmoniseError as error:
            self.notes.append(f"Not compared with the world: {error}")
            return None
        scaled = (
            scaled_trade(pd.read_parquet(trade.path), found, sector_of) if trade.cells < 5_000_000 else None
        )
        if scaled is None:
            self.notes.append(
                "Scaling factors are in mirror.csv; the trade table is too large to carry them."
            )
        else:
            with whole_file(trade.path) as place:
                scaled.to_parquet(place)
        with whole_file(self.output / "mirror.csv") as place:
            found.cells.to_csv(place, index=False)
        return found

    def _world(self) -> World:
        if self.settings.world is not None:
            return World.load(self.settings.world)
        from firmtrade_core.world.embedded import load_embedded_world

        return load_embedded_world()

    def _score(self, customs: list[Path], mirror: MirrorComparison | None) -> Scorecard:
        days = [source["last"] for source in self.sources if source["last"] is not None]
        today = (
            datetime.date.fromisoformat(self.settings.today) if self.settings.today else datetime.date.today()
        )
        return score(
            rows=self.rows, findings=self.findings, filled=self.filled,
            last_day=max(days) if days else None, today=today, comparison=mirror,
        )  # fmt: skip

    # Writing ------------------------------------------------------------------------------------

    def _write(self, firms: pd.DataFrame, customs: list[Path], card: Scorecard) -> None:
        panel = self.output / "panel"
        panel.mkdir(exist_ok=True)
        with whole_file(panel / "firms.parquet") as place:
            firms.to_parquet(place)
        home = self.settings.home or "not stated"
        metadata: dict[str, Any] = {
            "name": "harmonised firm panel", "home": home, "money": self._money(customs),
            "source": ", ".join(source["file"] for source in self.sources), "licence": "not stated",
            "synthetic": self.settings.synthetic, "notes": self._panel_notes(customs), "units": {},
        }  # fmt: skip
        write_whole(panel / "panel.json", json.dumps(metadata, ensure_ascii=False, indent=1))
        card_text = json.dumps(card.to_json(), indent=1, ensure_ascii=False)
        write_whole(self.output / "scorecard.json", card_text)
        self._write_firm_log()
        for table, target in (("changes", "log"), ("quarantine", "quarantine")):
            files = ", ".join(literal(str(folder / f"{table}.parquet")) for folder in customs)
            if files:
                with passing_database() as connection, whole_file(self.output / f"{target}.parquet") as place:
                    connection.execute(
                        f"COPY (FROM read_parquet([{files}])) TO {literal(str(place))} (FORMAT parquet, USE_TMP_FILE false)"
                    )

    def _write_firm_log(self) -> None:
        frames = [log.to_frame().assign(file=name) for name, log in self.logs if len(log)]
        frame = pd.concat(frames) if frames else ChangeLog().to_frame().assign(file="")
        text = ["row", "before", "after"]
        with whole_file(self.output / "firm_log.parquet") as place:
            frame.astype(dict.fromkeys(text, "string")).to_parquet(place, index=False)

    def _money(self, customs: list[Path]) -> str:
        told = bool(self.in_dollars) and all(self.in_dollars)
        return "USD" if customs or told else "as in the firm tables"

    def _panel_notes(self, customs: list[Path]) -> list[str]:
        notes = ["Identifiers are hashed."]
        if customs and self.files.firms and not all(self.in_dollars):
            notes.append(
                "Exports and imports are US dollars; amounts of firm tables are in the tables' own money."
            )
        return notes

    def _step(
        self, name: str, unit: str, before: float, after: float, value: float | None = None, changed: int = 0
    ) -> None:
        self.steps.append(
            {"step": name, "unit": unit, "before": int(before), "after": int(after), "value_usd": value, "changed": changed}
        )  # fmt: skip


def _combined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    keyed = first.set_index(["firm", "year"])
    return keyed.combine_first(second.set_index(["firm", "year"])).reset_index()


def _trade_sums(path: Path, sector_of: dict[str, str] | None) -> pd.DataFrame:
    """Exports, imports and main sector of each firm and year."""
    sectors = pd.DataFrame(sorted((sector_of or {}).items()), columns=["product", "sector"], dtype="str")
    with passing_database() as connection:
        connection.register("sectors", sectors)
        return connection.execute(
            f"""
            WITH sums AS (
                SELECT firm, year, coalesce(s.sector::VARCHAR, '{_NOT_TOLD}') AS sector,
                    {exact_sum("if(flow = 'export', value, 0)")} AS exports, {exact_sum("if(flow = 'import', value, 0)")} AS imports
                FROM read_parquet({literal(str(path))}) t LEFT JOIN sectors s ON s.product::VARCHAR = t.product
                GROUP BY ALL)
            SELECT firm, year, max(struct_pack(worth := exports + imports / 1e6, sector := sector)).sector AS sector,
                {exact_sum("exports")} AS exports, {exact_sum("imports")} AS imports FROM sums GROUP BY ALL
            ORDER BY firm, year
            """
        ).df()


def _with_trade(firms: pd.DataFrame, sums: pd.DataFrame) -> pd.DataFrame:
    """Firms of tables with their trade; in years that customs cover, a firm without lines traded nothing."""
    kept = firms.drop(columns=[c for c in ("exports", "imports") if c in firms])
    merged = kept.merge(sums, how="outer", on=["firm", "year"], suffixes=("", "_of_trade"))
    if "sector_of_trade" in merged:
        merged["sector"] = merged["sector"].fillna(merged.pop("sector_of_trade"))
    covered = merged["year"].isin(sums["year"].unique())
    for name in ("exports", "imports"):
        merged[name] = merged[name].mask(covered & merged[name].isna(), 0.0)
    return merged


def _merge(before: Sequence[Finding], more: Sequence[Finding], rows: int) -> list[Finding]:
    """Findings of several files as one for each rule, as shares of all rows."""
    merged: dict[str, Finding] = {}
    for finding in (*before, *more):
        known = merged.get(finding.rule.key)
        count = finding.rows + (known.rows if known else 0)
        examples = tuple(dict.fromkeys((*(known.examples if known else ()), *finding.examples)))[:5]
        value = finding.value_share if known is None else None
        merged[finding.rule.key] = Finding(finding.rule, count, count / max(rows, 1), value, examples)
    return list(merged.values())


def _mean_filled(
    before: Mapping[str, float], more: Mapping[str, float], rows: int, added: int
) -> dict[str, float]:
    weight = added / max(rows, 1)
    names = [*before, *(name for name in more if name not in before)]
    return {
        name: (1 - weight) * before.get(name, more.get(name, np.nan))
        + weight * more.get(name, before.get(name, np.nan))
        for name in names
    }


def _plain(finding: Finding) -> dict[str, Any]:
    rule: Rule = finding.rule
    return {
        "rule": rule.key, "title": rule.title, "action": rule.action, "advice": rule.advice, "rows": finding.rows,
        "share": finding.share, "value_share": finding.value_share, "examples": list(finding.examples),
    }  # fmt: skip
