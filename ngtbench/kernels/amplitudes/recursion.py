"""The currents of a process, colour structure by colour structure: what is to be added up for each, without helicities yet.

Currents of a set of particles are joined from those of its parts. A colour-ordered current of gluons and the one of the reversed
word are the same up to a sign, and only one is kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import permutations
from typing import Literal

from ngtbench.kernels.amplitudes.colour import Key, Letters
from ngtbench.physics.processes import Process

Sort = Literal["gluon", "column", "row", "current", "amplitude"]
Part = tuple[str, int, tuple["Node", ...]]  # bracket, source, emit, dot, join or contract; sign; what of


@dataclass(frozen=True, eq=False)
class Node:
    """A current or an amplitude: sum of parts; an external particle has none.

    `line` is the quark line of a row, a column or a current, as (quark leg, antiquark leg).
    """

    sort: Sort
    legs: frozenset[int]
    parts: tuple[Part, ...] = ()
    line: tuple[int, int] | None = None
    number: int = 0  # of a process's nodes

    @cached_property
    def complex(self) -> bool:
        """Tell whether a gluon's current comes from quarks too."""
        return any(
            name == "source" or any(node.complex for node in nodes if node.sort == "gluon") for name, _, nodes in self.parts
        )


Values = dict[Key, list[tuple[Fraction, Node]]]  # colour structure -> coefficients of currents


@dataclass
class Recursion:
    """Currents of one process for one way to pair quarks with antiquarks; nodes that are equal are one."""

    process: Process
    pairing: dict[int, int]  # quark leg -> antiquark leg
    nodes: dict[tuple[object, ...], Node]
    known: dict[tuple[Sort, frozenset[int]], Values] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up which letters are what."""
        self.letters = Letters(frozenset(self.pairing), frozenset(self.pairing.values()))
        self.gluons = frozenset(self.process.gluons())

    def amplitudes(self) -> Values:
        """Return the amplitude of each colour structure: of strings, or of words that begin with the first gluon."""
        legs = frozenset(range(len(self.process.particles)))
        return self._closed(legs) if self.pairing else self._gluons_only(legs)

    def gluon(self, legs: frozenset[int]) -> Values:
        """Return the currents of gluons."""
        return self._of("gluon", legs)

    def column(self, legs: frozenset[int]) -> Values:
        """Return the currents of a quark line that holds its antiquark."""
        return self._of("column", legs)

    def row(self, legs: frozenset[int]) -> Values:
        """Return the currents of a quark line that holds its quark."""
        return self._of("row", legs)

    def _of(self, sort: Sort, legs: frozenset[int]) -> Values:
        if (sort, legs) not in self.known:
            self.known[sort, legs] = self._made(sort, legs)
        return self.known[sort, legs]

    def _made(self, sort: Sort, legs: frozenset[int]) -> Values:
        line = self._line(sort, legs)
        if line is False:
            return {}
        if len(legs) == 1:
            (leg,) = legs
            return {Key((leg,)): [(Fraction(1), self._node(sort, legs, (), line))]}
        made = {"gluon": self._joined_gluons, "column": self._emitting, "row": self._emitting}[sort]
        parts: dict[Key, list[tuple[Fraction, Part]]] = defaultdict(list)
        for key, factor, part in made(sort, legs):
            parts[key].append((factor, part))
        return self._grouped(sort, legs, parts, line)

    def _line(self, sort: Sort, legs: frozenset[int]) -> tuple[int, int] | Literal[False] | None:
        """Return the line that is open, None where none is; False for sets that cannot be joined to what is asked."""
        open_lines = [line for line in self.pairing.items() if (line[0] in legs) != (line[1] in legs)]
        if sort == "gluon":
            return False if open_lines else None
        if len(open_lines) != 1 or (open_lines[0][0] in legs) != (sort == "row"):
            return False
        return open_lines[0]

    def _grouped(
        self, sort: Sort, legs: frozenset[int], parts: dict[Key, list[tuple[Fraction, Part]]], line: tuple[int, int] | None
    ) -> Values:
        """Make a node of what has one colour structure and, but for its sign, one coefficient."""
        values: Values = {}
        for key, found in parts.items():
            alike: dict[Fraction, list[Part]] = defaultdict(list)
            for factor, (name, sign, nodes) in found:
                alike[abs(factor)].append((name, sign if factor > 0 else -sign, nodes))
            values[key] = []
            for factor, some in alike.items():
                some.sort(key=lambda part: (part[0] != "source", [node.number for node in part[2]]))
                # Equal currents are then found equal. With one line at most the sign stays inside: swaps of words are of rows.
                overall = some[0][1] if sort != "amplitude" or len(self.pairing) > 1 else 1
                same = tuple((name, sign * overall, nodes) for name, sign, nodes in some)
                values[key].append((overall * factor, self._node(sort, legs, same, line)))
        if sort == "gluon" and legs <= self.gluons:
            for key in list(values):
                values[Key(key.word[::-1])] = [((-1) ** (len(legs) - 1) * factor, node) for factor, node in values[key]]
        return values

    def _node(self, sort: Sort, legs: frozenset[int], parts: tuple[Part, ...], line: tuple[int, int] | None) -> Node:
        node = Node(sort, legs, parts, line, len(self.nodes))
        return self.nodes.setdefault((sort, legs, parts, line), node)

    def _joined_gluons(self, _: Sort, legs: frozenset[int]) -> Iterator[tuple[Key, Fraction, Part]]:
        pure = legs <= self.gluons
        for left, right in _halves(legs):
            for (key_a, a), (key_b, b) in _pairs(self.gluon(left), self.gluon(right)):
                if not (key_a.word and key_b.word):
                    continue  # the unit matrix commutes
                for one, other, sign in ((key_a, key_b, 1), (key_b, key_a, -1)):
                    key = self.letters.product(one, other)
                    if not pure or key.word[0] < key.word[-1]:
                        yield key, a[0] * b[0], ("bracket", sign, (a[1], b[1]))
        if not pure:
            for left, right in _halves(legs, both=True):
                for (key_row, row), (key_column, column) in _pairs(self.row(left), self.column(right)):
                    if row[1].line != column[1].line:
                        continue
                    node = self._node("current", legs, (("current", 1, (row[1], column[1])),), row[1].line)
                    factor = row[0] * column[0]
                    outer = self.letters.product(key_column, key_row)
                    inner = self.letters.product(key_row, key_column)
                    yield outer, factor / 2, ("source", 1, (node,))
                    yield inner, -factor / 6, ("source", 1, (node,))

    def _emitting(self, sort: Sort, legs: frozenset[int]) -> Iterator[tuple[Key, Fraction, Part]]:
        for left, right in _halves(legs, both=True):
            for (key_a, a), (key_b, b) in _pairs(self.gluon(left), self._of(sort, right)):
                key = self.letters.product(key_a, key_b) if sort == "column" else self.letters.product(key_b, key_a)
                yield key, a[0] * b[0], ("emit", 1, (a[1], b[1]))

    def _closed(self, legs: frozenset[int]) -> Values:
        """Join everything to one quark, a heavy one if there is."""
        root = min(self.pairing, key=lambda leg: (not self.process.particles[leg].massive, leg))
        quark = next(iter(self.row(frozenset({root})).values()))[0][1]
        start, parts = Key((root,)), defaultdict[Key, list[tuple[Fraction, Part]]](list)
        for left, right in _halves(legs - {root}, both=True):
            for (key_a, a), (key_b, b) in _pairs(self.gluon(left), self.column(right)):
                key = self.letters.product(self.letters.product(start, key_a), key_b)
                if len(left) == 1:
                    row = self._node("row", left | {root}, (("emit", 1, (a[1], quark)),), quark.line)
                    parts[key].append((a[0] * b[0], ("join", 1, (row, b[1]))))
                else:
                    current = self._node("current", right | {root}, (("current", 1, (quark, b[1])),), quark.line)
                    parts[key].append((a[0] * b[0], ("dot", 1, (a[1], current))))
        return self._grouped("amplitude", legs, parts, quark.line)

    def _gluons_only(self, legs: frozenset[int]) -> Values:
        """Join all gluons to the last one; the first comes first in each word."""
        first, last = min(legs), max(legs)
        parts = defaultdict[Key, list[tuple[Fraction, Part]]](list)
        for left, right in _halves(legs - {last}):
            if first not in left:
                left, right = right, left
            for (key_a, a), (key_b, b) in _pairs(self.gluon(left), self.gluon(right)):
                if key_a.word[0] == first:
                    parts[Key(key_a.word + key_b.word)].append((a[0] * b[0], ("bracket", 1, (a[1], b[1]))))
        return self._grouped("amplitude", legs, parts, None)


def pairings(process: Process) -> list[tuple[int, dict[int, int]]]:
    """Return every way to join quarks to antiquarks of their flavours, with the sign of the permutation."""
    quarks, antiquarks = process.quarks(), process.antiquarks()
    found = []
    for order in permutations(range(len(antiquarks))):
        if all(flavour == antiquarks[k][1] for (_, flavour), k in zip(quarks, order, strict=True)):
            odd = sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order))) % 2
            found.append((-1 if odd else 1, {leg: antiquarks[k][0] for (leg, _), k in zip(quarks, order, strict=True)}))
    return found


def amplitudes(process: Process) -> Values:
    """Return the amplitude of each colour structure as a sum of nodes with exact coefficients."""
    nodes: dict[tuple[object, ...], Node] = {}
    total: Values = defaultdict(list)
    for sign, pairing in pairings(process):
        for key, found in Recursion(process, pairing, nodes).amplitudes().items():
            total[key] += [(sign * factor, node) for factor, node in found]
    return dict(total)


def _halves(legs: frozenset[int], both: bool = False) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Return the ways to split a set in two that are not empty, each once, or `both` ways round."""
    order = sorted(legs)
    for mask in range(1, 2 ** len(order) - 1):
        left = frozenset(leg for k, leg in enumerate(order) if mask >> k & 1)
        if both or order[0] in left:
            yield left, legs - left


def _pairs(left: Values, right: Values) -> Iterator[tuple[tuple[Key, tuple[Fraction, Node]], tuple[Key, tuple[Fraction, Node]]]]:
    for key_a, some in left.items():
        for key_b, others in right.items():
            for a in some:
                for b in others:
                    yield (key_a, a), (key_b, b)
