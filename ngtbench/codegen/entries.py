"""What is listed as one: kernels of lattices and kinds of tapes' operations, what they do and the texts compilers are given."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import ClassVar

import numpy as np

from ngtbench import backends
from ngtbench.codegen import cpp, gpu, tape_cpp, tape_gpu
from ngtbench.codegen.grid import Grid, grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.codegen.program import Program
from ngtbench.codegen.tape import Kind, finish_program, term_program
from ngtbench.codegen.trace import trace
from ngtbench.errors import BadInput, Unavailable

_SHAPE = (8, 8, 8, 8)
_MOST = 256  # lanes of this lattice
_NAMES = "from math import sqrt\n\nfrom numba import prange\nfrom numpy import {dtype} as T\n\n\n"  # what numba's text uses


@dataclass(frozen=True)
class Entry(ABC):
    """One thing that is traced, and what it does `per` site and right-hand side, or `per` event."""

    module: str  # below ngtbench.kernels
    name: str
    per: ClassVar[str]

    @abstractmethod
    def programs(self) -> list[Program]:
        """Return all that is traced; each is done once."""

    @abstractmethod
    def moved_b(self, dtype: str) -> int:
        """Return bytes read and written, of what is not in registers."""

    @property
    @abstractmethod
    def texts(self) -> Mapping[str, Callable[[str, int], str]]:
        """Of each target there is, what writes the text in a precision and for so many lanes."""

    @property
    def flop(self) -> int:
        """Count + - * / and square roots."""
        return sum(program.flop for program in self.programs())

    def intensity(self, dtype: str) -> float:
        """Return FLOP per byte."""
        return self.flop / self.moved_b(dtype)

    def operations(self) -> Counter[str]:
        """Count the lines that outputs need, by what they do, in building blocks once per call; constants are no lines."""
        return sum(map(_counts, self.programs()), Counter[str]())

    def text(self, target: str, dtype: str, lanes: int) -> str:
        """Return the text for a target. Raises BadInput where there is none, or for lanes that do not fit."""
        if target not in self.texts:
            raise BadInput(f"{self.name}: no target '{target}': there are {', '.join(self.texts)}")
        return self.texts[target](dtype, lanes)


@dataclass(frozen=True)
class OfLattice(Entry):
    """A kernel on sites, as it is written for an even-odd lattice of 8^4."""

    kernel: Kernel
    per = "site"

    def programs(self) -> list[Program]:
        """Return the body."""
        return [trace(self.kernel)]

    def moved_b(self, dtype: str) -> int:
        """Return bytes moved if every neighbour is still in cache."""
        return self.kernel.moved_b(dtype)

    @property
    def texts(self) -> Mapping[str, Callable[[str, int], str]]:
        """For C++ compilers; nvcc, NVRTC, hipcc and HIPRTC; Python with numba."""
        return {"cpp": partial(self._written, cpp.source), "cuda": partial(self._written, gpu.source), "numba": self._python}

    def _written(self, source: Callable[..., str], dtype: str, lanes: int) -> str:
        cut = _cut(lanes)
        return source(self.kernel, dtype, lanes, {hop: cut.permuted(hop) for hop in self.kernel.hops})

    def _python(self, dtype: str, lanes: int) -> str:
        if lanes != 1:
            raise BadInput(f"{lanes} lanes: numba's kernels take one lane")
        if package := backends.missing("numba"):
            raise Unavailable(f"package {package} is not installed", backends.remedy(package))
        text: str = import_module("ngtbench.codegen.jit").source(self.kernel)
        return _NAMES.format(dtype=dtype) + text


@dataclass(frozen=True)
class OfTape(Entry):
    """A kind of operation, alone; what it does is counted with one term of each sort."""

    kind: Kind
    scalars: tuple[str, ...]
    per = "event"

    def programs(self) -> list[Program]:
        """Return a term of each sort, and what is done at the end."""
        terms = [term_program(self.kind, term, self.scalars) for term in self.kind.terms]
        return [*terms, finish_program(self.kind, self.scalars)]

    def moved_b(self, dtype: str) -> int:
        """Return the bytes of extras, of operands and of what is stored."""
        kind = self.kind
        numbers = sum(kind.extras) + sum(sum(term.lengths) for term in kind.terms) + kind.out
        return numbers * int(np.dtype(dtype).itemsize)

    @property
    def texts(self) -> Mapping[str, Callable[[str, int], str]]:
        """For C++ compilers; nvcc, NVRTC, hipcc and HIPRTC."""
        return {"cpp": partial(self._written, tape_cpp.block), "cuda": partial(self._written, tape_gpu.block)}

    def _written(self, block: Callable[..., str], dtype: str, lanes: int) -> str:
        if gpu.THREADS % lanes:
            raise BadInput(f"{lanes} lanes: events of a tape are taken in 1, 2, 4 ... {gpu.THREADS}")
        return block(self.kind, self.scalars, dtype, lanes)


def _counts(program: Program) -> Counter[str]:
    total = Counter[str]()
    for number in program.live():
        op = program.ops[number]
        if op.kind == "call":
            total += _counts(op.what.program)
        elif op.kind not in ("arg", "const", "part", "scalar"):
            total[op.kind] += 1
    return total


def _cut(lanes: int) -> Grid:
    cut = grid(_SHAPE, lanes, parity=True)
    if cut.lanes != lanes:
        raise BadInput(f"{lanes} lanes: an even-odd lattice of {'x'.join(map(str, _SHAPE))} has 1, 2, 4 ... {_MOST}")
    return cut
