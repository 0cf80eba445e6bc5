"""Registers and surveys as they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmtrade_core.harmonise.declarations import hashed_firm
from firmtrade_core.harmonise.errors import LayoutError
from firmtrade_core.harmonise.firm_tables import (
    FirmTable,
    guess_firm_layout,
    looks_like_firms,
    read_firm_table,
)

SALT = b"a salt of sixteen bytes"

REGISTER = """RUT;Razón social;Año;CIIU;Región;Trabajadores;Ventas;Capital extranjero;ISO 9001;Color
76.1-1;Uno SA;2019;1511;Norte;10;1.234,5;50;si;rojo
76.1-1;Uno SA;2019;1511;Norte;10;;;;
76.2-2;Dos SA;2019;1711;Sur;-999;200,0;0;no;azul
;Nadie;2019;1711;Sur;5;1,0;0;no;azul
76.3-3;Tres SA;?;1711;Sur;5;1,0;0;no;azul
76.4-4;Cuatro SA;2020;1711;Sur;-4;mucho;100;no;azul
"""


def read(folder: Path, text: str = REGISTER, **options: object) -> FirmTable:
    (folder / "register.csv").write_text(text, encoding="cp1252")
    return read_firm_table(folder / "register.csv", folder, SALT, **options)  # type: ignore[arg-type]


def test_a_register_is_read_and_every_change_logged(tmp_path: Path) -> None:
    found = read(tmp_path)
    table = found.table.set_index("firm")
    one, two, four = (table.loc[hashed_firm(key, SALT)] for key in ("76.1-1", "7622", "76.4-4"))
    assert (one["sales"], one["foreign_ownership"], one["quality_certificate"]) == (1234.5, 0.5, 1)
    assert np.isnan(two["employment"]) and two["sales"] == 200
    assert np.isnan(four["employment"]) and np.isnan(four["sales"]) and four["foreign_ownership"] == 1
    assert (one["sector"], one["color"]) == ("1511", "rojo")
    counts = {f.rule.key: f.rows for f in found.findings if f.rule.key != "line.encoding"}
    assert counts == {
        "cell.unreadable": 1, "cell.missing_code": 1, "cell.negative": 1, "cell.percent": 2,
        "firm.missing": 1, "year.unreadable": 1, "firm.twice": 1,
    }  # fmt: skip
    assert len(found.table) + 3 == found.rows == 6
    assert "Uno" not in found.table.to_csv() and found.names["name"].to_list()[0] == "Uno SA"
    restored = found.log.revert(found.table, ["firm.missing", "year.unreadable", "firm.twice"])
    assert len(restored) == 6


def test_layouts_are_guessed() -> None:
    assert guess_firm_layout(["firm_id", "employees", "turnover", "fiscal year", "nace"]) == {
        "firm": "firm_id", "year": "fiscal year", "sector": "nace", "employment": "employees", "sales": "turnover",
    }  # fmt: skip
    assert looks_like_firms(REGISTER.split("\n")[0].split(";"))
    assert not looks_like_firms(["declaracion", "rut", "fecha", "pais", "partida", "fob"])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="firm's identifier"):
        read(tmp_path, "a;b\n1;2\n")
    with pytest.raises(LayoutError, match="year"):
        read(tmp_path, "rut;ventas\n1;2\n")
    assert read(tmp_path, "rut;ventas\n1;2\n", year=2019).table["year"].to_list() == [2019]
    assert read(tmp_path, "").table.empty
