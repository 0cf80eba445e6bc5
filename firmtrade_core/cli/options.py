"""Options that several verbs have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WorldFile = Annotated[
    Path | None, typer.Option("--world", help="A world file; the embedded world unless given.")
]
WorldOutput = Annotated[Path | None, typer.Option("-o", "--output", help="Where to write the world file.")]

# Scenarios.
ScenarioArgument = Annotated[
    Path | None, typer.Argument(metavar="[SCENARIO.yaml]", help="A scenario as YAML.")
]
ScenarioFile = Annotated[Path | None, typer.Option("--scenario", help="A scenario as YAML.")]
Preset = Annotated[str | None, typer.Option(help="A scenario the product ships, by name.")]
Against = Annotated[
    Path | None, typer.Option(metavar="SCENARIO.yaml", help="What else is in force, and the structure.")
]
Elasticity = Annotated[
    str | None, typer.Option(help="Trade elasticity: one number, or a published set such as CP.")
]

# Raw records.
OutputFolder = Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")]
Concordances = Annotated[Path | None, typer.Option(help="Folder of UNSD or WITS concordance files.")]
FieldColumns = Annotated[
    list[str] | None, typer.Option(help="Which column holds what, where its name does not tell: firm=ID.")
]
Constants = Annotated[list[str] | None, typer.Option(help="What holds for every line: flow=export.")]
Partners = Annotated[
    str | None,
    typer.Option(
        help="What codes of partners are: brazil, chile, us, eurostat, fao, imf, cow, fips, ioc, or a table (code, country); ISO's unless given."
    ),
]
Rates = Annotated[
    Path | None, typer.Option(help="Exchange rates of your own: date, currency, usd (or per_usd).")
]
Corrections = Annotated[list[str] | None, typer.Option(help="What a text means: country:EEUU=USA.")]
Salt = Annotated[Path | None, typer.Option(help="Secret of the hashed identifiers; made if missing.")]

# Tables.
TableColumns = Annotated[
    list[str] | None, typer.Option("--column", help="Which column of the table is what: exporter=origin.")
]
TariffUnits = Annotated[
    str,
    typer.Option(
        "--tariff-unit",
        help="check: fractions, refused if they look like percent; fraction: however high; percent.",
    ),
]

# Firms.
PanelOrSynthetic = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PANEL]",
        help="Folder of a firm panel, or a file of Chile's survey (ENIA); synthetic firms unless given.",
    ),
]
SyntheticFirms = Annotated[int, typer.Option(min=300, help="How many synthetic firms.")]
Seed = Annotated[int, typer.Option()]
