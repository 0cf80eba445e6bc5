"""The core installs: its parts are declared, a wheel carries what it reads, and a notebook elsewhere gets the same numbers."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from firmtrade_core.paths import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
TEN_LINES = PROJECT / "docs" / "ten_lines.py"

#: Packages whose import has another name than the package.
IMPORTED_AS = {
    "PyYAML": "yaml",
    "scikit-learn": "sklearn",
    "CurrencyConverter": "currency_converter",
    "DoubleML": "doubleml",
    "SQLAlchemy": "sqlalchemy",
    "python-pptx": "pptx",
    "python-docx": "docx",
    "fpdf2": "fpdf",
}


def needed() -> list[Requirement]:
    """What the package says it needs."""
    return [Requirement(text) for text in DECLARED["project"]["dependencies"]]


def pinned() -> dict[str, str]:
    """Version of every package that the tests run with, by canonical name."""
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version.strip() for name, version in pins}


def test_every_need_admits_the_release_that_is_tested() -> None:
    pins = pinned()
    off = [str(need) for need in needed() if pins.get(canonicalize_name(need.name)) not in need.specifier]
    assert off == []


def test_every_import_of_the_core_is_declared() -> None:
    names = {IMPORTED_AS.get(need.name, need.name.replace("-", "_")) for need in needed()}
    known = names | set(sys.stdlib_module_names) | {"firmtrade_core"}
    found: set[str] = set()
    for path in (PROJECT / "firmtrade_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").split(".")[0])
    assert found - known == set()


def test_every_asset_that_the_core_reads_is_declared() -> None:
    carried = DECLARED["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert [source for source in carried if not (PROJECT / source).exists()] == []
    read: set[str] = set()
    for path in (PROJECT / "firmtrade_core").rglob("*.py"):
        read |= set(re.findall(r'\basset\(f?"([^"{]+)', path.read_text(encoding="utf-8")))
    read -= {"served/plotly.min.js"}  # the dashboard's own, copied out of its package
    assert len(read) > 10
    assert [
        name
        for name in sorted(read)
        if not any(f"assets/{name.rstrip('/')}".startswith(source) for source in carried)
    ] == []


def test_version_is_that_of_the_citation() -> None:
    from firmtrade_core import __version__

    assert f"\nversion: {__version__}\n" in (PROJECT / "CITATION.cff").read_text(encoding="utf-8")


def test_ten_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in TEN_LINES.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 10
    names = runpy.run_path(str(TEN_LINES))
    assert names["result"].certificate.holds
    assert capsys.readouterr().out.count("% real income") == 3


@pytest.mark.truth
def test_wheel_works_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Built, installed in a fresh environment, run in a folder of its own; other packages are those of this environment."""
    quiet = ["--quiet", "--no-deps", "--disable-pip-version-check", "--no-index"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FIRMTRADE"))}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "pip", "wheel", PROJECT, "--no-build-isolation", *quiet, "-w", tmp_path)
    (wheel,) = tmp_path.glob("firmtrade-*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", *quiet, wheel)
    (site,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (site / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")

    where = run(python, "-c", "import firmtrade_core.paths as p; print(p.PACKAGE, p.in_checkout())").split()
    assert Path(where[0]).is_relative_to(tmp_path) and where[1] == "False"
    runpy.run_path(str(TEN_LINES))
    assert run(python, TEN_LINES) == capsys.readouterr().out

    reads = """
from firmtrade_core.backtests.board import stored_board
from firmtrade_core.figures import world_map
from firmtrade_core.published.replicate import stored_run
from firmtrade_core.report.methods import citation
from firmtrade_core.scenarios import load_preset, preset_names
from firmtrade_core.home.default import shipped_file
assert stored_run() and stored_board() and citation() and shipped_file().is_file()
assert all(load_preset(name) for name in preset_names())
"""
    command = tmp_path / "env" / "bin" / "firmtrade"
    assert "real_income" in run(command, "solve", "--preset", "us_ten_points", "--json")
    refused = subprocess.run(
        [str(command), "app"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 1 and "not part of the installed package" in refused.stderr
    run(python, "-c", reads)
