"""What can go wrong with raw records as a whole. Single bad rows are findings, never errors."""


class HarmoniseError(ValueError):
    """Records cannot be harmonised. The message says what to do."""


class UnreadableFileError(HarmoniseError):
    """A file is no text table at all. Export it again as CSV, TSV or Parquet."""


class LayoutError(HarmoniseError):
    """A column that is needed is not mapped. Map it, or give a constant for it."""


class LinkageError(HarmoniseError):
    """Firms cannot be linked. The message names the column or the records that are missing."""


class ImputationError(HarmoniseError):
    """Gaps cannot be filled. The message names the column."""
