"""Tensors whose numbers have types of their own, as HGQ2 trains them: a type that holds all of them, and each one's."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, quantise


@dataclass(frozen=True)
class Varied(Fixed):
    """The type that holds all numbers of a tensor, whose integers share its point; `each` is that of every number.

    `shape` is that of the tensor's last axes, which `each` counts as C does. None is a number that is always zero.
    """

    shape: tuple[int, ...] = ()
    each: tuple[Fixed | None, ...] = ()

    def __str__(self) -> str:
        return f"{len(self.groups())} types in {Fixed.__str__(self)}"

    def groups(self) -> dict[Fixed, list[int]]:
        """Return the places of every type among the last axes, as one axis; those of no bits are left out."""
        found = dict[Fixed, list[int]]()
        for place, one in enumerate(self.each):
            if one is not None:
                found.setdefault(one, []).append(place)
        return found


def varied(types: Any) -> Fixed:
    """Return the type of a tensor from nested sequences, or an array, of the types of its last axes; one where all are alike.

    Raises BadInput where roundings or overflows differ, or no type of 62 bits holds all numbers.
    """
    array = np.array(types, object)
    while array.ndim and array.size and np.all(array == array[:1]):
        array = array[0, ...]
    each = tuple(array.ravel().tolist())
    some = [one for one in each if one is not None]
    if len({(one.rounding, one.overflow) for one in some}) > 1:
        raise BadInput("types of one tensor round or overflow differently: give all the same modes")
    if some and array.ndim == 0:
        first: Fixed = some[0]
        return first
    held = replace(joined(*some), rounding=some[0].rounding, overflow=some[0].overflow) if some else Fixed(False, 1, 1)
    return Varied(held.signed, held.bits, held.integer, held.rounding, held.overflow, array.shape, each)


def joined(*types: Fixed) -> Fixed:
    """Return a type that holds the numbers of all."""
    signed = any(one.signed for one in types)
    integer = max(one.integer + (signed and not one.signed) for one in types)
    return Fixed(signed, integer + max(one.fraction for one in types), integer)


def one_for_all(of: Fixed) -> Fixed:
    """Return the one type that holds all numbers of a tensor."""
    return Fixed(of.signed, of.bits, of.integer, of.rounding, of.overflow)


def shape_of(of: Fixed) -> tuple[int, ...]:
    """Return the last axes over which types differ, none where there is one for all."""
    return of.shape if isinstance(of, Varied) else ()


def every(of: Fixed, shape: tuple[int, ...], what: Callable[[Fixed], int]) -> Array:
    """Return an integer of each number's type, for a tensor of a shape; 0 for numbers of no bits."""
    if not isinstance(of, Varied):
        return np.full(shape, what(of))
    found = np.array([0 if one is None else what(one) for one in of.each], np.int64)
    return np.broadcast_to(found.reshape(of.shape), shape)


def by_channel(of: Fixed, channels: int) -> tuple[Array, Array, Array]:
    """Return the least and most real value of each channel, and its bits behind the point: those of the finest number."""
    shape = (*(shape_of(of) or (1,))[:-1], channels)
    point = every(of, shape, lambda one: one.fraction)
    low, high = (
        np.ldexp(every(of, shape, end).astype(float), -point) for end in (lambda one: one.lowest, lambda one: one.highest)
    )
    low, high, point = (one.reshape(prod(shape[:-1]), channels) for one in (low, high, point))
    return low.min(axis=0), high.max(axis=0), point.max(axis=0)


def of_channels(of: Fixed, these: Array) -> Fixed:
    """Return the type of the channels that a mask names."""
    if not isinstance(of, Varied):
        return of
    each = np.empty(len(of.each), object)
    each[:] = of.each
    return varied(np.broadcast_to(each.reshape(of.shape), (*of.shape[:-1], len(these)))[..., these])


def inside(k: Array, of: Fixed) -> bool:
    """Tell whether integers (batch, ..) of a type's point are numbers of the type, each of its own."""
    if not isinstance(of, Varied):
        return not k.size or of.lowest <= int(k.min()) <= int(k.max()) <= of.highest
    shape = k.shape[1:]
    up = every(of, shape, lambda one: of.fraction - one.fraction)
    low, high = every(of, shape, lambda one: one.lowest), every(of, shape, lambda one: one.highest)
    return bool(np.all((k >> up << up == k) & (k >> up >= low) & (k >> up <= high)))


def quantise_each(x: Array, to: Fixed) -> Array:
    """Return the int64 numbers k of the values k 2^-fraction that real numbers (batch, ..) become, each in its own type.

    Raises BadInput for NaN and infinity.
    """
    if not isinstance(to, Varied):
        return quantise(x, to)
    flat = np.asarray(x, np.float64).reshape(-1, len(to.each))
    if not np.all(np.isfinite(flat)):
        raise BadInput(f"NaN or infinity cannot become {to}")
    made = np.zeros(flat.shape, np.int64)
    for one, places in to.groups().items():
        made[:, places] = quantise(flat[:, places], one) << (to.fraction - one.fraction)
    return made.reshape(np.shape(x))
