"""Pieces of the Data page: worlds that people bring."""
