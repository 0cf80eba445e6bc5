"""World files: nothing is lost on the way, and nothing hostile gets in."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.world import files
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.world import Provenance, World
from tests.worlds import make_world


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=15, deadline=None)
def test_round_trip_keeps_the_hash(tmp_path_factory: pytest.TempPathFactory, seed: int, inputs: bool) -> None:
    world = make_world(3, 2, seed=seed, inputs=inputs, subsidies=bool(seed % 2)).with_(
        sector_names={"S00": "Wheat & <b>rye</b>"},
        provenance=Provenance("a", 2020, "b", ("c",), 0.25, ("d", "e"), {"f": 0.5}),
        name="=1+1 <script>",
    )
    again = World.load(world.save(tmp_path_factory.mktemp("worlds") / "a.world"))
    assert again.content_hash == world.content_hash
    assert (again.name, again.provenance, again.sector_names) == (
        world.name,
        world.provenance,
        world.sector_names,
    )
    assert list(again.goods) == list(world.goods)


def test_the_same_world_gives_the_same_bytes(tmp_path: Path) -> None:
    world = make_world()
    first, second = world.save(tmp_path / "a.world"), world.save(tmp_path / "b.world")
    assert first.read_bytes() == second.read_bytes()


def test_rounding_keeps_digits(tmp_path: Path) -> None:
    world = make_world()
    again = World.load(world.save(tmp_path / "a.world", digits=6))
    np.testing.assert_allclose(again.expenditure, world.expenditure, rtol=5e-6)
    assert len(f"{again.expenditure.max():.10g}".replace(".", "").strip("0")) <= 6


def rewrite(path: Path, change: dict[str, bytes | None], extra: dict[str, bytes] | None = None) -> Path:
    """The archive with members replaced or left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = {name: change.get(name, content) for name, content in members.items()} | (extra or {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def npy(array: np.ndarray, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return make_world(3, 2).save(tmp_path / "a.world")


def with_meta(path: Path, **changes: object) -> Path:
    with zipfile.ZipFile(path) as archive:
        meta = json.loads(archive.read("meta.json"))
    return rewrite(path, {"meta.json": json.dumps(meta | changes).encode()})


def refused(path: Path, message: str) -> None:
    with pytest.raises(WorldFileError, match=message):
        World.load(path)


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.world", "cannot be read: No such file")
    refused(tmp_path, "cannot be read: Is a directory")


def test_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(WorldFileError, match="cannot be written"):
        make_world().save(tmp_path / "no" / "a.world")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x80\x04cos\nsystem\n."])
def test_other_kinds(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.world"
    path.write_bytes(content)
    refused(path, "is not a world file, or was cut short")


def test_truncated_and_damaged(saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: len(content) // 2])
    refused(saved, "cut short")
    caught = 0
    for place in range(60, len(content) - 100, 97):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        saved.write_bytes(bytes(damaged))
        # Some bytes of an archive (dates, for one) mean nothing: then the world is the same.
        try:
            assert World.load(saved).content_hash == make_world(3, 2).content_hash
        except WorldFileError:
            caught += 1
    assert caught > 10


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.world"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")
    refused(path, "zip file, but not a world file")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.json", "[]")
    refused(path, "zip file, but not a world file")


def test_strange_members(saved: Path) -> None:
    refused(
        rewrite(saved, {}, {"../../evil.py": b"import os"}), "a member no world file has: '../../evil.py'"
    )


def test_members_twice(saved: Path) -> None:
    with zipfile.ZipFile(saved, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("tariff.npy", b"")
    refused(saved, "holds a member twice")


def test_zip_bomb_is_refused_before_unpacking(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_CONTENT", 2**20)
    rewrite(saved, {"expenditure.npy": bytes(2**22)})
    assert saved.stat().st_size < 2**16
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    refused(saved, "would unpack to over")


def test_lying_about_the_size_does_not_help(saved: Path) -> None:
    content = rewrite(saved, {"expenditure.npy": bytes(2**22)}).read_bytes()
    saved.write_bytes(content.replace((2**22).to_bytes(4, "little"), (272).to_bytes(4, "little")))
    with pytest.raises(WorldFileError):
        World.load(saved)


def test_large_files_and_descriptions(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_META", 100)
    refused(saved, "description of over")
    monkeypatch.setattr(files, "LARGEST_FILE", 100)
    refused(saved, "world files up to")


def test_pickles_are_not_read(saved: Path) -> None:
    hostile = npy(np.array([[print]], dtype=object), allow_pickle=True)
    refused(rewrite(saved, {"tariff.npy": hostile}), r"tariff in the file is object of shape \(1, 1\)")


@pytest.mark.parametrize(
    "array", [np.ones((3, 3, 3)), np.ones((3, 3, 2), dtype="f4"), np.asfortranarray(np.ones((3, 3, 2)))]
)
def test_wrong_shape_or_type(saved: Path, array: np.ndarray) -> None:
    refused(rewrite(saved, {"expenditure.npy": npy(array)}), "the labels call for")


def test_array_cut_short_or_not_an_array(saved: Path) -> None:
    refused(rewrite(saved, {"tariff.npy": npy(np.ones((3, 3, 2)))[:-8]}), "tariff in the file is cut short")
    refused(rewrite(saved, {"tariff.npy": b"nonsense"}), "not a plain array")


def test_missing_numbers(saved: Path) -> None:
    array = np.ones((3, 3, 2))
    array[0, 0, 0] = np.nan
    refused(rewrite(saved, {"expenditure.npy": npy(array)}), "1 values that are missing or infinite")


def test_altered_numbers(saved: Path) -> None:
    refused(
        rewrite(saved, {"expenditure.npy": npy(1e9 * np.ones((3, 3, 2)))}), "altered after it was written"
    )


def test_unusable_accounts(saved: Path) -> None:
    refused(
        rewrite(saved, {"expenditure.npy": npy(-np.ones((3, 3, 2)))}),
        "accounts that cannot be used.*negative",
    )
    refused(rewrite(saved, {"expenditure.npy": None}), "holds no expenditure")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "is of version 99; this program reads version 1"),
        ({"format": "other"}, "not a world file"),
        ({"countries": "AB"}, "lacks 'countries'"),
        ({"countries": ["A", 1, "B"]}, "must be 1 to"),
        ({"countries": ["A"] * 6000}, "must be 1 to"),
        ({"countries": ["A", "A", "B"]}, "Each country must appear once"),
        ({"goods": [1, 0]}, "goods flags"),
        ({"provenance": {}}, "provenance cannot be read"),
        ({"name": 3}, "lacks 'name'"),
    ],
)
def test_wrong_descriptions(saved: Path, changes: dict[str, object], message: str) -> None:
    refused(with_meta(saved, **changes), message)


def test_deep_json(saved: Path) -> None:
    refused(rewrite(saved, {"meta.json": b"[" * 200_000}), "not valid JSON")


@pytest.mark.parametrize("what", ["name", "source", "sector name"])
def test_names_and_sources_cannot_be_altered_unnoticed(saved: Path, what: str) -> None:
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(members["meta.json"])
    if what == "name":
        meta["name"] = "Official accounts"
    elif what == "source":
        meta["provenance"]["source"] = "A statistical office"
    else:
        meta["sector_names"] = {meta["sectors"][0]: "Gold"}
    members["meta.json"] = json.dumps(meta).encode()
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(WorldFileError, match="names or sources"):
        World.load(saved)


def test_worlds_with_equal_numbers_are_told_apart_where_readers_share() -> None:
    one = make_world(3, 2, seed=1)
    other = one.with_(name="Another ministry", provenance=replace(one.provenance, source="its own records"))
    assert one.content_hash == other.content_hash and one.shown_hash != other.shown_hash
    assert one.shown_hash == one.with_().shown_hash
