"""Straight-line code that arithmetic on symbols writes: equal subexpressions once, constants folded, operations counted.

A value read at a neighbouring site lives in that neighbour's frame. Operations stay in a frame as long as they can; where
frames meet, values are moved to the own site. On a CPU a move is where lanes are permuted, which is thus done to what a hop
delivers (12 numbers) and not to what it reads (24, or 42 with the link); on a GPU it is nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OWN = 0  # the frame of the own site; frame k + 1 is that of hop k
LOADS = ("load", "load16")
FLOP = {"add": 1, "sub": 1, "mul": 1, "div": 1, "sqrt": 1}
_FOLDED: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "sqrt": math.sqrt,
    "larger": max,
    "magnitude": abs,
    "signum": lambda a: math.copysign(1, a),
}


@dataclass(frozen=True)
class Op:
    """One line: what it does to which earlier lines, and in whose frame (None: the same everywhere)."""

    kind: str  # load, load16 (of a whole number), scalar, const, arg, add, sub, mul, div, neg, sqrt, move, call, part
    args: tuple[int, ...] = ()
    what: Any = None  # load: (field, component, frame); scalar: name; const: value; arg, part: number; move: frame; call: Block
    frame: int | None = None


class Symbol:
    """A number that is not known yet; arithmetic on it writes lines."""

    __slots__ = ("index", "program")

    def __init__(self, program: "Program", index: int) -> None:
        self.program, self.index = program, index

    def __add__(self, other: Any) -> "Symbol":
        return self.program.emit("add", self, other)

    def __radd__(self, other: Any) -> "Symbol":
        return self.program.emit("add", other, self)

    def __sub__(self, other: Any) -> "Symbol":
        return self.program.emit("sub", self, other)

    def __rsub__(self, other: Any) -> "Symbol":
        return self.program.emit("sub", other, self)

    def __mul__(self, other: Any) -> "Symbol":
        return self.program.emit("mul", self, other)

    def __rmul__(self, other: Any) -> "Symbol":
        return self.program.emit("mul", other, self)

    def __truediv__(self, other: Any) -> "Symbol":
        return self.program.emit("div", self, other)

    def __rtruediv__(self, other: Any) -> "Symbol":
        return self.program.emit("div", other, self)

    def __neg__(self) -> "Symbol":
        return self.program.emit("neg", self)

    def __bool__(self) -> bool:
        raise TypeError("a kernel cannot branch on a number: it is written once, for all sites")

    def __eq__(self, other: object) -> bool:
        return bool(self)  # never: Python would compare by identity, and a body branch on that


@dataclass
class Program:
    """Lines in the order they were first written."""

    calls: bool = False  # building blocks are called, not written out
    ops: list[Op] = field(default_factory=list)
    known: dict[Op, int] = field(default_factory=dict)
    outputs: dict[str, list[int]] = field(default_factory=dict)

    @property
    def flop(self) -> int:
        """Operations of one execution: + - * / and square root count one each; what no output needs does not count."""
        live = self.live()
        return sum(
            op.what.program.flop if op.kind == "call" else FLOP.get(op.kind, 0) for i, op in enumerate(self.ops) if i in live
        )

    def live(self) -> set[int]:
        """Return the lines that outputs need."""
        found: set[int] = set()
        waiting = [line for lines in self.outputs.values() for line in lines]
        while waiting:
            line = waiting.pop()
            if line not in found:
                found.add(line)
                waiting += self.ops[line].args
        return found

    def line(self, op: Op) -> int:
        """Return the line that does this, written before or now."""
        if op not in self.known:
            self.known[op] = len(self.ops)
            self.ops.append(op)
        return self.known[op]

    def symbol(self, op: Op) -> Symbol:
        """Return the number that a line holds."""
        return Symbol(self, self.line(op))

    def index(self, number: Any) -> int:
        """Return the line of a symbol or a constant."""
        return number.index if isinstance(number, Symbol) else self.line(Op("const", what=float(number)))

    def emit(self, kind: str, *numbers: Any) -> Symbol:
        """Write one operation, or what it simplifies to."""
        args = [self.index(number) for number in numbers]
        values = [self._value(arg) for arg in args]
        if None not in values and not (kind == "div" and values[1] == 0):
            return self.symbol(Op("const", what=_FOLDED[kind](*values)))
        simplify: dict[str, Callable[..., int]] = {
            "add": self._sum,
            "sub": self._difference,
            "mul": self._product,
            "div": self._quotient,
            "neg": self._negated,
            "sqrt": lambda a: self._plain("sqrt", a),
            "larger": lambda a, b: self._plain("larger", a, b),
            "magnitude": lambda a: self._plain("magnitude", a),
            "signum": lambda a: self._plain("signum", a),
        }
        return Symbol(self, simplify[kind](*args))

    def moved(self, line: int) -> int:
        """Return the line's value at the own site."""
        frame = self.ops[line].frame
        return line if frame in (None, OWN) else self.line(Op("move", (line,), what=frame, frame=OWN))

    def call(self, block: "Block", numbers: list[Any]) -> list[Symbol]:
        """Write a call of a building block; return what it returns."""
        if any(op.kind == "call" and op.what == block and op.what.program is not block.program for op in self.ops):
            raise ValueError(f"two building blocks are named {block.name}: rename one")
        args = tuple(self.moved(self.index(number)) for number in numbers)
        line = self.line(Op("call", args, what=block, frame=OWN))
        return [self.symbol(Op("part", (line,), what=k, frame=OWN)) for k in range(len(block.program.outputs["out"]))]

    def _value(self, line: int) -> float | None:
        return self.ops[line].what if self.ops[line].kind == "const" else None

    def _negated(self, a: int) -> int:
        return self.ops[a].args[0] if self.ops[a].kind == "neg" else self._plain("neg", a)

    def _sum(self, a: int, b: int) -> int:
        for one, other in ((a, b), (b, a)):
            if self._value(one) == 0:
                return other
            if self.ops[one].kind == "neg":
                return self._difference(other, self.ops[one].args[0])
        return self._plain("add", a, b)

    def _difference(self, a: int, b: int) -> int:
        if self._value(b) == 0:
            return a
        if self._value(a) == 0:
            return self._negated(b)
        return self._sum(a, self.ops[b].args[0]) if self.ops[b].kind == "neg" else self._plain("sub", a, b)

    def _product(self, a: int, b: int) -> int:
        for one, other in ((a, b), (b, a)):
            value = self._value(one)
            if value == 0:
                return one
            if value == 1:
                return other
            if value == -1:
                return self._negated(other)
            if self.ops[one].kind == "neg":
                return self._negated(self._product(self.ops[one].args[0], other))
        return self._plain("mul", a, b)

    def _quotient(self, a: int, b: int) -> int:
        return a if self._value(b) == 1 else self._plain("div", a, b)

    def _plain(self, kind: str, *args: int) -> int:
        frames = {self.ops[arg].frame for arg in args} - {None}
        if len(frames) > 1:
            args, frames = tuple(self.moved(arg) for arg in args), {OWN}
        if kind in ("add", "mul"):
            args = tuple(sorted(args))
        return self.line(Op(kind, args, frame=frames.pop() if frames else None))


@dataclass(frozen=True)
class Block:
    """A building block: traced once, called often."""

    name: str
    program: Program = field(compare=False)
