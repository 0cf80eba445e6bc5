"""Files that a browser sends, read where they can hold nobody up: in a process of its own, with a line that tells how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from firmtrade_core.world import uploads
from firmtrade_core.world.uploads import Upload, apart_or_here
from firmtrade_core.world.world import World

#: Seconds of reading after which the line appears.
SOON = 1.0


def read_uploaded_table(upload: Upload) -> pd.DataFrame:
    """A table, see `uploads.read_uploaded_table`."""
    with reading_line() as waiting:
        return apart_or_here(uploads.read_uploaded_table, [upload], {"upload": upload}, waiting)


def read_uploaded_world(upload: Upload) -> World:
    """A world file, see `uploads.read_uploaded_world`."""
    with reading_line() as waiting:
        return apart_or_here(uploads.read_uploaded_world, [upload], {"upload": upload}, waiting)


def load_uploaded(loader: str, upload: Upload, tables: dict[str, Upload], **options: Any) -> World:
    """A published data set, see `uploads.load_uploaded`."""
    given = {"loader": loader, "upload": upload, "tables": tables, **options}
    with reading_line() as waiting:
        return apart_or_here(uploads.load_uploaded, [upload, *tables.values()], given, waiting)


class reading_line:  # noqa: N801 - a context manager, used as a function
    """A line that says how long reading takes; writing it is where a reader who went on, or pressed Stop, ends the reading."""

    def __enter__(self) -> Callable[[float], None]:
        self.place = st.empty()
        self.told = -1

        def waiting(passed: float) -> None:
            if passed >= SOON and int(passed) > self.told:
                self.told = int(passed)
                self.place.html(
                    f'<p class="ft-quiet">Reading the file, {self.told} s. Choose another, or leave the page, to stop.</p>'
                )

        return waiting

    def __exit__(self, *_: object) -> None:
        self.place.empty()
