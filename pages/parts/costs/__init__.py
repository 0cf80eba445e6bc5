"""Pieces of the Trade costs page."""
