"""What can go wrong between a world and its counterfactual, one exception class per failure."""


class EquilibriumError(ValueError):
    """A counterfactual could not be computed. The message says what to change."""


class ParameterError(EquilibriumError):
    """A parameter is missing or out of range. Give one positive elasticity for each sector of the world."""


class ShockError(EquilibriumError):
    """A shock does not fit the world. The message names the array, the cell and the allowed range."""


class ProfitsError(EquilibriumError):
    """Profits would exceed value added in a sector, so labour's share would be zero or less (MODEL 1).

    Raise the sector's trade elasticity or the tail, choose free entry or a competitive family, or merge
    the sector with another.
    """


class InsolvencyError(EquilibriumError):
    """A country would have to give away all its income: no equilibrium exists under this closure.

    Let deficits be proportional or removed, lower the programme outlay, or take a smaller shock.
    """


class OneWayTradeError(EquilibriumError):
    """Without deficits, countries that buy abroad but sell nothing there (or the reverse) have no equilibrium.

    Keep their deficits (fixed or proportional), or give the world the sales that are missing.
    """


class ConvergenceError(EquilibriumError):
    """No equilibrium was found to the tolerance. The message names the market that is furthest off."""


class CertificateError(EquilibriumError):
    """The solution does not satisfy the model's equations to 1e-9 and is withheld."""


class IndeterminacyError(EquilibriumError):
    """Under free entry with several sectors the equilibrium is at a corner or not unique.

    Use restricted entry, or a single sector.
    """
