"""Files are written whole or not at all: by one helper, through every door, also where the program is killed."""

import ast
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from firmtrade_core.channels.table import ChannelTable
from firmtrade_core.harmonise.changes import ChangeLog
from firmtrade_core.paths import PROJECT, whole_file, write_whole
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.world import Provenance, World

#: Bytes that a file may hold before the system stops the writer: less than any door writes.
LIMIT = 64


def world() -> World:
    """Numbers that do not compress."""
    flows = np.random.default_rng(1).random((6, 6, 2)) + 1
    return World(tuple("ABCDEF"), ("k", "l"), flows, np.zeros_like(flows), np.zeros_like(flows))


def save_world(path: Path) -> None:
    """`World.save`."""
    world().save(path)


def save_text(path: Path) -> None:
    """Any report, description or table of text."""
    write_whole(path, "a line of text\n" * 20)


def save_table(path: Path) -> None:
    """A table as most doors write one."""
    with whole_file(path) as part:
        pd.DataFrame({"x": range(50)}).to_parquet(part)


def save_log(path: Path) -> None:
    """The log of a harmonised table."""
    ChangeLog().to_parquet(path)


def save_effects(path: Path) -> None:
    """A table of effects."""
    ChannelTable(()).save(path)


def save_by_duckdb(path: Path) -> None:
    """A panel's table, as DuckDB writes it."""
    with whole_file(path) as part, duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT range AS x FROM range(1000)) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)"
        )


DOORS = [save_world, save_text, save_table, save_log, save_effects, save_by_duckdb]


def in_a_child(work: Callable[[], None]) -> int:
    """How a process ended that did the work: its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "disk full"])
def test_a_good_file_survives_the_writer(tmp_path: Path, door: Callable[[Path], None], killed: bool) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"good")

    def write() -> None:
        # The system stops a writer at its limit: by killing it, or by refusing to write, as a full disk does.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killed else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
        door(path)

    ended = in_a_child(write)
    assert ended == (-signal.SIGXFSZ if killed else 1)
    assert path.read_bytes() == b"good"
    left = [p.name for p in tmp_path.iterdir() if p != path]
    assert left == [] if not killed else all(name.startswith(".kept.") for name in left)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_where_writing_fails_no_file_appears(tmp_path: Path, door: Callable[[Path], None]) -> None:
    def write() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
        door(tmp_path / "new")

    assert in_a_child(write) == 1
    assert list(tmp_path.iterdir()) == []
    door(tmp_path / "new")
    assert (tmp_path / "new").stat().st_size > LIMIT


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Whenever the signal comes, what lies there can be read."""
    path = tmp_path / "kept.world"
    world().save(path)
    code = (
        "import sys, numpy as np; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from tests.test_paths import world\nw = world(); print('ready', flush=True)\nwhile True: w.save(Path(sys.argv[1]))"
    )
    for turn in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(PROJECT)], stdout=subprocess.PIPE, cwd=PROJECT
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            try:
                writer.wait(0.02 + 0.013 * turn)
            except subprocess.TimeoutExpired:
                writer.kill()
        assert World.load(path).content_hash == world().content_hash


def test_a_file_keeps_its_permissions_and_a_link_its_target(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("old")
    kept.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(kept)
    write_whole(link, "new")
    assert link.is_symlink() and kept.read_text() == "new" and kept.stat().st_mode & 0o777 == 0o640
    write_whole("/dev/null", "what is no plain file is written as it stands")
    assert not Path("/dev/null").is_file()


def test_what_a_killed_writer_left_is_cleared_the_next_day(tmp_path: Path) -> None:
    stale, fresh, others = (tmp_path / n for n in (".x.00000000.part", ".x.11111111.part", ".y.0.part"))
    for left in (stale, fresh, others):
        left.write_text("half")
    os.utime(stale, (0, 0))
    write_whole(tmp_path / "x", "whole")
    assert not stale.exists() and fresh.exists() and others.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldFileError, match="cannot be written: No such file or directory"):
        world().save(tmp_path / "nowhere" / "x.world")


def test_numbers_out_of_arrays_can_be_saved(tmp_path: Path) -> None:
    found = world().with_(
        provenance=Provenance(
            source="x", year=np.int64(2019), estimated_share=np.float32(0.5), fit={"a": np.float64(1)}
        )
    )
    again = World.load(found.save(tmp_path / "x.world"))
    assert (again.provenance.year, again.provenance.estimated_share) == (2019, 0.5)


#: Where files are written into a private folder that goes with the work, so that nobody can read a part.
PASSING = {
    "harmonise/reading.py",
    "harmonise/pipeline.py:head.write_bytes",
    "world/uploads.py",
    "harmonise/declarations.py:writer.write_table",  # inside its caller's whole_file
    "harmonise/salt.py",
    "panel/confidentiality.py",
    "scenarios/results.py:pyarrow.parquet.write_table",
    "jobs/job.py:(folder / 'lock').open",
    "jobs/line.py",  # locks, no content
    "harmonise/cells.py:writer.write_table",  # inside its caller's whole_file
    "analysis/robustness/firm_chain.py",  # a folder of its own, thrown away
    "gravity/panel_file.py",  # a folder of its own, thrown away
    "report/pack/files.py:zipfile.ZipFile",  # in memory
    "pages/parts/data/worlds.py",
    "pages/parts/firms/desk.py",
    "pages/firm_data.py",
    "paths.py",
}

WRITERS = {
    "write_text",
    "write_bytes",
    "to_parquet",
    "to_csv",
    "write_table",
    "to_stata",
    "ZipFile",
    "open",
    "fdopen",
}


def _writes(call: ast.Call) -> bool:
    """Whether a call writes a file: by its name, and by its mode where the name alone does not tell."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in WRITERS:
        return False
    if name in ("open", "fdopen", "ZipFile"):
        texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        return any(text[:1] in "wax" and len(text) <= 3 for text in texts if text)
    # Not a text that is made, as by to_csv(index=False), nor the exports' own functions of these names.
    return bool(call.args) and isinstance(call.func, ast.Attribute)


def test_every_door_writes_by_the_helper() -> None:
    """A call that writes a file stands inside ``with whole_file``; what is passing is listed, with its reason above."""
    strays = []
    for path in [*(PROJECT / "firmtrade_core").rglob("*.py"), *(PROJECT / "pages").rglob("*.py")]:
        place = str(path.relative_to(PROJECT)).removeprefix("firmtrade_core/")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        within: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.With) and any("whole_file(" in ast.unparse(i) for i in node.items):
                within |= {id(inner) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and id(node) not in within and _writes(node):
                called = ast.unparse(node.func)
                if not {place, f"{place}:{called}"} & PASSING and "buffer" not in ast.unparse(node):
                    strays.append(f"{place}:{node.lineno} {called}")
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if (
                "COPY" in text
                and " TO " in text
                and ".execute(" in text
                and id(node) not in within
                and place not in PASSING
            ):
                strays.append(f"{place}:{node.lineno} COPY")
    assert strays == []
