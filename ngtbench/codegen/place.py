"""Memory near the threads that use it: pages lie where they are first touched, so that the threads themselves fill them."""

import numpy as np

from ngtbench.codegen import pages, raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.model.workload import Array

_FILL = raw.Text(
    "place",
    (("const char *", "source"), ("char *", "target"), ("U", "given_b"), ("U", "rows"), ("U", "row_b")),
    """\
  each(row, rows) {
    const U at = row * row_b, left = at < given_b ? given_b - at : 0, here = left < row_b ? left : row_b;
    __builtin_memcpy(target + at, source + at, here);
    __builtin_memset(target + at + here, 0, row_b - here);
  }""",
)


def near(values: Array, rows: int, items: int, threads: int, compiler: Compiler, offset_b: int = 0) -> Array:
    """Return rows x items numbers, the first of them `values` and the others 0, filled by the threads that OpenMP gives rows to.

    Rows are shared as `schedule(static)` does; `offset_b`: see `pages.empty`. Raises ValueError where values are more, or not
    contiguous, and what `raw.built` raises.
    """
    if values.size > rows * items or not values.flags.c_contiguous:
        raise ValueError(f"{values.size} contiguous numbers do not fit {rows} rows of {items}")
    made: Array = pages.empty(rows * items, values.dtype, offset_b)
    _fill(made, values, rows, threads, compiler)
    return made


def blocks(values: Array, parts: int, threads: int, compiler: Compiler, offset_b: int = 0) -> Array:
    """Return a copy of blocks, first axis, in so many equal parts, each of which is shared among the threads by itself.

    Raises what `raw.built` raises.
    """
    made: Array = pages.empty(values.shape, values.dtype, offset_b)
    for target, source in zip(np.array_split(made, parts), np.array_split(values, parts), strict=True):
        if target.size:
            _fill(target, source, len(source), threads, compiler)
    return made


def cleared(shape: tuple[int, ...], dtype: str, threads: int, compiler: Compiler, offset_b: int = 0) -> Array:
    """Return blocks of zeros, shared among the threads as they visit them.

    Raises what `raw.built` raises.
    """
    made: Array = pages.empty(shape, dtype, offset_b)
    if made.size:
        _fill(made, made.reshape(-1)[:0], len(made), threads, compiler)
    return made


def _fill(target: Array, values: Array, rows: int, threads: int, compiler: Compiler) -> None:
    text = raw.built(_FILL, "float64", 1, compiler)
    raw.called(text, _FILL, threads, values, target, values.nbytes, rows, target.nbytes // rows)()
