"""The model in plain words and in equations, its assumptions, its literature and its words (MODEL 1 to 4)."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from firmtrade_core.paths import SHIPPED, asset


@dataclass(frozen=True)
class Equation:
    """One equation: its number in MODEL, what it says in plain words, and LaTeX."""

    number: str
    words: str
    latex: str


@dataclass(frozen=True)
class Part:
    """A part of the model: title, plain words, equations, keys of `LITERATURE`."""

    title: str
    words: str
    equations: tuple[Equation, ...]
    literature: tuple[str, ...]


@dataclass(frozen=True)
class Assumption:
    """What is assumed, what that leaves out, and where it can be changed."""

    statement: str
    consequence: str
    change: str


_MODEL = yaml.load(
    asset("methods/model.yaml").read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
)

NOTATION: str = _MODEL["notation"]

PARTS = tuple(
    Part(
        part["title"],
        part["words"],
        tuple(Equation(**equation) for equation in part["equations"]),
        tuple(part["literature"]),
    )
    for part in _MODEL["parts"]
)

ASSUMPTIONS = tuple(Assumption(**assumption) for assumption in _MODEL["assumptions"])

LITERATURE: dict[str, str] = _MODEL["literature"]

#: Terms of art, each in a sentence or two for someone outside the field.
GLOSSARY: dict[str, str] = _MODEL["glossary"]


def citation() -> dict[str, str]:
    """How to cite the product, from CITATION.cff: ``plain`` words and ``bibtex``."""
    record = yaml.safe_load((SHIPPED / "CITATION.cff").read_text(encoding="utf-8"))
    authors = [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in record["authors"]
    ]
    year, title, version = str(record["date-released"])[:4], record["title"], record["version"]
    return {
        "plain": f"{', '.join(authors)} ({year}). {title}. Version {version}.",
        "bibtex": "@software{firmtrade,\n"
        f"  author  = {{{' and '.join(f'{{{author}}}' for author in authors)}}},\n"
        f"  title   = {{{title}}},\n  year    = {{{year}}},\n  version = {{{version}}}\n}}",
    }


def component_versions() -> dict[str, str]:
    """Versions of the product and of the packages that its numbers rest on."""
    from importlib.metadata import PackageNotFoundError, version

    from firmtrade_core.equilibrium.certificate import versions

    found = dict(versions())
    for name in ("scipy", "pandas", "pyarrow", "pyfixest", "pydantic", "streamlit", "plotly"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
