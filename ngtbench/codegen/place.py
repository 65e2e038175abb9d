"""Memory near the threads that use it: pages lie where they are first touched, so that the threads themselves fill them."""

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
    text = raw.built(_FILL, "float64", 1, compiler)
    raw.called(text, _FILL, threads, values, made, values.nbytes, rows, items * values.itemsize)()
    return made
