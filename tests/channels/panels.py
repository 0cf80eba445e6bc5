"""The confounded design as a firm panel: two years, eight destinations, a lottery among its instruments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from firmtrade_core.panel import FirmPanel, PanelMetadata
from tests.channels.design import Drawn, draw

PLACES = ("ARG", "BRA", "DEU", "ESP", "FRA", "JPN", "PER", "USA")


def panel_of(drawn: Drawn | None = None) -> FirmPanel:
    """A panel whose last year is the design; a year before nobody had the certificate."""
    drawn = drawn if drawn is not None else draw(800, len(PLACES), seed=21)
    firm, place = np.nonzero(np.isfinite(drawn.log_sales))
    trade = pd.DataFrame(
        {
            "firm": drawn.firms["firm"].to_numpy()[firm],
            "year": 2022,
            "flow": "export",
            "country": np.array(PLACES)[place],
            "product": "010121",
            "value": np.exp(drawn.log_sales[firm, place]),
        }
    )
    now = drawn.firms.rename(
        columns={
            "certificate": "quality_certificate",
            "lottery": "instrument_lottery",
            "size": "initial_employment",
        }
    ).drop(columns=["trait", "age", "nothing", *(c for c in drawn.firms if c.startswith("slots"))])
    now = now.assign(age=(20 + 4 * drawn.firms["age"]).round(), year=2022, skill_share=drawn.firms["skill"])
    sold = trade.groupby("firm")["value"].sum()
    now["exports"] = now["firm"].map(sold).fillna(0.0)
    now = now.drop(columns="skill")
    before = now.assign(year=2021, quality_certificate=0.0, age=now["age"] - 1)
    firms = pd.concat([before, now], ignore_index=True)
    earlier = trade[trade["country"] < "E"].assign(year=2021)
    return FirmPanel.from_frames(
        firms,
        pd.concat([earlier, trade], ignore_index=True),
        metadata=PanelMetadata(name="Firms of a test", home="CHL", money="USD", synthetic=True),
    )
