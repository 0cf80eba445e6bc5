"""The register of columns: what a table's column is called, its unit, and what it is where the name does not say.

Tables are declared by these keys (`report.export.table`), so that a column cannot have one unit on screen and another
in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from firmtrade_core.labels.units import UnitError, unit


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    key
        In code.
    label
        On screen and in files.
    unit
        Of `units.UNITS`, or an amount of money; empty where the column holds words.
    explanation
        Where the label does not say it all.
    """

    key: str
    label: str
    unit: str = ""
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.unit:
            unit(self.unit)

    def within(self, prefix: str = "", suffix: str = "", unit: str | None = None) -> Column:
        """The same column of one of several: of a year, of one end of an interval, in another money."""
        return replace(self, label=f"{prefix}{self.label}{suffix}", unit=self.unit if unit is None else unit)


_COLUMNS = (
    # Who and what.
    Column("country", "Country"),
    Column("code", "Code"),
    Column("partner", "Partner"),
    Column("origin", "Origin"),
    Column("destination", "Destination"),
    Column("destination_code", "Destination code"),
    Column("market", "Market"),
    Column("sector", "Sector"),
    Column("sector_code", "Sector code"),
    Column("product", "Product"),
    Column("product_code", "Product code"),
    Column("supplier", "Supplier"),
    Column("imports_of", "Imports"),
    Column("trade_of", "Trade"),
    Column("exporter", "Exporter"),
    Column("importer", "Importer"),
    Column("year", "Year", "year"),
    Column("law", "Law of firms"),
    Column("source", "Source"),
    Column("margin", "Margin"),
    Column("part", "Part"),
    Column("what_it_is", "What it is"),
    Column("evidence", "Evidence"),
    Column("note", "Note"),
    Column("group", "Group"),
    Column("grouped_by", "Grouped by"),
    Column("measure", "Measure"),
    Column("row_unit", "Unit"),
    Column("value", "Value", "as its row says"),
    Column("low", "Low", "as its row says"),
    Column("high", "High", "as its row says"),
    Column("laws_low", "Lowest under other laws of firms", "as its row says"),
    Column("laws_high", "Highest under other laws of firms", "as its row says"),
    # One headline under alternative choices.
    Column("kind_of_choice", "Kind of choice"),
    Column("choice", "Choice"),
    Column("begins_at", "Run again from"),
    Column("against_made", "Difference from the choice made", "as its row says"),
    Column("sign_as_given", "Sign as given"),
    Column("remark", "Remark"),
    # Published results.
    Column("result", "Result"),
    Column("place", "Where"),
    Column("published", "Published", "as its row says"),
    Column("ours", "Ours", "as its row says"),
    Column("difference_unit", "Unit of differences"),
    Column("difference", "Difference", "as its row says of differences"),
    Column("band", "Band", "as its row says of differences"),
    Column("verdict", "Verdict"),
    Column("cause", "Why this band"),
    # Changes, in percent of what was before.
    Column("real_income", "Real income, change", "%"),
    Column("exports", "Exports, change", "%"),
    Column("imports", "Imports, change", "%"),
    Column("output", "Output, change", "%"),
    Column("exporters", "Exporters, change", "%"),
    Column("jobs", "Jobs, change", "%"),
    Column("wages_bill", "Real wages bill, change in %", "%"),
    Column("sales_in_wages", "Sales in units of home wages, change", "%"),
    Column("same_elasticity_to", "Same elasticity to"),
    Column("model_or_part", "Model or part"),
    Column("with_links", "Real income with links, or part", "as its row says"),
    Column("without_links", "Real income without links", "as its row says"),
    Column("pull", "Pull on its sales", "%"),
    Column("of_exports_before", "Of exports before", "%"),
    # Of a gravity equation of one's own, and of what its change would do.
    Column("fixed_effect", "Effect"),
    Column("fixed_effect_value", "Value", "log points"),
    Column("observations", "Observations", "rows"),
    Column("exports_conditional", "Exports, outputs given, change", "%"),
    Column("exports_full", "Exports, full equilibrium, change", "%"),
    Column("real_wage", "Real wage, change", "%"),
    Column("factory_price", "Factory price, change", "%"),
    Column("inward_resistance", "Inward resistance, change", "%"),
    # Money.
    Column("wages_bill_change", "Real wages bill, change in dollars", "bn USD"),
    Column("welfare", "Equivalent variation", "bn USD a year"),
    Column("loss", "Loss", "bn USD", "Income that would make up for it, a year."),
    Column("change", "Change", "bn USD"),
    Column("change_m", "Change", "m USD"),
    Column("exports_before", "Exports before", "bn USD"),
    Column("purchases_before", "Purchases, before", "bn USD"),
    Column("purchases_after", "Purchases, after", "bn USD"),
    Column("market_size", "of which the market's size", "bn USD"),
    Column("shares_moved", "of which shares won or lost", "bn USD"),
    Column(
        "value_added_level",
        "Value added",
        "bn USD",
        "Wages and profits earned at home: gross domestic product, where the world says so.",
    ),
    Column(
        "final_spending",
        "Final spending",
        "bn USD",
        "Consumption, investment and government at consumer prices: value added, duties less subsidies, and the deficit.",
    ),
    Column("exports_level", "Exports", "bn USD"),
    Column("imports_level", "Imports", "bn USD"),
    Column("deficit", "Deficit", "bn USD"),
    Column("output_level", "Output", "bn USD"),
    Column("traded", "Traded", "bn USD"),
    Column("trade_actual", "Trade, actual", "bn USD"),
    Column("trade_fitted", "Trade, fitted", "bn USD"),
    # Shares and indices.
    Column("labour_share", "Share of labour income before", "share of 1"),
    Column(
        "gain_from_trade",
        "Gain from trade",
        "%",
        "How far real income stands above that without any trade; empty where a good bought is not sold at home.",
    ),
    Column("trade_share", "Share of trade", "share of 1"),
    Column("import_share", "Share of imports", "share of 1"),
    Column("use_share", "Share of all use", "share of 1"),
    Column("sales_share", "Share of sales to them", "share of 1"),
    Column("largest_share", "Share of the largest, after", "share of 1"),
    Column("presence", "Share of potential firms present", "share of 1"),
    Column("herfindahl_before", "Herfindahl index, before", "index, 0 to 1"),
    Column("herfindahl_after", "Herfindahl index, after", "index, 0 to 1"),
    Column("largest", "Largest, after"),
    Column("goods_tariff", "Mean tariff on goods", "%"),
    Column("traded_share", "Traded share", "% of output"),
    Column("value_added_share", "Value added", "% of output"),
    # Estimates.
    Column("elasticity", "Elasticity to variable costs", "elasticity, absolute value"),
    Column("regressor", "Regressor"),
    Column("as_written", "As written"),
    Column("estimate", "Estimate", "log points per unit"),
    Column("std_error", "Standard error", "log points per unit"),
    Column("interval_low", "interval, low", "log points per unit"),
    Column("interval_high", "interval, high", "log points per unit"),
    Column("z", "z", "standard errors"),
    Column("p", "p", "probability"),
    Column("horizon", "Horizon", "years since the policy"),
    Column("event_estimate", "Estimate", "log points"),
    Column("event_low", "Interval, low", "log points"),
    Column("event_high", "Interval, high", "log points"),
    Column("cumulated", "Added up since the policy", "log points"),
    Column("cumulated_low", "Added up, interval, low", "log points"),
    Column("cumulated_high", "Added up, interval, high", "log points"),
    Column("elasticity_set", "Set"),
    Column("elasticity_label", "Label"),
    Column("set_elasticity", "Elasticity", "elasticity, absolute value"),
    Column("set_low", "95 % interval, low", "elasticity, absolute value"),
    Column("set_high", "95 % interval, high", "elasticity, absolute value"),
    Column("status", "Status"),
    Column("elasticity_to", "Elasticity to"),
    Column("flow_values", "Flow values"),
    # Value chains.
    Column("chain_exports", "Exports", "bn USD"),
    Column("domestic_value_added", "Earned at home of exports", "share of 1"),
    Column("upstreamness", "Sales until final use", "sales on the way"),
    Column("value_added_sold", "Value added used up by the partner", "share of 1"),
    Column("value_added_direct", "Of it directly", "share of 1"),
    Column("value_added_through_third", "Of it through third countries", "share of 1"),
    Column("value_added_bought", "Partner's value added in final use", "share of 1"),
    # Effects of attributes.
    Column("attribute", "Attribute"),
    Column("attribute_unit", "One unit is"),
    Column("attribute_step", "Step"),
    Column("capability", "Capability", "log points"),
    Column("capability_low", "Capability low", "log points"),
    Column("capability_high", "Capability high", "log points"),
    Column("cost_equivalent", "Trade cost equivalent", "%"),
    Column("cost_equivalent_low", "Trade cost low", "%"),
    Column("cost_equivalent_high", "Trade cost high", "%"),
    Column("fixed_saving", "Fixed cost saving", "log points"),
    Column("fixed_cost", "Fixed cost", "%"),
    Column("fixed_cost_low", "Fixed cost low", "%"),
    Column("fixed_cost_high", "Fixed cost high", "%"),
    Column("method", "Method"),
    Column("firms", "Firms", "firms"),
    # Groups of home firms: inputs from abroad.
    Column("importers_share", "Firms that import inputs", "share of 1"),
    Column("imported_share", "Materials imported", "share of 1", "Of firms that say so, weighted by sales."),
    Column("import_saving", "Costs without imports, higher by", "%", "At the baseline's prices at home, weighted by sales."),
    Column("input_cost", "Cost from materials, change", "%"),
    Column("exports_mean_cost", "Exports at the sector's mean cost, change", "%"),
    Column("sales", "Sales, change", "%"),
    # Who is reached and who gains.
    Column("share_of_firms", "Share of firms", "share of 1"),
    Column("firms_reached", "Firms reached", "firms"),
    Column("share_of_reached", "Share of all reached", "share of 1"),
    Column("reach", "Reached of the group", "share of 1"),
    Column("share_before", "Share of what was sold before", "share of 1"),
    Column("gross_gains", "Gains of those that gain", "m USD a year"),
    Column("share_of_gains", "Share of gains", "share of 1", "Of what those firms gain that gain."),
    Column("net_gain", "Gains less losses", "m USD a year"),
    Column("change_percent", "Change", "%"),
    # Diversification.
    Column("spread_before", "Before", "as its row says"),
    Column("spread_after", "After", "as its row says"),
    Column("new_pairs", "New firm-market pairs", "firm-market pairs", "Less those given up."),
    Column("share_of_new_pairs", "Share of new pairs", "share of 1", "Those given up apart."),
    # One firm, or firms of a profile.
    Column("chance_before", "Chance, baseline", "%"),
    Column("chance_after", "Chance, scenario", "%"),
    Column("chance_low", "Chance, low", "%"),
    Column("chance_high", "Chance, high", "%"),
    Column("expected_before", "Expected exports, baseline", "m USD a year", "Chance of being there times sales if there."),
    Column("expected_after", "Expected exports, scenario", "m USD a year", "Chance of being there times sales if there."),
    Column("sales_there", "Sales once there", "m USD a year", "Times the chance, the expected exports."),
    Column("sold_before", "Sold, its record of the baseline year", "m USD a year"),
    Column("sold_after", "Sold, expected under the scenario", "m USD a year"),
    Column("stays", "Chance that it stays", "%"),
    Column("cost_if", "Cost of being there", "m USD a year"),
    Column("tariff", "Tariff", "%"),
    Column("chance_without_tariff", "Chance without the tariff", "%"),
    Column("obstacle", "What stands in the way"),
    Column("served", "Serves it already"),
    Column("upgrade", "Upgrade"),
    Column("expected_exports", "Expected exports", "m USD a year"),
    Column("expected_markets", "Expected markets", "expected markets"),
    Column("worth", "Pays up to", "m USD a year"),
    Column("estimate_of", "Estimate"),
)  # fmt: skip

#: Every column by key.
COLUMNS: Mapping[str, Column] = {column.key: column for column in _COLUMNS}


def registered(key: str) -> Column:
    """The column of that key.

    Raises
    ------
    UnitError
        If it is not registered.
    """
    if key not in COLUMNS:
        raise UnitError(f"“{key}” is no registered column: add it to labels.columns with its unit.")
    return COLUMNS[key]
