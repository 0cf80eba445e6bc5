"""How numbers are written."""

import pytest

from firmtrade_core.labels import VARIABLES, change, level, number


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1234, "+0.12"),
        (0.996, "+1.0"),
        (0.0996, "+0.10"),
        (9.96, "+10"),
        (-4.12, "−4.1"),
        (12345, "+12\u2009000"),
        (999.6, "+1\u2009000"),
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
    assert level(1234.0, "bn USD") == "1\u2009230\u202fbn USD"
    assert change(float("nan")) == "–"


def test_every_variable_is_explained() -> None:
    assert all(v.explanation.endswith(".") and v.equation for v in VARIABLES.values())
