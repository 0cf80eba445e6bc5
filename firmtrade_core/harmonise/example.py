"""Invented records to try things on: two customs files, a register under other identifiers, rates, concordances.

Every fault in them is meant; no firm in them exists.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.harmonise.invented_names import STREETS, TRADES, with_a_slip, word
from firmtrade_core.paths import write_whole

_FORMS = ["S.A.", "Ltda.", "SpA", "E.I.R.L.", "S.A.C."]


def _firm(random: np.random.Generator) -> str:
    trade = random.choice(TRADES)
    return " ".join([trade, *(word(random, int(random.integers(2, 5))) for _ in range(2))])


def two_offices(
    firms: int, seed: int = 3, *, shared: float = 0.8
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Records of a register and of customs (``id``, ``name``, ``address``, ``place``), and the true pairs."""
    random = np.random.default_rng(seed)
    register = []
    for n in range(firms):
        name = _firm(random)
        address = f"Av. {random.choice(STREETS)} {random.integers(1, 9999)}"
        register.append((f"r{n}", f"{name} {random.choice(_FORMS)}", address, f"Town {random.integers(60)}"))
    customs, truth = [], []
    for n, (key, name, address, place) in enumerate(register):
        if random.random() > shared:
            name, address = _firm(random), f"Prat {n}"
        else:
            truth.append((key, f"c{n}", True))
            bare = name.rsplit(" ", 1)[0]
            chance = random.random()
            if chance < 0.3:
                bare = with_a_slip(bare, random)
            elif chance < 0.4:
                words = bare.split()
                bare = " ".join([*words[1:], words[0]])
            name = f"{bare.upper()} {random.choice(_FORMS)}"
            address = address if random.random() < 0.8 else ""
        customs.append((f"c{n}", name, address, place if random.random() < 0.9 else ""))
    columns = ["id", "name", "address", "place"]
    return (
        pd.DataFrame(register, columns=columns),
        pd.DataFrame(customs, columns=columns).sample(frac=1, random_state=seed),
        pd.DataFrame(truth, columns=["left", "right", "same"]),
    )


#: 2017 codes, of which 100001 splits in 2022; to ISIC Rev. 3.
_HS = "HS5_6d,HS6_6d\n870321,870321\n720110,720110\n100190,100191\n100190,100199\n"
_ISIC = "HS6_6d,ISIC3_4d\n870321,3410\n720110,2710\n100191,0111\n100199,0111\n"


def messy_folder(folder: Path, firms: int = 120, seed: int = 5) -> Path:
    """Write the files; every fault in them is meant."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "hs5_hs6.csv", _HS)
    write_whole(folder / "hs6_isic3.csv", _ISIC)
    write_whole(folder / "rates.csv", "date,currency,usd\n2018-01-01,CLP,0.0016\n2019-01-01,CLP,0.0014\n")
    register, customs, _ = two_offices(firms, seed, shared=0.9)
    head = "DUS;RUT exportador;Nombre exportador;Direccion;Comuna;Fecha;Operacion;Pais destino;Partida;FOB;Moneda;Cantidad;Unidad;Peso neto"
    lines: dict[int, list[str]] = {2018: [], 2019: []}
    for number, row in enumerate(customs.itertuples(index=False)):
        for year in lines:
            for _ in range(int(random.integers(1, 6))):
                product = random.choice(["870321", "720110", "100190"])
                value = f"{random.lognormal(9, 1):.2f}".replace(".", ",")
                country = random.choice(
                    ["Alemania", "CHN", "EE.UU.", "Brasil", "ROM", "Wakanda"],
                    p=[0.3, 0.3, 0.2, 0.1, 0.08, 0.02],
                )
                day = f"{random.integers(1, 29):02d}/{random.integers(1, 13):02d}/{year}"
                weight = random.choice(["0", f"{random.integers(10, 999)}"], p=[0.05, 0.95])
                lines[year].append(
                    f"{len(lines[year])};C-{number};{row.name};{row.address};{row.place};{day};exportacion;{country};{product};"
                    f"{value};{random.choice(['US$', 'CLP'])};{random.integers(1, 99)};u;{weight}"
                )
    for year, encoding in ((2018, "utf-8"), (2019, "cp1252")):
        text = "\r\n".join([head, *lines[year], lines[year][0], "broken;line", ""])
        write_whole(folder / f"aduana_{year}.csv", text.encode(encoding))
    rows = ["RUT;Razon social;Direccion;Comuna;Ano;CIIU;Trabajadores;Ventas;Certificado ISO"]
    for number, row in enumerate(register.itertuples(index=False)):
        for year in lines:
            size = random.lognormal(3, 1)
            sales = "" if random.random() < 0.25 else f"{100 * size:.1f}".replace(".", ",")
            rows.append(
                f"R-{number};{row.name};{row.address};{row.place};{year};1511;{size:.0f};{sales};{random.choice(['si', 'no'])}"
            )
    write_whole(folder / "registro.csv", "\n".join(rows))
    write_whole(folder / "notes.txt", "Nothing to see here\n")
    return folder
