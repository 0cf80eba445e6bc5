"""Where solutions lie, shared through a database: SQLite by default, and a PostgreSQL started for the test."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql

from firmtrade_core.equilibrium.places import near, place_of
from firmtrade_core.scenarios import Scenario, Tariff, compile
from firmtrade_core.scenarios.library import Library
from firmtrade_core.scenarios.shared_places import SharedPlaces
from firmtrade_core.world.embedded import load_embedded_world
from tests.limits import HANGS


def _programs() -> Path | None:
    """Where Debian keeps the programs of its newest PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return Path(named).resolve().parent if named else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of the test's own, on a socket in a folder of its own."""
    programs = _programs()
    if programs is None:
        if os.environ.get("FIRMTRADE_STRICT") == "1":
            pytest.fail("PostgreSQL is missing: apt-get install postgresql.")
        pytest.skip("PostgreSQL is not installed.")
    folder = Path(tempfile.mkdtemp(prefix="ft-pg-", dir="/tmp"))
    # PostgreSQL refuses to run as root.
    owner = "postgres" if os.geteuid() == 0 else getpass.getuser()
    before = (
        ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"] if os.geteuid() == 0 else []
    )
    if before:
        shutil.chown(folder, owner, owner)

    def run(*command: str) -> None:
        done = subprocess.run([*before, *command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout

    data = str(folder / "data")
    run(str(programs / "initdb"), "-D", data, "-U", "firmtrade", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run(
        str(programs / "pg_ctl"),
        "-D",
        data,
        "-w",
        "-t",
        str(int(HANGS)),
        "-l",
        str(folder / "log"),
        "-o",
        options,
        "start",
    )
    try:
        yield f"postgresql+psycopg://firmtrade@/postgres?host={folder}"
    finally:
        run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'library.sqlite'}"
    found: str = request.getfixturevalue("postgres")
    return found


def test_two_servers_share_points_and_scenarios(url: str) -> None:
    one, other = SharedPlaces(url), SharedPlaces(url)
    point = np.linspace(-1.0, 1.0, 900)
    one.put("a scenario", point)
    one.settle(HANGS)
    found = other.get("a scenario")
    assert found is not None and np.array_equal(found, point)
    assert other.get("another scenario") is None
    # Written twice, as two servers that solve the same at once do.
    other.put("a scenario", 2 * point)
    other.settle(HANGS)
    assert one.get("a scenario")[1] == pytest.approx(2 * point[1])  # type: ignore[index]

    shelf, elsewhere = Library(url), Library(url)
    saved = shelf.save(
        Scenario(cards=[Tariff(importers=["USA"], method="add", value=0.1)]), "Ten points", ["us"]
    )
    assert elsewhere.load(saved.key).cards[0].value == 0.1  # type: ignore[union-attr]
    assert elsewhere.tags() == {"us": 1}
    elsewhere.delete(saved.key)
    assert shelf.search() == []
    for kept in (one, other, shelf, elsewhere):
        kept.close()


def test_an_altered_point_is_passed_by(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'library.sqlite'}"
    places = SharedPlaces(url)
    places.put("a", np.ones(5))
    places.settle(HANGS)
    with sql.create_engine(url).begin() as connection:
        connection.execute(sql.text("update firmtrade_places set point = x'0000000000000000'"))
    assert places.get("a") is None


def test_a_database_that_is_gone_costs_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "library.sqlite"
    places = SharedPlaces(f"sqlite:///{file}")
    with sql.create_engine(f"sqlite:///{file}").begin() as connection:
        connection.execute(sql.text("drop table firmtrade_places"))
    assert places.get("a") is None
    places.put("a", np.ones(3))
    places.settle(HANGS)


def test_from_anothers_place_the_answer_is_certified_and_the_same() -> None:
    world = load_embedded_world()
    compiled = compile(Scenario(cards=[Tariff(importers=["USA"], method="add", value=0.1)]), world)
    afresh = compiled.solve()
    point = place_of(afresh)
    assert point is not None
    again = compiled.solve(near(world, point))
    assert again.certificate.holds and again.content_hash == afresh.content_hash
    assert again.certificate.iterations <= 2 < afresh.certificate.iterations
    assert np.abs(again.real_income_change - afresh.real_income_change).max() < 1e-9
    # A place that fits nothing is passed by.
    assert compiled.solve(near(world, np.zeros(7))).certificate.holds
    with pytest.raises(ValueError, match="finite"):
        near(world, np.array([np.nan]))
