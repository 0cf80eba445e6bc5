"""Bands stand beside the numbers: first the number, then its band, of what is shown and of what lies between two scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from firmtrade_core.analysis.band_difference import between
from firmtrade_core.analysis.uncertainty import Bands, UncertaintyError, bands
from firmtrade_core.figures.uncertainty import VARIABLE
from firmtrade_core.report.page_tables import band_table
from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.result import bands as desk
from tests.app.test_lab import html, lab, store
from tests.limits import HANGS

DRAWS = 40

_plain = bands


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Bands on few draws, so that tests are quick."""
    monkeypatch.setenv(VARIABLE, "on")
    monkeypatch.setattr(desk, "bands", lambda *a, **k: _plain(*a, **k | {"draws": DRAWS, "laws": False}))
    desk._desk.clear()
    yield
    desk._desk.clear()


def waited(app: Any) -> Any:
    """The page once its bands are there."""
    for future in [*desk._desk()._known.values()]:
        future.result(timeout=HANGS)
    return app.run()


def test_numbers_come_first_and_their_bands_after(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    assert "90 % band follows" in html(app)
    words = html(waited(app))
    assert "band follows" not in words and "no interval yet" not in words
    world, scenario = load_embedded_world(), store(app).scenario
    drawn = _plain(scenario, world, draws=DRAWS, laws=False)
    for band in (
        drawn.band("real_income", "USA"),
        drawn.band("duties_bn", "USA"),
        drawn.band("world_real_income"),
    ):
        assert f"90 %: {band.ends}" in words and band.verdict in words
    app.session_state["store"].view = "sure"
    shown = html(app.run())
    assert not app.exception
    assert "Error of its ends" in shown and "of the variance" in " ".join(
        element.proto.bytes.decode() for element in app.get("bidi_component")
    )


def test_without_bands_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    assert "no interval yet" in html(app)
    app.session_state["store"].view = "sure"
    assert "FIRMTRADE_BANDS=off" in html(app.run())


@pytest.fixture(scope="module")
def two() -> tuple[Bands, Bands]:
    world = load_embedded_world()
    first, second = Scenario(), load_preset("us_ten_points")
    return tuple(bands(s, world, draws=DRAWS, laws=False) for s in (first, second))  # type: ignore[return-value]


def test_between_nothing_and_a_policy_lies_the_policy(two: tuple[Bands, Bands]) -> None:
    nothing, policy = two
    found = between(nothing, policy)
    for key in ("real_income", "duties_bn", "world_real_income"):
        assert np.allclose(found.draws[key], policy.draws[key], atol=1e-7)


def test_between_a_policy_and_itself_lies_nothing(two: tuple[Bands, Bands]) -> None:
    found = between(two[1], two[1])
    for key in ("real_income", "duties", "duties_bn", "exports", "world_goods_trade"):
        assert np.abs(found.draws[key]).max() < 1e-10


def test_draws_that_do_not_match_are_refused(two: tuple[Bands, Bands]) -> None:
    other = bands(Scenario(), load_embedded_world(), draws=DRAWS, seed=5, laws=False)
    with pytest.raises(UncertaintyError, match="own band"):
        between(other, two[1])


def test_a_table_of_bands_has_a_unit_in_every_row(two: tuple[Bands, Bands]) -> None:
    shown = band_table(two[1]).frame
    assert shown["Unit"].notna().all() and (shown["Country"] == "world").sum() == 2
    assert (shown["Low"] <= shown["High"]).all()
