"""The briefing pack: one answer as PDF, PowerPoint, Word and a page that needs nothing beside it, all from the same content."""

from firmtrade_core.report.pack.content import Pack, PackChart, make_pack
from firmtrade_core.report.pack.files import FORMATS, all_files

__all__ = ["FORMATS", "Pack", "PackChart", "all_files", "make_pack"]
