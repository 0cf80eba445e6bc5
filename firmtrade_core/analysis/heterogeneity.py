"""What firms' differences do to an answer: one shock under several laws of firms, at one average elasticity (MODEL 2, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import change, in_percent, number
from firmtrade_core.margins import FirmsMargins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.scenarios import Scenario, compile, resolved
from firmtrade_core.scenarios.compile import elasticity_of
from firmtrade_core.scenarios.words import countries as spoken
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: Laws of firms in the order of the screen: the scenario's word and what readers call it.
LAWS = {
    "armington": "Competition",
    "krugman": "All firms alike",
    "pareto": "Pareto firms",
    "lognormal": "Lognormal firms",
    "firms": "Home's own firms",
}

#: Changes closer than this, in percentage points, are called the same.
ALIKE = 0.005


@dataclass(frozen=True, eq=False)
class Laws:
    """One scenario under several laws of firms.

    Attributes
    ----------
    country : str
    results : dict of Equilibrium
        By law, in the order of `LAWS`.
    notes : tuple of str
        Laws that could not be solved, and why; what was read approximately.
    own : str
        What the home country's own firms are called.
    chosen : str
        The law of the scenario itself, as settled here: its numbers are those of every other page.
    kind : {"cost", "tariff"}
        What all laws share: the elasticity of trade to costs, or to tariffs.
    """

    country: str
    results: dict[str, Equilibrium]
    notes: tuple[str, ...] = ()
    own: str = LAWS["firms"]
    chosen: str = ""
    kind: str = "cost"

    @property
    def labels(self) -> dict[str, str]:
        """What readers call each law."""
        return LAWS | {"firms": self.own}

    @property
    def world(self) -> World:
        """The world all results stand on."""
        return next(iter(self.results.values())).world

    @property
    def hash(self) -> str:
        """Identifies all results."""
        return "-".join(result.content_hash[:8] for result in self.results.values())

    # Headline -----------------------------------------------------------------------------------

    def table(self) -> pd.DataFrame:
        """One row per law: changes in percent of real income, exports, imports and exporters; welfare in bn USD.

        ``exporters`` is the trade-weighted mean over foreign markets and sectors; NaN where firms do not select.
        """
        i = self.world.country_index(self.country)
        rows = []
        for law, result in self.results.items():
            entry = np.nan
            if result.has_margins:
                trade = self.world.border_value[i].copy()
                trade[i] = 0.0
                moved = (trade * (result.exporters_change[i] - 1)).sum()
                entry = 100 * moved / trade.sum() if trade.sum() > 0 else np.nan
            rows.append(
                {
                    "law": law,
                    "label": self.labels[law],
                    "real_income": 100 * (result.real_income_change[i] - 1),
                    "welfare": result.equivalent_variation[i] * BILLION,
                    "exports": 100 * (result.exports_change[i] - 1),
                    "imports": 100 * (result.imports_change[i] - 1),
                    "exporters": entry,
                }
            )
        return pd.DataFrame(rows)

    def countries(self) -> pd.DataFrame:
        """Real income by country, percent, one column per law, and ``spread``: the largest less the smallest."""
        table = pd.DataFrame(
            {law: 100 * (result.real_income_change - 1) for law, result in self.results.items()}
        )
        table.insert(0, "spread", table.max(axis=1) - table.min(axis=1))
        table.insert(0, "name", [country_name(code) for code in self.world.countries])
        table.insert(0, "country", self.world.countries)
        return table.sort_values("spread", ascending=False, kind="stable").reset_index(drop=True)

    # Elasticities -------------------------------------------------------------------------------

    def elasticities(self) -> pd.DataFrame:
        """Elasticity of the country's exports to variable costs, by law and destination.

        Returns
        -------
        DataFrame
            law, destination, name, elasticity (trade-weighted over sectors), presence (share of potential firms
            there, NaN where the law has no level), exports (bn USD at the baseline), largest first.
        """
        i = self.world.country_index(self.country)
        trade = self.world.border_value[i].copy()
        trade[i] = 0.0
        total = trade.sum(1)
        rows = []
        for law, result in self.results.items():
            slope, presence = baseline_margins(result, i)
            elasticity = (result.baseline.margins.elasticity_of_substitution - 1) * (1 - slope)
            for j in np.flatnonzero(total > 0):
                weight = trade[j] / total[j]
                rows.append(
                    (
                        law,
                        self.world.countries[j],
                        country_name(self.world.countries[j]),
                        float(weight @ elasticity[j]),
                        _known_mean(presence[j], weight),
                        float(total[j] * BILLION),
                    )
                )
        names = ["law", "destination", "name", "elasticity", "presence", "exports"]
        table = pd.DataFrame(rows, columns=names)
        return table.sort_values(
            ["law", "exports"], ascending=[True, False], kind="stable", ignore_index=True
        )

    # Margins ------------------------------------------------------------------------------------

    def parts(self, destination: str | None = None) -> pd.DataFrame:
        """The change of exports by margin, bn USD, one row per law; the parts add up exactly.

        *extensive*: more or fewer firms; *intensive*: what a firm that stays sells; *composition*: who the firms
        present are. Log parts of each cell are turned into dollars by the logarithmic mean of its old and new value
        (Montgomery, Vartia); cells begun or ended count as extensive.
        """
        rows = []
        for law, result in self.results.items():
            cells = export_margins(result, self.country)
            if destination is not None:
                j = self.world.country_index(destination)
                cells = {name: part[j : j + 1] for name, part in cells.items()}
            rows.append(
                {"law": law, "label": self.labels[law]}
                | {n: part.sum() * BILLION for n, part in cells.items()}
            )
        return pd.DataFrame(rows)

    # Words --------------------------------------------------------------------------------------

    def headline(self) -> str:
        """How far the answer runs over the laws, in one sentence; why is told by `analysis.steps`."""
        table, who = self.table(), spoken([self.country]).text
        values = table["real_income"]
        low, high = _extremes(table, "real_income")
        spread = float(high["real_income"] - low["real_income"])
        if spread < ALIKE:
            return (
                f"The law of firms hardly matters here: real income of {who} moves by "
                f"{change(float(values.mean()))} under every law."
            )
        return (
            f"Real income of {who} runs from {change(float(low['real_income']))} {_under(low['label'])} to "
            f"{change(float(high['real_income']))} {_under(high['label'])}, {number(spread)} points."
        )

    def reasons(self) -> list[str]:
        """Why the laws part, each sentence built from numbers."""
        found = [self._why_tariffs(), self._why_elasticities(), self._why_margins(), self._why_entry()]
        return [sentence for sentence in found if sentence]

    def _why_tariffs(self) -> str:
        """Where the scenario moves tariffs, how far they move trade under each law."""
        shock = next(iter(self.results.values())).shock
        if shock.tariff is None:
            return ""
        told = [
            f"{number(_tariff_elasticity(result, self.country), significant=3)} with {_plain(self.labels[law])}"
            for law, result in self.results.items()
        ]
        shared = (
            "What the laws share is an elasticity to costs, not to tariffs: a tariff also takes the revenue that pays for "
            "entering a market."
            if self.kind == "cost"
            else "What the laws share is an elasticity to tariffs, over all countries' exports."
        )
        return f"{shared} Sales abroad fall per percent of tariff by {', '.join(told)} (percent)."

    def shared_elasticity(self) -> str:
        """What is alike under all laws, and how far the country's own firms part from it."""
        said = (
            "All laws share the trade elasticity of the scenario: its trade-weighted mean over all countries' exports is the "
            "same."
        )
        i = self.world.country_index(self.country)
        own = self.results.get("firms")
        if (
            own is None
            or not isinstance(own.baseline.margins, FirmsMargins)
            or own.baseline.margins.home != i
        ):
            return said
        table = self.elasticities()
        means = {
            law: float(np.average(rows["elasticity"], weights=rows["exports"]))
            for law, rows in table.groupby("law")
            if rows["exports"].sum() > 0
        }
        others = [
            f"{number(means[law], significant=3)} with {_plain(self.labels[law])}"
            for law in self.results
            if law in means
        ]
        return (
            f"{said} Buyers' elasticity of substitution is then one for all origins, so exports of {spoken([self.country]).text} "
            f"alone may answer costs by more or less than that: on average by {', '.join(others)}."
        )

    def _why_elasticities(self) -> str:
        table = self.elasticities()
        spreads = table.groupby("law")["elasticity"].agg(lambda e: e.max() - e.min())
        law = str(spreads.idxmax())
        if float(spreads.max()) < 0.05:
            return "Every law gives all destinations the same elasticity here, so trade responds alike."
        own = table[table["law"] == law]
        low, high = _extremes(own, "elasticity")
        return (
            f"With {_plain(self.labels[law])} exports to {spoken([low['destination']]).text} answer costs with an elasticity of "
            f"{number(low['elasticity'], significant=3)}, those to {spoken([high['destination']]).text} with "
            f"{number(high['elasticity'], significant=3)}; with no market power, equal or Pareto firms it is the same everywhere. Where few "
            "firms are present, a small change in cost lets many in or out."
        )

    def _why_margins(self) -> str:
        parts = self.parts()
        total = parts["change"].abs().max()
        if total < 1e-6:
            return ""
        selecting = parts[parts["extensive"].abs() > 1e-9 * total]
        if selecting.empty:
            return ""
        told = [
            f"{in_percent((row['extensive'] + row['composition']) / row['change'])} with {_plain(row['label'])}"
            for row in selecting.to_dict("records")
            if abs(row["change"]) > 1e-3 * total
        ]
        return (
            f"Firms that enter or leave markets, net of their size, account for {', '.join(told)} of the change in "
            "exports; where firms do not select, all of it comes from firms that stay."
            if told
            else ""
        )

    def _why_entry(self) -> str:
        table = self.table().dropna(subset=["exporters"])
        if len(table) < 2:
            return ""
        low, high = _extremes(table, "exporters")
        if high["exporters"] - low["exporters"] < 0.05:
            return ""
        return (
            f"The number of exporters moves by {change(float(low['exporters']))} with {_plain(low['label'])} and by "
            f"{change(float(high['exporters']))} with {_plain(high['label'])}."
        )


def _under(label: object) -> str:
    return "under competition" if label == LAWS["armington"] else f"with {_plain(label)}"


def _extremes(table: pd.DataFrame, column: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Rows with the smallest and the largest value of a column."""
    rows = table.sort_values(column, kind="stable").to_dict("records")
    return rows[0], rows[-1]


def _known_mean(values: Array, weight: Array) -> float:
    """Weighted mean of the values that are known; NaN where none is."""
    known = np.isfinite(values) & (weight > 0)
    return float(np.average(values[known], weights=weight[known])) if known.any() else float("nan")


def _plain(label: object) -> str:
    text = str(label)
    keep = text.split()[0] in ("Pareto",)
    text = text if keep else text[:1].lower() + text[1:]
    return text.replace("all firms alike", "firms all alike").replace("competition", "no market power")


def compare_laws(
    scenario: Scenario, world: World, country: str, home: HomeFirms | None = None, laws: tuple[str, ...] = ()
) -> Laws:
    """Solve one scenario under each law of firms, everything else alike, the average elasticity included.

    Parameters
    ----------
    home
        The home country's firms; without them the laws are three.
    laws
        Of `LAWS`; all that can be had unless given.

    Raises
    ------
    ScenarioError
        If the scenario does not fit the world.
    EquilibriumError
        If no law has an equilibrium.
    """
    scenario = resolved(scenario, home)
    chosen = {"eaton_kortum": "armington"}.get(scenario.structure.family, scenario.structure.family)
    wanted = laws or tuple(law for law in LAWS if law != "firms" or home is not None)
    results: dict[str, Equilibrium] = {}
    notes: list[str] = []
    own = LAWS["firms"] if home is None else own_label(home)
    failed: EquilibriumError | None = None
    for law in wanted:
        # Eaton-Kortum's answers are Armington's: the scenario's own word is kept.
        changes = [{"family": scenario.structure.family if law == chosen else law}]
        if law == "firms" and scenario.structure.elsewhere == "pareto":
            changes.append({"family": law, "elsewhere": "lognormal"})
        for change_ in changes:
            structure = scenario.structure.model_copy(update=change_)
            compiled = compile(scenario.with_(structure=structure), world, home)
            try:
                results[law] = compiled.solve()
            except EquilibriumError as error:
                failed = error
                continue
            if len(change_) > 1:
                notes.append(
                    f"{own} are solved with lognormal firms in other countries: with Pareto, {failed}"
                )
            notes += [note for note in compiled.report if note not in notes]
            break
        else:
            notes.append(f"{(LAWS | {'firms': own})[law]} left out: {failed}")
    if not results:
        raise failed or EquilibriumError("No law of firms was asked for.")
    _, kind = elasticity_of(scenario.structure)
    return Laws(country, results, tuple(notes), own, chosen, kind)


def own_label(home: HomeFirms) -> str:
    """What a country's own firms are called, saying so where they are synthetic."""
    return f"Own firms of {country_name(home.country)}{' (synthetic)' if home.synthetic else ''}"


def baseline_margins(result: Equilibrium, i: int) -> tuple[Array, Array]:
    """-h (∂ln S/∂k without a nest) and the share of firms present, by destination and sector of an origin, both (N, S)."""
    margins = result.baseline.margins
    n, s = result.world.shape
    zeros = np.zeros((1, n, s))
    presence = np.full((n, s), np.nan)
    own = margins
    if isinstance(margins, FirmsMargins):
        own = margins.others
    if isinstance(own, LognormalMargins):
        own = LognormalMargins(
            own.elasticity_of_substitution, own.dispersion, own.threshold[i : i + 1], own.within_elasticity
        )
        presence = np.exp(own.log_presence()[0])
    slope = np.array(own.effective(zeros)[1][0])
    if isinstance(margins, FirmsMargins) and margins.home == i:
        slope[:, margins.rows] = margins.row_effective(np.zeros_like(margins.threshold))[1].T
        presence[:, margins.rows] = np.exp(margins.before.presence(margins.threshold)).T
    return slope, presence


def _tariff_elasticity(result: Equilibrium, country: str) -> float:
    """Trade-weighted mean of (σ-1) - σ ∂ln S/∂k over a country's markets abroad: tariffs on consumer values."""
    i = result.world.country_index(country)
    slope, _ = baseline_margins(result, i)
    sigma = result.baseline.margins.elasticity_of_substitution
    trade = result.world.border_value[i].copy()
    trade[i] = 0.0
    return float(np.average((sigma - 1) - sigma * slope, weights=trade)) if trade.sum() > 0 else float("nan")


def export_margins(result: Equilibrium, country: str) -> dict[str, Array]:
    """Extensive, intensive and composition parts of the change of exports, and the change, each (N, S), million USD."""
    world, i = result.world, result.world.country_index(country)
    before, after = world.border_value[i].copy(), result.border_value[i].copy()
    before[i] = after[i] = 0.0
    both = (before > 0) & (after > 0)
    ratio = np.log(np.where(both, after, 1.0) / np.where(both, before, 1.0))
    mean = np.where(
        np.abs(ratio) > 1e-10, (after - before) / np.where(ratio != 0, ratio, 1.0), (after + before) / 2
    )
    extensive = composition = np.zeros_like(before)
    if result.has_margins:
        extensive = np.log(np.where(both, result.exporters_change[i], 1.0))
        composition = np.where(both, (result.margins.log_potential - result.margins.log_presence)[i], 0.0)
    parts = {
        "extensive": np.where(both, mean * extensive, after - before),
        "intensive": np.where(both, mean * (ratio - extensive - composition), 0.0),
        "composition": np.where(both, mean * composition, 0.0),
    }
    return parts | {"change": after - before}
