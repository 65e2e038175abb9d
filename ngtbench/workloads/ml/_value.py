"""Arrays that remember how they came to be, and gradients with respect to those they came from; `_tape` has the functions.

What depends on no leaf keeps neither operands nor pulls, so evaluating a network on plain arrays costs no memory for a graph.
"""

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

Index = int | slice | EllipsisType | None
Pull = Callable[[Array], Array]  # gradient of a result -> that of an operand, before what was broadcast is summed


class Value:
    """An array and how it came to be: operands that lead to leaves, each with its pull; constants have depth 0, leaves 1."""

    __slots__ = ("data", "depth", "edges")
    __array_ufunc__ = None  # array + Value is ours

    def __init__(self, data: Array | float, edges: "tuple[Edge, ...]" = (), depth: int = 0) -> None:
        self.data: Array = np.asarray(data, dtype=np.float64)
        self.edges, self.depth = edges, depth

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the array."""
        return tuple(self.data.shape)

    def __neg__(self) -> "Value":
        return result(-self.data, (self, lambda g: -g))

    def __add__(self, other: "Operand") -> "Value":
        return result(self.data + array(other), (self, lambda g: g), (other, lambda g: g))

    def __sub__(self, other: "Operand") -> "Value":
        return result(self.data - array(other), (self, lambda g: g), (other, lambda g: -g))

    def __rsub__(self, other: Array | float) -> "Value":
        return Value(other) - self

    def __mul__(self, other: "Operand") -> "Value":
        y = array(other)
        return result(self.data * y, (self, lambda g: g * y), (other, lambda g: g * self.data))

    def __truediv__(self, other: "Operand") -> "Value":
        y = array(other)
        return result(self.data / y, (self, lambda g: g / y), (other, lambda g: -g * self.data / y**2))

    def __rtruediv__(self, other: Array | float) -> "Value":
        return Value(other) / self

    def __matmul__(self, other: "Operand") -> "Value":
        x, y = self.data, array(other)
        if min(x.ndim, y.ndim) < 2:
            raise BadInput(f"_tape: {x.shape} @ {y.shape} is no product of matrices; reshape vectors to rows or columns")
        return result(x @ y, (self, lambda g: g @ y.swapaxes(-1, -2)), (other, lambda g: x.swapaxes(-1, -2) @ g))

    def __rmatmul__(self, other: Array) -> "Value":
        return Value(other) @ self

    def __getitem__(self, index: "Index | tuple[Index, ...]") -> "Value":
        if not all(isinstance(part, Index) for part in (index if isinstance(index, tuple) else (index,))):
            raise BadInput(f"_tape: a Value is indexed by integers and slices, not {index!r}; `take` has index arrays")
        return result(self.data[index], (self, lambda g: scattered(g, index, self.shape)))

    __radd__, __rmul__ = __add__, __mul__


Operand = Value | Array | float
Edge = tuple[Value, Pull]


def leaf(data: Array | float) -> Value:
    """Return a Value that gradients are wanted of."""
    return Value(data, (), 1)


def gradients(loss: Value, leaves: Sequence[Value]) -> list[Array]:
    """Return d loss / d leaf of a scalar loss, each of its leaf's shape; zero where the loss does not depend on it."""
    if loss.shape:
        raise BadInput(f"_tape: gradients are of a scalar, the loss has shape {loss.shape}; reduce it by `mean` or `total`")
    if not all(x.depth for x in leaves):
        raise BadInput("_tape: a constant has no gradient; make it by `leaf` where one is wanted")
    reached, todo = {id(loss): loss}, [loss]
    while todo:
        fresh = {id(x): x for x, _ in todo.pop().edges if id(x) not in reached}
        reached.update(fresh)
        todo.extend(fresh.values())
    wanted, flow = {id(x) for x in leaves}, {id(loss): np.ones(())}
    for node in sorted(reached.values(), key=lambda x: -x.depth):  # all that use a Value are deeper than it
        g = flow[id(node)] if id(node) in wanted else flow.pop(id(node))
        for x, pull in node.edges:
            part = _narrowed(pull(g), x.shape)
            flow[id(x)] = flow[id(x)] + part if id(x) in flow else part
    return [np.array(flow[id(x)]) if id(x) in flow else np.zeros(x.shape) for x in leaves]


def array(x: Operand) -> Array:
    """Return the numbers alone, in float64."""
    return x.data if isinstance(x, Value) else np.asarray(x, dtype=np.float64)


def result(data: Array, *edges: tuple[Operand, Pull]) -> Value:
    """Return the Value that the operands led to; their pulls are kept where they lead on to a leaf."""
    kept = tuple((x, pull) for x, pull in edges if isinstance(x, Value) and x.depth)
    return Value(data, kept, 1 + max((x.depth for x, _ in kept), default=-1))


def scattered(rows: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """Return zeros of this shape to which the rows are added at an index, that of an array `x` in `x[index]`."""
    made = np.zeros(shape)
    np.add.at(made, index, rows)
    return made


def _narrowed(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which an operand of this shape was broadcast."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1 < g.shape[i])
    summed: Array = g.sum(axis=ones, keepdims=True)
    return summed
