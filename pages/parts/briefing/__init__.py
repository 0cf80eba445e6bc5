"""Pieces of the Briefing: rooms and words."""
