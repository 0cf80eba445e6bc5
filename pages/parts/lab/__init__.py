"""Pieces of the lab: levers, cards, the model's structure, the library."""
