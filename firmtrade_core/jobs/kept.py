"""Results on disk as data: JSON for what they are made of, arrays without objects, Parquet for tables, and a hash over all.

Nothing that is read here is ever run. A file names classes, and only those may be made that are plain data of this program
(dataclasses, named tuples, pydantic models below `OWN`) or learners that are listed in `LEARNERS`; they get their fields and
nothing else is called but a learner's own ``__setstate__``. A file whose hash does not hold is refused.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
import importlib
import io
import json
import zipfile
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.paths import write_whole

#: Where classes and functions of this program live, and those of its tests.
OWN = ("firmtrade_core.", "tests.", "benchmarks.")

#: Classes of other packages that a file may name, and what they are made by: fitted trees and lines, all arrays inside.
LEARNERS = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting:HistGradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting:HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning:_BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor:TreePredictor",
        "sklearn.ensemble._forest:RandomForestRegressor",
        "sklearn.tree._classes:DecisionTreeRegressor",
        "sklearn.tree._tree:Tree",
        "sklearn.linear_model._coordinate_descent:ElasticNet",
        "sklearn.linear_model._base:LinearRegression",
        "sklearn.preprocessing._label:LabelEncoder",
        "sklearn._loss.loss:HalfSquaredError",
        "sklearn._loss.loss:HalfBinomialLoss",
        "sklearn._loss.loss:HalfPoissonLoss",
        "sklearn._loss._loss:CyHalfSquaredError",
        "sklearn._loss._loss:CyHalfBinomialLoss",
        "sklearn._loss._loss:CyHalfPoissonLoss",
        "sklearn._loss.link:IdentityLink",
        "sklearn._loss.link:LogLink",
        "sklearn._loss.link:LogitLink",
        "sklearn._loss.link:Interval",
    }
)

#: Kinds of entries of the tree; those that are written once however often they are met.
_SHARED = frozenset({"array", "objects", "frame", "series", "levels", "index", "data", "learner"})
_KINDS = _SHARED | {
    "list", "tuple", "set", "frozenset", "dict", "complex", "bytes", "scalar", "range", "time", "missing", "path", "named", "enum",
    "names", "model", "random",
}  # fmt: skip

_MAGIC = b"firmtrade kept 1\n"
_DIGEST = 32

#: Most bytes that a file may unfold to.
LARGEST = 4 << 30


class KeptError(ValueError):
    """A file is damaged, was altered, or holds what is no data. Remove it; what it held is worked out again."""


def keep(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Write a value.

    Raises
    ------
    TypeError
        If part of it is no data: connections, open files, functions made on the fly.
    """
    writer = _Writer()
    tree = writer.put(value)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("tree.json", json.dumps(tree, ensure_ascii=True, separators=(",", ":")))
        for name, content in writer.members.items():
            archive.writestr(name, content)
    content = buffer.getvalue()
    write_whole(
        path,
        _MAGIC + hashlib.blake2b(content, digest_size=_DIGEST).digest() + content,
        mode=mode,
        lasting=False,
    )


def read(path: Path) -> Any:
    """What `keep` wrote.

    Raises
    ------
    KeptError
        If the file is not of this kind, its hash does not hold, or it names what may not be made.
    """
    found = path.read_bytes()
    start = len(_MAGIC) + _DIGEST
    content = found[start:]
    if (
        not found.startswith(_MAGIC)
        or hashlib.blake2b(content, digest_size=_DIGEST).digest() != found[len(_MAGIC) : start]
    ):
        raise KeptError(f"{path.name} is damaged or was altered: its hash does not hold.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise KeptError(f"{path.name} would unfold to more than {grouped(LARGEST)} bytes.")
            return _Reader(archive).get(json.loads(archive.read("tree.json")))
    except KeptError:
        raise
    except Exception as error:
        raise KeptError(f"{path.name} holds no result ({type(error).__name__}).") from error


def name_of(item: Any) -> str:
    """Module and name of a class or function at the top level of a module."""
    return f"{item.__module__}:{item.__qualname__}"


def named(name: str, *, listed: frozenset[str] = frozenset()) -> Any:
    """A class or function of this program, or a listed one.

    Raises
    ------
    KeptError
        For any other.
    """
    module, _, qualified = name.partition(":")
    if name not in listed and not module.startswith(OWN):
        raise KeptError(f"A file names {name}, which is no data of this program.")
    try:
        found: Any = importlib.import_module(module)
        for part in qualified.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise KeptError(f"A file names {name}, which this version of the program does not have.") from error
    # What a module has imported is not its own.
    if getattr(found, "__module__", None) != module or getattr(found, "__qualname__", None) != qualified:
        raise KeptError(f"A file names {name}, which is not at home there.")
    return found


class _Writer:
    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}
        # What is met again is written once; held on to, so that no number of an object is used twice.
        self.met: dict[int, int] = {}
        self.held: list[Any] = []

    def put(self, item: Any) -> Any:
        """The item as JSON; arrays and tables become members of the file."""
        if item is None or item is True or item is False or type(item) in (int, str, float):
            return item
        if id(item) in self.met:
            return {"same": self.met[id(item)]}
        made = self._tagged(item)
        if next(iter(made)) in _SHARED:
            made["#"] = self.met[id(item)] = len(self.held)
            self.held.append(item)
        return made

    def _tagged(self, item: Any) -> dict[str, Any]:
        kind = type(item)
        if kind in (list, tuple, set, frozenset):
            members = sorted(item, key=repr) if kind in (set, frozenset) else item
            return {kind.__name__: [self.put(member) for member in members]}
        if kind is dict:
            return {"dict": [[self.put(key), self.put(value)] for key, value in item.items()]}
        if kind is complex:
            return {"complex": [item.real, item.imag]}
        if kind is bytes:
            return {"bytes": self._member(item, "bin")}
        if isinstance(item, np.ndarray):
            return self._array(item)
        if isinstance(item, np.generic):
            return {"scalar": self._array(np.asarray(item))}
        if isinstance(item, pd.DataFrame):
            return self._frame(item)
        if isinstance(item, pd.Series):
            return {"series": self._frame(item.to_frame(name="value")), "name": self.put(item.name)}
        if isinstance(item, pd.MultiIndex):
            columns = item.to_frame(index=False)
            return {
                "levels": self._frame(columns.set_axis(range(columns.shape[1]), axis=1)),
                "names": self.put(list(item.names)),
            }
        if isinstance(item, pd.RangeIndex):
            return {"range": [item.start, item.stop, item.step], "name": self.put(item.name)}
        if isinstance(item, pd.Index):
            return {
                "index": self._frame(item.to_frame(index=False, name="value")),
                "name": self.put(item.name),
            }
        if item is pd.NaT or item is pd.NA:
            return {"missing": "NaT" if item is pd.NaT else "NA"}
        if isinstance(item, pd.Timestamp | datetime.datetime | datetime.date):
            return {"time": kind.__name__, "text": item.isoformat()}
        if isinstance(item, np.random.Generator):
            return {"random": type(item.bit_generator).__name__, "state": self.put(item.bit_generator.state)}
        if isinstance(item, Path):
            return {"path": str(item)}
        return self._object(item, kind)

    def _object(self, item: Any, kind: type) -> dict[str, Any]:
        own = kind.__module__.startswith(OWN)
        if isinstance(item, type | FunctionType):
            if item.__module__.startswith(OWN) and "<" not in item.__qualname__:
                return {"named": name_of(item)}
        elif own and isinstance(item, enum.Enum):
            return {"enum": name_of(kind), "is": item.name}
        elif own and isinstance(item, tuple):
            return {"names": name_of(kind), "are": [self.put(member) for member in item]}
        elif own and dataclasses.is_dataclass(item):
            values = {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
            return {"data": name_of(kind), "has": {name: self.put(value) for name, value in values.items()}}
        elif own and hasattr(item, "model_dump_json"):
            return {"model": name_of(kind), "json": item.model_dump_json()}
        elif name_of(kind) in LEARNERS:
            return self._learner(item, kind)
        raise TypeError(
            f"{name_of(kind)} is no data and cannot be kept; return tables, arrays, plain values or dataclasses."
        )

    def _learner(self, item: Any, kind: type) -> dict[str, Any]:
        reduced = item.__reduce_ex__(2)
        made = reduced[1][1:] if reduced[0] is not kind and reduced[1][:1] == (kind,) else reduced[1]
        state = reduced[2] if len(reduced) > 2 else None
        direct = reduced[0] is kind
        return {
            "learner": name_of(kind),
            "made": self.put(tuple(made)),
            "direct": direct,
            "state": self.put(state),
        }

    def _array(self, item: np.ndarray) -> dict[str, Any]:
        if item.dtype.hasobject:
            return {
                "objects": [self.put(member) for member in item.ravel().tolist()],
                "shape": list(item.shape),
            }
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(item), allow_pickle=False)
        return {"array": self._member(buffer.getvalue(), "npy")}

    def _frame(self, item: pd.DataFrame) -> dict[str, Any]:
        loose = [k for k in range(item.shape[1]) if item.dtypes.iloc[k].name == "object"]
        objects = {str(k): self._array(item.iloc[:, k].to_numpy(object)) for k in loose}
        plain = {str(k): item.iloc[:, k].array for k in range(item.shape[1]) if k not in loose}
        buffer = io.BytesIO()
        pd.DataFrame(plain, index=pd.RangeIndex(len(item))).to_parquet(buffer)
        simple = (
            isinstance(item.index, pd.RangeIndex)
            and item.index.start == 0
            and item.index.step == 1
            and item.index.name is None
        )
        # A column of an index is a table again: that of a plain range ends it.
        return {
            "frame": self._member(buffer.getvalue(), "parquet"),
            "objects": objects,
            "columns": self._labels(item.columns),
            "rows": len(item) if simple else self.put(item.index),
            "attrs": self.put(dict(item.attrs)),
        }

    def _labels(self, columns: pd.Index) -> dict[str, Any]:
        return {
            "labels": self.put(columns.tolist()),
            "names": self.put(list(columns.names)),
            "dtype": str(columns.dtype),
            "many": columns.nlevels > 1,
        }

    def _member(self, content: bytes, ending: str) -> str:
        name = f"{len(self.members)}.{ending}"
        self.members[name] = content
        return name


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.met: dict[int, Any] = {}

    def get(self, item: Any) -> Any:
        """The item that JSON stands for."""
        if not isinstance(item, dict):
            return item
        kind = next(iter(item))
        if kind == "same":
            return self.met[item["same"]]
        if kind not in _KINDS:
            raise KeptError(f"A file holds {kind[:40]}, which is no data.")
        made = getattr(self, f"_{kind}")(item)
        if "#" in item:
            self.met[item["#"]] = made
        return made

    def _list(self, item: Any) -> list[Any]:
        return [self.get(member) for member in item["list"]]

    def _tuple(self, item: Any) -> tuple[Any, ...]:
        return tuple(self.get(member) for member in item["tuple"])

    def _set(self, item: Any) -> set[Any]:
        return {self.get(member) for member in item["set"]}

    def _frozenset(self, item: Any) -> frozenset[Any]:
        return frozenset(self.get(member) for member in item["frozenset"])

    def _dict(self, item: Any) -> dict[Any, Any]:
        return {self.get(key): self.get(value) for key, value in item["dict"]}

    def _complex(self, item: Any) -> complex:
        return complex(*item["complex"])

    def _bytes(self, item: Any) -> bytes:
        return self.archive.read(item["bytes"])

    def _array(self, item: Any) -> np.ndarray:
        return np.lib.format.read_array(io.BytesIO(self.archive.read(item["array"])), allow_pickle=False)

    def _objects(self, item: Any) -> np.ndarray:
        found = np.empty(len(item["objects"]), dtype=object)
        for place, member in enumerate(item["objects"]):
            found[place] = self.get(member)
        return found.reshape(item["shape"])

    def _scalar(self, item: Any) -> Any:
        return self.get(item["scalar"])[()]

    def _frame(self, item: Any) -> pd.DataFrame:
        table = pd.read_parquet(io.BytesIO(self.archive.read(item["frame"])))
        count = len(table.columns) + len(item["objects"])
        objects = item["objects"]
        columns = [
            self._objects(objects[str(k)]) if str(k) in objects else table[str(k)] for k in range(count)
        ]
        rows = item["rows"]
        index = pd.RangeIndex(rows) if isinstance(rows, int) else self.get(rows)
        made = pd.DataFrame(
            {
                k: pd.Series(getattr(c, "array", c), dtype=object if isinstance(c, np.ndarray) else c.dtype)
                for k, c in enumerate(columns)
            },
            index=pd.RangeIndex(len(index)),
        )
        made.index, made.columns = index, self._labels(item["columns"])
        made.attrs = self.get(item["attrs"])
        return made

    def _labels(self, item: Any) -> pd.Index:
        labels, names = self.get(item["labels"]), self.get(item["names"])
        if item["many"]:
            return pd.MultiIndex.from_tuples(labels, names=names)
        return pd.Index(labels, dtype=item["dtype"], name=names[0])

    def _series(self, item: Any) -> pd.Series:
        found = self.get(item["series"])["value"]
        found.name = self.get(item["name"])
        return found

    def _levels(self, item: Any) -> pd.MultiIndex:
        return pd.MultiIndex.from_frame(self.get(item["levels"]), names=self.get(item["names"]))

    def _range(self, item: Any) -> pd.RangeIndex:
        start, stop, step = item["range"]
        return pd.RangeIndex(start, stop, step, name=self.get(item["name"]))

    def _index(self, item: Any) -> pd.Index:
        return pd.Index(self.get(item["index"])["value"].array, name=self.get(item["name"]))

    def _time(self, item: Any) -> Any:
        kinds: dict[str, Any] = {
            "Timestamp": pd.Timestamp,
            "datetime": datetime.datetime.fromisoformat,
            "date": datetime.date.fromisoformat,
        }
        return kinds[item["time"]](item["text"])

    def _missing(self, item: Any) -> Any:
        return pd.NaT if item["missing"] == "NaT" else pd.NA

    def _random(self, item: Any) -> np.random.Generator:
        if item["random"] not in ("PCG64", "MT19937", "Philox", "SFC64"):
            raise KeptError(f"{item['random']} is no source of random numbers that may be read.")
        bits = getattr(np.random, item["random"])()
        bits.state = self.get(item["state"])
        return np.random.Generator(bits)

    def _path(self, item: Any) -> Path:
        return Path(item["path"])

    def _named(self, item: Any) -> Any:
        return named(item["named"])

    def _enum(self, item: Any) -> Any:
        return self._kind(item["enum"], enum.Enum)[item["is"]]

    def _names(self, item: Any) -> Any:
        return tuple.__new__(self._kind(item["names"], tuple), [self.get(member) for member in item["are"]])

    def _data(self, item: Any) -> Any:
        kind = named(item["data"])
        if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
            raise KeptError(f"{item['data']} is no data.")
        known = {field.name for field in dataclasses.fields(kind)}
        if set(item["has"]) != known:
            raise KeptError(f"{item['data']} has other fields in this version of the program.")
        made = object.__new__(kind)
        for name, value in item["has"].items():
            object.__setattr__(made, name, self.get(value))
        return made

    def _model(self, item: Any) -> Any:
        from pydantic import BaseModel

        return self._kind(item["model"], BaseModel).model_validate_json(item["json"])

    def _kind(self, name: str, of: type) -> Any:
        kind = named(name)
        if not isinstance(kind, type) or not issubclass(kind, of):
            raise KeptError(f"{name} is no {of.__name__}.")
        return kind

    def _learner(self, item: Any) -> Any:
        if item["learner"] not in LEARNERS:
            raise KeptError(f"{item['learner']} is no learner that may be read.")
        kind = named(item["learner"], listed=LEARNERS)
        made_by = self.get(item["made"])
        made = kind(*made_by) if item["direct"] else kind.__new__(kind, *made_by)
        state = self.get(item["state"])
        if state is None:
            return made
        if hasattr(made, "__setstate__"):
            made.__setstate__(state)
        else:
            made.__dict__.update(state)
        return made
