"""The world's accounts: trade, tariffs and input-output links, loaded, checked, balanced and aggregated (MODEL 1)."""

from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import WorldError, WorldFileError
from firmtrade_core.world.world import Provenance, World

__all__ = ["Provenance", "World", "WorldError", "WorldFileError", "load_embedded_world"]
