"""Exact products of integer matrices by floating-point units, which are fast where integer ones are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.inference_rounding import Step, check, most, requantiser, storage
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, requantise

_MANTISSA = {"float32": 24, "float64": 53}  # sums of integers up to 2^24 and 2^53 are exact in any order


class Engine(Protocol):
    """Arrays of a framework that know + - * // << >> & | < @, .clip, .sum, indices and places; this is the rest."""

    def put(self, host: Array) -> Any:
        """Copy a host array to the device, of its dtype."""
        ...

    def cast(self, array: Any, dtype: str) -> Any:
        """Return the array in another dtype."""
        ...

    def largest(self, array: Any, axis: int) -> Any:
        """Return the largest along an axis, without it."""
        ...

    def stack(self, arrays: Sequence[Any], axis: int) -> Any:
        """Return arrays side by side along a new axis."""
        ...


@dataclass(frozen=True)
class Sums:
    """A step to integers k of values k 2^-fraction, |k| <= reach."""

    apply: Step
    fraction: int
    reach: int


@dataclass(frozen=True)
class Affine:
    """w^T x + b in integers: kernel (inputs, outputs), bias (outputs,), and their types."""

    name: str
    kernel: Array
    bias: Array
    weight: Fixed
    x: Fixed

    @property
    def finer(self) -> int:
        """Bits of x behind the point: a bias gets them, and where x has none before the point too, products get those instead."""
        return max(0, self.x.fraction)

    @property
    def fraction(self) -> int:
        """That of the sums."""
        return self.weight.fraction + self.finer

    @property
    def integers(self) -> tuple[Array, Array]:
        """Kernel and bias as Python's integers, so that products and bias have the fraction of the sums."""
        return self.kernel.astype(object) << max(0, -self.x.fraction), self.bias.astype(object) << self.finer

    @property
    def reach(self) -> int:
        """The largest magnitude of the sums and of all partial sums; raises BadInput beyond 62 bits."""
        kernel, bias = self.integers
        return check(self.name, int(np.max(np.sum(np.abs(kernel), 0) * most(self.x) + np.abs(bias), initial=0)))

    def kept(self, total: Fixed | None) -> bool:
        """Tell whether an accumulator of this type keeps every product and partial sum as it is."""
        if total is None:
            return True
        finer = total.fraction - self.fraction
        return finer >= 0 and self.reach << finer <= min(total.highest, -total.lowest)


def sums(engine: Engine, affine: Affine, total: Fixed | None, to: Fixed | None) -> Sums:
    """Return the sums of products of x (.., inputs): exact, or in an accumulator of the type `total`.

    An accumulator begins with the bias; products become its type one after the other, and so does each sum. Where none of them
    can change, they are exact. `to` is what the sums are requantised to next, if that is all.
    """
    if total is not None and not affine.kept(total):
        return _accumulated(engine, affine, total)
    kernel, bias = affine.integers
    dtype = "int64" if to is None else storage(affine.fraction, affine.reach, to)
    multiply, shift = product(engine, affine.name, kernel.astype(np.int64), most(affine.x), dtype), engine.put(bias.astype(dtype))
    return Sums(lambda x: multiply(x) + shift, affine.fraction, affine.reach)


def _accumulated(engine: Engine, affine: Affine, total: Fixed) -> Sums:
    """Return the sums where the accumulator rounds or overflows: then order and every step count."""
    kernel, bias = (array.astype(np.int64) for array in affine.integers)
    far = most(affine.x) * int(np.abs(kernel).max(initial=0))
    taken = requantiser(affine.name, affine.fraction, far, total)
    fitted = requantiser(affine.name, total.fraction, 2 * most(total), total)
    rows, begin = [engine.put(row) for row in kernel], engine.put(requantise(bias, affine.fraction, total))

    def apply(x: Any) -> Any:
        whole = engine.cast(x, "int64")
        done = begin
        for k, row in enumerate(rows):
            done = fitted(done + taken(whole[..., k : k + 1] * row))
        return done

    return Sums(apply, total.fraction, most(total))


def product(engine: Engine, name: str, kernel: Array, far: int, dtype: str) -> Step:
    """Return x -> x @ kernel as integers of the dtype, in the narrowest format that holds every partial sum; |x| <= far.

    Where not even float64 does, the kernel is split: w = w0 + 2^s w1 + .., each part with sums below 2^53, added as int64.
    Raises BadInput where a sum may leave 62 bits, or an input times the inputs' number 2^53.
    """
    reach = check(name, int(np.max(np.sum(np.abs(kernel.astype(object)), axis=0), initial=0)) * far)
    real = next((dtype for dtype, bits in _MANTISSA.items() if reach <= 1 << bits), "float64")
    step = _MANTISSA[real] - (far * kernel.shape[0]).bit_length()
    if step < 1:
        raise BadInput(f"layer {name!r}: {kernel.shape[0]} inputs up to {far} are too wide for exact products: take fewer bits")
    parts = [kernel] if reach <= 1 << _MANTISSA[real] else _parts(kernel, step)
    digits = [engine.put(part.astype(real)) for part in parts]

    def apply(x: Any) -> Any:
        flat = engine.cast(x, real).reshape(-1, kernel.shape[0])
        total = engine.cast(flat @ digits[0], dtype)
        for k, digit in enumerate(digits[1:], start=1):
            total = total + (engine.cast(flat @ digit, dtype) << (k * step))
        return total.reshape(*x.shape[:-1], kernel.shape[1])

    return apply


def _parts(kernel: Array, step: int) -> list[Array]:
    """Return the digits of weights to the base 2^step, the last of which carries the sign."""
    parts, rest = [], kernel.astype(np.int64)
    while np.any((rest >= 1 << step) | (rest < -(1 << step))):
        parts.append(rest & ((1 << step) - 1))
        rest = rest >> step
    return [*parts, rest]
