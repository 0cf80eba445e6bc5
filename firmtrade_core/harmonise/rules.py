"""The rules that customs lines are held against, in the order in which they claim a row."""

from __future__ import annotations

from firmtrade_core.harmonise.findings import Rule
from firmtrade_core.harmonise.reading import LINE_RULES

_LIST = "Name the list of codes, or give it as a table (code, country) among the files."

_CORRECT = (
    "Give the meaning of the texts shown in a table of corrections (field, text, meaning) among the files."
)

#: Rules that set a row aside. A row is counted under the first that it meets.
QUARANTINE_RULES = tuple(
    Rule(key, title, "quarantined", advice)
    for key, title, advice in (
        (
            "line.part",
            "lines of parts of a flow (by customs procedure, transport or second partner) whose whole another line tells",
            "",
        ),
        ("firm.missing", "rows without a firm", "Ask for lines with the firm's identifier."),
        (
            "firm.digits_gone",
            "rows whose firm is a number in scientific notation (1.2E+13) or cut behind fifteen digits: its digits are gone",
            "Export identifiers as text.",
        ),
        ("date.missing", "lines without a date", ""),
        ("date.unreadable", "lines whose date is no date", _CORRECT),
        (
            "date.origin",
            "lines dated by a number of days that nobody tells the beginning of: 1900 in spreadsheets, 1960 in Stata and SAS, 1970 in R",
            "Export dates as text.",
        ),
        (
            "date.business_year",
            "lines dated by a business year (2018/19): which months it holds differs by country, and is not told",
            "Export dates, or give the year that is meant in a table of corrections (field, text, meaning) among the files.",
        ),
        ("date.implausible", "lines dated before 1950 or in the future", _CORRECT),
        ("flow.unknown", "lines that are neither exports nor imports", _CORRECT),
        (
            "flow.reexport",
            "lines of re-exports or re-imports, which the United Nations' exports and imports hold already",
            "Correct them to export or import where they are records of their own.",
        ),
        ("country.missing", "lines without a partner country", ""),
        ("country.unknown", "lines with an unknown country", _CORRECT),
        ("country.other_list", "lines whose partner is a code of a list that is not ISO's", _LIST),
        ("country.total", "lines whose partner is a total, a group of countries or a region: no partner", ""),
        (
            "country.unspecified",
            "lines whose partner the source does not tell (areas nes, bunkers, free zones)",
            "",
        ),
        ("country.ambiguous", "lines whose partner's code has several meanings", _CORRECT),
        ("product.missing", "lines without a product", ""),
        ("product.unreadable", "lines whose product is no code", _CORRECT),
        ("product.coarse", "lines with fewer than six digits of product", "Ask for the full code."),
        ("product.total", "lines that add up all products", ""),
        (
            "product.digits_gone",
            "lines whose product is in scientific notation: its digits are gone",
            "Export codes as text.",
        ),
        (
            "product.lost_zero",
            "lines whose code lost a zero, at its beginning or its end",
            "Export codes as text, or give their meaning in a table of corrections.",
        ),
        ("product.unknown", "lines with a code that is in no edition of the Harmonised System", _CORRECT),
        ("currency.missing", "lines without a currency", "Give the currency as a constant if it is known."),
        ("currency.unknown", "lines with an unknown currency", _CORRECT),
        ("value.missing", "lines without a value", ""),
        ("value.unreadable", "lines whose value is no number", ""),
        ("value.negative", "lines with a negative value", "Cancellations? Ask which lines they cancel."),
        ("value.zero", "lines with a value of zero", "Samples and returns are often declared so."),
        (
            "currency.no_rate",
            "lines in a currency without an exchange rate on that date or over that period",
            "Give a table of rates (date, currency, usd) among the files.",
        ),
        (
            "line.cancelled",
            "lines that a later negative line of the same firm, partner and product cancels",
            "",
        ),
        (
            "line.duplicate",
            "lines that repeat another in every column, the declaration's number included",
            "",
        ),
    )
)

#: Rules whose change is logged; the row stays.
REPAIR_RULES = tuple(
    Rule(key, title, "repaired", advice)
    for key, title, advice in (
        ("product.leading_zero", "product codes that had lost a leading zero", "Read codes as text."),
        ("product.corrected", "product codes corrected from your table", ""),
        ("product.trailing_zero", "product codes that had lost a trailing zero", "Read codes as text."),
        (
            "country.retired",
            "codes given up or unofficial, read as the present one of the same territory",
            "",
        ),
        ("country.joined", "parts of a country, read as that country", ""),
        (
            "country.convention",
            "labels that stand for a country by convention ('Other Asia, nes': Taiwan)",
            "",
        ),
        ("country.list", "partners read by a list of codes that is not ISO's", ""),
        ("country.corrected", "countries corrected from your table", ""),
        ("currency.corrected", "currencies corrected from your table", ""),
        ("flow.corrected", "flows corrected from your table", ""),
        ("date.lost_zero", "dates that had lost the zero of days 1 to 9", "Read dates as text."),
        ("date.corrected", "dates corrected from your table", ""),
        ("unit.corrected", "units corrected from your table", ""),
        ("weight.zero", "weights of zero, set to missing", ""),
        ("weight.negative", "negative weights, set to missing", ""),
        ("weight.unreadable", "weights that are no number, set to missing", ""),
        ("quantity.zero", "quantities of zero, set to missing", ""),
        ("quantity.negative", "negative quantities, set to missing", ""),
        ("quantity.unreadable", "quantities that are no number, set to missing", ""),
    )
)

#: Rules that mark a row or only count it.
NOTE_RULES = (
    Rule("date.ambiguous", "dates whose day and month could be swapped, read by the file's habit", "flagged"),
    Rule(
        "date.week_only",
        "dates that are only a week (ISO 8601), read as its Monday and priced at its mean rate",
        "flagged",
    ),
    Rule(
        "date.month_only",
        "dates without a day, read as the month's first and priced at its mean rate",
        "flagged",
    ),
    Rule(
        "date.quarter_only",
        "dates that are only a quarter, read as its first day and priced at its mean rate",
        "flagged",
    ),
    Rule(
        "date.half_only",
        "dates that are only half a year, read as its first day and priced at its mean rate",
        "flagged",
    ),
    Rule(
        "date.year_only",
        "dates that are only a year, read as 1 January and priced at its mean rate",
        "flagged",
    ),
    Rule("date.serial", "dates that a spreadsheet had turned into numbers", "flagged"),
    Rule("value.ambiguous", "values that could mean a thousand times more or less", "flagged"),
    Rule("weight.ambiguous", "weights that could mean a thousand times more or less", "flagged"),
    Rule("quantity.ambiguous", "quantities that could mean a thousand times more or less", "flagged"),
    Rule(
        "country.former",
        "lines with a partner that is no more or several countries reported as one, kept apart under its own code",
        "flagged",
        "Give the present country in a table of corrections where you know it.",
    ),
    Rule(
        "country.late",
        "lines dated after the end of the state that they name",
        "noted",
        "The list of partners is older than the records: ask the source which country is meant.",
    ),
    Rule(
        "firm.artefact",
        "identifiers with a number's .0, an apostrophe or quotes, which were taken off",
        "repaired",
    ),
    Rule(
        "firm.leading_zeros",
        "lines of identifiers that differ from another by leading zeros only, kept apart",
        "noted",
        "If they are the same firm, export identifiers as text with all their digits.",
    ),
    Rule("unit.unknown", "lines with an unknown unit of quantity", "flagged", _CORRECT),
    Rule(
        "line.repeated",
        "lines that repeat another in every column, without a declaration's number to tell",
        "flagged",
        "Map the declaration's number to set true duplicates aside.",
    ),
    Rule(
        "firm.dominant",
        "lines of a firm with more than half of a year's value",
        "noted",
        "Check its values; if they are right, cells with it are confidential.",
    ),
)

RULES: dict[str, Rule] = {
    **LINE_RULES,
    **{rule.key: rule for rule in (*QUARANTINE_RULES, *REPAIR_RULES, *NOTE_RULES)},
}
