"""No closure reads a loop's variable after the loop has moved on: a column once carried its neighbour's unit so.

ruff's B023 sees functions inside loops; it does not see a generator inside a generator, which is what went wrong.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

#: Calls that consume a generator before they return.
CONSUMERS = frozenset(
    [
        "all",
        "any",
        "array",
        "asarray",
        "concat",
        "concatenate",
        "dict",
        "extend",
        "fromiter",
        "frozenset",
        "join",
        "list",
        "listed",
        "max",
        "mean",
        "median",
        "fmean",
        "min",
        "next",
        "set",
        "sorted",
        "stack",
        "sum",
        "tuple",
        "update",
    ]
)

LAZY = (ast.Lambda, ast.GeneratorExp, ast.FunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def late_bound(source: str) -> list[tuple[int, str]]:
    """Line and name of every closure inside a comprehension that reads the comprehension's variable later."""
    tree = ast.parse(source)
    consumed = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _name(call.func) in CONSUMERS
        for argument in call.args
    } | {id(star.value) for star in ast.walk(tree) if isinstance(star, ast.Starred)}
    found = []
    for outer in ast.walk(tree):
        if not isinstance(outer, COMPREHENSIONS):
            continue
        bound = {
            name.id
            for part in outer.generators
            for name in ast.walk(part.target)
            if isinstance(name, ast.Name)
        }
        bodies = [outer.key, outer.value] if isinstance(outer, ast.DictComp) else [outer.elt]
        for lazy in (node for body in bodies for node in ast.walk(body)):
            if not isinstance(lazy, LAZY) or id(lazy) in consumed:
                continue
            for name in _free(lazy) & bound:
                found.append((lazy.lineno, name))
    return found


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _free(lazy: ast.AST) -> set[str]:
    """Names that are read when the closure runs: not defaults, not what a generator loops over first."""
    if isinstance(lazy, ast.GeneratorExp):
        body = [lazy.elt, *lazy.generators[0].ifs, *lazy.generators[1:]]
        own = {n.id for part in lazy.generators for n in ast.walk(part.target) if isinstance(n, ast.Name)}
    elif isinstance(lazy, ast.Lambda):
        body = [lazy.body]
        own = {argument.arg for argument in ast.walk(lazy.args) if isinstance(argument, ast.arg)}
    else:
        return set()
    return {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name)} - own


def test_the_fault_of_the_briefing_is_seen():
    fault = "written = ((change(v, unit) for v in values) for values, unit in changes)"
    assert late_bound(fault) == [(1, "unit")]
    assert not late_bound("written = [[change(v, unit) for v in values] for values, unit in changes]")
    assert late_bound("[lambda: x for x in xs]") == [(1, "x")]
    assert not late_bound("[lambda x=x: x for x in xs]")
    assert not late_bound("[sum(x * y for y in ys) for x in xs]")


@pytest.mark.parametrize("room", ["firmtrade_core", "pages", "benchmarks", "tests"])
def test_no_closure_reads_a_comprehension_late(room):
    found = [
        f"{path.relative_to(PROJECT)}:{line} reads {name}"
        for path in sorted((PROJECT / room).rglob("*.py"))
        for line, name in late_bound(path.read_text(encoding="utf-8"))
    ]
    assert not found
