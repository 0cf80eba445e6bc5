"""Pieces of the pages about firms."""
