"""Draws the firms of the synthetic home country: who they are, what they adopt, how capable they are (MODEL 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from firmtrade_core.panel.errors import PanelError
from firmtrade_core.panel.synthetic.structure import (
    CAPABILITY_EFFECTS,
    CERTIFIED_AND_RELIABLE,
    FIXED_COST_EFFECTS,
    RELIABLE,
    RESEARCH_CEILING,
    TAKE_UP,
    SyntheticDesign,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Loadings of attributes on a common factor of modernity and on manager quality; the rest is their own.
LOADINGS = {
    "initial_employment": (0.6, 0.10),
    "capital": (0.65, 0.05),
    "skill_share": (0.5, 0.15),
    "rnd_intensity": (0.55, 0.15),
    "on_time_delivery": (0.3, 0.30),
    "foreign_ownership": (0.45, 0.05),
    "supplier_links": (0.4, 0.15),
    "buyer_links": (0.4, 0.15),
    "imported_input_share": (0.5, 0.10),
    "trade_finance": (0.4, 0.30),
    "digital_presence": (0.35, 0.35),
}

#: Share of firms replaced by new ones in a year, and how the log odds of leaving fall in unexplained capability.
TURNOVER, SURVIVAL_OF_THE_CAPABLE = 0.06, 0.3

#: Firms that each sector keeps through all years, so that its sales have sellers.
FEWEST_BY_SECTOR = 3

#: Median capital over mean sales.
CAPITAL_PER_SALES = 0.35

#: Attributes that enter m and g in logs, by the column they come from.
LOGARITHMS: dict[str, Callable[[Mapping[str, Array]], Array]] = {
    "log_supplier_links": lambda raw: np.log1p(raw["supplier_links"]),
    "log_buyer_links": lambda raw: np.log1p(raw["buyer_links"]),
    "log_age": lambda raw: np.log1p(raw["age"]),
    "log_initial_employment": lambda raw: np.log(raw["initial_employment"]),
    "log_capital": lambda raw: np.log(raw["capital"]),
}


@dataclass(frozen=True, eq=False)
class Firms:
    """Firms as they are, before anybody observes them; F firms, T years.

    Parameters
    ----------
    sector, region : (F,) of int
    alive : (F, T)
    manager_quality, unexplained : (F,)
        Standard normal; u.
    attributes : dict of (F, T)
        In the units of the firm table.
    instruments : dict of (F, T)
    m, g : (F, T)
        Mean zero over the firms alive.
    links : (L, 2) of int
        Supplier and buyer of each link.
    scale_noise : (F,)
        σ_ξ of each firm relative to the design's; 1 when well specified.
    """

    sector: NDArray[np.int64]
    region: NDArray[np.int64]
    alive: Mask
    manager_quality: Array
    unexplained: Array
    attributes: dict[str, Array]
    instruments: dict[str, Array]
    m: Array
    g: Array
    links: NDArray[np.int64]
    scale_noise: Array

    @property
    def capability(self) -> Array:
        """κ = m + u, (F, T)."""
        return self.m + self.unexplained[:, None]


def draw_firms(design: SyntheticDesign, sector_size: Array, generator: np.random.Generator) -> Firms:
    """Draw firms for sectors with sales of ``sector_size`` (S,), in money.

    Larger sectors hold more firms, less than in proportion; each sector that sells has firms in every year.

    Raises
    ------
    PanelError
        If there are too few firms for that.
    """
    count, years = round(design.firms * (1 + TURNOVER * (design.years - 1))), design.years
    weight = 1 / np.arange(1, design.regions + 1)
    region = generator.choice(design.regions, count, p=weight / weight.sum())
    manager = generator.standard_normal(count)
    latent = _latent(manager, generator)
    unexplained = _unexplained(manager, design, generator)
    alive, age = _lives(unexplained / design.sigma_u, years, design, generator)
    sector = _sectors(sector_size, alive, generator)
    links = _links(latent["supplier_links"], latent["buyer_links"], region, generator)
    attributes = _attributes(latent, age, links, sector_size.sum() / design.firms, generator)
    instruments = _instruments(manager, region, years, generator)
    attributes["quality_certificate"] = _certificates(manager, latent, instruments, years, generator)
    attributes["trade_finance"] = _ever(latent["trade_finance"], 1.1, years, generator)
    m, g = capability_index(attributes), fixed_cost_index(attributes)
    return Firms(
        sector, region, alive, manager, unexplained, attributes, instruments,
        m - m[alive].mean(), g - g[alive].mean(), links, _heteroskedasticity(latent, design),
    )  # fmt: skip


def capability_index(attributes: Mapping[str, Array]) -> Array:
    """m(attributes) before centring: log-linear, but for a ceiling on research and certificate x reliable delivery.

    Parameters
    ----------
    attributes
        As in `Firms`, of any one shape, which the result has.
    """
    forms = _entering(attributes)
    forms["rnd_intensity"] = np.minimum(forms["rnd_intensity"], RESEARCH_CEILING)
    reliable = forms["quality_certificate"] * (forms["on_time_delivery"] > RELIABLE)
    return _weighted(CAPABILITY_EFFECTS, forms) + CERTIFIED_AND_RELIABLE * reliable


def fixed_cost_index(attributes: Mapping[str, Array]) -> Array:
    """g(attributes) before centring: what attributes take off the log fixed cost of serving a market."""
    return _weighted(FIXED_COST_EFFECTS, _entering(attributes))


def _entering(attributes: Mapping[str, Array]) -> dict[str, Array]:
    return {**attributes, **{name: form(attributes) for name, form in LOGARITHMS.items()}}


def _weighted(effects: Mapping[str, float], forms: Mapping[str, Array]) -> Array:
    total: Array = np.sum([effect * forms[name] for name, effect in effects.items()], axis=0)
    return total


def _latent(manager: Array, generator: np.random.Generator) -> dict[str, Array]:
    modernity = generator.standard_normal(len(manager))
    latent = {}
    for name, (common, managed) in LOADINGS.items():
        own = np.sqrt(1 - common**2 - managed**2)
        latent[name] = common * modernity + managed * manager + own * generator.standard_normal(len(manager))
    return latent


def _lives(
    capable: Array, years: int, design: SyntheticDesign, generator: np.random.Generator
) -> tuple[Mask, Array]:
    """Who lives when, and how old they are, each (F, T): newcomers replace those who leave, more often the less capable."""
    count, incumbents = len(capable), design.firms
    born = np.full(count, -1, dtype=np.int64)
    born[incumbents:] = np.resize(np.arange(1, max(years, 2)), count - incumbents)
    born[:incumbents] = -np.ceil(generator.gamma(1.3, 9.0, incumbents)).astype(np.int64)
    odds = np.exp(-SURVIVAL_OF_THE_CAPABLE * capable)
    lifetime = generator.geometric(np.minimum(TURNOVER * odds / odds.mean(), 0.9))
    # Incumbents have survived to the first year; their clock starts there (a constant hazard has no memory).
    died = np.maximum(born, 0) + lifetime
    time = np.arange(years)
    alive = (time >= born[:, None]) & (time < died[:, None])
    return alive, np.maximum(time - born[:, None], 0).astype(float)


def _sectors(sector_size: Array, alive: Mask, generator: np.random.Generator) -> NDArray[np.int64]:
    crowd = sector_size**0.6
    sector: NDArray[np.int64] = generator.choice(len(crowd), len(alive), p=crowd / crowd.sum())
    selling, steady = np.flatnonzero(sector_size > 0), np.flatnonzero(alive.all(1))
    if len(steady) < 2 * len(selling):
        raise PanelError(
            f"Only {len(steady)} firms live through all years, too few for {len(selling)} sectors; ask for more firms."
        )
    few = min(FEWEST_BY_SECTOR, len(steady) // (2 * len(selling)))
    sector[steady[: few * len(selling)]] = np.tile(selling, few)
    return sector


def _links(
    supplying: Array, buying: Array, region: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Links (L, 2): each firm's number of suppliers follows its latent; popular firms supply many; half are local."""
    count = len(supplying)
    degree = generator.poisson(np.exp(0.9 + 0.6 * supplying))
    buyer = np.repeat(np.arange(count), degree)
    popularity = np.exp(0.9 * buying)
    supplier = generator.choice(count, len(buyer), p=popularity / popularity.sum())
    local = generator.random(len(buyer)) < 0.5
    for place in range(int(region.max()) + 1):
        members = np.flatnonzero(region == place)
        wanted = np.flatnonzero(local & (region[buyer] == place))
        if len(members):
            share = popularity[members] / popularity[members].sum()
            supplier[wanted] = generator.choice(members, len(wanted), p=share)
    pairs: NDArray[np.int64] = np.unique(np.column_stack([supplier, buyer])[supplier != buyer], axis=0)
    return pairs


def _attributes(
    latent: dict[str, Array],
    age: Array,
    links: NDArray[np.int64],
    mean_sales: float,
    generator: np.random.Generator,
) -> dict[str, Array]:
    count, years = age.shape
    time = np.arange(years)
    wobble = generator.standard_normal((2, count, years))
    suppliers = np.bincount(links[:, 1], minlength=count).astype(float)
    buyers = np.bincount(links[:, 0], minlength=count).astype(float)
    importer = latent["imported_input_share"] > 0.6
    owned = np.where(latent["foreign_ownership"] > 1.6, 0.25 + 0.75 * generator.random(count), 0.0)
    constant = {
        "initial_employment": np.maximum(np.round(np.exp(3.3 + 1.1 * latent["initial_employment"])), 1.0),
        "skill_share": expit(-1.3 + 0.9 * latent["skill_share"]),
        "rnd_intensity": np.clip(0.03 * (latent["rnd_intensity"] - 0.7), 0, 0.2),
        "foreign_ownership": owned,
        "supplier_links": suppliers,
        "buyer_links": buyers,
        "imported_input_share": np.where(importer, 0.6 * expit(latent["imported_input_share"] - 1), 0.0),
    }
    drifting = {
        "capital": CAPITAL_PER_SALES
        * mean_sales
        * np.exp(1.5 * latent["capital"][:, None] + 0.03 * time + 0.1 * wobble[0].cumsum(1)),
        "on_time_delivery": expit(1.9 + 0.8 * latent["on_time_delivery"][:, None] + 0.2 * wobble[1]),
        "digital_presence": ndtr(-0.6 + latent["digital_presence"][:, None] + 0.06 * time),
        "age": age,
    }
    return {name: np.repeat(value[:, None], years, axis=1) for name, value in constant.items()} | drifting


def _instruments(
    manager: Array, region: NDArray[np.int64], years: int, generator: np.random.Generator
) -> dict[str, Array]:
    count = len(manager)
    winners = generator.random(count) < TAKE_UP.voucher_share
    offered = winners[:, None] & (np.arange(years) >= min(TAKE_UP.lottery, years - 1))
    # Regions have offices near or far by chance; firms lie scattered within them.
    remoteness = generator.normal(0, 0.5, int(region.max()) + 1)
    distance = np.exp(3.5 + remoteness[region] + 0.8 * generator.standard_normal(count))
    slots = generator.poisson(6.0, (count, years)).astype(float)
    chamber = (0.8 * manager + generator.standard_normal(count) > 0.8).astype(float)
    return {
        "instrument_voucher": offered.astype(float),
        "instrument_office_distance": np.repeat(distance[:, None], years, axis=1),
        "instrument_audit_slots": slots,
        "instrument_chamber": np.repeat(chamber[:, None], years, axis=1),
    }


def _certificates(
    manager: Array,
    latent: dict[str, Array],
    instruments: dict[str, Array],
    years: int,
    generator: np.random.Generator,
) -> Array:
    """Certified or not, (F, T): latent demand passes its threshold, once and for all."""
    own = generator.standard_normal((len(manager), years)) * np.sqrt(1 - TAKE_UP.persistent_noise**2)
    steady = TAKE_UP.persistent_noise * generator.standard_normal(len(manager))
    demand = (
        (TAKE_UP.manager * manager + TAKE_UP.scale * latent["initial_employment"] + steady)[:, None]
        + TAKE_UP.voucher * instruments["instrument_voucher"]
        + TAKE_UP.distance * (np.log(instruments["instrument_office_distance"]) - 3.5)
        + TAKE_UP.audit_slots * (instruments["instrument_audit_slots"] - 6)
        + TAKE_UP.yearly_drift * np.arange(years)
        + own
    )
    certified: Array = np.maximum.accumulate(demand > TAKE_UP.threshold, axis=1).astype(float)
    return certified


def _ever(latent: Array, threshold: float, years: int, generator: np.random.Generator) -> Array:
    noise = 0.4 * generator.standard_normal((len(latent), years))
    joined: Array = np.maximum.accumulate(latent[:, None] + noise > threshold, axis=1).astype(float)
    return joined


def _unexplained(manager: Array, design: SyntheticDesign, generator: np.random.Generator) -> Array:
    """u, (F,): manager quality and more, with standard deviation σ_u; fat-tailed when misspecified."""
    rest = np.sqrt(design.sigma_u**2 - design.manager_effect**2)
    if design.variant == "misspecified":
        noise = generator.standard_t(4, len(manager)) / np.sqrt(2.0)
    else:
        noise = generator.standard_normal(len(manager))
    unexplained: Array = design.manager_effect * manager + rest * noise
    return unexplained


def _heteroskedasticity(latent: dict[str, Array], design: SyntheticDesign) -> Array:
    """Factor on σ_ξ by firm, (F,): small firms are riskier when misspecified; mean square one."""
    size = latent["initial_employment"]
    spread = 0.35 if design.variant == "misspecified" else 0.0
    factor: Array = np.exp(-spread * size - spread**2)
    return factor
