"""Long computations as data: a tape of operations of a few kinds on numbers in memory, the same for every event.

Where a kernel written out would be too long for a compiler, its building blocks are compiled once, and a tape says which is
applied to what. A block is a plain-Python function on real numbers, as kernels are: it runs on NumPy arrays, and on symbols
once to become text for a processor or a GPU.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ngtbench.codegen.contract import Contraction
from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.program import OWN, Op, Program, Symbol
from ngtbench.model.workload import Array

Body = Callable[..., Reals]


@dataclass(frozen=True)
class Term:
    """What is added up: `body(sums, *extras, *operands, **scalars)` returns the sums with one term more."""

    name: str
    lengths: tuple[int, ...]  # real numbers of each operand
    body: Body = field(compare=False, repr=False)


@dataclass(frozen=True)
class Kind:
    """An operation: sums of terms of several sorts, then `finish(sums, *extras, **scalars)`, which returns what is stored.

    A record of a tape is (where to store, where the extras are, how many terms of each sort, where their operands are), all
    whole numbers, in units of a real number per event.
    """

    name: str
    extras: tuple[int, ...]
    sums: int
    terms: tuple[Term, ...]
    out: int
    finish: Body = field(compare=False, repr=False)

    @property
    def head(self) -> int:
        """Whole numbers before those of the operands."""
        return 1 + len(self.extras) + len(self.terms)

    def record(self, out: int, extras: list[int], terms: list[list[tuple[int, ...]]]) -> list[int]:
        """Return the record of an operation; `terms` lists the operands of each sort."""
        return [out, *extras, *map(len, terms), *(at for sort in terms for operands in sort for at in operands)]


@dataclass(frozen=True)
class Segment:
    """Operations of one kind that do not depend on one another."""

    kind: Kind
    records: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Step:
    """Segments one after another, at the end of which so many columns of amplitudes are contracted with the colour matrix."""

    segments: tuple[Segment, ...]
    columns: int


@dataclass(frozen=True)
class Tape:
    """All of a computation: sum over steps of sum over columns of a^T C a, a the `rows` amplitudes of a column.

    Amplitudes of row r lie at `amplitudes` + r x `width` + column; inputs lie at the start. `contraction` does what `colour`
    says in fewer operations. One row more than there are, at the end, is never written: it is 0 where memory is cleared first.
    """

    name: str
    steps: tuple[Step, ...]
    inputs: int
    size: int  # real numbers per event
    amplitudes: int
    rows: int
    width: int
    colour: Array = field(compare=False, repr=False)  # (rows, rows), symmetric
    contraction: Contraction = field(compare=False, repr=False)
    scalars: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind in use, in the order of first use."""
        return tuple(dict.fromkeys(segment.kind for step in self.steps for segment in step.segments))

    @property
    def flop(self) -> int:
        """Operations per event: + - * / and square roots of all blocks, and those of the contraction."""
        blocks = sum(
            _flop(segment.kind, self.scalars, record)
            for step in self.steps
            for segment in step.segments
            for record in segment.records
        )
        return blocks + sum(step.columns for step in self.steps) * self.contraction.flop

    def encoded(self) -> Array:
        """Return whole numbers: (kind, records) and the records of each segment, (-1, columns) after each step, and -2."""
        number = {kind: k for k, kind in enumerate(self.kinds)}
        words: list[int] = []
        for step in self.steps:
            for segment in step.segments:
                words += [number[segment.kind], len(segment.records)]
                for record in segment.records:
                    words += record
            words += [-1, step.columns]
        return np.array([*words, -2], np.int32)


@cache
def term_program(kind: Kind, term: Term, scalars: tuple[str, ...]) -> Program:
    """Trace the body of a term; its output is "out", its operands are fields a, b, ..., extras x0, x1, ..., sums s0, s1, ..."""
    program = Program()
    operands = [_numbers(program, chr(ord("a") + k), length) for k, length in enumerate(term.lengths)]
    return _traced(program, kind, term.body, operands, scalars, kind.sums)


@cache
def finish_program(kind: Kind, scalars: tuple[str, ...]) -> Program:
    """Trace what is done at the end of an operation."""
    return _traced(Program(), kind, kind.finish, [], scalars, kind.out)


def _traced(program: Program, kind: Kind, body: Body, operands: Sequence[Reals], scalars: tuple[str, ...], count: int) -> Program:
    sums = [program.symbol(Op("scalar", what=f"s{k}")) for k in range(kind.sums)]
    extras = [_numbers(program, f"x{k}_", length) for k, length in enumerate(kind.extras)]
    found = body(sums, *extras, *operands, **{name: program.symbol(Op("scalar", what=name)) for name in scalars})
    if len(found) != count:
        raise ValueError(f"{kind.name}: a body returns {len(found)} numbers, declared {count}")
    program.outputs["out"] = [program.index(number) for number in found]
    return program


def _numbers(program: Program, name: str, length: int) -> list[Symbol]:
    return [program.symbol(Op("load", what=(name, c, OWN), frame=OWN)) for c in range(length)]


def _flop(kind: Kind, scalars: tuple[str, ...], record: tuple[int, ...]) -> int:
    counts = record[1 + len(kind.extras) : kind.head]
    terms = sum(count * term_program(kind, term, scalars).flop for count, term in zip(counts, kind.terms, strict=True))
    return terms + finish_program(kind, scalars).flop
