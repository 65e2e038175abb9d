"""Compile the blocks of a tape for the host's processor and run tapes with them."""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ngtbench.codegen import contract, native, pages, tape_cpp
from ngtbench.codegen.cache import Built, library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.tape import Tape
from ngtbench.model.workload import Array


@dataclass(frozen=True)
class Made:
    """Compiled blocks of a tape."""

    built: Built
    tape: Tape
    dtype: str
    lanes: int
    mixed: bool = False  # amplitudes are contracted in single precision

    @cached_property
    def words(self) -> Array:
        """The tape as its blocks read it."""
        return self.tape.encoded()

    @cached_property
    def colour(self) -> tuple[Array, Array]:
        """Rows and numbers of the contraction."""
        return contract.packed(self.tape.contraction)


def built(tape: Tape, dtype: str, compiler: Compiler, mixed: bool = False) -> Made:
    """Return the blocks of a tape compiled, from the cache where the same were compiled before, for whatever tape.

    `mixed` contracts amplitudes in single precision.

    Raises Unavailable where it cannot be compiled here, CompileError where the compiler rejects it.
    """
    lanes = native.lanes(compiler, dtype)
    text = tape_cpp.source("run", tape.kinds, tape.scalars, dtype, lanes, tape.width, mixed)
    return Made(library(tape.name, text, compiler), tape, dtype, lanes, mixed)


def bind(
    made: Made, inputs: Array, out: Array, scalars: Mapping[str, float], *, factor: float = 1.0, threads: int = 1
) -> Callable[[], None]:
    """Return a call that fills `out`, (blocks, lanes), from `inputs`, (blocks, tape.inputs, lanes), times a factor.

    Raises ValueError for arrays of another shape or dtype.
    """
    tape = made.tape
    blocks = len(inputs)
    for name, array, shape in (("inputs", inputs, (blocks, tape.inputs, made.lanes)), ("out", out, (blocks, made.lanes))):
        if array.shape != shape or str(array.dtype) != made.dtype or not array.flags.c_contiguous:
            raise ValueError(f"{tape.name}: {name} is {array.dtype} {array.shape}, wanted contiguous {made.dtype} {shape}")
        if array.ctypes.data % (made.lanes * array.itemsize):
            raise ValueError(f"{tape.name}: {name} is not aligned to a register: take it from `pages.empty`")
    threads = max(1, min(threads, blocks))
    size = tape.size + 8  # a cache line apart, at odd multiples of one: columns of threads do not meet in one set
    memory = pages.empty((threads, size, made.lanes), made.dtype)
    memory.fill(0)  # a row of amplitudes that fills the number up is never written
    words, values = made.words, np.array([scalars[name] for name in tape.scalars], np.float64)
    rows, colour = made.colour
    function = made.built.cdll["run"]
    counts = tuple(map(ctypes.c_long, (blocks, threads, size, tape.inputs, tape.amplitudes)))
    kept = (words, values, rows, (factor * colour).astype("float32" if made.mixed else made.dtype), inputs, out, memory)
    pointers = tuple(ctypes.c_void_p(array.ctypes.data) for array in kept)

    def run() -> None:
        function(*counts, *pointers)

    run.__dict__["kept"] = (made, kept)  # what the addresses point to
    return run
