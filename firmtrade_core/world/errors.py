"""What can be wrong with a world, one exception class per failure."""


class WorldError(ValueError):
    """The world's accounts are unusable as given. The message names the cell and says what to do."""


class ShapeError(WorldError):
    """An array does not match the labels. Give it the axes (origin, destination, sector) of the world."""


class NegativeValueError(WorldError):
    """A value that must be zero or more is negative. Mend the source, or drop the cell knowingly."""


class TariffError(WorldError):
    """A tariff or subsidy is not a sensible fraction.

    Tariffs are fractions (0.10 is ten percent) above -1; subsidies are fractions below 1.
    Convert percent to fractions, for instance with ``World.from_long(..., tariff_unit="percent")``.
    """


class UnknownCodeError(WorldError):
    """A country or sector is not known here. The message suggests the likeliest code."""


class MissingPairsError(WorldError):
    """Pairs of countries are missing from a table.

    Pass ``missing="zero"`` if the source leaves out zero flows, or complete the table.
    """


class EmptyMarketError(WorldError):
    """A country spends nothing, or a table holds no flow. Drop or aggregate the country."""


class AccountsError(WorldError):
    """The accounts do not close: the message names the country, the sector and the gap.

    Mend with one of the named steps in ``firmtrade_core.world.balance``.
    """


class WorldFileError(WorldError):
    """A world file cannot be read. The message says what was expected."""


class MarginError(AccountsError):
    """No flows can have the sums asked for. The message names the row, column, sector or pair."""


class ColumnError(WorldError):
    """A table lacks a column or a column holds the wrong kind of value. Rename or convert it."""


class DuplicateCellError(WorldError):
    """A cell appears more than once. Keep one, or add them up."""
