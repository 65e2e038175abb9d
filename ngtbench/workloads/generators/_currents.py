"""Off-shell currents with explicit colours: what a set of legs makes of itself, and how two sets meet.

Feynman rules of Peskin and Schroeder, with D = d - i g A^a T^a: vertices i g gamma^mu T^a,
g f^{abc} [g^{mu nu} (k - p)^rho + ...] and
-i g^2 [f^{abe} f^{cde} (g^{mu rho} g^{nu sigma} - g^{mu sigma} g^{nu rho}) + ...], all momenta incoming; Feynman gauge;
top quarks of fixed width. No current is taken to be conserved, for with a width those of quarks are not.
"""

import functools
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.workloads.generators import _spinors, _vertices

Legs = tuple[int, ...]
Kind = Literal["gluon", "row", "column"]


@dataclass(frozen=True)
class Line:
    """A quark line: the leg where it leaves, the leg where it enters, and what its propagators have."""

    row: int
    column: int
    mass: float
    width: float


@dataclass(frozen=True)
class Current:
    """Legs joined by all their diagrams.

    `field` (events, points of colour, states of the legs, components) has as components colour 8 x Lorentz 4 of a gluon, colour
    3 x spin 4 of a quark: a row on the side where its line leaves, a column where it enters. `tensor`, with 8 x 6 components,
    is two gluons at a vertex of four.
    """

    legs: Legs
    kind: Kind
    momentum: Array  # (events, 4), incoming
    field: Array
    line: Line | None = None  # of a quark
    tensor: Array | None = None

    @functools.cached_property
    def matrix(self) -> Array:
        """A gluon as a matrix on quarks."""
        return _vertices.on_quarks(self.field)


def meet(one: Current, other: Current, g: float) -> Current | None:
    """Return what two currents give at a vertex, without a propagator; None where no vertex joins them."""
    if one.kind == "gluon" and other.kind == "gluon":
        return _gluons(one, other, g)
    if one.kind == "gluon" or (one.kind == "column" and other.kind == "row"):
        return meet(other, one, g)
    if other.kind == "gluon":
        return _joined(one, other, 1j * g * _vertices.along(one.field, other.matrix, one.kind == "row"), one)
    if one.kind != other.kind and one.line == other.line:
        return _joined(one, other, 1j * g * _vertices.from_quarks(one.field, other.field))
    return None


def _gluons(one: Current, other: Current, g: float) -> Current:
    three, tensor = _vertices.three(one.field, other.field, one.momentum, other.momentum)
    field: Array = g * three
    if one.tensor is not None:
        field = field - 1j * g * g * _vertices.four(one.tensor, other.field)
    if other.tensor is not None:
        field = field - 1j * g * g * _vertices.four(other.tensor, one.field).swapaxes(2, 3)
    joined = _joined(one, other, field)
    return replace(joined, tensor=_ascending(tensor, one.legs, other.legs))


def _joined(one: Current, other: Current, field: Array, like: Current | None = None) -> Current:
    """Return a quark current like the one given, or a gluon's, from a field with axes for the states of either."""
    kind: Kind = like.kind if like else "gluon"
    line = like.line if like else None
    legs = tuple(sorted(one.legs + other.legs))
    return Current(legs, kind, one.momentum + other.momentum, _ascending(field, one.legs, other.legs), line)


def total(parts: list[Current]) -> Current:
    """Return the sum of currents of the same legs."""
    fields, tensors = [part.field for part in parts], [part.tensor for part in parts if part.tensor is not None]
    return replace(parts[0], field=plus(fields), tensor=plus(tensors) if tensors else None)


def plus(arrays: list[Array]) -> Array:
    """Return the sum of one or more arrays of one shape."""
    return functools.reduce(np.add, arrays)


def propagate(current: Current) -> Current:
    """Return a current times its propagator; the numerator of a quark's has the momentum along the arrow of its line."""
    line, k, square = current.line, current.momentum, _spinors.square(current.momentum)
    if line is None:
        return replace(current, field=current.field * (-1j / square)[:, None, None, None])
    row = current.kind == "row"
    numerator = _spinors.slash(-k if row else k) + line.mass * np.eye(4)
    matrix = (1j / (square - line.mass**2 + 1j * line.mass * line.width))[:, None, None] * numerator
    spins = current.field.reshape(len(k), -1, 4) @ (matrix if row else matrix.swapaxes(-1, -2))
    return replace(current, field=spins.reshape(current.field.shape))


def close(one: Current, other: Current, g: float) -> Array:
    """Return what the diagrams give in which one current without, and one with its propagator are all legs."""
    if one.kind != "gluon":
        return _ascending(_pairs(one.field, other.field), one.legs, other.legs)
    value = _pairs(one.field * np.tile(_spinors.METRIC, 8), other.field)
    if one.tensor is not None and other.tensor is not None:
        value -= 1j * g * g * _pairs(one.tensor * np.tile(_vertices.PAIR_METRIC, 8), other.tensor)
    return _ascending(value, one.legs, other.legs)


def _pairs(one: Array, other: Array) -> Array:
    product: Array = one @ other.swapaxes(-1, -2)
    return product


def _ascending(product: Array, one: Legs, other: Legs) -> Array:
    """Return (events, points, states of one, states of other, ...) with all states on one axis, legs in ascending order."""
    legs = (*one, *other)
    rest = product.shape[4:]
    apart = product.reshape(*product.shape[:2], *(2,) * len(legs), *rest)
    order = (0, 1, *(2 + int(k) for k in np.argsort(legs)), *range(2 + len(legs), apart.ndim))
    return apart.transpose(order).reshape(*product.shape[:2], 2 ** len(legs), *rest)
