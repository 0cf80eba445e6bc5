"""Exporters by destination: the means of Steinberg's table 1(a) for Brazil."""

from __future__ import annotations

from pathlib import Path

from firmtrade_core.gravity.destination_margins import destination_means
from firmtrade_core.published.replication import Replication, Row, published

TABLE = "exporters-by-destination/bra_microdata_agg_by_d.csv"

#: Decimals that the table prints: counts in full, destinations with one, shares with two.
BANDS = {"num_exporters": 0.5, "avg_num_destinations": 0.05}

UNITS = {
    "num_exporters": "mean firms",
    "avg_num_destinations": "mean markets",
    "entrant_relative_size": "times",
    "entrant_relative_exit_rate": "difference of shares",
}

NAMES = {
    "num_exporters": "exporters",
    "top5_share": "share of the largest 5 %",
    "avg_num_destinations": "destinations per exporter",
    "exit_rate": "exit rate",
    "entrant_relative_size": "entrants' size over incumbents'",
    "entrant_relative_exit_rate": "entrants' exit rate less incumbents'",
}


def compute(folder: Path) -> list[Row]:
    """Published against ours."""
    ours = destination_means(folder / TABLE)
    target = published("brazil_exporters_by_destination_means").set_index("statistic")["mean"]
    return [
        Row(
            NAMES[str(name)],
            "Brazil",
            UNITS.get(str(name), "share of 1"),
            float(value),
            ours[str(name)],
            ours[str(name)] - float(value),
            BANDS.get(str(name), 0.005),
        )
        for name, value in target.items()
    ]


DESTINATION_MEANS = Replication(
    name="exporters-by-destination",
    title="Brazil's exporters by destination",
    citation="Steinberg, J. B., exporters by destination: Brazil, table 1(a), means over destinations, 1997 to 2007.",
    files=(TABLE,),
    origin="the replication data of Steinberg's work on exporters by destination (Brazil, Mexico, Peru).",
    compute=compute,
    notes=(
        "The printed means are over destinations, of each one's mean over its years; a plain mean over the 627 "
        "destination-years gives 641 exporters rather than 591.",
    ),
)
