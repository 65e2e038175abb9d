"""Compile a traced kernel with numba, where there is no C++ compiler: the body as a Python function on single sites.

The body is a function of its own, called by the parallel loop: numba's passes over parallel code take several times as long
on a long body. Measured on the Wilson hopping term: 2.6 s to compile, 11 GFlop/s on a core whose g++ code is vectorised.
"""

import hashlib
import re
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import copysign, sqrt
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np

from ngtbench.codegen import cpp, reads, shapes
from ngtbench.codegen.cache import folder
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.kernel import Field, Kernel
from ngtbench.codegen.program import LOADS, OWN, Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.trace import trace
from ngtbench.model.workload import Array

_FAST: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "boundscheck": False}
_SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_APART = 8  # doubles between threads' sums: a cache line, so that they do not share one
_LOOP = """\
def visit(threads, sources, table, scalars, sums{fields}):
    rows = len(table) - 1
    for thread in prange(threads):
        for i in range(thread * rows // threads, (thread + 1) * rows // threads):
            for s in range(sources):
                site(table[i], s, scalars, sums[thread]{fields})
"""


@dataclass(frozen=True)
class Made:
    """A compiled kernel; `compile_s` grows when it is bound to arrays of a kind for the first time."""

    visit: Any  # a numba dispatcher
    dtype: str


@dataclass(frozen=True)
class Bound:
    """A kernel with its arrays."""

    run: Callable[[], None]
    scalars: Array  # (sources, scalars): read at each call
    compile_s: float
    _sums: Array  # (threads, sources, at least sums)
    _count: int

    def __call__(self) -> None:
        """Visit every row."""
        self.run()

    def sums(self) -> Array:
        """Visit every row; return the sums over all sites, shape (sources, sums)."""
        self._sums.fill(0)
        self.run()
        total: Array = self._sums.sum(axis=0)[:, : self._count]
        return total


def source(kernel: Kernel) -> str:
    """Return the text of a function for each building block, of `site`, and of the loop over rows, `visit`.

    `site(row, s, scalars, total, fields...)` visits a row of the table; fields are [block][source][component], total is
    [source][sum] and added to. `T` makes a number of the kernel's precision.
    """
    program = trace(kernel)
    fields = "".join(f", {field.name}" for field in kernel.fields)
    body = [f"{name} = T(scalars[s, {k}])" for k, name in enumerate(kernel.scalars)]
    body += [line for field in kernel.fields for line in _starts(program, field)]
    body += _lines(program)
    for field in kernel.fields:
        if field.access != "in":
            numbers = program.outputs[field.name]
            keep = "{}" if field.storage == "real" else "rint({})"
            body += [f"{field.name}{OWN}[{c}] = {keep.format(cpp.operand(program, number))}" for c, number in enumerate(numbers)]
    body += [f"total[s, {k}] += {cpp.operand(program, program.outputs[name][0])}" for k, name in enumerate(kernel.sums)]
    site = f"def site(row, s, scalars, total{fields}):\n" + textwrap.indent("\n".join(body), "    ") + "\n"
    return "\n".join([*_functions(program), site, _LOOP.format(fields=fields)])


def built(kernel: Kernel, dtype: str, grid: Grid) -> Made:
    """Return a kernel for a grid of one lane, ready to be bound; numba keeps what it compiled beside the text.

    Where the text cannot be written, it is compiled anew in each process. Raises ValueError for a grid of more lanes.
    """
    if grid.lanes != 1:
        raise ValueError(f"{kernel.name}: numba's kernels take one lane, not {grid.lanes}")
    plain = f"# {dtype}, {_FAST}\n" + source(kernel)  # what the cached machine code depends on
    digest = hashlib.sha256(plain.encode()).hexdigest()[:16]
    # Names of their own, for the machine code of functions of one name, loaded from the cache, is taken for one another's.
    text = re.sub(r"\b(site|visit|block_\w+)\(", rf"\1_{digest}(", plain)
    path, kept = f"<{kernel.name}>", False
    try:
        place = folder() / f"{kernel.name}-{digest}.py"
        if not place.exists():
            part = place.with_suffix(f".{time.monotonic_ns()}")
            part.write_text(text)
            part.replace(place)
        path, kept = str(place), True
    except OSError:
        pass
    names: dict[str, Any] = {"__name__": __name__, "T": np.dtype(dtype).type, "sqrt": sqrt, "copysign": copysign, "rint": np.rint}
    names["prange"] = numba.prange
    exec(compile(text, path, "exec"), names)
    for name in [name for name in names if name.startswith(("block_", "site_"))]:
        names[name] = numba.njit(**_FAST)(names[name])
    return Made(numba.njit(parallel=True, cache=kept, **_FAST)(names[f"visit_{digest}"]), dtype)


def bind(
    made: Made,
    kernel: Kernel,
    table: Array,
    fields: Mapping[str, Array],
    *,
    threads: int,
    starts: Mapping[str, int] | None = None,
) -> Bound:
    """Return a kernel applied to the rows of `Grid.table`, compiled.

    Fields are (blocks, sources, components, 1); `starts` gives the number of a field's first block, where it holds only a part
    of the lattice.
    """
    sources = shapes.sources(kernel, fields, 1, made.dtype)
    shapes.inside(kernel, table, fields, starts or {})
    scalars = np.zeros((sources, max(1, len(kernel.scalars))))
    sums = np.zeros((threads, sources, -(-max(1, len(kernel.sums)) // _APART) * _APART))
    flat = [_shifted(fields[field.name], (starts or {}).get(field.name, 0)) for field in kernel.fields]
    began = time.perf_counter()
    made.visit(threads, sources, table[:1], scalars, sums, *flat)  # no rows: compiles

    def run() -> None:
        made.visit(threads, sources, table, scalars, sums, *flat)

    return Bound(run, scalars, time.perf_counter() - began, sums, len(kernel.sums))


def _shifted(array: Array, start: int) -> Array:
    """Return a view in which the array's first block has the number `start`; there is nothing before it.

    Subtracted in the kernel, a start made its code ten times as slow.
    """
    flat = array.reshape(array.shape[:3])
    if not start:
        return flat
    there = dict(flat.__array_interface__)
    there["data"] = (flat.ctypes.data - start * flat.strides[0], False)
    there["shape"] = (start + len(flat), *flat.shape[1:])
    return np.asarray(SimpleNamespace(__array_interface__=there, kept=array))


def _starts(program: Program, field: Field) -> list[str]:
    """Write a view of this visit's numbers of a field in each frame they are used in."""
    frames = reads.frames(program, field.name) | ({OWN} if field.access != "in" else set())
    source = "s" if field.each else "0"
    return [
        f"{field.name}{frame} = {field.name}[{'row[0]' if frame == OWN else f'(row[{frame}] >> 1)'}, {source}]"
        for frame in sorted(frames)
    ]


def _functions(program: Program) -> list[str]:
    written = []
    for name, block in {op.what.name: op.what for op in program.ops if op.kind == "call"}.items():
        results = "".join(f"{cpp.operand(block.program, number)}, " for number in block.program.outputs["out"])
        body = textwrap.indent("\n".join([*_lines(block.program), f"return ({results})"]), "    ")
        written.append(f"def block_{name}(given):\n{body}\n")
    return written


def _lines(program: Program) -> list[str]:
    numbers = [number for step in steps(program) for number in step.lines]
    return [_line(program, number) for number in numbers if cpp.named(program.ops[number])]


def _line(program: Program, number: int) -> str:
    op = program.ops[number]
    args = [cpp.operand(program, arg) for arg in op.args]
    if op.kind in LOADS:
        name, component, frame = op.what
        if op.kind == "load16":
            return f"t{number} = T({name}{frame}[{component}])"
        return f"t{number} = {name}{frame}[{component}]"
    if op.kind == "call":
        return f"t{number} = block_{op.what.name}(({''.join(f'{arg}, ' for arg in args)}))"
    values: dict[str, Callable[[], str]] = {
        "arg": lambda: f"given[{op.what}]",
        "part": lambda: f"{args[0]}[{op.what}]",
        "move": lambda: args[0],
        "neg": lambda: f"-{args[0]}",
        "sqrt": lambda: f"T(sqrt({args[0]}))",
        "larger": lambda: f"max({args[0]}, {args[1]})",
        "magnitude": lambda: f"abs({args[0]})",
        "signum": lambda: f"T(copysign(1.0, {args[0]}))",
    }
    return f"t{number} = " + (values[op.kind]() if op.kind in values else f"{args[0]} {_SIGN[op.kind]} {args[1]}")
