"""The home country's firms as scenarios see them: who they are, what they can do, what would move them.

A table of firms with their capability m and what they save on fixed costs, g (MODEL 6), the deviations around
them, observed presence by destination, and the effects of attributes with their evidence (MODEL 7). It is kept
in one Parquet file whose metadata carry everything that is not a column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.disclosure import FEWEST_FIRMS, Screen
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.home.population import Population, checked, post_stratified
from firmtrade_core.margins import Deviations, FirmRecord, Firms, FirmSector, FirmsError, Lognormal, Pareto
from firmtrade_core.paths import whole_file
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

Grade = Literal["assumed", "association", "observables", "instrument"]

#: How far an effect may be trusted, in words.
GRADES: dict[Grade, str] = {
    "assumed": "effect assumed, not estimated",
    "association": "association, not a proven effect",
    "observables": "effect given selection on observables",
    "instrument": "effect identified by an instrument",
}

_REQUIRED = ("sector", "capability")
_KEY, _CHECK = b"firmtrade.home", b"firmtrade.home.hash"

#: Firms of a sector from which sales at home say something of κ, the least standard deviation of luck at home, and the
#: largest slope of log sales at home in κ (the model's is 1).
_FEWEST_AT_HOME, _LEAST_RISK_AT_HOME, _STEEPEST_AT_HOME = 30, 0.3, 2.0


@dataclass(frozen=True)
class Effect:
    """What one more unit of an attribute does to a firm.

    Parameters
    ----------
    capability, fixed_cost_saving
        Change of m and of g, in logs.
    capability_error, fixed_cost_error
        Standard errors.
    grade
        Evidence: of `GRADES`.
    source
        Where the estimate comes from.
    unit
        What one unit is, in words, such as "10 points"; empty where nobody said.
    correlation
        Of the two estimation errors.
    step
        One unit in the attribute's own units, such as 0.1 of a share; 0 where nobody said: no bound is then kept.
    """

    capability: float = 0.0
    fixed_cost_saving: float = 0.0
    capability_error: float = 0.0
    fixed_cost_error: float = 0.0
    grade: Grade = "association"
    source: str = ""
    unit: str = ""
    correlation: float = 0.0
    step: float = 0.0

    def times(self, units: float) -> Effect:
        """So many units of it, errors alike."""
        return replace(
            self,
            capability=units * self.capability,
            fixed_cost_saving=units * self.fixed_cost_saving,
            capability_error=units * self.capability_error,
            fixed_cost_error=units * self.fixed_cost_error,
        )

    def at(self, deviations: float) -> Effect:
        """The effect so many standard errors away, capability and fixed cost together."""
        return replace(
            self,
            capability=self.capability + deviations * self.capability_error,
            fixed_cost_saving=self.fixed_cost_saving + deviations * self.fixed_cost_error,
        )


@dataclass(frozen=True, eq=False)
class HomeFirms:
    """The firms of one country.

    Parameters
    ----------
    country
        Its code.
    firms : DataFrame
        One row per firm: ``sector`` (a code of the world or of ISIC) and ``capability``; if known
        ``fixed_cost_saving``, ``weight``, and columns of the firm panel such as region, employment, age, sales,
        exports, wages, score, propensity and the attributes; ``posterior`` and ``posterior_spread`` of κ; ``served``
        (codes of destinations) and ``served_sales`` (what was sold to each, in the same order), texts apart by spaces.
    deviations : Deviations
    presence
        Observed share of a sector's potential firms that serve a destination.
    effects
        By attribute.
    source
        What the firms are: real, estimated or synthetic, in words.
    population
        Firms of the country by sector and size class (`population`): weights are brought to add up to it, so that no
        number depends on how many firms the table holds. Empty: weights are taken at their word.
    public
        Whether their owner declares that nothing in the records is confidential. Synthetic firms need not; all others are
        answered about through `screen` unless this is set.

    Raises
    ------
    FirmsError
        Naming the column and what to mend.
    """

    country: str
    firms: pd.DataFrame
    deviations: Deviations
    presence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    effects: Mapping[str, Effect] = field(default_factory=dict)
    source: str = "not stated"
    population: Population = field(default_factory=dict)
    public: bool = False
    _families: dict[tuple[str, str], tuple[Firms, tuple[str, ...]]] = field(default_factory=dict, repr=False)
    _places: dict[tuple[str, ...], NDArray[np.intp]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        missing = [name for name in _REQUIRED if name not in self.firms]
        if missing:
            raise FirmsError(f"The table of firms has no column {', '.join(missing)}.")
        if self.firms.empty:
            raise FirmsError(f"The table of firms of {self.country} is empty.")
        table = self.firms.reset_index(drop=True)
        for name, default in (("fixed_cost_saving", 0.0), ("weight", 1.0)):
            if name not in table:
                table[name] = default
        for name in ("capability", "fixed_cost_saving", "weight"):
            values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
            if not np.isfinite(values).all():
                raise FirmsError(
                    f"{int((~np.isfinite(values)).sum())} firms have no {name}; fill or leave them out."
                )
            table[name] = values
        if (table["weight"] < 0).any() or not table["weight"].sum() > 0:
            raise FirmsError("Sampling weights must be zero or more, and some above zero.")
        if self.population:
            object.__setattr__(self, "population", checked(self.population))
            table["weight"] = post_stratified(table, self.population)
        object.__setattr__(self, "firms", table)

    def __len__(self) -> int:
        return len(self.firms)

    @property
    def synthetic(self) -> bool:
        """Whether the firms are invented; every screen and file then says so. Their source begins with the word."""
        return self.source.strip().lower().startswith("synthetic")

    @cached_property
    def screen(self) -> Screen:
        """What stands between these firms and everything that is asked of them (`disclosure`)."""
        rows = pd.util.hash_pandas_object(self.firms, index=False).to_numpy()
        return Screen(self.firms, self.public or self.synthetic, rows.tobytes())

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify firms, presence and effects."""
        rows = pd.util.hash_pandas_object(self.firms, index=False).to_numpy()
        digest = hashlib.blake2b(rows.tobytes(), digest_size=8)
        digest.update(json.dumps(self._about(), sort_keys=True).encode())
        return digest.hexdigest()

    def weighted_to(self, population: Population) -> HomeFirms:
        """The same firms with weights that add up to a population by sector and size.

        Raises
        ------
        FirmsError
            If it is no count of firms, or names a sector without any firm here.
        """
        return replace(self, population=population, _families={}, _places={})

    # Onto a world -------------------------------------------------------------------------------

    def sector_of(self, world: World) -> NDArray[np.intp]:
        """Position of each firm's sector in the world, (F,); -1 where the world has none that holds it."""
        if world.sectors not in self._places:
            codes, labels = pd.factorize(self.firms["sector"].astype(str))
            place = np.array([_holder(str(label), world.sectors) for label in labels], dtype=np.intp)
            self._places[world.sectors] = place[codes]
        return self._places[world.sectors]

    def family(
        self, world: World, elsewhere: Pareto | Lognormal | None = None
    ) -> tuple[Firms, tuple[str, ...]]:
        """The firms family on a world, and notes on firms whose sector the world does not have.

        Raises
        ------
        FirmsError
            If no firm's sector, or not the country, is in the world.
        """
        elsewhere = elsewhere or Pareto()
        key = (world.content_hash, repr(elsewhere))
        if key not in self._families:
            self._families[key] = self._family(world, elsewhere)
        return self._families[key]

    def _family(self, world: World, elsewhere: Pareto | Lognormal) -> tuple[Firms, tuple[str, ...]]:
        place = self.sector_of(world)
        if not (place >= 0).any():
            raise FirmsError(
                f"None of the firms' sectors ({', '.join(sorted(set(self.firms['sector'].astype(str)))[:5])}) is "
                f"part of a sector of {world.name}. Use its codes or ISIC divisions."
            )
        m, g, w = (self.firms[c].to_numpy(float) for c in ("capability", "fixed_cost_saving", "weight"))
        whole = self._record(world)
        sectors = {}
        for s in np.unique(place[place >= 0]):
            own = place == s
            if w[own].sum() > 0:
                record = None if whole is None else whole.of(own)
                sectors[world.sectors[s]] = FirmSector(m[own], self.deviations, g[own], w[own], record)
        lost = sorted(set(self.firms["sector"].astype(str)[place < 0]))
        notes = (
            [f"Firms of {', '.join(lost)} belong to no sector of this world and stand aside."] if lost else []
        )
        presence: dict[str, Mapping[str, float]] = {
            code: self.presence[code] if code in self.presence else observed_presence(sector, world.countries)
            for code, sector in sectors.items()
        }
        return Firms(self.country, sectors, presence, elsewhere), tuple(notes)

    @cached_property
    def posterior(self) -> tuple[Array, Array]:
        """Mean and standard deviation of κ by firm, (F,) each, given its attributes, its sales abroad and at home.

        The capability estimate reads who sells how much abroad. Sales at home say more, of firms that export nothing
        above all: ``ln home = a + b κ + e`` by sector, e luck at home. As κ given the estimate is N(κ̂, v²), the slope of
        home sales on κ̂ is b and the residual variance is b²v² + σ_e²; normal updating of κ̂ follows. Where home sales
        say nothing of capability b is about 0, and nothing moves.
        """
        table = self.firms
        m = table["capability"].to_numpy(float)
        kappa, spread = m.copy(), np.full(len(m), self.deviations.capability)
        if "posterior" in table and "posterior_spread" in table:
            found, width = (
                pd.to_numeric(table[c], errors="coerce").to_numpy(float)
                for c in ("posterior", "posterior_spread")
            )
            known = np.isfinite(found) & np.isfinite(width)
            kappa[known], spread[known] = found[known], width[known]
        if "sales" not in table:
            return kappa, spread
        sold, abroad = (
            pd.to_numeric(table[c], errors="coerce").to_numpy(float, na_value=np.nan)
            if c in table
            else np.zeros(len(m))
            for c in ("sales", "exports")
        )
        home = sold - np.nan_to_num(abroad)
        weight, told = table["weight"].to_numpy(float), np.isfinite(home) & (home > 0)
        log_home = np.log(np.where(told, home, 1.0))
        codes, _ = pd.factorize(table["sector"].astype(str))
        for s in np.unique(codes):
            own = told & (codes == s) & (weight > 0)
            if np.count_nonzero(own) >= _FEWEST_AT_HOME:
                kappa[own], spread[own] = _given_home_sales(
                    kappa[own], spread[own], log_home[own], weight[own]
                )
        return kappa, spread

    def _record(self, world: World) -> FirmRecord | None:
        """What the table says of each firm's sales; None where it does not know them."""
        table = self.firms
        if "sales" not in table or table["sales"].isna().all():
            return None

        def column(name: str) -> Array | None:
            if name not in table or table[name].isna().all():
                return None
            values = pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan)
            return np.maximum(np.nan_to_num(values), 0.0)

        (kappa, spread), m = self.posterior, table["capability"].to_numpy(float)
        sales, exports = column("sales"), column("exports")
        abroad = np.zeros(len(m)) if exports is None else exports
        # Without sales, what capability says of them.
        home = (
            np.exp(kappa - kappa.max() + spread**2 / 2) if sales is None else np.maximum(sales - abroad, 0.0)
        )
        return FirmRecord(kappa, spread, home, exports, *self._pairs(world))

    def _pairs(
        self, world: World
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], Array] | tuple[None, None, None]:
        """Firm, market and sales of each pair, (C,); markets that the world does not tell apart are its rest."""
        table = self.firms
        if "served" not in table or "served_sales" not in table:
            return None, None, None
        place = {code: j for j, code in enumerate(world.countries)}
        rest = place.get(REST_OF_WORLD, -1)
        codes, sold = ([str(t).split() for t in table[c].fillna("")] for c in ("served", "served_sales"))
        count = np.array([len(row) for row in codes])
        if (count != [len(row) for row in sold]).any():
            raise FirmsError(
                "The columns served and served_sales do not name as many markets; write them anew."
            )
        firm = np.repeat(np.arange(len(table)), count)
        market = np.array([place.get(code, rest) for row in codes for code in row], dtype=np.intp)
        value = np.array([float(v) for row in sold for v in row])
        kept = (market >= 0) & (market != place.get(self.country, -1)) & (value > 0)
        cells = pd.DataFrame({"firm": firm[kept], "market": market[kept], "value": value[kept]})
        cells = cells.groupby(["firm", "market"], as_index=False, sort=True).sum()
        return (
            cells["firm"].to_numpy(np.intp),
            cells["market"].to_numpy(np.intp),
            cells["value"].to_numpy(float),
        )

    # Files --------------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """What the file holds, without any single firm."""
        return {
            "country": self.country,
            "firms": len(self),
            "columns": list(self.firms.columns),
            "source": self.source,
            "deviations": asdict(self.deviations),
            "sectors": {
                str(k): self._told((self.firms["sector"] == k).to_numpy(bool))
                for k in self.firms["sector"].value_counts(sort=False).index
            },
            "effects": {name: asdict(effect) for name, effect in self.effects.items()},
            "hash": self.content_hash,
        }

    def _told(self, chosen: NDArray[np.bool_]) -> int | str:
        """How many firms are chosen: of real ones with the noise of counts, so that the total does not give back the hidden."""
        count = int(chosen.sum())
        if self.screen.public:
            return count
        return (
            round(self.screen.counted(count, chosen))
            if count >= FEWEST_FIRMS
            else f"fewer than {FEWEST_FIRMS}"
        )

    def open_markets(self, world: World) -> NDArray[np.bool_]:
        """Destinations of which sums over these firms may be told, (N,); all where nobody knows who sells where."""
        found, pairs = np.ones(len(world.countries), dtype=bool), self._pairs(world)
        if self.screen.public or pairs[0] is None:
            return found
        firm, market, value = pairs
        for place, shown in self.screen.open_labels(market.tolist(), firm, value).items():
            found[int(str(place))] = shown
        return found

    def open_sectors(self, world: World) -> NDArray[np.bool_]:
        """Sectors of which sums over these firms may be told, (S,)."""
        found, place = np.ones(len(world.sectors), dtype=bool), self.sector_of(world)
        rows = np.flatnonzero(place >= 0)
        name = next((c for c in ("sales", "employment", "weight") if c in self.firms), "weight")
        value = pd.to_numeric(self.firms[name], errors="coerce").fillna(0.0).to_numpy(float)
        for sector, shown in self.screen.open_labels(place[rows].tolist(), rows, value[rows]).items():
            found[int(str(sector))] = shown
        return found

    def _about(self) -> dict[str, Any]:
        return {
            **({"public": True} if self.public else {}),
            "country": self.country,
            "deviations": asdict(self.deviations),
            "presence": {sector: dict(shares) for sector, shares in self.presence.items()},
            "effects": {name: asdict(effect) for name, effect in self.effects.items()},
            "source": self.source,
            "population": {sector: dict(sizes) for sector, sizes in self.population.items()},
        }

    def save(self, path: Path) -> None:
        """Write one Parquet file."""
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pandas(_narrowed(self.firms), preserve_index=False)
        about = {
            **(table.schema.metadata or {}),
            _KEY: json.dumps(self._about()).encode(),
            _CHECK: self.content_hash.encode(),
        }
        with whole_file(path) as part:
            pyarrow.parquet.write_table(table.replace_schema_metadata(about), part, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> HomeFirms:
        """Read what `save` wrote.

        Raises
        ------
        FirmsError
            If the file is not of this kind, or was altered after it was written.
        """
        import pyarrow
        import pyarrow.parquet

        try:
            table = pyarrow.parquet.read_table(path)
            about = json.loads((table.schema.metadata or {})[_KEY])
            found = cls(
                country=str(about["country"]),
                firms=table.to_pandas(),
                deviations=Deviations(**about["deviations"]),
                presence=about["presence"],
                effects={name: Effect(**effect) for name, effect in about["effects"].items()},
                source=str(about["source"]),
                population=about.get("population", {}),
                public=about.get("public") is True,
            )
            # Files of before carry no hash.
            written = (table.schema.metadata or {}).get(_CHECK)
            if written is not None and written.decode("ascii", "replace") != found.content_hash:
                raise FirmsError(
                    f"{Path(path).name} was altered after it was written: firms, effects or source do not match its hash."
                )
            return found
        except FirmsError:
            raise
        except (KeyError, TypeError, ValueError, OSError, pyarrow.ArrowException) as error:
            raise FirmsError(
                f"{Path(path).name} is no file of home firms ({type(error).__name__}). Write one with "
                "HomeFirms.save, from the results of the capability estimation."
            ) from error


def _given_home_sales(kappa: Array, spread: Array, log_home: Array, weight: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of κ once sales at home are known too, by firm of one sector, (F,) each."""
    share = weight / weight.sum()
    x, y = kappa - share @ kappa, log_home - share @ log_home
    variance = float(share @ x**2)
    slope = float(np.clip(share @ (x * y) / variance, 0.0, _STEEPEST_AT_HOME)) if variance > 0 else 0.0
    luck = float(share @ ((y - slope * x) ** 2 - (slope * spread) ** 2))
    luck = max(luck, _LEAST_RISK_AT_HOME**2)
    informed = spread**2 * slope / (luck + (slope * spread) ** 2)
    return kappa + informed * (y - slope * x), np.sqrt(spread**2 * (1 - slope * informed))


def observed_presence(sector: FirmSector, countries: tuple[str, ...]) -> dict[str, float]:
    """Weighted share of a sector's firms that sell to each destination that any of them serves, by its record."""
    record, weight = sector.record, sector.arrays[2]
    if record is None or record.firm is None or record.market is None:
        return {}
    count = np.bincount(record.market, weight[record.firm], minlength=len(countries)) / weight.sum()
    return {countries[j]: float(count[j]) for j in np.flatnonzero(count > 0)}


def _holder(label: str, sectors: tuple[str, ...]) -> int:
    """Position of the sector that is, or holds, the one named; -1 where there is none."""
    parts = parts_of_sector(label)
    for position, code in enumerate(sectors):
        if code == label or (parts and parts <= (parts_of_sector(code) or frozenset())):
            return position
    return -1


def _narrowed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that are always read back as double precision, stored as single where that loses nothing."""
    slim = {c: table[c].astype(np.float32) for c in ("capability", "fixed_cost_saving", "weight")}
    return table.assign(**{c: v for c, v in slim.items() if (v == table[c]).all()})
