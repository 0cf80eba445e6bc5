"""The synthetic home country: a firm panel as a ministry would see it, and the truth apart (MODEL 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels.units import in_percent
from firmtrade_core.panel.confidentiality import hash_identifiers
from firmtrade_core.panel.errors import PanelError
from firmtrade_core.panel.panel import FirmPanel, PanelMetadata
from firmtrade_core.panel.synthetic.accounts import export_lines, import_lines, keep_books
from firmtrade_core.panel.synthetic.firms import Firms, draw_firms
from firmtrade_core.panel.synthetic.markets import Markets, Sales, Shocks, sell
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.panel.synthetic.survey import survey

if TYPE_CHECKING:
    from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: World accounts are in million dollars, firms' in dollars.
MILLION = 1e6

#: Inputs' share of output where the world has no input tables, and its bounds.
MATERIALS_SHARE, LOWEST_MATERIALS, HIGHEST_MATERIALS = 0.55, 0.15, 0.85

#: Attributes that firms' books or the state hold, in whole numbers.
WHOLE = ("age", "initial_employment", "supplier_links", "buyer_links", "quality_certificate", "trade_finance")

_UNITS = {
    "initial_employment": "persons in the first year",
    "instrument_voucher": "0 or 1 (offered a certification voucher by lottery)",
    "instrument_office_distance": "km to the nearest certification office",
    "instrument_audit_slots": "audit slots of the year in the firm's district",
    "instrument_chamber": "0 or 1 (member of the chamber of commerce)",
}


@dataclass(frozen=True, eq=False)
class CountryTruth:
    """What only a test may see; F firms, S sectors, J foreign destinations, T years.

    Parameters
    ----------
    design
        With σ's and ρ.
    identifiers : (F,) of str
        Firms' numbers at the tax office, which raw files carry.
    hashed : (F,) of str
        The same firms' names in the panel.
    sectors, destinations, years
        Labels of the axes.
    firms, markets, sales
        Who the firms are, the markets, and what was sold.
    shocks
        ξ and ν of the last year, with which choices can be made anew (`programme.respond`).
    table : DataFrame
        The firm table without error or gaps, with ``kappa``, ``m``, ``g``, ``u`` and ``manager_quality``.
    """

    design: SyntheticDesign
    identifiers: NDArray[np.object_]
    hashed: NDArray[np.object_]
    sectors: tuple[str, ...]
    destinations: tuple[str, ...]
    years: tuple[int, ...]
    firms: Firms
    markets: Markets
    sales: Sales
    shocks: Shocks
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SyntheticCountry:
    """What is observed (`panel`) and the truth apart (`truth`)."""

    panel: FirmPanel
    truth: CountryTruth


def make_country(design: SyntheticDesign | None = None, world: World | None = None) -> SyntheticCountry:
    """Make the firms of one economy, whose exports by sector and destination add up to the world's border values.

    Parameters
    ----------
    design
        Chile with 20,000 firms over 6 years unless given.
    world
        The embedded world unless given.

    Raises
    ------
    PanelError
        If the world has no such economy, or it does not trade.
    """
    design = design or SyntheticDesign()
    if world is None:
        from firmtrade_core.world.embedded import load_embedded_world

        world = load_embedded_world()
    generator = np.random.default_rng(design.seed)
    flow, home_flow, destinations = _flows(world, design, generator)
    firms = draw_firms(design, flow[..., -1].sum(1) + home_flow[:, -1], generator)
    markets, sales, shocks = sell(firms, flow, home_flow, design, generator)
    books = keep_books(firms, sales, _materials_share(world, design.home), design, generator)
    identifiers = tax_numbers(len(firms.sector))
    hashed = hash_identifiers(pd.Series(identifiers), salt_of(design)).to_numpy(dtype=object)
    table = _firm_table(firms, books, world.sectors, design.calendar, hashed)
    truth = CountryTruth(
        design, identifiers, hashed, world.sectors, destinations, design.calendar, firms, markets, sales,
        shocks, table,
    )  # fmt: skip
    observed = survey(
        table.drop(columns=["kappa", "m", "g", "u", "manager_quality"]),
        table["manager_quality"].to_numpy(),
        design,
        generator,
    )
    trade = pd.concat(
        [
            export_lines(firms, sales, world.sectors, destinations, design.calendar, hashed, generator),
            import_lines(
                books["imports"],
                _origins(world, design.home),
                world.sectors,
                design.calendar,
                hashed,
                generator,
            ),
        ],
        ignore_index=True,
    )
    links = pd.DataFrame({"supplier": hashed[firms.links[:, 0]], "buyer": hashed[firms.links[:, 1]]})
    return SyntheticCountry(FirmPanel.from_frames(observed, trade, links, metadata=_metadata(design)), truth)


def salt_of(design: SyntheticDesign) -> bytes:
    """Salt of a synthetic country: it protects nobody, and follows from the seed so that files can be harmonised."""
    return hashlib.blake2b(f"synthetic {design.home} {design.seed}".encode(), digest_size=32).digest()


def tax_numbers(count: int) -> NDArray[np.object_]:
    """Invented tax numbers in the manner of Chile's, with their check digits, (count,)."""
    bodies = 76_000_000 + 317 * np.arange(count)
    weights = np.array([2, 3, 4, 5, 6, 7, 2, 3])
    digits = (bodies[:, None] // 10 ** np.arange(8)) % 10
    checks = (11 - (digits * weights).sum(1) % 11) % 11
    return np.array(
        [f"{body}-{'K' if c == 10 else c}" for body, c in zip(bodies, checks, strict=True)], dtype=object
    )


def _flows(
    world: World, design: SyntheticDesign, generator: np.random.Generator
) -> tuple[Array, Array, tuple[str, ...]]:
    """Sales abroad (S, J, T) and at home (S, T), in dollars, and destinations: the world's in the last year."""
    if design.home not in world.countries:
        raise PanelError(
            f"{world.name} has no economy {design.home}; it has {', '.join(world.countries[:8])} ..."
        )
    home = world.country_index(design.home)
    sold = MILLION * world.border_value[home].T
    abroad = np.delete(sold, home, axis=1)
    if not abroad.sum() > 0:
        raise PanelError(f"{country_name(design.home)} exports nothing in {world.name}; choose another home.")
    steps = generator.normal(design.demand_growth, design.demand_risk, (*abroad.shape, design.years))
    steps[..., -1] = 0.0
    # Growth from each year to the last, added up backwards.
    growth = steps[..., ::-1].cumsum(-1)[..., ::-1]
    home_growth = design.demand_growth * np.arange(design.years)[::-1]
    names = tuple(np.delete(np.array(world.countries), home).tolist())
    return abroad[..., None] * np.exp(-growth), sold[:, home, None] * np.exp(-home_growth), names


def _materials_share(world: World, home: str) -> Array:
    if world.inputs is None:
        return np.full(len(world.sectors), MATERIALS_SHARE)
    position = world.country_index(home)
    output = np.maximum(world.gross_output[position], 1e-9)
    share: Array = np.clip(world.inputs[position].sum(0) / output, LOWEST_MATERIALS, HIGHEST_MATERIALS)
    return share


def _origins(world: World, home: str) -> dict[str, float]:
    bought = world.border_value[:, world.country_index(home)].sum(1)
    return {
        country: float(value)
        for country, value in zip(world.countries, bought, strict=True)
        if country != home and value > 0
    }


def _firm_table(
    firms: Firms,
    books: dict[str, Array],
    sectors: Sequence[str],
    years: Sequence[int],
    hashed: NDArray[np.object_],
) -> pd.DataFrame:
    firm, year = np.nonzero(firms.alive)
    constant = {
        "sector": np.array(sectors)[firms.sector[firm]],
        "region": np.array([f"Region {r:02d}" for r in range(1, firms.region.max() + 2)])[firms.region[firm]],
    }
    at = {
        name: value[firm, year] for name, value in {**books, **firms.attributes, **firms.instruments}.items()
    }
    truth = {
        "kappa": firms.capability[firm, year],
        "m": firms.m[firm, year],
        "g": firms.g[firm, year],
        "u": firms.unexplained[firm],
        "manager_quality": firms.manager_quality[firm],
    }
    table = pd.DataFrame(
        {"firm": hashed[firm], "year": np.array(years)[year]} | constant | at | truth | {"weight": 1.0}
    )
    return table.astype(dict.fromkeys(WHOLE, "Int64"))


def _metadata(design: SyntheticDesign) -> PanelMetadata:
    return PanelMetadata(
        name=f"Firms of {country_name(design.home)}",
        home=design.home,
        money="USD",
        source=f"Generated from seed {design.seed} ({design.variant.replace('_', ' ')}); no such firm exists",
        licence="Public domain: invented",
        synthetic=True,
        notes=(
            f"Exports by sector and destination add up to the world's flows of {design.last_year}; earlier years "
            "are invented.",
            f"Survey answers carry errors; about {in_percent(design.missing)} of them are missing, not at random.",
        ),
        units=_UNITS,
    )
