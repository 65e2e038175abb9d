"""From a process to a tape: every current of every state, in an order and at addresses that keep what is in use small."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ngtbench.codegen import contract
from ngtbench.codegen.tape import Kind, Segment, Step, Tape
from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes import blocks, gluons
from ngtbench.kernels.amplitudes.operations import Operation, Operations, Value
from ngtbench.kernels.amplitudes.recursion import Node
from ngtbench.physics.processes import Process

WIDTH = 8  # columns of amplitudes contracted with the colour matrix at once: two rows of sums fill 16 registers
_KEPT = 3  # gluons: longer currents are so many that most are made again for the next step rather than kept


@dataclass
class _Memory:
    """Addresses of what stays, and of what goes after the step that reads it last."""

    size: int
    at: dict[Value, int] = field(default_factory=dict)
    going: dict[Value, int] = field(default_factory=dict)  # their sizes
    free: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, wanted: set[Value]) -> None:
        """Let go of what is not wanted in the next step."""
        for value in [value for value in self.going if value not in wanted]:
            self.free[self.going.pop(value)].append(self.at.pop(value))

    def add(self, value: Value, size: int, stays: bool) -> None:
        """Find room for a new value."""
        if not stays and self.free[size]:
            self.at[value] = self.free[size].pop()
        else:
            self.at[value], self.size = self.size, self.size + size
        if not stays:
            self.going[value] = size


def tape(process: Process, width: bool, sampled: bool = False, columns: int = WIDTH) -> Tape:
    """Return the tape of a process, of which the top quark has a width or has none.

    Inputs are four numbers a particle and, if `sampled`, which of its two states each particle is in, 0 or 1; the result is
    then multiplied by the number of states, so that its mean over states is the sum over them. Chiralities are not sampled:
    raises BadInput for massless quarks.
    """
    particles = len(process.particles)
    if sampled and any(not particle.gluon and not particle.massive for particle in process.particles):
        raise BadInput(f"process {process.text}: states are sampled of gluons and top quarks only")
    operations, count = Operations(process, width, sampled), (5 if sampled else 4) * particles
    columns = max(operations.columns, 1 if sampled else columns)
    colour = operations.colour()
    memory = _Memory(count + (len(operations.rows) + 1) * columns)
    for leg in range(particles):
        memory.at["particle", frozenset({leg}), 0] = 4 * leg
        memory.at["choice", frozenset({leg}), 0] = 4 * particles + leg
    steps = []
    every, together = list(operations.states()), max(1, columns // operations.columns)
    for states in (every[k : k + together] for k in range(0, len(every), together)):
        roots: dict[Value, int] = {
            ("amplitude", node, state): count + row * columns + k * operations.columns
            for k, state in enumerate(states)
            for row, node in enumerate(operations.rows)
        }
        steps.append(Step(_segments(operations, memory, roots), len(states) * operations.columns))
    name = ("sampled_" if sampled else "amplitudes_") + process.text.replace("~", "x").replace(" > ", "_to_").replace(" ", "")
    rows, how = len(operations.rows), contract.contraction(colour, operations.groups)
    dense = np.array(colour, np.float64)
    return Tape(name, tuple(steps), count, memory.size, count, rows, columns, dense, how, blocks.SCALARS)


def _segments(operations: Operations, memory: _Memory, roots: dict[Value, int]) -> tuple[Segment, ...]:
    """Return what computes amplitudes that go to given addresses, level by level, operations of a kind together."""
    level: dict[Value, int] = {}
    found, read = list[tuple[int, Value, Operation]](), set[Value]()

    def visit(value: Value) -> int:
        if value in memory.at:
            read.add(value)
            return 0
        if value not in level:
            operation = operations.makes(value)
            assert operation is not None
            level[value] = 1 + max((visit(other) for other in operation.read()), default=0)
            found.append((level[value], value, operation))
        return level[value]

    for root in roots:
        visit(root)
    memory.keep(read)
    for _, value, operation in found:
        if value not in roots:
            memory.add(value, operation.kind.out, _stays(operations, value))
    grouped: dict[tuple[int, str], list[tuple[Value, Operation]]] = defaultdict(list)
    for rank, value, operation in found:
        grouped[rank, operation.kind.name].append((value, operation))
    segments = []
    for _, some in sorted(grouped.items(), key=lambda item: item[0]):
        records = tuple(_record(operation, roots.get(value, memory.at.get(value, -1)), memory.at) for value, operation in some)
        segments.append(Segment(some[0][1].kind, records))
    return tuple(segments)


def _record(operation: Operation, address: int, at: dict[Value, int]) -> tuple[int, ...]:
    extras = [at[value] + offset for value, offset in operation.extras]
    sorts = [
        [tuple(at[value] + offset for value, offset in operands) for name, operands in operation.terms if name == term.name]
        for term in operation.kind.terms
    ]
    if sum(map(len, sorts)) != len(operation.terms):
        raise ValueError(f"{operation.kind.name} has no {', '.join({name for name, _ in operation.terms})}")
    return tuple(operation.kind.record(address, extras, sorts))


def _stays(operations: Operations, value: Value) -> bool:
    """Tell whether a value is kept for all steps."""
    _, of, _ = value
    legs = of.legs if isinstance(of, Node) else of
    return not isinstance(of, Node) or len(legs & operations.gluons) <= _KEPT


def _kinds() -> Iterator[Kind]:
    """Return the kinds of all tapes, from external particles to amplitudes; of top quarks without a width, with one, sampled."""
    yield blocks.momentum()
    yield from (blocks.inverse(*how) for how in ((False, False), (True, False), (True, True)))
    yield from (blocks.polarisation(sampled) for sampled in (False, True))
    for row in (True, False):
        yield from (blocks.massless(row, right) for right in (False, True))
        yield from (blocks.top(row, *how) for how in (((2, False), (1, True)) if row else ((1, False), (2, False), (1, True))))
        yield from (blocks.quark(row, 1, right, False, False) for right in (False, True))
        spins = ((2, False), (2, True), (1, False), (1, True)) if row else ((1, False), (2, True), (1, True))
        yield from (blocks.quark(row, count, None, False, width) for count, width in spins)
    yield from (blocks.quark(False, *how, True, False) for how in ((1, False), (1, True), (1, None), (2, None)))
    for real in (True, False):
        yield from (gluons.gluon(real), gluons.tensor(real))
    lines = ((1, 1, False), (1, 1, True), (2, 1, None), (2, 2, None), (1, 1, None))
    yield from (kind(*line) for kind in (blocks.current, blocks.closed) for line in lines)
    yield gluons.gluon_closed()


KINDS = tuple((kind, blocks.SCALARS) for kind in _kinds())  # what `ngtbench kernels` lists; a test tells which are missing
