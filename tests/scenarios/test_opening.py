"""What a session opens with."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmtrade_core.scenarios import Scenario, ScenarioError, TariffSchedule, load_preset
from firmtrade_core.scenarios.opening import VARIABLE, newest_in_force, opening
from firmtrade_core.scenarios.schedules import dated_tables
from firmtrade_core.world.embedded import load_embedded_world
from tests.worlds import make_world


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)


def test_a_fresh_copy_opens_on_the_newest_policy_in_force() -> None:
    opened = opening(load_embedded_world(), "USA")
    card = opened.cards[0]
    assert isinstance(card, TariffSchedule)
    assert card.table is not None
    assert card.day == max(r.since for r in dated_tables()[card.table].regimes)
    assert opened == load_preset(newest_in_force())
    assert f"{card.day:%-d %B %Y}" in opened.name


def test_another_country_opens_on_ten_points_of_its_own() -> None:
    world = make_world(3, 4, seed=1)
    opened = opening(world, world.countries[0])
    assert opened.cards[0].kind == "tariff"
    assert opened.cards[0].value == 0.10


def test_a_ministry_opens_on_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = load_embedded_world()
    monkeypatch.setenv(VARIABLE, "eu_mercosur")
    assert opening(world, "USA") == load_preset("eu_mercosur")
    own = Scenario(name="Ours", cards=load_preset("us_ten_points").cards)
    (tmp_path / "ours.yaml").write_text(own.to_yaml())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "ours.yaml"))
    assert opening(world, "USA") == own


@pytest.mark.parametrize("content", [None, "cards: [", "cards: 5", "\x00"])
def test_what_cannot_be_read_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ours.yaml"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(ScenarioError, match=VARIABLE):
        opening(load_embedded_world(), "USA")
