"""docs/rooms.md is what its command writes."""

import runpy

from firmtrade_core.paths import PROJECT


def test_page_is_current_and_tells_every_room() -> None:
    made = runpy.run_path(str(PROJECT / "docs" / "make_rooms.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_rooms.py"
    folders = {p.name for p in (PROJECT / "firmtrade_core").iterdir() if (p / "__init__.py").is_file()}
    assert folders - set(made["rooms"]()) == set()
