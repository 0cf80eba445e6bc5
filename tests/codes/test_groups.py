"""Groups of countries."""

import pytest

from firmtrade_core.codes import groups
from firmtrade_core.codes.iso import is_known

SIZES = {
    "EU": 27,
    "ASEAN": 11,
    "MERCOSUR": 5,
    "CPTPP": 12,
    "RCEP": 15,
    "AFCFTA": 54,
    "BRICS": 10,
    "OECD": 38,
    "G7": 7,
    "APEC": 21,
    "USMCA": 3,
    "EFTA": 4,
    "GCC": 6,
    "G20": 43,  # the European Union is a member, with all of its own
}
INCOME = ("HIGH_INCOME", "UPPER_MIDDLE_INCOME", "LOWER_MIDDLE_INCOME", "LOW_INCOME")


@pytest.mark.parametrize("name", groups.group_names())
def test_members_are_countries(name: str) -> None:
    members = groups.group_members(name)
    assert members == tuple(sorted(set(members)))
    assert all(is_known(code) for code in members)
    assert groups.group_label(name)
    if name in SIZES:
        assert len(members) == SIZES[name]


def test_income_groups_do_not_overlap() -> None:
    members = [code for name in INCOME for code in groups.group_members(name)]
    assert len(members) == len(set(members)) == 216


def test_names_in_any_case() -> None:
    assert groups.group_members("Mercosur") == groups.group_members("MERCOSUR")
    assert groups.group_members("high income") == groups.group_members("HIGH_INCOME")
    assert groups.group_members("Mercosul") == groups.group_members("MERCOSUR")
    assert groups.group_of("Unión Europea") == groups.group_of("EU-27") == "EU"
    with pytest.raises(KeyError, match=r"no group .Mercosu.\. Choose EU or EFTA"):
        groups.group_members("Mercosu")
