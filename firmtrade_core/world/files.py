"""World files: a zip of plain arrays and a JSON description, safe to open whoever wrote them.

The archive holds ``meta.json`` and one ``.npy`` per array (readable by ``numpy.load``). Nothing in it
is ever executed: no pickles, only known members, sizes checked before anything is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.labels import grouped
from firmtrade_core.paths import whole_file
from firmtrade_core.world.accounts import Accounts, Provenance
from firmtrade_core.world.errors import WorldError, WorldFileError

Array = NDArray[np.float64]
Kind = TypeVar("Kind", bound=Accounts)

#: First word of the description, and the version this code writes and reads.
FORMAT, VERSION = "firmtrade world", 1

#: Largest archive that is opened, and largest content that is unpacked from it, bytes.
LARGEST_FILE, LARGEST_CONTENT, LARGEST_META = 512 * 2**20, 4 * 2**30, 4 * 2**20

#: Largest number of labels on an axis.
LARGEST_AXIS = 5_000

#: Arrays by name: the labels along each of their axes.
AXES = {
    "expenditure": ("countries", "countries", "sectors"),
    "tariff": ("countries", "countries", "sectors"),
    "subsidy": ("countries", "countries", "sectors"),
    "inputs": ("countries", "sectors", "sectors"),
    "tariff_known": ("countries", "countries", "sectors"),
}

#: Arrays of true and false.
FLAGS = frozenset({"tariff_known"})

_EPOCH = (1980, 1, 1, 0, 0, 0)


def save_accounts(world: Accounts, path: str | Path, *, digits: int | None = None) -> Path:
    """Write a world file, whole or not at all; the same world always gives the same bytes.

    Parameters
    ----------
    digits
        Significant digits kept; all, unless given (then reading returns the same content hash).

    Raises
    ------
    WorldFileError
        If the folder cannot be written.
    """
    if digits is not None:
        world = rounded(world, digits)
    path = Path(path)
    try:
        meta = json.dumps(_describe(world), ensure_ascii=False, indent=1).encode()
        with (
            whole_file(path) as part,
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        ):
            _put(archive, "meta.json", meta)
            for name in AXES:
                array = getattr(world, name)
                # Arrays of zeros (subsidies, mostly) are left out and come back as zeros.
                if array is not None and (name == "inputs" or name in FLAGS or array.any()):
                    buffer = io.BytesIO()
                    np.lib.format.write_array(buffer, array, allow_pickle=False)
                    _put(archive, f"{name}.npy", buffer.getvalue())
    except OSError as error:
        raise WorldFileError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def load_accounts(path: str | Path, kind: type[Kind]) -> Kind:
    """Read a world file into the class that is asked for.

    Raises
    ------
    WorldFileError
        If the file is missing, of another kind, cut short, altered, too large, or not a usable world; the
        message says which.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path, kind)
    except OSError as error:
        raise WorldFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorldFileError(
            f"{path.name} is cut short or damaged ({error}). Fetch or build it again."
        ) from error
    except WorldFileError:
        raise
    except WorldError as error:
        raise WorldFileError(f"{path.name} holds accounts that cannot be used. {error}") from error


def rounded(world: Kind, digits: int) -> Kind:
    """The world with its numbers rounded to significant digits."""

    def nearest(array: Array) -> Array:
        size = np.floor(np.log10(np.abs(array), out=np.zeros_like(array), where=array != 0))
        scale = 10.0 ** (digits - 1 - size)
        return np.round(array * scale) / scale

    kept = {
        name: nearest(array)
        for name in AXES
        if name not in FLAGS and (array := getattr(world, name)) is not None
    }
    return world.with_(**kept)


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    item = zipfile.ZipInfo(name, date_time=_EPOCH)
    item.compress_type = zipfile.ZIP_DEFLATED
    item.external_attr = 0o644 << 16
    archive.writestr(item, content)


def _describe(world: Accounts) -> dict[str, Any]:
    assert world.goods is not None
    provenance = asdict(world.provenance)
    provenance["fit"] = dict(world.provenance.fit)
    described = {
        "format": FORMAT,
        "version": VERSION,
        "name": world.name,
        "countries": list(world.countries),
        "sectors": list(world.sectors),
        "sector_names": dict(world.sector_names),
        "goods": [bool(flag) for flag in world.goods],
        "provenance": provenance,
        "content_hash": world.content_hash,
    }
    described |= {"tariffs_stated": True} if world.tariffs_stated else {}
    return described | {"description_hash": _hash_of(described)}


def _hash_of(described: Mapping[str, Any]) -> str:
    """Of everything that the description says, names and sources included."""
    said = {key: value for key, value in described.items() if key != "description_hash"}
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()


def _read(file: io.BufferedReader, path: Path, kind: type[Kind]) -> Kind:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST_FILE:
        raise WorldFileError(
            f"{path.name} has {grouped(size / 2**20)} MB; world files up to {LARGEST_FILE >> 20} are read."
        )
    if not zipfile.is_zipfile(file):
        raise WorldFileError(
            f"{path.name} is not a world file, or was cut short. World files are written by World.save; tables are "
            "read with read_table and World.from_long."
        )
    with zipfile.ZipFile(file) as archive:
        _check_members(archive, path)
        meta = _Description.of(archive, path)
        arrays = {name: _array(archive, name, meta) for name in AXES}
    shape = [len(meta.countries), len(meta.countries), len(meta.sectors)]
    if arrays["expenditure"] is None:
        raise WorldFileError(f"{path.name} holds no expenditure.")
    zeros = np.zeros(shape)
    world = kind(
        countries=meta.countries,
        sectors=meta.sectors,
        expenditure=arrays["expenditure"],
        tariff=zeros if arrays["tariff"] is None else arrays["tariff"],
        subsidy=zeros if arrays["subsidy"] is None else arrays["subsidy"],
        inputs=arrays["inputs"],
        tariff_known=arrays["tariff_known"],
        tariffs_stated=meta.tariffs_stated,
        goods=np.array(meta.goods, dtype=bool),
        sector_names=meta.sector_names,
        provenance=meta.provenance,
        name=meta.name,
    )
    if meta.content_hash != world.content_hash:
        raise WorldFileError(
            f"{path.name} was altered after it was written: its numbers do not match its hash."
        )
    if meta.altered:
        raise WorldFileError(
            f"{path.name} was altered after it was written: its names or sources do not match their hash."
        )
    return world


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    allowed = {"meta.json", *(f"{name}.npy" for name in AXES)}
    names = [member.filename for member in members]
    if "meta.json" not in names:
        raise WorldFileError(f"{path.name} is a zip file, but not a world file: it has no meta.json.")
    if strange := [name for name in names if name not in allowed]:
        raise WorldFileError(f"{path.name} holds a member no world file has: {strange[0][:60]!r}.")
    if len(set(names)) < len(names):
        raise WorldFileError(f"{path.name} holds a member twice.")
    # Zip readers stop at the declared size, so declared sizes bound what is unpacked.
    if sum(member.file_size for member in members) > LARGEST_CONTENT:
        raise WorldFileError(f"{path.name} would unpack to over {LARGEST_CONTENT >> 30} GB and is refused.")
    if archive.getinfo("meta.json").file_size > LARGEST_META:
        raise WorldFileError(f"{path.name} has a description of over {LARGEST_META >> 20} MB and is refused.")


class _Description:
    """The checked content of meta.json."""

    def __init__(self, meta: Mapping[str, Any]) -> None:
        self.countries = self._labels(meta, "countries")
        self.sectors = self._labels(meta, "sectors")
        self.goods = self._typed(meta, "goods", list)
        if len(self.goods) != len(self.sectors) or not all(isinstance(flag, bool) for flag in self.goods):
            raise WorldFileError("The file's goods flags do not match its sectors.")
        names = self._typed(meta, "sector_names", dict)
        self.sector_names = {str(k): str(v)[:200] for k, v in names.items()}
        self.name = self._typed(meta, "name", str)[:200]
        self.content_hash = self._typed(meta, "content_hash", str)
        self.tariffs_stated = meta.get("tariffs_stated") is True
        # Files of before hold no hash of what they say.
        self.altered = meta.get("description_hash", _hash_of(meta)) != _hash_of(meta)
        self.provenance = self._provenance(self._typed(meta, "provenance", dict))

    @classmethod
    def of(cls, archive: zipfile.ZipFile, path: Path) -> _Description:
        try:
            meta = json.loads(archive.read("meta.json").decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise WorldFileError(f"{path.name}: the description is not valid JSON ({error}).") from error
        if not isinstance(meta, dict) or meta.get("format") != FORMAT:
            raise WorldFileError(f"{path.name} is a zip file, but not a world file.")
        if meta.get("version") != VERSION:
            raise WorldFileError(
                f"{path.name} is of version {str(meta.get('version'))[:20]}; this program reads version {VERSION}. "
                "Update the program, or build the file again."
            )
        return cls(meta)

    @staticmethod
    def _typed(meta: Mapping[str, Any], key: str, kind: type) -> Any:
        value = meta.get(key)
        if not isinstance(value, kind):
            raise WorldFileError(f"The file's description lacks {key!r}, or holds something else there.")
        return value

    def _labels(self, meta: Mapping[str, Any], key: str) -> tuple[str, ...]:
        labels = self._typed(meta, key, list)
        if not 0 < len(labels) <= LARGEST_AXIS or not all(
            isinstance(x, str) and 0 < len(x) <= 100 for x in labels
        ):
            raise WorldFileError(f"The file's {key} must be 1 to {grouped(LARGEST_AXIS)} short texts.")
        return tuple(labels)

    def _provenance(self, given: Mapping[str, Any]) -> Provenance:
        try:
            share = given["estimated_share"]
            year = given["year"]
            fit = {str(k): float(v) for k, v in given["fit"].items()}
            numbers = [*fit.values(), *([] if share is None else [float(share)])]
            if not all(math.isfinite(x) for x in numbers):
                raise ValueError("a number is not finite")
            return Provenance(
                source=str(given["source"]),
                year=None if year is None else int(year),
                licence=str(given["licence"]),
                estimated=tuple(str(x) for x in given["estimated"]),
                estimated_share=None if share is None else float(share),
                changes=tuple(str(x) for x in given["changes"]),
                fit=fit,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WorldFileError(f"The file's provenance cannot be read ({error}).") from error


def _array(archive: zipfile.ZipFile, name: str, meta: _Description) -> Any:
    kind = np.dtype("|b1") if name in FLAGS else np.dtype("<f8")
    member = f"{name}.npy"
    if member not in archive.namelist():
        return None
    expected = tuple(len(getattr(meta, labels)) for labels in AXES[name])
    with archive.open(member) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"array format {version}")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        except ValueError as error:
            raise WorldFileError(f"{name} in the file is not a plain array ({error}).") from error
        if shape != expected or dtype != kind or fortran:
            raise WorldFileError(
                f"{name} in the file is {dtype} of shape {shape}; the labels call for {expected}."
            )
        content = stream.read()
    if len(content) != kind.itemsize * math.prod(expected):
        raise WorldFileError(f"{name} in the file is cut short or too long.")
    if name in FLAGS:
        return (np.frombuffer(content, dtype=np.uint8) != 0).reshape(expected)
    array = np.frombuffer(content, dtype=kind).reshape(expected)
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise WorldFileError(f"{name} in the file holds {count} values that are missing or infinite.")
    return array
