"""Presets by name, and the scenario in a sentence."""

from __future__ import annotations

from html import escape

from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.world import World
from pages.parts.frame.pickers import take_one
from pages.parts.frame.store import Store


def sentence(scenario: Scenario, world: World) -> str:
    """The scenario in one sentence, safe to put on a page."""
    return escape(describe(scenario, world))


def preset_chooser(store: Store) -> None:
    """Load a preset; its place in the list says that it is not the scenario itself."""

    take_one(
        "Presets",
        preset_names(),
        lambda name: store.become(load_preset(name), push=True),
        key="preset",
        named=lambda name: load_preset(name).name,
        placeholder="Load a preset …",
    )
