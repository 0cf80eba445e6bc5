"""The whole way from firms' records to firms in the accounts, with every choice on it named: one call, one answer.

Records are invented anew, or read from raw files, or from a panel; cleaned; gaps filled or left; errors added; capability and
effects estimated; firms put together (MODEL 6, 7, 13). Nothing is taken over from an earlier run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from firmtrade_core.capability import Learner, Settings, estimate
from firmtrade_core.capability.learners import Kind
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.channels import Settings as ChannelSettings
from firmtrade_core.channels.from_panel import draw_sample, report
from firmtrade_core.channels.work import default_questions
from firmtrade_core.harmonise import pipeline as harmonising
from firmtrade_core.harmonise.gaps import impute
from firmtrade_core.harmonise.outliers import find_outliers
from firmtrade_core.harmonise.suspicions import DEFAULT_RULES, SUSPICION_RULES
from firmtrade_core.home.from_panel import home_firms
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.source import read_panel
from firmtrade_core.panel.synthetic.country import make_country, salt_of
from firmtrade_core.panel.synthetic.design import Variant
from firmtrade_core.panel.synthetic.raw import write_raw
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.world.world import World

Cleaning = Literal["standard", "nothing", "all_suspicions", "outliers"]
Filling = Literal["gaps", "matched", "matched_again", "mean", "complete"]
Law = Literal["normal", "chosen"]

#: Yes-or-no answers that are turned round per unit of unreliability: at a reliability of 0.8 one in ten.
_TURNED = 0.5

#: Day that raw files are read on: timeliness takes no part in any number.
_READ_ON = "2026-01-01"


@dataclass(frozen=True)
class RawFiles:
    """Files as offices send them.

    Parameters
    ----------
    files, salt, settings
        As `harmonise.pipeline.harmonise` takes them.
    synthetic
        Whether the firms are invented.
    """

    files: tuple[Path, ...]
    salt: Path
    settings: harmonising.Settings
    synthetic: bool = False


#: A design of invented firms, which are written as raw files first; raw files; or a folder of a firm panel.
Start = SyntheticDesign | RawFiles | Path


@dataclass(frozen=True)
class FirmChain:
    """Every choice between records and firms in the accounts.

    Parameters
    ----------
    start
        Where the records come from.
    attributes
        Whose effects are estimated; none for an empty tuple.
    cleaning
        ``standard``: what repeats is set aside, nothing else. ``nothing``: nothing is. ``all_suspicions``: every suspicious
        line. ``outliers``: outlying cells of firm tables are emptied.
    filling
        ``gaps``: left to the learners. ``matched``: by chained equations with predictive mean matching (``matched_again``:
        another draw). ``mean``: by the mean of the year. ``complete``: firms with gaps are left out.
    learner, folds, penalty
        Of capability and of effects' nuisance functions; the penalty is the prior that shrinks them.
    effect_learner
        Of nuisance functions alone.
    reliability
        Share of attributes' variance that is no error: below one, errors are added to numbers and answers are turned round.
    misreported
        Standard deviation of errors added to logs of exports.
    law, two_indices
        Of the capability estimate.
    variant
        How invented firms are drawn; of a design alone.
    rounds
        Of refitting.
    seed
    """

    start: Start
    attributes: tuple[str, ...] = ()
    cleaning: Cleaning = "standard"
    filling: Filling = "gaps"
    learner: Kind = "splines"
    effect_learner: str = "splines"
    folds: int = 5
    penalty: float = 10.0
    reliability: float = 1.0
    misreported: float = 0.0
    law: Law = "normal"
    two_indices: bool = True
    variant: Variant = "well_specified"
    rounds: int = 2
    seed: int = 0

    def run(self, world: World) -> HomeFirms:
        """The firms at the end of the chain.

        Raises
        ------
        PanelError, HarmoniseError, CapabilityError, ChannelError, FirmsError
            Naming what the records lack.
        """
        panel = _with_errors(_filled(self._panel(world), self), self)
        year = panel.years[-1]
        settings = self._settings()
        results = estimate(
            from_panel(panel, years=[year], sectors="markets" if "trade" in panel.tables else "shared"),
            settings,
        )
        questions = [q for q in default_questions(panel) if q.attribute in self.attributes]
        effects = None
        if questions:
            sample = draw_sample(panel, questions, year=year, capability=settings)
            effects = report(
                panel,
                questions,
                ChannelSettings(
                    folds=self.folds, repetitions=1, learners=(self.effect_learner,), seed=self.seed
                ),
                year=year,
                sample=sample,
            ).table
        return home_firms(results, panel, effects, year)

    def _settings(self) -> Settings:
        own = Learner(kind=self.learner, penalty=self.penalty)
        return Settings(
            learner=own,
            entry_learner=Learner(kind="splines", penalty=self.penalty),
            two_indices=self.two_indices,
            folds=self.folds,
            tune=False,
            rounds=self.rounds,
            tolerance=3.0,
            seed=self.seed,
            law=self.law,
        )

    def _panel(self, world: World) -> FirmPanel:
        if isinstance(self.start, Path):
            return _cleaned(read_panel(self.start), self.cleaning)
        with tempfile.TemporaryDirectory(prefix="firmtrade-chain-") as place:
            folder = Path(place)
            if isinstance(self.start, RawFiles):
                return _harmonised(self.start, folder, self.cleaning)
            design = self.start.with_(variant=self.variant)
            country = make_country(design, world if design.home in world.countries else None)
            write_raw(country, folder / "raw")
            (folder / "salt").write_text(salt_of(design).hex())
            files = tuple(path for path in sorted((folder / "raw").iterdir()) if path.suffix == ".csv")
            settings = harmonising.Settings(
                home=design.home, table_year=design.last_year, synthetic=True, today=_READ_ON
            )
            found = _harmonised(RawFiles(files, folder / "salt", settings, True), folder, self.cleaning)
            return _lent(found, country.panel)


def _harmonised(raw: RawFiles, folder: Path, cleaning: Cleaning) -> FirmPanel:
    act_on = {"nothing": (), "all_suspicions": tuple(sorted(SUSPICION_RULES))}
    settings = replace(
        raw.settings,
        act_on=act_on.get(cleaning, tuple(sorted(DEFAULT_RULES))),
        outliers_missing=cleaning == "outliers",
    )
    harmonising.harmonise(raw.files, folder / "harmonised", raw.salt, settings)
    panel = FirmPanel.from_parquet(folder / "harmonised" / "panel")
    frames = {name: getattr(panel, name) for name in ("firms", "trade", "links") if name in panel.tables}
    return FirmPanel.from_frames(
        frames["firms"],
        frames.get("trade"),
        frames.get("links"),
        metadata=replace(panel.metadata, synthetic=raw.synthetic),
    )


def _lent(found: FirmPanel, invented: FirmPanel) -> FirmPanel:
    """The harmonised panel with attributes that raw files do not carry, as the invented panel has them."""
    wanted = [
        name
        for name in (*invented.attributes, *invented.instruments, "region")
        if name in invented.column_names() and name not in found.column_names()
    ]
    table = invented.firms[["firm", "year", *wanted]].assign(firm=lambda t: t["firm"].astype(str))
    firms = found.firms.assign(firm=lambda t: t["firm"].astype(str)).merge(
        table, on=["firm", "year"], how="left"
    )
    metadata = replace(
        found.metadata, units={**found.metadata.units, **{name: invented.unit(name) for name in wanted}}
    )
    trade = found.trade if "trade" in found.tables else None
    return FirmPanel.from_frames(firms, trade, metadata=metadata)


def _cleaned(panel: FirmPanel, cleaning: Cleaning) -> FirmPanel:
    """A panel that is harmonised already: outlying cells can still be emptied."""
    if cleaning != "outliers":
        return panel
    firms = panel.firms.copy()
    columns = [c for c in ("sales", "value_added", "materials", "wages", "employment") if c in firms]
    for column, cells in find_outliers(firms, columns).groupby("column"):
        firms.loc[cells["row"], str(column)] = np.nan
    return _again(panel, firms)


def _again(panel: FirmPanel, firms: pd.DataFrame, trade: pd.DataFrame | None = None) -> FirmPanel:
    """The panel with another table of firms."""
    if trade is None and "trade" in panel.tables:
        trade = panel.trade
    links = panel.links if "links" in panel.tables else None
    return FirmPanel.from_frames(firms, trade, links, metadata=panel.metadata)


def _numbers(firms: pd.DataFrame, names: Sequence[str]) -> list[str]:
    return [n for n in names if n in firms and pd.api.types.is_numeric_dtype(firms[n])]


def _filled(panel: FirmPanel, chain: FirmChain) -> FirmPanel:
    if chain.filling == "gaps":
        return panel
    firms = panel.firms.copy()
    names = [n for n in _numbers(firms, panel.attributes) if firms[n].isna().any()]
    if chain.filling == "complete":
        return _again(panel, firms.dropna(subset=names).reset_index(drop=True))
    if chain.filling == "mean":
        means = firms.groupby("year")[names].transform("mean")
        return _again(panel, firms.assign(**{n: firms[n].astype(float).fillna(means[n]) for n in names}))
    known = [c for c in ("year", "sector", "exports") if c in firms and not firms[c].isna().any()]
    given = [c for c in known if firms[c].nunique() > 1]
    seed = 1 if chain.filling == "matched" else 2
    helpers = [
        n
        for n in _numbers(firms, ("employment", "sales", *panel.attributes))
        if n in names or firms[n].nunique() > 1
    ]
    columns = [*dict.fromkeys([*helpers, *given])]
    completed = impute(firms[columns], names, given=given, draws=1, seed=seed).completed(0)
    return _again(panel, firms.assign(**{n: completed[n] for n in names}))


def _with_errors(panel: FirmPanel, chain: FirmChain) -> FirmPanel:
    """Errors of measurement on top of those that the records hold."""
    if chain.reliability >= 1 and chain.misreported <= 0:
        return panel
    random = np.random.default_rng([chain.seed, 31])
    firms, trade = panel.firms.copy(), panel.trade if "trade" in panel.tables else None
    if chain.reliability < 1:
        for name in _numbers(firms, panel.attributes):
            firms[name] = _blurred(firms[name].astype(float), chain.reliability, random)
    if chain.misreported > 0:
        if trade is not None:
            value = trade["value"].astype(float)
            trade = trade.assign(value=value * np.exp(chain.misreported * random.standard_normal(len(trade))))
        elif "exports" in firms:
            firms["exports"] = firms["exports"] * np.exp(
                chain.misreported * random.standard_normal(len(firms))
            )
    return _again(panel, firms, trade)


def _blurred(values: pd.Series, reliability: float, random: np.random.Generator) -> pd.Series:
    """A column with errors added: reliability is the share of the result's variance that is the column's own; bounds are kept."""
    known = values.dropna()
    if set(known.unique()) <= {0.0, 1.0}:
        turned = random.random(len(values)) < _TURNED * (1 - reliability)
        return values.where(~turned | values.isna(), 1 - values)
    noise = float(known.std()) * np.sqrt(1 / reliability - 1) * random.standard_normal(len(values))
    return (values + noise).clip(known.min(), known.max())
