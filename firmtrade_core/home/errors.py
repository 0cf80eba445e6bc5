"""What can be wrong with what the home country's firms are asked."""

from __future__ import annotations


class OverlapError(ValueError):
    """Programmes treat parts of the same firms in more ways than can be told apart. The message says what to change."""
