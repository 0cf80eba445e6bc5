"""Names of firms and streets that nobody bears, for invented records, and the slips that clerks make in them."""

from __future__ import annotations

import numpy as np

SYLLABLES = (
    "al", "ba", "cor", "da", "el", "fu", "gar", "hi", "in", "jo", "ka", "lu", "mar", "no", "or", "pa", "qui", "ra", "sol",
    "tu", "ur", "ve", "wal", "xi", "yan", "zen",
)  # fmt: skip
TRADES = (
    "Exportadora", "Agrícola", "Minera", "Textiles", "Metalúrgica", "Pesquera", "Viña", "Maderas", "Química", "Comercial",
)  # fmt: skip
STREETS = ("Libertador", "Bulnes", "Prat", "O'Higgins", "Colón", "Balmaceda", "Serrano", "Condell")


def word(random: np.random.Generator, syllables: int) -> str:
    """An invented word of so many syllables, with a capital."""
    return "".join(random.choice(SYLLABLES, size=syllables)).capitalize()


def with_a_slip(text: str, random: np.random.Generator) -> str:
    """The text with a letter lost, doubled, or mistaken for a vowel."""
    place = int(random.integers(1, max(len(text) - 1, 2)))
    kind = random.integers(3)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place : place + 1] * 2 + text[place + 1 :]
    return text[:place] + "aeiou"[int(random.integers(5))] + text[place + 1 :]
