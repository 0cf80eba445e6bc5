"""Bands on the other pages: who gains, the laws of firms, two scenarios compared, the best policy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core import attribution
from firmtrade_core.analysis import uncertainty
from firmtrade_core.analysis.assumed import around
from firmtrade_core.analysis.band_difference import reversed_bands
from firmtrade_core.analysis.optimal import best_response, sureness
from firmtrade_core.attribution import bands_of_sources
from firmtrade_core.figures.uncertainty import VARIABLE
from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario, compile, load_preset
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.result import bands as desk
from tests.app.test_lab import html
from tests.limits import HANGS

DRAWS = 25

_plain = uncertainty.bands


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Bands on few draws, wherever they are asked for."""
    monkeypatch.setenv(VARIABLE, "on")
    quick: Any = lambda *a, **k: _plain(*a, **k | {"draws": DRAWS, "laws": False})  # noqa: E731
    monkeypatch.setattr(uncertainty, "bands", quick)
    monkeypatch.setattr(desk, "bands", quick)
    from pages.parts import best

    monkeypatch.setattr(best, "sureness", partial(sureness, draws=DRAWS, tipping=False))
    monkeypatch.setattr(attribution, "bands_of_sources", partial(bands_of_sources, draws=DRAWS))
    desk._desk.clear()
    yield
    desk._desk.clear()


@pytest.mark.parametrize("page", ["who_gains", "heterogeneity", "compare", "best_policy"])
def test_headlines_get_their_bands(page: str, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert "90 % band follows" in html(app)
    for future in [*desk._desk()._known.values()]:
        future.result(timeout=HANGS)
    words = html(app.run())
    assert not app.exception
    assert "band follows" not in words and "no interval yet" not in words
    assert ("90 %: " in words and "sign" in words) or "90 % band of the difference" in words


@pytest.mark.truth
def test_sources_of_a_change_get_their_bands(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120).run()
    app.switch_page("pages/attribution.py").run()
    assert not app.exception
    assert "90 % band follows" in html(app)
    for future in [*desk._desk()._known.values()]:
        future.result(timeout=120)
    words = html(app.run())
    assert not app.exception and "band follows" not in words
    row = words.split("Selection of firms</t")[1].split("</tr>")[0]
    assert "90 % band, bn USD" in words.replace("\u00a0", " ") and " to " in row
    app.segmented_control(key="question").set_value("growth").run()
    # Growth between two years is data, no draw.
    assert not app.exception and "90 % band" not in html(app)


def test_a_best_rate_has_a_band_and_a_range_over_laws() -> None:
    world = load_embedded_world()
    under = compile(Scenario.parse({"structure": {"deficits": "removed"}}), world)
    best = best_response(under.world, under.parameters, "USA", shock=under.shock, tries=0, starts=0)
    sure = sureness(best, assumed=around(under, world), draws=DRAWS, tipping=False)
    band = sure.real_income
    assert band.value == pytest.approx(best.gain) and band.low < band.value < band.high
    assert set(sure.rates) == {"armington", "krugman", "pareto"} and not sure.missing
    low, high = sure.mean_rates
    assert low < float(best.rates[0]) < high
    # What one country gains, all others lose.
    assert sure.others.high < 0


def test_from_a_scenario_back_to_the_baseline() -> None:
    world, scenario = load_embedded_world(), load_preset("us_ten_points")
    found = _plain(scenario, world, draws=DRAWS, laws=False)
    back = reversed_bands(found).band("real_income", "USA")
    there = found.band("real_income", "USA")
    assert back.value == pytest.approx(100 * (1 / (1 + there.value / 100) - 1))
    assert back.positive == pytest.approx(1 - there.positive)
