"""Results on disk are data: what was kept comes back as it was, nothing else is read, nothing is run."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.jobs import Checkpoints
from firmtrade_core.jobs.kept import KeptError, keep, read
from firmtrade_core.paths import PROJECT
from tests.jobs.work import Pair, Point


def back(value: Any, folder: Path) -> Any:
    keep(folder / "value.kept", value)
    return read(folder / "value.kept")


def test_plain_values_come_back(tmp_path: Path) -> None:
    value = {
        "a": [1, 2.5, -0.0, None, True], ("b", 1): {"x", "y"}, 3: (Path("a/b"), b"\x00\xff", 1 + 2j), "pair": Pair(1, 0.1),
        "point": Point(float("inf"), ("é", "🙂")), "time": pd.Timestamp("2022-01-02 03:04", tz="UTC"), "none": (pd.NaT, pd.NA),
    }  # fmt: skip
    found = back(value, tmp_path)
    assert repr(found) == repr(value) and isinstance(found["pair"], Pair)
    assert np.isnan(back(float("nan"), tmp_path)) and type(back(np.float32(0.1), tmp_path)) is np.float32


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(["a", "bc"]),
        np.array([], bool),
        np.array(["a", None, 2], object),
        np.array(7),
    ],
)
def test_arrays_come_back(array: np.ndarray, tmp_path: Path) -> None:
    found = back(array, tmp_path)
    assert found.dtype == array.dtype and found.shape == array.shape and found.tolist() == array.tolist()


FRAMES: list[Callable[[], pd.DataFrame]] = [
    lambda: pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.1, np.nan]}),
    lambda: pd.DataFrame(
        {1: pd.array([1, None], "Int64"), ("t", 2): pd.Categorical(["u", "v"], ["v", "u"])}, index=["r", "s"]
    ),
    lambda: pd.DataFrame(
        {"o": pd.Series([(1, 2), None, "x"], dtype=object)}, index=pd.RangeIndex(3, 9, 2, name="n")
    ),
    lambda: pd.DataFrame(np.ones((2, 2)), pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None])),
    lambda: pd.DataFrame({"d": pd.to_datetime(["2020-01-01", None])}).rename_axis(columns="head"),
    lambda: pd.DataFrame({"flag": pd.array([True, None], "boolean"), "s": pd.array(["a", None], "string")}),
    lambda: pd.DataFrame(),
]


@pytest.mark.parametrize("make", FRAMES)
def test_tables_come_back(make: Callable[[], pd.DataFrame], tmp_path: Path) -> None:
    table = make()
    table.attrs["note"] = "kept"
    found = back(table, tmp_path)
    pd.testing.assert_frame_equal(found, table)
    assert found.attrs == table.attrs
    for column in table:
        pd.testing.assert_series_equal(back(table[column], tmp_path), table[column])


def test_what_is_met_twice_is_written_once_and_stays_one(tmp_path: Path) -> None:
    table = np.zeros(100_000)
    found = back([table, Point(1.0), table], tmp_path)
    assert found[0] is found[2] and (tmp_path / "value.kept").stat().st_size < 1_000_000


def test_a_learner_predicts_as_before(tmp_path: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import ElasticNet

    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 3))
    y = x[:, 0] + draw.normal(size=200)
    for model in (
        HistGradientBoostingRegressor(max_iter=20, random_state=0), RandomForestRegressor(5, random_state=0), ElasticNet(0.1),
    ):  # fmt: skip
        model.fit(x, y)
        assert (back(model, tmp_path).predict(x) == model.predict(x)).all()


def test_code_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no data"):
        keep(tmp_path / "x.kept", lambda: 1)
    with pytest.raises(TypeError, match="no data"):
        keep(tmp_path / "x.kept", (tmp_path / "file").open("w"))
    assert not (tmp_path / "x.kept").exists()


def altered(path: Path, tree: Any) -> None:
    """The same file with another tree and a hash that holds: as somebody would hand it over who knows the format."""
    import hashlib

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tree.json", json.dumps(tree))
    content = buffer.getvalue()
    head = path.read_bytes()[: path.read_bytes().index(b"\n") + 1]
    path.write_bytes(head + hashlib.blake2b(content, digest_size=32).digest() + content)


@pytest.mark.parametrize(
    "tree",
    [
        {"named": "builtins:print"}, {"named": "os:getcwd"}, {"named": "firmtrade_core.jobs.kept:json"},
        {"data": "tests.jobs.work:Point", "has": {"x": 1}}, {"data": "firmtrade_core.jobs.kept:keep", "has": {}},
        {"learner": "subprocess:Popen", "made": {"tuple": []}, "direct": True, "state": None}, {"kind": "x"}, {"get": 1},
        {"model": "tests.jobs.work:Point", "json": "{}"}, {"array": "nowhere.npy"}, {"same": 4},
    ],
)  # fmt: skip
def test_a_file_may_name_nothing_but_data(tree: Any, tmp_path: Path) -> None:
    keep(tmp_path / "x.kept", [1])
    altered(tmp_path / "x.kept", tree)
    with pytest.raises(KeptError):
        read(tmp_path / "x.kept")


def test_a_tampered_step_is_refused_and_done_again(tmp_path: Path) -> None:
    steps = Checkpoints(tmp_path)
    assert steps.step("one", 1, lambda: [1.0, 2.0]) == [1.0, 2.0]
    path = steps.file("one", 1)
    content = path.read_bytes()
    assert content.count(b"2.0") == 1
    path.write_bytes(content.replace(b"2.0", b"9.0"))
    with pytest.raises(KeptError, match="altered"):
        read(path)
    assert steps.step("one", 1, lambda: [3.0]) == [3.0] and read(path) == [3.0]


def test_nothing_in_the_program_reads_pickles() -> None:
    # The one loader of YAML is a safe one with its own checks.
    wrong = re.compile(
        r"\b(c?pickle|joblib|dill|shelve|marshal)\b|read_pickle|allow_pickle=True|\byaml\.(unsafe_load|full_load)\(|\beval\(|\bexec\("
    )
    # Between a cluster's workers objects travel as pickles, on a network of its owner's; none is kept.
    travelling = PROJECT / "firmtrade_core" / "jobs" / "travel.py"
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for folder in ("firmtrade_core", "pages", "benchmarks", "app.py", "serve.py")
        for path in (
            [PROJECT / folder] if folder.endswith(".py") else sorted((PROJECT / folder).rglob("*.py"))
        )
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if path != travelling
        and wrong.search(line.partition("#")[0])
        and not line.lstrip().startswith(("#", '"'))
    ]
    assert found == []
