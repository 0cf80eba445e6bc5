"""The page on the role of heterogeneity in a real Chromium: charts are painted, the choice of country redraws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_the_role_of_heterogeneity_is_painted_and_follows_the_country(open_page: Callable[..., Any]) -> None:
    page = open_page("heterogeneity")
    page.wait_for_selector('.ft-chart[data-kind="laws"][data-result]')
    page.wait_for_selector('.ft-chart[data-kind="elasticities"][data-result]')
    assert page.locator('.ft-chart[data-kind="laws"] .scatterlayer .point').count() >= 36
    assert page.locator('.ft-chart[data-kind="margins"] .barlayer .point').count() >= 3
    before = page.locator(".ft-numbers").inner_text()
    page.get_by_role("combobox", name="Country").click()
    page.get_by_role("combobox", name="Country").fill("Mexico")
    page.get_by_role("option", name="Mexico", exact=True).click()
    page.wait_for_function(
        "(before) => document.querySelector('.ft-numbers').innerText !== before", arg=before
    )
    assert (
        "Mexico"
        in page.locator('.ft-chart[data-kind="margins"]').inner_text() + page.locator(".stMain").inner_text()
    )
