"""How numbers are written."""

import pytest

from firmtrade_core.labels import VARIABLES, change, grouped, in_percent, level, number


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1234, "+0.12"),
        (0.996, "+1.0"),
        (0.0996, "+0.10"),
        (9.96, "+10"),
        (-4.12, "−4.1"),
        (12345, "+12\u202f000"),
        (999.6, "+1\u202f000"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (0.006, "+0.01"),
        (0, "0"),
        (float("nan"), "–"),
    ],
)
def test_two_significant_digits_at_most_two_decimals(value: float, words: str) -> None:
    assert number(value, signed=True) == words


def test_units_stand_beside_numbers() -> None:
    assert change(0.12) == "+0.12\u202f%"
    assert level(1234.0, "bn USD") == "1\u202f230\u00a0bn\u00a0USD"
    assert change(float("nan")) == "–"
    assert in_percent(0.123) == "12\u202f%"


def test_no_line_ends_inside_an_amount() -> None:
    amounts = [
        change(-1234.0, "m USD"),
        level(1.2e6, "bn USD"),
        grouped(20_101),
        grouped(1234.56, ".1f"),
        in_percent(12.3),
    ]
    assert grouped(20_101) == "20\u202f101" and grouped(float("nan")) == "–"
    assert not any(set(amount) & set(" \u2009") for amount in amounts)


def test_every_variable_is_explained() -> None:
    assert all(v.explanation.endswith(".") and v.equation for v in VARIABLES.values())
