"""The home country's own firms and what hangs on them: who they are, what programmes give them, what a result means for each (MODEL 13)."""

from firmtrade_core.home.errors import OverlapError
from firmtrade_core.home.home import Effect, HomeFirms
from firmtrade_core.home.profile import Profile
from firmtrade_core.home.treatment import Treatment

__all__ = ["Effect", "HomeFirms", "OverlapError", "Profile", "Treatment"]
