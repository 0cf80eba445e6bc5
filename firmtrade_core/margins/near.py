"""S^ρ and φ of lognormal firms around where markets stand, laid out to be read in three loads (MODEL 2, 11).

`nested` tabulates logarithms, which serve however far firms are driven from a market. Near by, S^ρ itself is as smooth, and spares the
exponential; the coefficients of both functions lie side by side, so that one vector of four numbers holds two of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

from firmtrade_core.margins.tables import Array, Table, compiled

#: Intervals of the table of logarithms are cut in so many.
_FINER = 2

#: Falls of ρ ln S over an interval up to which a quintic through Chebyshev's points misses S^ρ by less than 1e-12 of itself.
_STEEPEST = 0.1

#: Numbers by interval: with c_k of S^ρ and d_k of φ, c0 d0 c3 d3, c1 d1 c4 d4, c2 d2 c5 d5.
WIDTH = 12

_NODES = (1 - np.cos(np.pi * (np.arange(6) + 0.5) / 6)) / 2

#: From values at the nodes to coefficients of 1, t, ..., t⁵.
_FROM_VALUES = np.linalg.inv(np.vander(_NODES, 6, increasing=True))


@intrinsic
def read_pair(typing: Any, pieces: Any, at: Any, t: Any) -> Any:
    """S^ρ, φ and the slope of S^ρ in t, to within t², at a place of its interval from 0 to 1.

    Compilers gather twelve numbers for this one by one; written in vectors of four, it takes three loads.
    """
    from llvmlite import ir

    number, whole = ir.DoubleType(), ir.IntType(32)
    four, two = ir.VectorType(number, 4), ir.VectorType(number, 2)

    def lanes(builder: Any, vector: Any, picked: list[int]) -> Any:
        nothing = ir.Constant(vector.type, ir.Undefined)
        return builder.shuffle_vector(vector, nothing, ir.Constant(ir.VectorType(whole, len(picked)), picked))

    def spread(builder: Any, value: Any, vector: Any) -> Any:
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(whole, 0))
        return lanes(builder, first, [0] * vector.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, arguments[0])
        start, place, fused = builder.gep(array.data, [arguments[1]]), arguments[2], ("contract",)

        def load(part: int) -> Any:
            here = builder.gep(start, [ir.Constant(ir.IntType(64), 4 * part)])
            found = builder.load(builder.bitcast(here, four.as_pointer()))
            found.align = 8
            return found

        def times_plus(a: Any, b: Any, c: Any) -> Any:
            return builder.fadd(builder.fmul(a, b, flags=fused), c, flags=fused)

        t_four, cube = spread(builder, place, four), builder.fmul(builder.fmul(place, place), place)
        bent = builder.fmul(load(2), t_four)
        steep = builder.fadd(bent, load(1))
        both = times_plus(steep, t_four, load(0))
        both = times_plus(
            lanes(builder, both, [2, 3]), spread(builder, cube, two), lanes(builder, both, [0, 1])
        )
        zero, one = ir.Constant(whole, 0), ir.Constant(whole, 1)
        slope = builder.fadd(builder.extract_element(steep, zero), builder.extract_element(bent, zero))
        found = [builder.extract_element(both, zero), builder.extract_element(both, one), slope]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.float64, 3)(pieces, at, t), generate


@compiled
def _refine(pieces: Any, finer: Any, nodes: Any, from_values: Any, steepest: Any, found: Any) -> int:
    """Coefficients of S^ρ and φ on finer intervals, from those of ρ ln S and φ; how many there are before S^ρ falls too steeply."""
    value, share = np.empty(6), np.empty(6)
    for row in range(pieces.shape[0]):
        c = pieces[row]
        for part in range(finer):
            for node in range(6):
                t = (part + nodes[node]) / finer
                log = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
                value[node] = np.exp(log)
                share[node] = c[6] + t * (c[7] + t * (c[8] + t * (c[9] + t * (c[10] + t * c[11]))))
                slope = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
                if -slope > steepest * finer:
                    return row * finer
            for power in range(6):
                of_value = of_share = 0.0
                for node in range(6):
                    of_value += from_values[power, node] * value[node]
                    of_share += from_values[power, node] * share[node]
                at = 4 * (power % 3) + 2 * (power // 3)
                found[row * finer + part, at], found[row * finer + part, at + 1] = of_value, of_share
    return pieces.shape[0] * finer


class NearStack:
    """S^ρ and φ by row (sector); rows with the same table share it.

    Parameters
    ----------
    tables : sequence of Table
        One per row, of ρ ln S and φ.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        unlike = {id(table): table for table in tables}
        room = sum(len(table.pieces) for table in unlike.values()) * _FINER
        # Loads of four numbers from places that are multiples of their size never straddle two lines of memory.
        memory = np.empty(room * WIDTH + 8)
        begin = -memory.ctypes.data // memory.itemsize % 8
        pieces = memory[begin : begin + room * WIDTH].reshape(room, WIDTH)
        first, count, filled = {}, {}, 0
        for key, table in unlike.items():
            first[key] = filled
            count[key] = _refine(table.pieces, _FINER, _NODES, _FROM_VALUES, _STEEPEST, pieces[filled:])
            filled += count[key]
        self._pieces = pieces[:filled].reshape(-1)
        self._first = np.array([first[id(table)] for table in tables])
        self._count = np.array([count[id(table)] for table in tables])
        self._start = np.array([table.start for table in tables])
        self._scale = np.array([_FINER / table.step for table in tables])

    @property
    def arrays(self) -> tuple[Array, Array, NDArray[np.intp], NDArray[np.intp], Array]:
        """First nodes, intervals per unit, positions and numbers of intervals by row; coefficients (12 x intervals,)."""
        return self._start, self._scale, self._first, self._count, self._pieces
