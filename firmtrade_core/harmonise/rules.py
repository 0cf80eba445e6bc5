"""The rules that customs lines are held against, in the order in which they claim a row."""

from __future__ import annotations

from firmtrade_core.harmonise.findings import Rule, rules_of
from firmtrade_core.harmonise.reading import LINE_RULES

#: Rules that set a row aside. A row is counted under the first that it meets.
QUARANTINE_RULES = tuple(rules_of("set_aside").values())

#: Rules whose change is logged; the row stays.
REPAIR_RULES = tuple(rules_of("repair").values())

#: Rules that mark a row or only count it.
NOTE_RULES = tuple(rules_of("note").values())

RULES: dict[str, Rule] = {
    **LINE_RULES,
    **{rule.key: rule for rule in (*QUARANTINE_RULES, *REPAIR_RULES, *NOTE_RULES)},
}
