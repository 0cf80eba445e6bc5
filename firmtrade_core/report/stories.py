"""Stories that the product ships: a dated scenario each, with three charts and words whose numbers follow the result."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml

from firmtrade_core.paths import asset
from firmtrade_core.scenarios import Scenario, load_preset

ChartName = Literal["map", "winners", "sectors", "partners", "replaced"]


@dataclass(frozen=True)
class StoryChart:
    """A chart of a story.

    Parameters
    ----------
    chart
        Which one.
    outcome, measure, direction, market
        What it shows: a variable of the map; a measure by sector; exports or imports; whose market.
    """

    chart: ChartName
    outcome: str = "real_income"
    measure: str = "exports"
    direction: str = "exports"
    market: str = ""


@dataclass(frozen=True)
class Story:
    """A scenario told.

    Parameters
    ----------
    key
        As the address writes it.
    date
        Of the policy.
    title, asks
        Its name, and the question it answers.
    preset
        Name of the shipped scenario.
    country
        Whose eyes it is seen through; ISO code.
    words
        Paragraphs, to be filled by `live_words.filled`.
    charts
        Three of them.
    """

    key: str
    date: datetime.date
    title: str
    asks: str
    preset: str
    country: str
    words: tuple[str, ...]
    charts: tuple[StoryChart, ...]

    @property
    def scenario(self) -> Scenario:
        """What it tells."""
        return load_preset(self.preset)

    @property
    def dated(self) -> str:
        """Its date in words, such as 2 April 2025."""
        return f"{self.date.day} {self.date:%B %Y}"


@cache
def stories() -> tuple[Story, ...]:
    """All stories, the newest first."""
    content: list[dict[str, Any]] = yaml.safe_load(asset("stories/stories.yaml").read_text(encoding="utf-8"))
    found = [
        Story(
            **{
                **entry,
                "words": tuple(entry["words"]),
                "charts": tuple(StoryChart(**chart) for chart in entry["charts"]),
            }
        )
        for entry in content
    ]
    return tuple(sorted(found, key=lambda story: story.date, reverse=True))


def story(key: str) -> Story | None:
    """A story by its key; None where there is none."""
    return next((item for item in stories() if item.key == key), None)
