"""Which operation makes a current or an amplitude in one polarisation state, and what it reads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from ngtbench.codegen import contract
from ngtbench.codegen.tape import Kind
from ngtbench.kernels.amplitudes import blocks, gluons, recursion, sums
from ngtbench.kernels.amplitudes.recursion import Node
from ngtbench.kernels.amplitudes.sums import Exact
from ngtbench.physics.processes import Process

Value = tuple[str, Node | frozenset[int], int]  # what; of which current or particles; the states of its legs, as bits
Operand = tuple[Value, int]  # a value, from so many numbers behind its start


@dataclass(frozen=True)
class Operation:
    """What makes a value: extras, and operands of each term by the term's name."""

    kind: Kind
    extras: tuple[Operand, ...]
    terms: tuple[tuple[str, tuple[Operand, ...]], ...] = ()

    def read(self) -> Iterator[Value]:
        """Return the values it reads."""
        for value, _ in self.extras:
            yield value
        for _, operands in self.terms:
            for value, _ in operands:
                yield value


@dataclass
class Operations:
    """The operations of one process; `width` says whether the top quark has one.

    Without a width, amplitudes of opposite states of all quarks are complex conjugates up to a sign, gluons being in real
    polarisations (parity and time reversal): half of them are computed, and `factor` is 2. If `sampled`, an event has one
    state, chosen by an input per particle, 0 or 1, and `factor` is how many there are.
    """

    process: Process
    width: bool
    sampled: bool = False
    _made: dict[Value, Operation | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the currents and count the states."""
        process = self.process
        values = recursion.amplitudes(process)
        groups = contract.orbits(list(values), sums.swaps(values))
        self.values = {key: values[key] for group in groups for key in group}
        self.rows = list(dict.fromkeys(node for found in self.values.values() for _, node in found))
        whole = len(self.rows) == len(self.values)  # else several structures share a current, and swaps are not of rows
        self.groups = [len(group) for group in groups] if whole else [1] * len(self.rows)
        self.heavy = {leg for leg, particle in enumerate(process.particles) if particle.massive}
        self.gluons = frozenset(process.gluons())
        quarks, antiquarks = ({leg for leg, _ in legs} - self.heavy for legs in (process.quarks(), process.antiquarks()))
        self.light, self.antiquarks = sorted(quarks | antiquarks), antiquarks
        lines, turned = bool(self.light or self.heavy), [] if self.sampled else [*self.light, *sorted(self.gluons)]
        self.bit = {leg: 1 << k for k, leg in enumerate(turned)}
        conjugate = lines and not (self.heavy and self.width) and not self.sampled
        self.factor = 2 if conjugate else 2 ** len(process.particles) if self.sampled else 1
        self.row_spins = 1 if self.sampled else 2  # of the quark of a heavy line, and of its antiquark
        self.spins = 1 if self.sampled or (self.heavy and conjugate) else 2
        self.columns = 2 * self.row_spins * self.spins if self.heavy else 2 if lines else 1  # reals of an amplitude in one state

    def states(self) -> Iterator[int]:
        """Return the states of gluons and chiralities of which amplitudes are needed and can differ from 0, in Gray's order.

        A massless quark line keeps its chirality: as many quarks of a flavour are right-handed as antiquarks.
        """
        fixed = self.bit[self.light[0]] if self.factor == 2 and not self.heavy else 0
        for k in range(2 ** len(self.bit)):
            state = k ^ k >> 1
            right = Counter[str]()
            for leg in self.light:
                flavour = self.process.particles[leg].flavour
                right[flavour] += (-1 if leg in self.antiquarks else 1) * bool(state & self.bit[leg])
            if not any(right.values()) and not state & fixed:
                yield state

    def colour(self) -> Exact:
        """Return the colour matrix of the rows, divided by what spins and colours are averaged over."""
        last = None if self.light or self.heavy else max(self.gluons)
        return sums.matrix(self.values, self.rows, last, Fraction(self.factor, self.process.denominator))

    def makes(self, value: Value) -> Operation | None:
        """Return the operation; None if a chirality makes the value 0."""
        if value not in self._made:
            self._made[value] = getattr(self, f"_{value[0]}")(*value[1:])
        return self._made[value]

    def _of(self, what: str, node: Node, state: int) -> Value:
        mask = sum(self.bit.get(leg, 0) for leg in node.legs)
        return what, node, state & mask

    def _field(self, node: Node, state: int, what: str = "gluon") -> Operand:
        """Return where the current of a gluon is: of an external one in the vectors of both its states."""
        if node.parts:
            return self._of(what, node, state), 0
        (leg,) = node.legs
        return ("polarisation", node.legs, 0), 4 * bool(state & self.bit.get(leg, 0))

    def _momentum_of(self, legs: frozenset[int]) -> Operand:
        return ("momentum", legs, 0), 0

    def _inverse_of(self, legs: frozenset[int], quark: bool) -> Operand:
        return ("inverse_quark" if quark else "inverse", legs, 0), 0

    def _right(self, node: Node, state: int) -> bool | None:
        """Return the chirality of the line of a node; None for a heavy one."""
        assert node.line is not None
        leg = node.line[0] if node.line[0] in node.legs else node.line[1]
        return None if leg in self.heavy else bool(state & self.bit[leg])

    def _one_chirality(self, node: Node, state: int) -> bool:
        assert node.line is not None
        return node.line[0] in self.heavy or len({bool(state & self.bit[leg]) for leg in node.line}) == 1

    def _alive(self, operands: tuple[Operand, ...]) -> bool:
        return all(value[0] == "momentum" or self.makes(value) is not None for value, _ in operands)

    # The operation of each kind of value. The side with fewer particles, or fewer top quarks, makes a momentum or its square.

    def _momentum(self, legs: frozenset[int], _: int) -> Operation:
        every = frozenset(range(len(self.process.particles)))
        few, turned = (legs, False) if 2 * len(legs) <= len(every) else (every - legs, True)
        terms = (("in" if (leg < 2) != turned else "out", ((("particle", frozenset({leg}), 0), 0),)) for leg in sorted(few))
        return Operation(blocks.momentum(), (), tuple(terms))

    def _inverse(self, legs: frozenset[int], _: int) -> Operation:
        return self._pairs(legs, False)

    def _inverse_quark(self, legs: frozenset[int], _: int) -> Operation:
        return self._pairs(legs, True)

    def _pairs(self, legs: frozenset[int], quark: bool) -> Operation:
        other = frozenset(range(len(self.process.particles))) - legs
        tops = len(legs & self.heavy), len(other & self.heavy)
        few = sorted(legs if (tops[0], len(legs)) <= (tops[1], len(other)) else other)
        heavy = quark and bool(legs & self.heavy)
        terms = [
            ("alike" if (a < 2) == (b < 2) else "opposite", tuple(((("particle", frozenset({leg}), 0), 0)) for leg in (a, b)))
            for k, a in enumerate(few)
            for b in few[k + 1 :]
        ]
        return Operation(blocks.inverse(quark, heavy and self.width), (), tuple(terms))

    def _polarisation(self, legs: frozenset[int], _: int) -> Operation:
        return self._external(blocks.polarisation(self.sampled), legs)

    def _external(self, kind: Kind, legs: frozenset[int]) -> Operation:
        """Return what makes a wave function from a momentum, and from the choice of a state if that is an input."""
        choice: tuple[Operand, ...] = ((("choice", legs, 0), 0),) if self.sampled else ()
        return Operation(kind, ((("particle", legs, 0), 0), *choice))

    def _gluon(self, node: Node, state: int) -> Operation | None:
        terms = self._brackets(node, state)
        extras = (self._momentum_of(node.legs), self._inverse_of(node.legs, False))
        return Operation(gluons.gluon(not node.complex), extras, terms) if terms else None

    def _tensor(self, node: Node, state: int) -> Operation | None:
        terms = []
        for a, b in (nodes[::sign] for name, sign, nodes in node.parts if name == "bracket"):
            operands = self._field(a, state), self._field(b, state)
            if self._alive(operands):
                terms.append((f"wedge_{_size(a)}{_size(b)}", operands))
        return Operation(gluons.tensor(not node.complex), (), tuple(terms)) if terms else None

    def _brackets(self, node: Node, state: int) -> tuple[tuple[str, tuple[Operand, ...]], ...]:
        terms: list[tuple[str, tuple[Operand, ...]]] = []
        for name, sign, nodes in node.parts:
            if name == "source":
                terms.append((f"source_{'plus' if sign == 1 else 'minus'}", (self._field(nodes[0], state, "current"),)))
                continue
            a, b = nodes[::sign]  # the bracket changes its sign with its order
            terms.append(
                (f"bracket_{_size(a)}{_size(b)}", (self._momentum_of(a.legs), self._field(a, state), self._field(b, state)))
            )
            for one, other, word in ((a, b, "plus"), (b, a, "minus")):
                if any(part[0] == "bracket" for part in one.parts):
                    operands = self._field(one, state, "tensor"), self._field(other, state)
                    terms.append((f"four_{word}_{12 if one.complex else 6}{_size(other)}", operands))
        return tuple(term for term in terms if self._alive(term[1]))

    def _column(self, node: Node, state: int) -> Operation | None:
        return self._quark(node, state, row=False, bare=False)

    def _bare(self, node: Node, state: int) -> Operation | None:
        return self._quark(node, state, row=False, bare=True)

    def _row(self, node: Node, state: int) -> Operation | None:
        return self._quark(node, state, row=True, bare=False)

    def _quark(self, node: Node, state: int, row: bool, bare: bool) -> Operation | None:
        right, sort = self._right(node, state), "row" if row else "column"
        spins = 1 if right is not None else self.row_spins if row else self.spins
        if not node.parts:
            return self._external(
                blocks.top(row, spins, self.sampled) if right is None else blocks.massless(row, right), node.legs
            )
        terms = []
        for _, sign, (gluon, quark) in node.parts:
            operands = self._field(gluon, state), (self._of(sort, quark, state), 0)
            if self._alive(operands):
                terms.append((f"{'plus' if sign == 1 else 'minus'}_{_size(gluon)}", operands))
        extras = () if bare else (self._momentum_of(node.legs), self._inverse_of(node.legs, True))
        kind = blocks.quark(row, spins, right, bare, self.width and right is None and not bare)
        return Operation(kind, extras, tuple(terms)) if terms else None

    def _current(self, node: Node, state: int) -> Operation | None:
        ((_, _, (row, column)),) = node.parts
        operands = (self._of("row", row, state), 0), (self._of("column", column, state), 0)
        if not self._one_chirality(node, state) or not self._alive(operands):
            return None
        right = self._right(node, state)
        rows, columns = (self.row_spins, self.spins) if right is None else (1, 1)
        return Operation(blocks.current(rows, columns, right), operands)

    def _amplitude(self, node: Node, state: int) -> Operation | None:
        if node.line is None:
            last = max(self.gluons)
            extras = (
                self._momentum_of(node.legs - {last}),
                (("polarisation", frozenset({last}), 0), 4 * bool(state & self.bit.get(last, 0))),
            )
            return Operation(gluons.gluon_closed(), extras, self._brackets(node, state))
        terms = []
        for name, sign, (a, b) in node.parts:
            if name == "dot":
                operands = self._field(a, state), (self._of("current", b, state), 0)
                label = f"dot_{'plus' if sign == 1 else 'minus'}_{_size(a)}"
            else:
                operands = (self._of("row", a, state), 0), (self._of("bare" if b.parts else "column", b, state), 0)
                label = f"join_{'plus' if sign == 1 else 'minus'}"
            if self._alive(operands) and (name == "dot" or self._one_chirality(node, state)):
                terms.append((label, operands))
        right = self._right(node, state)
        rows, columns = (self.row_spins, self.spins) if right is None else (1, 1)
        return Operation(blocks.closed(rows, columns, right), (), tuple(terms))


def _size(node: Node) -> int:
    return 8 if node.complex else 4
