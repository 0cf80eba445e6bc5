"""Money in heads: scale and currency as offices write them, and nothing read into heads that name none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.codes.heads import read_money, read_money_head


@pytest.mark.parametrize(
    ("head", "name", "size", "currency"),
    [
        ("sales_thousand_usd", "sales", 1e3, "USD"),
        ("sales_million_clp", "sales", 1e6, "CLP"),
        ("wages_keur", "wages", 1e3, "EUR"),
        ("Sales (thousand USD)", "sales", 1e3, "USD"),
        ("Ventas [millones CLP]", "ventas", 1e6, "CLP"),
        ("value_musd", "value", 1e6, "USD"),
        ("expenditure_musd", "expenditure", 1e6, "USD"),
        ("turnover mio EUR", "turnover", 1e6, "EUR"),
        ("Umsatz in Tsd. EUR", "umsatz", 1e3, "EUR"),
        ("Umsatz TEUR", "umsatz", 1e3, "EUR"),
        ("sales, US$ '000", "sales", 1e3, "USD"),
        ("FOB US$m", "fob", 1e6, "USD"),
        ("exports_bn_usd", "exports", 1e9, "USD"),
        ("Exports (USD, milliard)", "exports", 1e9, "USD"),
        ("sales_usd", "sales", 1.0, "USD"),
        ("value_usd_thousand", "value", 1e3, "USD"),
        ("sales_k", "sales", 1e3, None),
        ("wages_mn", "wages", 1e6, None),
        ("wages (thousand)", "wages", 1e3, None),
        ("Sales, million EUR, constant 2015 prices", "sales", 1e6, "EUR"),
        ("value added (kEUR)", "value_added", 1e3, "EUR"),
        ("value_added_mn_eur", "value_added", 1e6, "EUR"),
        ("salesThousandUSD", "sales", 1e3, "USD"),
        ("sales MAD", "sales", 1.0, "MAD"),
        ("sales (million PEN)", "sales", 1e6, "PEN"),
        ("sales_thousand_try", "sales", 1e3, "TRY"),
        ("fob_usd", "fob", 1.0, "USD"),
        ("thousand_usd_sales", "sales", 1e3, "USD"),
    ],
)
def test_heads_tell_scale_and_currency(head: str, name: str, size: float, currency: str | None) -> None:
    found = read_money_head(head)
    assert found is not None and (found.name, found.size, found.currency) == (name, size, currency)


@pytest.mark.parametrize(
    "head",
    ["sales", "year", "firm", "on_time_delivery", "export all", "cup top", "rnd_intensity", "quality", "mil", "share",
     "age", "capital", "usd", "skill_share", "supplier_links", "ball", "tall", "product code"],
)  # fmt: skip
def test_other_heads_tell_nothing(head: str) -> None:
    assert read_money_head(head) is None


@given(
    st.sampled_from(["sales", "wages", "value_added", "capital", "exports"]),
    st.sampled_from([("", 1.0), ("thousand", 1e3), ("k", 1e3), ("m", 1e6), ("mn", 1e6), ("mio", 1e6), ("bn", 1e9),
                     ("tsd", 1e3), ("million", 1e6), ("milliard", 1e9)]),
    st.sampled_from(["USD", "EUR", "CLP", "GBP", "JPY", "CHF", "ZAR"]),
    st.sampled_from(["{name}_{scale}_{cur}", "{name} ({scale} {CUR})", "{name} [{CUR} {scale}]", "{name}, {scale} {CUR}"]),
)  # fmt: skip
def test_every_way_of_writing_says_the_same(
    name: str, scale: tuple[str, float], currency: str, form: str
) -> None:
    head = form.format(name=name, scale=scale[0], cur=currency.lower(), CUR=currency)
    found = read_money_head(head)
    assert found is not None and (found.name, found.size, found.currency) == (name, scale[1], currency)


def test_a_panels_money_is_read_too() -> None:
    pesos = read_money("thousand pesos, constant prices")
    assert pesos is not None and pesos.size == 1e3 and pesos.currency is None
    dollars = read_money("USD")
    assert dollars is not None and (dollars.size, dollars.currency) == (1.0, "USD")
    assert read_money("not stated") is None
