"""Writes docs/rooms.md: what each room is for, its nouns, what it may import (``python docs/make_rooms.py``).

Read from the rooms' own docstrings and names, and from the import contract in pyproject.toml, so that nothing is told twice.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "rooms.md"


def first_sentence(text: str | None) -> str:
    """Up to the first line without words."""
    return " ".join((text or "").split("\n\n")[0].split())


def public_names(tree: ast.Module) -> list[str]:
    """What ``__all__`` lists."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def rooms() -> list[str]:
    """Rooms from the lowest to the highest, by the import contract."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    (layers,) = [c["layers"] for c in contracts["contracts"] if c["type"] == "layers"]
    return [layer.strip("()").removeprefix("firmtrade_core.") for layer in reversed(layers)]


def page() -> str:
    """The whole page."""
    lines = [
        "# Rooms of the core",
        "",
        "Written by `python docs/make_rooms.py` from the rooms' docstrings and the import contract; a test holds it current.",
        "Imports point one way: a room may import those above it on this page, and none below it.",
    ]
    above: list[str] = []
    for room in rooms():
        folder = PROJECT / "firmtrade_core" / room
        file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = public_names(tree)
        lines += ["", f"## {room}", "", first_sentence(ast.get_docstring(tree)), ""]
        nouns = [name for name in names if name[0].isupper() and not name.isupper()]
        verbs = [name for name in names if name[0].islower()]
        lines += [f"- Nouns: {', '.join(f'`{name}`' for name in nouns)}."] if nouns else []
        lines += [f"- Verbs: {', '.join(f'`{name}`' for name in verbs)}."] if verbs else []
        lines += [f"- May import: {', '.join(above) if above else 'nothing of the core'}."]
        if folder.is_dir():
            lines += ["- Files:"]
            for path in sorted(folder.glob("*.py")):
                if path.stem != "__init__":
                    words = first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
                    lines += [f"  - `{path.stem}`: {words}"]
        above.append(room)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
