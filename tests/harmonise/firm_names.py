"""Invented firms, and the same firms as another office would write them."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SYLLABLES = [
    "al",
    "ba",
    "cor",
    "da",
    "el",
    "fu",
    "gar",
    "hi",
    "in",
    "jo",
    "ka",
    "lu",
    "mar",
    "no",
    "or",
    "pa",
    "qui",
    "ra",
    "sol",
    "tu",
    "ur",
    "ve",
    "wal",
    "xi",
    "yan",
    "zen",
]
_TRADES = [
    "Exportadora",
    "Agricola",
    "Minera",
    "Textiles",
    "Metalurgica",
    "Pesquera",
    "Viña",
    "Maderas",
    "Quimica",
    "Comercial",
]
_FORMS = ["S.A.", "Ltda.", "SpA", "E.I.R.L.", "S.A.C."]
_STREETS = ["Libertador", "Bulnes", "Prat", "O'Higgins", "Colon", "Balmaceda", "Serrano", "Condell"]


def _word(random: np.random.Generator) -> str:
    return "".join(random.choice(_SYLLABLES, size=random.integers(2, 5))).capitalize()


def _misspelt(text: str, random: np.random.Generator) -> str:
    place = int(random.integers(1, max(len(text) - 1, 2)))
    kind = random.integers(3)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place : place + 1] * 2 + text[place + 1 :]
    return text[:place] + "aeiou"[int(random.integers(5))] + text[place + 1 :]


def two_offices(
    firms: int, seed: int = 3, *, shared: float = 0.8
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Records of a register and of customs (``id``, ``name``, ``address``, ``place``), and the true pairs."""
    random = np.random.default_rng(seed)
    register = []
    for n in range(firms):
        name = f"{random.choice(_TRADES)} {_word(random)} {_word(random)}"
        address = f"Av. {random.choice(_STREETS)} {random.integers(1, 9999)}"
        register.append((f"r{n}", f"{name} {random.choice(_FORMS)}", address, f"Town {random.integers(60)}"))
    customs, truth = [], []
    for n, (key, name, address, place) in enumerate(register):
        if random.random() > shared:
            name, address = f"{random.choice(_TRADES)} {_word(random)} {_word(random)}", f"Prat {n}"
        else:
            truth.append((key, f"c{n}", True))
            bare = name.rsplit(" ", 1)[0]
            chance = random.random()
            if chance < 0.3:
                bare = _misspelt(bare, random)
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
