"""A fresh copy opens on a policy in force, with its date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from firmtrade_core.scenarios.links import encode
from firmtrade_core.scenarios.opening import VARIABLE, newest_in_force
from firmtrade_core.scenarios.presets import load_preset
from firmtrade_core.world.embedded import load_embedded_world
from tests.app.conftest import settled
from tests.app.test_lab import html, lab, store

Opener = Callable[..., Any]


def test_the_lab_opens_on_the_policy_in_force_with_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    app = lab(monkeypatch)
    assert not app.exception
    assert store(app).scenario == load_preset(newest_in_force())
    assert "in force on 22 August 2026" in html(app)


def test_a_named_opening_that_cannot_be_read_is_said_and_something_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "no_such_thing")
    app = lab(monkeypatch)
    assert not app.exception
    assert "no_such_thing" in html(app)
    assert store(app).scenario == load_preset(newest_in_force())


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 1366])
def test_the_head_of_the_opening_card_stays_within_it(open_page: Opener, width: int) -> None:
    """Its name is long, and written out."""
    page = open_page(
        f"lab?{urlencode({'s': encode(load_preset(newest_in_force()), load_embedded_world())})}", width=width
    )
    settled(page)
    card, tools = (page.locator(f".st-key-ft_{what}_0").bounding_box() for what in ("card", "tools"))
    assert tools["x"] + tools["width"] <= card["x"] + card["width"]
    name = page.locator(".st-key-ft_head_0 label p").first
    assert "United States" in name.inner_text()
    assert name.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
