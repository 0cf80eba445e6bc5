"""Scale, differentiation or information networks: which kind of advantage an attribute gives a firm.

Each attribute is held against outcomes of three kinds, all of one year: *scale* (productivity, sales at home), *differentiation*
(quality of exported goods, unit values, markups) and *information networks* (firms it is linked with, products and destinations).
The effect is that of the partially linear model (MODEL 7), firms alike in the other attributes, in standard deviations of the
outcome, of a usual step of the attribute.

What each outcome is worth knowing of: markups by the production approach (De Loecker, Warzynski 2012) are told up to a constant
where output is revenue (Bond, Hashemi, Kaplan, Zoch 2021), and differ by firm with anything that makes labour dear; quality (Khandelwal,
Schott, Wei 2013) is whatever sells more at the same price; productivity by control function is of revenue, so that markups are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from firmtrade_core.capability.sources import explaining_attributes
from firmtrade_core.channels.crossfit import CrossFit, Settings
from firmtrade_core.channels.data import ChannelData, Outcomes
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.estimators import partially_linear
from firmtrade_core.channels.table import usual_step
from firmtrade_core.labels import in_words
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.attributes import export_quality, network_position, scope_and_concentration
from firmtrade_core.panel.control_function import ProductionFunction, estimate_by_sector, production_data
from firmtrade_core.panel.productivity import markups

#: Kinds of advantage, in words for a reader.
KINDS: Mapping[str, str] = {
    "scale": "scale: more output from the same inputs, more sales",
    "differentiation": "differentiation: better goods, higher prices and margins",
    "networks": "information networks: more partners, products and places",
}

#: Kind of each outcome, and what it is.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "productivity": ("scale", "value added at given labour and capital"),
    "home_sales": ("scale", "sales at home"),
    "quality": ("differentiation", "quality of exported goods"),
    "unit_value": ("differentiation", "price of exported goods"),
    "markup": ("differentiation", "price over marginal cost"),
    "partners": ("networks", "linked suppliers and buyers"),
    "destinations": ("networks", "destinations served"),
    "products": ("networks", "products exported"),
}

#: Columns that an outcome is made of, which are no attributes to explain it by, nor controls.
MADE_OF: Mapping[str, tuple[str, ...]] = {
    "partners": ("supplier_links", "buyer_links"),
    "productivity": ("capital",),
    "markup": ("capital",),
}

#: Chance, over the whole table, of one false finding; each cell is held against its part.
CHANCE = 0.10


#: Standard deviation of an outcome, in logs, that is none.
ALIKE = 1e-6


@dataclass(frozen=True)
class Advantages:
    """The table.

    Parameters
    ----------
    panel, year, synthetic, level
    cells : DataFrame
        ``attribute``, ``step`` (words), ``outcome``, ``kind``, ``effect``, ``low``, ``high`` (standard deviations of the outcome),
        ``p_value``, ``found`` (whether it stands out of the whole table), ``firms``.
    refused
        Outcomes and attributes without a number, and why.
    """

    panel: str
    year: int
    synthetic: bool
    level: float
    cells: pd.DataFrame
    refused: Mapping[str, str]

    def kind_of(self, attribute: str) -> tuple[str, ...]:
        """Kinds in which an attribute's advantage stands out, the strongest first."""
        rows = self.cells[(self.cells["attribute"] == attribute) & self.cells["found"]]
        strength = (rows["effect"].abs() / (rows["high"] - rows["low"])).groupby(rows["kind"]).max()
        return tuple(strength.sort_values(ascending=False, kind="stable").index)

    def words(self, attribute: str) -> str:
        """What an attribute gives a firm, in a sentence."""
        rows = self.cells[(self.cells["attribute"] == attribute) & self.cells["found"]]
        name = in_words(attribute)
        if rows.empty:
            return f"{name[:1].upper()}{name[1:]}: no advantage of any kind stands out."
        parts = []
        for kind in self.kind_of(attribute):
            of_kind = rows[rows["kind"] == kind]
            goes = [
                f"{'more' if effect > 0 else 'less'} {in_words(str(outcome))}"
                for effect, outcome in zip(of_kind["effect"].astype(float), of_kind["outcome"], strict=True)
            ]
            parts.append(f"{kind} ({', '.join(goes)})")
        return f"{name[:1].upper()}{name[1:]} goes with {', then '.join(parts)}, firms alike in all else that is known."


def advantages(
    panel: FirmPanel,
    attributes: Sequence[str] | None = None,
    *,
    sigma: float,
    settings: Settings | None = None,
) -> Advantages:
    """Hold attributes against what scale, differentiation and networks are told by, in the panel's last year.

    Parameters
    ----------
    panel
    attributes
        All that may explain exports unless given.
    sigma
        Elasticity of substitution, for quality (`scenarios.firm_elasticity`).
    settings
        Of cross-fitting.

    Raises
    ------
    ChannelError
        If no outcome at all can be told.
    """
    settings = settings or Settings(repetitions=1)
    year = panel.years[-1]
    known = explaining_attributes(panel, "export")
    asked = list(known if attributes is None else attributes)
    panel.need(*asked)
    frame = panel.firms[panel.firms["year"] == year].reset_index(drop=True)
    refused: dict[str, str] = {}
    outcomes = _outcomes(panel, year, frame, sigma, refused)
    if not outcomes:
        raise ChannelError(
            f"Nothing tells a kind of advantage: {' '.join(f'{k}: {why}' for k, why in refused.items())}"
        )
    rows = []
    for outcome, values in outcomes.items():
        seen = values.notna().to_numpy()
        apart = MADE_OF.get(outcome, ())
        for attribute in asked:
            if attribute in apart:
                continue
            controls = [name for name in (*known, "sector") if name != attribute and name not in apart]
            try:
                rows.append(_cell(panel, frame[seen], values[seen], outcome, attribute, controls, settings))
            except ChannelError as error:
                refused[f"{in_words(attribute)} on {in_words(outcome)}"] = str(error)
    cells = pd.DataFrame(
        rows, columns=["attribute", "step", "outcome", "kind", "effect", "low", "high", "p_value", "firms"]
    )
    cells["found"] = cells["p_value"] < CHANCE / max(len(cells), 1)
    return Advantages(
        panel.metadata.label, int(year), panel.metadata.synthetic, settings.level, cells, refused
    )


def _cell(
    panel: FirmPanel,
    frame: pd.DataFrame,
    values: pd.Series,
    outcome: str,
    attribute: str,
    controls: list[str],
    settings: Settings,
) -> tuple[object, ...]:
    if not values.std() > ALIKE:
        raise ChannelError("It is the same for all firms.")
    scaled = ((values - values.mean()) / values.std()).to_numpy(dtype=float)
    data = ChannelData.from_frame(
        frame.reset_index(drop=True), Outcomes(scaled), attribute, controls, unit=panel.unit(attribute)
    )
    found = partially_linear(CrossFit(data, settings))
    size, words = usual_step(data.unit, float(data.treatment.std()), data.binary)
    chance = 2 * float(norm.sf(abs(found.effect) / found.standard_error))
    return (
        attribute, words, outcome, OUTCOMES[outcome][0], size * found.effect, size * found.low, size * found.high, chance,
        data.firms,
    )  # fmt: skip


def _outcomes(
    panel: FirmPanel, year: int, frame: pd.DataFrame, sigma: float, refused: dict[str, str]
) -> dict[str, pd.Series]:
    """Outcomes in rows of ``frame``, missing where a firm has none; logs but for productivity and quality, which are."""

    def of_year(table: pd.DataFrame, column: str) -> pd.Series:
        if "year" in table:
            table = table[table["year"] == year]
        return frame["firm"].map(table.set_index("firm")[column]).astype(float)

    def logs(values: pd.Series) -> pd.Series:
        return pd.Series(np.log(values.where(values > 0)))

    def produced() -> tuple[pd.Series, pd.Series]:
        data = production_data(panel)
        functions = estimate_by_sector(data)
        if not functions.functions:
            raise PanelError(next(iter(functions.left_out.values()), "no sector has a production function"))
        margin = pd.Series(np.nan, index=data.index)
        for name, function in functions.functions.items():
            here = data["sector"].astype(str) == name
            margin = margin.where(~here, markups(panel, _over(function, data.index)))
        now = (panel.firms["year"] == year).to_numpy()
        return functions.productivity[now].reset_index(drop=True), logs(margin[now]).reset_index(drop=True)

    def home_sales() -> pd.Series:
        panel.need("sales", "exports")
        return logs(frame["sales"].astype(float) - frame["exports"].astype(float).fillna(0.0))

    def needs(table: str, words: str) -> None:
        if table not in panel.tables:
            raise PanelError(f"The panel has no table of {words}.")

    def quality() -> pd.Series:
        needs("trade", "trade by product and country")
        return of_year(export_quality(panel, sigma), "quality")

    def unit_value() -> pd.Series:
        needs("trade", "trade by product and country")
        lines = panel.query(
            "SELECT firm, product, country, sum(value) AS value, sum(quantity) AS quantity FROM trade WHERE flow = 'export' "
            "AND value > 0 AND quantity > 0 AND year = $1 GROUP BY ALL ORDER BY ALL",
            [int(year)],
        )
        if lines.empty:
            raise PanelError("No export line has both a value and a quantity.")
        price = (lines["value"] / lines["quantity"]).transform(np.log)
        lines["price"] = (
            price - price.groupby([lines["product"], lines["country"]]).transform("mean")
        ) * lines["value"]
        sums = lines.groupby("firm")[["price", "value"]].sum()
        return frame["firm"].map(sums["price"] / sums["value"]).astype(float)

    def scope(column: str) -> Callable[[], pd.Series]:
        def made() -> pd.Series:
            needs("trade", "trade by product and country")
            return logs(of_year(scope_and_concentration(panel), column))

        return made

    def partners() -> pd.Series:
        needs("links", "links between firms")
        table = network_position(panel)
        return np.log1p(of_year(table.assign(both=table["suppliers"] + table["buyers"]), "both"))

    found: dict[str, pd.Series] = {}

    def attempt(names: tuple[str, ...], work: Callable[[], pd.Series | tuple[pd.Series, ...]]) -> None:
        try:
            made = work()
        except PanelError as error:
            refused.update(dict.fromkeys((in_words(name) for name in names), str(error)))
            return
        for name, values in zip(names, made if isinstance(made, tuple) else (made,), strict=True):
            found[name] = values

    attempt(("productivity", "markup"), produced)
    attempt(("home_sales",), home_sales)
    attempt(("quality",), quality)
    attempt(("unit_value",), unit_value)
    attempt(("partners",), partners)
    attempt(("destinations",), scope("destinations"))
    attempt(("products",), scope("products"))
    return {name: found[name] for name in OUTCOMES if name in found}


def _over(function: ProductionFunction, index: pd.Index) -> ProductionFunction:
    """A sector's function with all rows of the panel, missing where they are of other sectors."""
    return replace(function, expected_output=function.expected_output.reindex(index))
