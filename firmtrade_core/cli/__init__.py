"""The command line: one file per verb, thin over the same calls a notebook makes.

Every verb imports what it needs when it runs, so that ``--help`` answers at once; every verb has
``--json``; a verb exits 1 when what it checks does not hold, 2 on wrong input, 3 where data is missing.
"""

__all__: list[str] = []
