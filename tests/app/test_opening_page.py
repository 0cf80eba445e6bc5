"""A fresh copy opens on a policy in force, with its date."""

from __future__ import annotations

import pytest

from firmtrade_core.scenarios.opening import VARIABLE, newest_in_force
from firmtrade_core.scenarios.presets import load_preset
from tests.app.test_lab import html, lab, store


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
