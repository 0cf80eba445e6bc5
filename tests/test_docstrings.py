"""Public functions say what they raise and what they take (CONTRIBUTING, manners): a lint over the core.

Held are three rules: a public class, function or method has a docstring; one that raises an error names that error in it;
one with five parameters or more has a section for them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]

#: Parameters from which a section must tell them apart.
MANY = 5

#: Raised to say that a caller or a subclass is wrong, or to leave the command line: no part of a promise.
UNTOLD = {"AssertionError", "NotImplementedError", "Exit", "BadParameter", "AttributeError", "StopIteration"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function itself, not in functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def errors_raised(function: Function) -> set[str]:
    """Names of the errors that a function raises itself and does not catch by raising anew."""
    found = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            made = node.exc.func
            name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
            if name[:1].isupper():
                found.add(name)
    return found - UNTOLD


def faults(path: Path) -> Iterator[str]:
    """Broken rules of a file, as ``file:line name: what is wanted``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shown = path.relative_to(PROJECT).as_posix()

    def look(body: list[ast.stmt], inside: str = "") -> Iterator[str]:
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            place = f"{shown}:{node.lineno} {inside}{node.name}"
            text = ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                yield from [] if text else [f"{place}: a docstring"]
                yield from look(node.body, f"{node.name}.")
                continue
            kinds = {ast.unparse(mark).split("(")[0].split(".")[-1] for mark in node.decorator_list}
            if kinds & {"overload", "override", "register", "setter"}:
                continue
            if not text:
                yield f"{place}: a docstring"
                continue
            yield from (
                f"{place}: {name} under Raises"
                for name in sorted(errors_raised(node))
                if name not in text.partition("Raises\n")[2]
            )
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if len([a for a in taken if a.arg not in ("self", "cls")]) >= MANY and "Parameters\n" not in text:
                yield f"{place}: a section of Parameters"

    yield from look(tree.body)


def all_faults() -> Iterator[str]:
    """Of the core, but for the command line, whose functions speak to readers of ``--help``."""
    for path in sorted((PROJECT / "firmtrade_core").rglob("*.py")):
        if "cli" not in path.parts:
            yield from faults(path)


def test_the_lint_sees_what_is_missing() -> None:
    source = (
        'def told(a):\n    """Words.\n\n    Raises\n    ------\n    KeyError\n    """\n    raise KeyError(a)\n'
        'def untold(a):\n    """Words."""\n    raise KeyError(a)\n'
        "def bare():\n    pass\n"
        'def many(a, b, c, d, e):\n    """Words."""\n'
    )
    path = PROJECT / "tests" / "not_there.py"
    tree = ast.parse(source)
    assert [sorted(errors_raised(node)) for node in tree.body if isinstance(node, Function)] == [
        ["KeyError"],
        ["KeyError"],
        [],
        [],
    ]
    assert not path.exists()


def test_public_functions_say_what_they_raise_and_take() -> None:
    found = "\n".join(all_faults())
    assert not found, f"these want words that CONTRIBUTING asks for:\n{found}"
