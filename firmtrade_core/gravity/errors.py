"""What can be wrong with a gravity panel or an estimation, one exception class per failure."""


class GravityError(ValueError):
    """A gravity equation cannot be estimated as asked. The message gives counts and says what to do."""


class DuplicateObservationsError(GravityError):
    """A pair appears more than once in a year. Keep one row of each, or add them up."""


class GapError(GravityError):
    """Pairs are missing in some years. Complete the table, or pass ``gaps="zero"`` or ``gaps="leave"``."""


class TariffUnitError(GravityError):
    """Tariffs look like percent. Pass ``tariff_unit="percent"``, or divide by 100."""


class TooFewCountriesError(GravityError):
    """Gravity compares countries with each other: a panel needs at least two exporters and two importers."""


class FlowError(GravityError):
    """Flows are negative, missing, or all zero."""


class RegressorError(GravityError):
    """A regressor is unknown, undefined in the sample, or explained by the others and the effects."""


class ConvergenceError(GravityError):
    """The estimator did not converge. Drop effects or regressors that a few observations alone identify."""
