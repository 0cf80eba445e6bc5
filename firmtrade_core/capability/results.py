"""What an estimation of capability carries: parameters, markets, firms, margins' inputs, diagnostics (MODEL 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.bootstrap import (
    FEWEST_DRAWS,
    Domain,
    Draw,
    Kind,
    Told,
    bootstrap,
    freedom_lost,
    told_interval,
)
from firmtrade_core.capability.boundary import AT_THE_BOUND, Profile, at_the_bound, profile_of_unexplained
from firmtrade_core.capability.data import PRESENT, CapabilityData
from firmtrade_core.capability.estimation import (
    Identification,
    Progress,
    Settings,
    State,
    Step,
    climb,
    identification,
    simulate,
)
from firmtrade_core.capability.learners import CrossFit, Trial
from firmtrade_core.capability.likelihood import Scales, integrate
from firmtrade_core.capability.maximise import CERTAIN_ENTRY, SCALARS, Fit, scalar_covariance
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.margins.firm_functions import Deviations, FirmSector

Array = NDArray[np.float64]

#: What bootstrap draws draw, in words.
DRAWN: dict[Kind, str] = {"model": "firms' shocks", "firms": "firms with replacement"}

#: Where parameters may lie, if they cannot but be positive.
_DOMAINS: dict[str, Domain] = {"v_k": "real", "ρ": "correlation", "tail a": "share", "τ": "real"}

#: Most by which intervals are widened where firms' scores vary more than the model has it.
MOST_MISFIT = 2.0

#: Firms drawn from the model to measure its information, ten times over at most.
FIRMS_DRAWN = 20_000

#: Parameters of the printed table: symbol, and value from scales, Var(m) and Var(g).
_SYMBOLS: dict[str, Callable[[Scales, float, float], float]] = {
    "σ_u": lambda s, m, g: s.sigma_u,
    "σ_ξ": lambda s, m, g: s.taste_of_all,
    "σ_ν": lambda s, m, g: s.sigma_nu,
    "v_k": lambda s, m, g: s.known_demand,
    "ρ": lambda s, m, g: s.correlation,
    "σ_h": lambda s, m, g: s.sigma_home,
    "tail a": lambda s, m, g: s.tail,
    "τ": lambda s, m, g: s.follows,
    "sd(m)": lambda s, m, g: m,
    "sd(g)": lambda s, m, g: g,
}


@dataclass(frozen=True, eq=False)
class CapabilityResults:
    """Estimates of capability; ask it for tables.

    Parameters
    ----------
    data, settings, state
        What was estimated, how, and where it ended.
    record
        Marginal likelihood by stage.
    trials
        Traces of the learners' search, by ``m`` and ``g``.
    draws
        Of the bootstrap; empty until `with_bootstrap`.
    level
        Of intervals.
    """

    data: CapabilityData
    settings: Settings
    state: State
    record: tuple[Step, ...]
    trials: dict[str, tuple[Trial, ...]]
    draws: tuple[Draw, ...] = ()
    level: float = 0.90
    identified: Identification = field(default_factory=lambda: Identification((), ()))

    # Parameters ---------------------------------------------------------------------------------

    @property
    def scales(self) -> Scales:
        """σ_u, σ_ξ, σ_ν, ρ."""
        return self.state.fit.parameters.scales

    @property
    def log_likelihood(self) -> float:
        """Marginal, with m and g cross-fitted: an out-of-sample measure for them."""
        return self.state.fit.log_likelihood

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Scales and spreads by symbol: ``estimate``, ``standard_error``, ``low``, ``high``, ``corrected``, ``fixed``.

        ``corrected`` takes the bias out that the bootstrap measures; the interval does so too, is made on logs of what
        cannot be negative, and always holds the estimate (`bootstrap.told_interval`). Draws of firms' shocks take the model
        at its word; where firms' scores vary more than it has it the interval is widened by the ratio of the robust
        standard error to the model's (White 1982). With fewer than `FEWEST_DRAWS`
        draws they are missing.
        """
        fixed = self.state.fit.parameters.fixed
        held = {"ρ", "v_k"} if "correlation" in fixed else set()
        drew_firms = any(draw.kind == "firms" for draw in self.draws)
        inflation, rows = freedom_lost(self.data, self.state) if drew_firms else 1.0, []
        for symbol, value in _SYMBOLS.items():
            if symbol == "sd(g)" and self.state.g_learned is None:
                continue
            if symbol == "σ_h" and self.data.home_sales is None:
                continue
            if (symbol == "tail a" and self.scales.tail == 0) or (symbol == "τ" and self.scales.follows == 0):
                continue
            estimate = value(self.scales, self._spread(self.state.m), self._spread(self.state.g))
            made = np.array([value(d.scales, self._spread(d.m), self._spread(d.g)) for d in self.draws])
            errors = np.array([self.error_at(symbol, d) for d in self.draws])
            known = len(made) >= FEWEST_DRAWS and symbol not in held
            wider = inflation if drew_firms or not known else self._misfit(symbol)
            told = Told(np.nan, np.nan, np.nan)
            if known:
                told = told_interval(
                    estimate,
                    made,
                    errors,
                    domain=_DOMAINS.get(symbol, "positive"),
                    level=self.level,
                    inflation=wider,
                )
            rows.append(
                {
                    "parameter": symbol,
                    "estimate": estimate,
                    "standard_error": wider * made.std(ddof=1) if known else np.nan,
                    "low": told.low,
                    "high": told.high,
                    "corrected": told.corrected,
                    "fixed": symbol in held,
                }
            )
        return pd.DataFrame(rows).set_index("parameter")

    @cached_property
    def market_effects(self) -> pd.DataFrame:
        """By group and market: sellers, firms seen, ``demand`` δ and ``threshold`` k with intervals if bootstrapped."""
        sellers, seen = self.data.cell_counts
        groups, markets = np.nonzero(sellers > 0)
        parameters = self.state.fit.parameters
        table = pd.DataFrame(
            {
                "group": [self.data.group_names[i] for i in groups],
                "market": [self.data.markets[j] for j in markets],
                "sellers": sellers[groups, markets],
                "firms": seen[groups, markets],
                "demand": parameters.demand[groups, markets],
                "threshold": parameters.threshold[groups, markets],
            }
        )
        if len(self.draws) >= FEWEST_DRAWS:
            tails = [(1 - self.level) / 2, (1 + self.level) / 2]
            for name in ("demand", "threshold"):
                made = np.array([getattr(d.parameters, name)[groups, markets] for d in self.draws])
                low, high = np.quantile(made, tails, axis=0)
                # Bias taken out, and never without the estimate itself.
                table[f"{name}_low"] = np.minimum(2 * table[name] - high, table[name])
                table[f"{name}_high"] = np.maximum(2 * table[name] - low, table[name])
        table.loc[table["threshold"] <= CERTAIN_ENTRY, "threshold"] = -np.inf
        return table

    # Firms --------------------------------------------------------------------------------------

    @property
    def m(self) -> Array:
        """m̂ by row, cross-fitted, (R,)."""
        return self.state.m

    @property
    def g(self) -> Array:
        """ĝ by row, (R,)."""
        return self.state.g

    @property
    def capability(self) -> Array:
        """Posterior mean of κ by row, (R,)."""
        posterior: Array = self.state.m + self.state.fit.posterior.mean[self.data.firm]
        return posterior

    @property
    def capability_spread(self) -> Array:
        """Posterior standard deviation of κ by row, (R,)."""
        return np.sqrt(self.state.fit.posterior.variance)[self.data.firm]

    @cached_property
    def firms(self) -> pd.DataFrame:
        """One line by row: firm, year, group, m, g, capability, its posterior spread, markets served."""
        data = self.data
        return pd.DataFrame(
            {
                "firm": [data.firm_names[f] for f in data.firm],
                "year": data.years,
                "group": [data.group_names[g] for g in data.group],
                "m": self.m,
                "g": self.g,
                "capability": self.capability,
                "spread": self.capability_spread,
                "markets_served": (data.presence == PRESENT).sum(1),
            }
        )

    def predict_m(self, attributes: Array) -> Array:
        """m̂ of firms outside the sample, mean over folds, (R,)."""
        return _formed(self.state.m_learned, self.state.m_form, attributes)

    def predict_g(self, attributes: Array) -> Array:
        """ĝ of firms outside the sample, (R,)."""
        return _formed(self.state.g_learned, self.state.g_form, attributes)

    @property
    def deviations(self) -> Deviations:
        """σ_u, σ_ξ, σ_ν and v_k for the engine, v_k moved to the nearest bound of MODEL 2 if outside."""
        s, taste = self.scales, self.taste_of_sellers
        most = min(taste, s.sigma_nu) ** 2
        known = s.correlation * taste * s.sigma_nu
        return Deviations(s.sigma_u, taste, s.sigma_nu, float(np.clip(known, 0.0, most)))

    @cached_property
    def taste_of_sellers(self) -> float:
        """Root mean square of σ_ξ(u) over the sales that are made, in log points; σ_ξ where tastes do not follow u."""
        s, posterior = self.scales, self.state.fit.posterior.by_row(self.data)
        if s.follows == 0:
            return s.sigma_xi
        sold = self.data.row_weights * (self.data.presence == PRESENT).sum(1)
        square = np.exp(2 * s.follows * (posterior.mean + s.follows * posterior.variance))
        return s.sigma_xi * float(np.sqrt(np.average(square, weights=sold)))

    def firm_sectors(
        self, sector: Sequence[str] | None = None, year: int | None = None
    ) -> dict[str, FirmSector]:
        """Firms of one year as the engine's margin functions take them, equations (2) to (4), by sector.

        Parameters
        ----------
        sector : (R,), optional
            Sector of each row; by default all firms stand in one, ``all``.
        year
            The last unless given.

        Raises
        ------
        ValueError
            If no firm is seen in the year.
        """
        data = self.data
        year = int(data.years.max()) if year is None else year
        of_year = data.years == year
        if not of_year.any():
            raise ValueError(f"No firm is seen in {year}; years: {sorted(set(data.years.tolist()))}.")
        names = np.full(len(data.firm), "all") if sector is None else np.asarray(sector, dtype=str)
        weights = data.weights[data.firm]
        found = {}
        # A fat-tailed u is a mixture of normals: each firm stands once for each of them.
        share, mean, variance = np.array(self.scales.components).T
        deviations = replace(self.deviations, capability=float(np.sqrt(variance[0])))
        for name in np.unique(names[of_year]):
            rows = of_year & (names == name)
            found[str(name)] = FirmSector(
                (self.m[rows] + mean[:, None]).ravel(),
                deviations,
                np.tile(self.g[rows], len(mean)),
                (share[:, None] * weights[rows]).ravel(),
            )
        return found

    # Reading ------------------------------------------------------------------------------------

    @cached_property
    def variances(self) -> pd.Series:
        """Variance of log capability that attributes explain, that they do not, and variance of luck."""
        explained = self._spread(self.m) ** 2
        s = self.scales
        return pd.Series(
            {
                "attributes, Var(m)": explained,
                "unexplained capability, σ_u²": s.sigma_u**2,
                "luck and taste, σ_ξ²": s.taste_of_all**2,
                "share of capability explained": explained / (explained + s.sigma_u**2),
            }
        )

    @cached_property
    def profile(self) -> Profile:
        """Values of σ_u, and shares explained, that the likelihood does not reject; see `boundary`."""
        return profile_of_unexplained(self.data, self.state, self.level)

    @cached_property
    def explained_words(self) -> str:
        """Share of capability explained; a bound where σ_u lies at nothing, for then the data do not tell it from luck."""
        explained = float(self.variances["share of capability explained"])
        if not at_the_bound(explained):
            return in_percent(explained)
        return (
            f"at least {in_percent(min(self.profile.explained_low, AT_THE_BOUND))}; how much more is not told: σ_u lies at its "
            f"bound, nothing. {self.profile.words}"
        )

    @cached_property
    def diagnostics(self) -> tuple[str, ...]:
        """What a reader should know before believing: identification, bounds, what was set aside."""
        said = [*self.identified.statements, *self.data.notes]
        s, parameters = self.scales, self.state.fit.parameters
        most = min(s.sigma_xi, s.sigma_nu) ** 2
        if not 0 <= s.known_demand <= most:
            said.append(
                f"v_k is {s.known_demand:.2f}, outside 0 to {most:.2f}; the engine gets the nearest bound (MODEL 2)."
            )
        if abs(s.correlation) > 0.98 or min(s.sigma_u, s.sigma_xi, s.sigma_nu) < 0.05:
            said.append("A scale sits at the edge of its range: the data do not pin it down.")
        if s.tail > 0:
            said.append(
                f"Unexplained capability is not normal: {in_percent(s.tail**2)} of its variance is exponential (firms' tail like "
                f"Pareto's with exponent {1 / (s.tail * s.sigma_u):.2f}); the likelihood chose it."
            )
        if s.follows != 0:
            alike = "alike" if s.follows < 0 else "unlike"
            said.append(
                f"Tastes are the more {alike} the more capable the firm (τ {s.follows:.2f}); the likelihood chose it. Of the sales "
                f"that are made their spread is {self.taste_of_sellers:.2f}; σ_ξ {s.taste_of_all:.2f} carries the slope to firms "
                "that sell nowhere, whose tastes nobody sees. With one spread for all, σ_ξ would be that of sellers."
            )
        runaway = int(((np.abs(parameters.threshold) > 12) & (parameters.threshold > CERTAIN_ENTRY)).sum())
        if runaway:
            said.append(f"{runaway} thresholds run off (separation): entry there is predicted perfectly.")
        if self.state.m_learned is None or self._spread(self.m) < 0.02:
            said.append("Attributes predict almost nothing of capability out of fold.")
        refused = sum(not step.taken for step in self.record)
        said.append(
            f"{len(self.record)} stages, {refused} refits not taken because the held-out likelihood fell; "
            f"log likelihood {grouped(self.log_likelihood, '.1f')}."
        )
        return tuple(said)

    def table(self) -> str:
        """A table a paper could carry, with notes beneath."""
        data = self.data
        header = f"Capability: {grouped(data.firm_count)} firms, {grouped(len(data.firm))} firm-years, {len(data.markets)} markets"
        lines = [header, "=" * max(64, len(header))]
        interval = f"{in_percent(self.level)} interval"
        lines.append(f"{'':10}{'estimate':>10}{'s.e.':>10}{interval:>22}{'corrected':>12}")
        for symbol, row in self.parameters.iterrows():
            unit = "correlation" if symbol == "ρ" else "log points"
            if row["fixed"]:
                lines.append(f"{symbol:10}{row['estimate']:>10.3f} {unit} (fixed)")
            elif np.isnan(row["low"]):
                lines.append(f"{symbol:10}{row['estimate']:>10.3f} {unit}")
            else:
                bounds = f"[{row['low']:.3f}, {row['high']:.3f}]"
                lines.append(
                    f"{symbol:10}{row['estimate']:>10.3f}{row['standard_error']:>10.3f}{bounds:>22}{row['corrected']:>12.3f} {unit}"
                )
        lines.append("-" * max(64, len(header)))
        lines.append(f"Share of capability that attributes explain: {self.explained_words}")
        if len(self.draws) >= FEWEST_DRAWS:
            lines.append(
                f"Intervals: {len(self.draws)} bootstrap draws of {DRAWN[self.draws[0].kind]}, about the corrected estimate."
            )
        else:
            lines.append(f"No intervals: these take {FEWEST_DRAWS} bootstrap draws at least.")
        return "\n".join([*lines, *self.diagnostics])

    def with_bootstrap(
        self,
        draws: int = 100,
        *,
        kind: Kind = "model",
        seed: int | None = None,
        keep_learners: bool = False,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> CapabilityResults:
        """The same results with bootstrap draws; see `bootstrap.bootstrap`.

        Parameters
        ----------
        draws, kind, seed
            Their number, how they are drawn, and from where.
        keep_learners
            Keep each draw's learner, for what is explained of it.
        progress, cancelled
            Called between draws.
        """
        made = bootstrap(
            self.data,
            self.state,
            draws,
            kind=kind,
            seed=self.settings.seed if seed is None else seed,
            keep_learners=keep_learners,
            progress=progress,
            cancelled=cancelled,
        )
        return replace(self, draws=made)

    def at_draw(self, draw: Draw) -> CapabilityResults:
        """These results with a draw's estimates and firms in place of the sample's, for readings of each draw."""
        p = draw.parameters
        posterior = integrate(
            self.data,
            draw.m,
            draw.g,
            p.demand,
            p.threshold,
            p.scales,
            mode=self.state.fit.posterior.mode,
            home=p.home,
        )
        weights = self.data.weights if draw.weights is None else draw.weights
        fit = Fit(p, posterior, float(weights @ posterior.log_likelihood), 0)
        state = replace(self.state, fit=fit, m=draw.m, g=draw.g)
        return replace(self, data=self.data.reweighted(weights), state=state, draws=())

    def error_at(self, parameter: str, draw: Draw) -> float:
        """Standard error of a parameter at a draw by its information matrix, m and g given (delta method)."""
        slopes = self._slopes(parameter, draw.scales, self._spread(draw.m), self._spread(draw.g))
        return float(np.sqrt(max(float(slopes @ draw.covariance @ slopes), 0.0)))

    @cached_property
    def _covariances(self) -> tuple[Array, Array]:
        """Covariances (9, 9) of the scalars, m and g given: by the model, and robust to its failing (White 1982).

        A firm's scores add over its markets and years, so the robust one is clustered by firm. On data drawn from the
        model outer products of scores measure its information; the sample's own are what scores vary by in truth. Both
        at the estimate: draws' own estimates may lie elsewhere on a flat ridge, where scores vary by other amounts.
        """
        state, p = self.state, self.state.fit.parameters
        generator, found = np.random.default_rng(self.settings.seed), []
        for _ in range(int(np.clip(FIRMS_DRAWN / self.data.firm_count, 1, 10))):
            drawn = simulate(self.data, state.m, state.g, p, generator)
            posterior = integrate(drawn, state.m, state.g, p.demand, p.threshold, p.scales, home=p.home)
            fit = Fit(p, posterior, 0.0, 0)
            found.append(np.linalg.pinv(scalar_covariance(drawn, state.m, state.g, fit)))
        own = np.linalg.pinv(scalar_covariance(self.data, state.m, state.g, state.fit))
        model = np.linalg.pinv(np.mean(found, axis=0))
        return model, model @ own @ model

    def _misfit(self, parameter: str) -> float:
        """Factor, 1 or above, by which a parameter's robust standard error exceeds the model's own."""
        model, robust = self._covariances
        slopes = self._slopes(parameter, self.scales, self._spread(self.m), self._spread(self.g))
        usual = float(slopes @ model @ slopes)
        if usual <= 0:
            return 1.0
        return float(np.sqrt(np.clip(slopes @ robust @ slopes / usual, 1.0, MOST_MISFIT**2)))

    def _slopes(self, parameter: str, here: Scales, of_m: float, of_g: float) -> Array:
        """Derivatives (9,) of a parameter by the free scalars."""
        value, free = _SYMBOLS[parameter], here.free()

        def at(step: Array) -> float:
            scales = Scales.from_free(
                free + step[:4],
                here.sigma_home * float(np.exp(step[6])),
                here.tail,
                here.follows + step[8] * (here.follows != 0),
            )
            return value(scales, of_m * np.exp(step[4]), of_g * np.exp(step[5]))

        steps = 1e-5 * np.eye(len(SCALARS))
        return np.array([(at(step) - at(-step)) / 2e-5 for step in steps])

    def _spread(self, index: Array) -> float:
        weights = self.data.row_weights
        centre = np.average(index, weights=weights)
        return float(np.sqrt(np.average((index - centre) ** 2, weights=weights)))


def estimate(
    data: CapabilityData,
    settings: Settings | None = None,
    *,
    warm: CapabilityResults | None = None,
    draws: int = 0,
    progress: Progress | None = None,
) -> CapabilityResults:
    """Estimate capability by structural boosting (MODEL 6).

    Parameters
    ----------
    data
    settings
    warm
        Earlier results on the same firms to start from.
    draws
        Bootstrap draws; none unless asked.
    progress
        Called with a sentence and the share done.

    Raises
    ------
    CapabilityError
    """
    settings = settings or Settings()
    state, record, trials = climb(data, settings, None if warm is None else warm.state, progress=progress)
    results = CapabilityResults(data, settings, state, record, trials, identified=identification(data))
    return results.with_bootstrap(draws, progress=progress) if draws else results


def _formed(learned: CrossFit | None, form: tuple[float, float], attributes: Array) -> Array:
    if learned is None:
        return np.zeros(len(attributes))
    level, stretch = form
    return stretch * (learned.predict(attributes) - level)
