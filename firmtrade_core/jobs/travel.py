"""Objects as bytes for workers, arrays laid out in memory as they are here.

Sums run along memory: an array whose axes lie in another order adds up in another order, and the last bits with it. Plain
pickling writes what is neither C nor Fortran order in C order.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np


class _Packer(pickle.Pickler):
    def reducer_override(self, item: Any) -> Any:
        """Arrays with permuted axes go as they lie, with the permutation."""
        if type(item) is not np.ndarray or item.ndim < 2 or item.dtype.hasobject:
            return NotImplemented
        if item.flags.c_contiguous or item.flags.f_contiguous:
            return NotImplemented
        axes = np.argsort([-stride for stride in item.strides], kind="stable")
        laid = item.transpose(axes)
        if not laid.flags.c_contiguous:
            return NotImplemented
        return _turned, (laid, tuple(int(axis) for axis in np.argsort(axes)))


def _turned(laid: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return laid.transpose(axes)


def packed(item: Any) -> bytes:
    """The item as bytes."""
    buffer = io.BytesIO()
    _Packer(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(item)
    return buffer.getvalue()


def unpacked(content: bytes) -> Any:
    """The item again; only of bytes from one's own cluster."""
    return pickle.loads(content)
