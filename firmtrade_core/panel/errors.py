"""What can go wrong with a firm panel, one exception class per failure."""


class PanelError(ValueError):
    """A firm panel cannot be used as it is. The message says what to change."""


class PanelFileError(PanelError):
    """A panel's folder or file is missing or unreadable. The message names the file."""


class ColumnError(PanelError):
    """A column that the work at hand needs is missing. The message names it and its unit."""


class SaltError(PanelError):
    """The salt of hashed identifiers is missing, too short, or lies beside the data it protects."""


class EstimationError(PanelError):
    """Too few usable observations, or none with the variation an estimator needs."""


class SizeError(PanelError):
    """Money of a column cannot be in the unit it is taken for. The message names the column and the likely unit."""
