"""What can be taken away from a page: tables, the whole result, the scenario, the code that gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from firmtrade_core.analysis.uncertainty import Bands
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.home.default import named_file
from firmtrade_core.report.banded_tables import with_bands
from firmtrade_core.report.export import (
    MOST_SHEET_ROWS,
    RESULT_TABLES,
    About,
    Table,
    about_result,
    replacement_results,
    result_workbook,
    to_csv,
    to_excel,
    to_parquet,
)
from firmtrade_core.report.recipe import command_line, is_shipped, python_code
from firmtrade_core.scenarios import Scenario
from firmtrade_core.world.world import World
from pages.parts import bands
from pages.parts.home import current_home
from pages.parts.sharing import file_stem
from pages.parts.solving import solve_afresh
from pages.parts.store import Store
from pages.parts.worlds import named_world

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMATS: dict[str, tuple[str, Callable[[Table, About], bytes]]] = {
    "CSV": ("csv", to_csv),
    "Excel": ("xlsx", lambda table, about: to_excel([table], about)),
}

_MIME = {"csv": "text/csv", "xlsx": EXCEL}


def take_away(store: Store, world: World, *, key: str, wide: bool = False) -> None:
    """A button that opens everything that can be taken away; files are made when asked for."""
    if st.button(
        "Take away", icon=":material/download:", key=f"ft_take_{key}", width="stretch" if wide else "content"
    ):
        _dialog(store, world, key)


@st.dialog("Take away", width="medium")
def _dialog(store: Store, world: World, key: str) -> None:
    tables, result, code = st.tabs(["Tables", "Whole result", "Show me the code"])
    with tables:
        _tables(store, world, key)
    with result:
        _result(store.scenario, world, key)
    with code:
        _code(store.scenario, world, key)


def table_downloads(
    table: Table, about: Callable[[], About], *, key: str, stem: str = "", label: str = ""
) -> None:
    """One table as CSV and as Excel, side by side, after a label; CSV alone where a sheet cannot hold it."""
    with st.container(horizontal=True, gap="small", width="content", vertical_alignment="center"):
        if label:
            st.html(f'<span class="ft-choice">{escape(label)}</span>', width="content")
        for name, (suffix, write) in _FORMATS.items():
            if suffix == "xlsx" and len(table.frame) > MOST_SHEET_ROWS:
                continue
            st.download_button(
                name,
                lambda write=write: write(table, about()),
                f"{stem or table.key}.{suffix}",
                mime=_MIME[suffix],
                icon=":material/download:",
                key=f"download_{key}_{suffix}",
                on_click="ignore",
                type="tertiary",
                help=f"{table.title}: units and provenance inside",
            )


def several_downloads(tables: Sequence[Table], about: Callable[[], About], *, key: str) -> None:
    """All tables of a page, each as CSV and as Excel, in a fold."""
    with st.expander("Tables to take away", icon=":material/download:"):
        for table in tables:
            row = st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            )
            row.html(f'<span class="ft-choice">{escape(table.title)}</span>')
            with row:
                table_downloads(table, about, key=f"{key}_{table.key}")


def _tables(store: Store, world: World, key: str) -> None:
    scenario, country = store.scenario, store.country
    offered: dict[str, tuple[str, Callable[[Equilibrium], Table]]] = {
        **RESULT_TABLES,
        "replaced": (
            f"Who replaces whom in {country_name(country)}",
            lambda equilibrium: replacement_results(equilibrium, country),
        ),
    }
    look = bands.drawn_already(world, scenario)
    st.html(
        '<p class="ft-quiet">Units stand in the heads, 90 % bands beside changes once they are drawn; source, estimated share, scenario and certificate come along.</p>'
    )
    for name, (label, make) in offered.items():
        row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        row.html(f'<span class="ft-choice">{escape(label)}</span>')
        with row:
            for format_name, (suffix, write) in _FORMATS.items():
                st.download_button(
                    format_name,
                    lambda make=make, write=write: _table_file(scenario, world, make, write, look),
                    f"{file_stem(scenario.name)}_{name}.{suffix}",
                    mime=_MIME[suffix],
                    key=f"take_{key}_{name}_{suffix}",
                    on_click="ignore",
                    help=f"{label} as {format_name}",
                )


def _table_file(
    scenario: Scenario,
    world: World,
    make: Callable[[Equilibrium], Table],
    write: Callable[[Table, About], bytes],
    look: Callable[[], Bands | None],
) -> bytes:
    equilibrium = solve_afresh(scenario, world)
    return write(with_bands(make(equilibrium), look()), about_result(scenario, equilibrium))


def _result(scenario: Scenario, world: World, key: str) -> None:
    stem, look = file_stem(scenario.name), bands.drawn_already(world, scenario)
    st.html(
        '<p class="ft-quiet">Everything this scenario changes, in one file, with its provenance and certificate.</p>'
    )
    st.download_button(
        "Excel workbook",
        lambda: result_workbook(
            solve_afresh(scenario, world), scenario, lambda table: with_bands(table, look())
        ),
        f"{stem}.xlsx",
        mime=EXCEL,
        icon=":material/table:",
        key=f"take_{key}_workbook",
        on_click="ignore",
        help="Countries, sectors, pairs; scenario and code on the last sheet",
    )
    st.download_button(
        "Parquet, every cell",
        lambda: to_parquet(solve_afresh(scenario, world), scenario),
        f"{stem}.parquet",
        mime="application/vnd.apache.parquet",
        icon=":material/database:",
        key=f"take_{key}_parquet",
        on_click="ignore",
        help="One long table: outcome, origin, destination, sector, unit, baseline, scenario",
    )
    st.html('<p class="ft-quiet">Each figure has its own SVG and PNG, at its top right.</p>')


def _code(scenario: Scenario, world: World, key: str) -> None:
    file = named_world()
    st.html(
        '<p class="ft-quiet">Run either from the folder of firmtrade: it gives the numbers of these files to the last digit that counts.</p>'
    )
    python, shell = st.tabs(["Python", "Command line"])
    firms, firms_file = current_home(world), named_file()
    python.code(
        python_code(scenario, world, file, firms, firms_file), language=None, height=330, wrap_lines=True
    )
    shell.code(
        command_line(scenario, world, file, home_file=firms_file), language=None, height=330, wrap_lines=True
    )
    if not is_shipped(world) and file is None:
        st.download_button(
            "The world these run on (my.world)",
            lambda: _world_file(world),
            "my.world",
            icon=":material/public:",
            key=f"take_{key}_world",
            on_click="ignore",
        )


def _world_file(world: World) -> bytes:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return world.save(Path(folder) / "my.world").read_bytes()
