"""The library of saved scenarios: every verb, several writers, and databases that cannot serve."""

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy

from firmtrade_core import paths
from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.scenarios.library import (
    Library,
    LibraryError,
    NameTakenError,
    NotYoursError,
    Saved,
    default_url,
)
from tests.limits import HANGS

WAR = load_preset("us_china_trade_war")
TEN = load_preset("us_ten_points")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "scenarios.sqlite"


@pytest.fixture
def library(file: Path) -> Library:
    return opened(file)


def opened(file: Path, **options: float) -> Library:
    return Library(f"sqlite:///{file}", **options)


def names(found: list[Saved]) -> list[str]:
    return [saved.name for saved in found]


# Verbs -----------------------------------------------------------------------------------------


def test_a_scenario_comes_back_after_closing(file: Path, library: Library) -> None:
    saved = library.save(WAR, tags=["USA", "  tariff  war "])
    library.close()
    again = opened(file)
    assert again.load(saved.key) == WAR
    assert again.get(saved.key) == saved
    assert saved.tags == ("tariff war", "usa")


def test_names_are_unique_without_case(library: Library) -> None:
    library.save(WAR, "Trade War")
    with pytest.raises(NameTakenError, match="already called 'trade war'"):
        library.save(TEN, "trade war")
    replaced = library.save(TEN, "trade war", replace=True)
    assert names(library.search()) == ["trade war"]
    assert library.load(replaced.key) == TEN.with_(name="trade war")


def test_rename_and_tag(library: Library) -> None:
    first, second = library.save(WAR, "First", ["a"]), library.save(TEN, "Second")
    with pytest.raises(NameTakenError):
        library.rename(second.key, "FIRST")
    assert library.get(second.key).name == "Second"
    renamed = library.rename(first.key, "  Zölle\n2025 ")
    assert (renamed.name, renamed.tags) == ("Zölle 2025", ("a",))
    assert library.load(first.key).name == "Zölle 2025"
    assert library.tag(first.key, ["b", "B", ""]).tags == ("b",)
    assert library.tags() == {"b": 1}
    assert names(library.search("ZÖLLE")) == ["Zölle 2025"] and library.search("First") == []


def test_search_by_words_tags_and_content(library: Library) -> None:
    library.save(WAR, "War", ["peak", "asia"])
    library.save(TEN, "Ten 100%", ["peak"])
    assert names(library.search()) == ["Ten 100%", "War"]
    assert names(library.search("chn")) == ["War"]
    assert names(library.search("us tariff", ["PEAK"])) == ["Ten 100%", "War"]
    assert names(library.search("", ["peak", "asia"])) == ["War"]
    assert names(library.search("100%")) == ["Ten 100%"]
    assert library.search("%") == library.search("100%") and library.search("x' OR 1=1 --") == []


def test_a_deleted_scenario_can_be_put_back(library: Library) -> None:
    saved = library.save(WAR, "War", ["peak"])
    gone = library.delete(saved.key)
    assert library.search() == [] and library.tags() == {}
    back = library.save(gone.scenario(), gone.name, gone.tags)
    assert (back.name, back.tags, back.scenario()) == (saved.name, saved.tags, saved.scenario())
    for ask in (library.get, library.load, library.delete, lambda key: library.rename(key, "x")):
        with pytest.raises(LibraryError, match="no longer in the library"):
            ask(999)


@pytest.mark.parametrize(
    ("name", "tags"), [(" ", []), ("<b>", []), ("x" * 121, []), ("x", ["<i>"]), ("x", map(str, range(21)))]
)
def test_bad_names_and_tags_change_nothing(library: Library, name: str, tags: list[str]) -> None:
    with pytest.raises(LibraryError):
        library.save(WAR.with_(name=""), name, tags)
    assert library.search() == []


def test_hostile_names_are_only_text(library: Library) -> None:
    name = "'); DROP TABLE firmtrade_scenarios; -- =SUM(A1)"
    assert library.get(library.save(WAR, name).key).name == name


def test_a_scenario_that_cannot_be_read_stays_and_says_so(file: Path, library: Library) -> None:
    saved = library.save(WAR, "War")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE firmtrade_scenarios SET yaml = 'version: 7'")
    found = library.search()[0]
    assert found.yaml == "version: 7"
    with pytest.raises(LibraryError, match=r"War cannot be read.*version '7'.*stays in the library"):
        library.load(saved.key)


# Several writers -------------------------------------------------------------------------------

EACH = 20


def _write(url: str, who: int) -> None:
    library = Library(url, patience=HANGS)
    for n in range(EACH):
        saved = library.save(Scenario(), f"{who} {n}", [f"writer {who}"])
        library.rename(saved.key, f"{who}-{n}")


def test_two_programs_write_at_once_from_nothing(file: Path) -> None:
    url = f"sqlite:///{file}"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(url, who)) for who in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(HANGS)
    assert [writer.exitcode for writer in writers] == [0, 0]
    found = Library(url)
    assert sorted(names(found.search())) == sorted(f"{who}-{n}" for who in (1, 2) for n in range(EACH))
    assert found.tags() == {"writer 1": EACH, "writer 2": EACH}


def test_who_opens_a_new_library_at_once_waits(tmp_path: Path) -> None:
    """Who comes second to make the tables waits: a transaction that begins by reading is refused at once."""
    for turn in range(10):
        gate = threading.Barrier(4)

        def opens(_: int, gate: threading.Barrier = gate, url: str = f"sqlite:///{tmp_path}/{turn}") -> None:
            gate.wait()
            Library(url, patience=HANGS).close()

        with ThreadPoolExecutor(4) as pool:
            assert [*pool.map(opens, range(4))] == [None] * 4


def test_only_one_of_two_gets_a_name(file: Path, library: Library) -> None:
    other = opened(file)
    library.save(WAR, "Ours")
    with pytest.raises(NameTakenError):
        other.save(TEN, "ours")
    assert other.load(other.search()[0].key).cards == WAR.cards


# Databases that cannot serve -------------------------------------------------------------------


def test_a_locked_library_says_so_and_recovers(file: Path, library: Library) -> None:
    kept = library.save(WAR, "War")
    library.close()
    hasty = opened(file, patience=0.05)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for ask in (lambda: hasty.save(TEN), lambda: hasty.delete(kept.key), hasty.search):
        with pytest.raises(LibraryError, match=r"busy.*Try again.*YAML"):
            ask()
    holder.execute("ROLLBACK")
    hasty.save(TEN)
    assert len(hasty.search()) == 2


def test_a_full_library_loses_nothing(file: Path, library: Library) -> None:
    library.save(WAR, "War")

    @sqlalchemy.event.listens_for(library._engine, "begin")
    def _no_more_pages(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    long = Scenario(description="word " * 199)
    with pytest.raises(LibraryError, match="full: free some space"):
        for n in range(200):
            library.save(long, f"long {n}")
    kept = names(opened(file).search())
    assert "War" in kept and kept == names(library.search())


def test_a_library_that_can_only_be_read_is_read(file: Path, library: Library) -> None:
    saved = library.save(WAR, "War")
    library.close()
    protected = Library(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert protected.load(saved.key) == WAR.with_(name="War")
    for ask in (lambda: protected.save(TEN), lambda: protected.rename(saved.key, "x")):
        with pytest.raises(LibraryError, match=r"can only be read.*protected.*YAML"):
            ask()
    assert names(protected.search()) == ["War"]


@pytest.mark.parametrize(
    "content",
    [b"not a database at all, but long enough to be looked at" * 20, b"SQLite format 3\0" + b"\xff" * 4000],
)
def test_a_damaged_file_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(LibraryError, match=r"damaged or holds something else.*move it away"):
        opened(file)
    assert file.read_bytes() == content


def test_a_library_of_another_version_is_refused(file: Path, library: Library) -> None:
    library.close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE firmtrade_version SET version = 9")
    with pytest.raises(LibraryError, match="version 9; this program keeps version 1"):
        opened(file)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(LibraryError, match="cannot be made"):
        opened(tmp_path / "taken" / "below" / "scenarios.sqlite")
    with pytest.raises(LibraryError, match="cannot be opened"):
        opened(tmp_path)


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://x/y", "sqlite+nosuchdriver:///x", "://"])
def test_a_url_that_names_no_database(url: str) -> None:
    with pytest.raises(LibraryError, match="SQLAlchemy URL"):
        Library(url)


def test_passwords_are_not_repeated() -> None:
    with pytest.raises(LibraryError) as found:
        Library("postgresql://me:secret@nowhere.invalid/x")
    assert "secret" not in str(found.value)


# Where it lies ---------------------------------------------------------------------------------


def test_the_library_lies_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{tmp_path}/mine.sqlite")
    Library().save(WAR)
    assert (tmp_path / "mine.sqlite").is_file()
    monkeypatch.delenv("FIRMTRADE_LIBRARY")
    monkeypatch.setattr(paths.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_url() == f"sqlite:///{tmp_path}/data/firmtrade/scenarios.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.user_folder() == tmp_path / ".local" / "share" / "firmtrade"
    monkeypatch.setattr(paths.sys, "platform", "darwin")
    assert paths.user_folder().parts[-2:] == ("Application Support", "firmtrade")
    monkeypatch.setattr(paths.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert paths.user_folder() == tmp_path / "firmtrade"


def test_what_was_deleted_comes_back_word_for_word(library: Library) -> None:
    saved = library.save(WAR, "War", ["a", "b"])
    gone = library.delete(saved.key)
    assert library.search() == []
    back = library.restore(gone)
    assert (back.name, back.tags, back.yaml, back.changed) == (
        saved.name,
        saved.tags,
        saved.yaml,
        saved.changed,
    )
    library.delete(back.key)
    library.save(TEN, "war")
    with pytest.raises(NameTakenError):
        library.restore(gone)


def test_who_saved_a_scenario_alone_replaces_and_deletes_it(tmp_path: Path) -> None:
    library = Library(f"sqlite:///{tmp_path}/owned.sqlite")
    mine = library.save(TEN.with_(name="Mine"), by="ana")
    free = library.save(TEN.with_(name="Free"))
    assert (mine.owner, free.owner) == ("ana", "")
    assert mine.belongs_to("ana") and mine.belongs_to(None) and not mine.belongs_to("bo")
    for forbidden in (
        lambda: library.save(TEN.with_(name="mine"), replace=True, by="bo"),
        lambda: library.delete(mine.key, by="bo"),
        lambda: library.rename(mine.key, "Other", by="bo"),
        lambda: library.tag(mine.key, ["x"], by="bo"),
    ):
        with pytest.raises(NotYoursError, match="saved by ana"):
            forbidden()
    assert library.get(mine.key) == mine
    library.delete(free.key, by="bo")
    put_back = library.restore(library.delete(mine.key, by="ana"))
    assert put_back.owner == "ana"
    again = library.save(TEN.with_(name="mine"), replace=True, by="ana")
    # Where nobody signs in, as on the command line, a library is one person's.
    assert library.delete(again.key).owner == "ana"


def test_a_library_from_before_owners_gets_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite"
    Library(url).save(TEN.with_(name="Old"))
    with sqlalchemy.create_engine(url).begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE firmtrade_owners"))
    library = Library(url)
    assert [saved.owner for saved in library.search()] == [""]
    assert library.save(TEN.with_(name="New"), by="ana").owner == "ana"
