"""Hostile input, by the hundred thousand: see ``python -m benchmarks.fuzz --help``."""
