"""Layers of fixed-point inference that multiply, add, pool and reshape, as steps on integers (batch, ..)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ngtbench.kernels.fpga.inference_product import Affine, Engine, sums
from ngtbench.kernels.fpga.inference_rounding import check, divider, most, requantiser, storage
from ngtbench.kernels.fpga.network import Layer
from ngtbench.kernels.fpga.varied import Varied
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

Step = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    """A layer with what it is given: an engine, the types of its inputs, and the shape of the first without the batch."""

    engine: Engine
    layer: Layer
    types: tuple[Fixed, ...]
    shape: tuple[int, ...]

    @cached_property
    def weight(self) -> Fixed:
        """The type of its weights: a layer that has some has one."""
        assert self.layer.weight is not None
        return self.layer.weight

    def affine(self, kernel: str = "kernel", bias: str = "bias", x: Fixed | None = None) -> Affine:
        """Return the product with one of its kernels, whose axes but the last are inputs, and a bias, zero where missing."""
        weights = self.layer.integers(kernel)
        flat = weights.reshape(-1, weights.shape[-1])
        added = self.layer.integers(bias) if bias in self.layer.arrays else np.zeros(flat.shape[1], np.int64)
        return Affine(self.layer.name, flat, added, self.weight, self.types[0] if x is None else x)

    def to_result(self, fraction: int, reach: int) -> Step:
        """Return the step to the layer's result from integers k of values k 2^-fraction, |k| <= reach."""
        return self.each(lambda to: requantiser(self.layer.name, fraction, reach, to))

    def each(self, step: Callable[[Fixed], Step]) -> Step:
        """Return the step to the layer's result that takes each number through the step of its type, on to the common point."""
        result = self.layer.result
        if not isinstance(result, Varied):
            return step(result)
        wide = len(result.each)
        steps = [(self.engine.put(np.array(at)), step(to), result.fraction - to.fraction) for to, at in result.groups().items()]

        def apply(k: Any) -> Any:
            flat = self.engine.cast(k, "int64").reshape(-1, wide)
            made = flat * 0
            for places, own, up in steps:
                made[:, places] = own(flat[:, places]) << up
            return made.reshape(k.shape)

        return apply


def dense(place: Place) -> Step:
    """Return w^T x + b over the last axis."""
    made = sums(place.engine, place.affine(), place.layer.total, place.layer.result)
    after = place.to_result(made.fraction, made.reach)
    return lambda x: after(made.apply(x))


def convolution(place: Place) -> Step:
    """Return a dense step on every window, whose numbers come in the order of the kernel's axes."""
    layer, kernel = place.layer, place.layer.arrays["kernel"]
    at, inside, moved = windows(place.shape[:-1], kernel.shape[:-2], layer.option("stride"), layer.option("padding") == "same")
    index, mask = place.engine.put(at), None if inside.all() else place.engine.put(inside[:, :, None].astype(np.int32))
    step = dense(place)

    def apply(x: Any) -> Any:
        batch, channels = x.shape[0], x.shape[-1]
        taken = x.reshape(batch, -1, channels)[:, index]  # (batch, places, window, channels)
        taken = taken if mask is None else taken * mask
        return step(taken.reshape(batch, len(at), -1)).reshape(batch, *moved, -1)

    return apply


def pool(place: Place) -> Step:
    """Return the largest number of each window, or the exact mean rounded once."""
    layer, axes = place.layer, len(place.shape) - 1
    size = (layer.option("size"),) * axes
    at, _, moved = windows(place.shape[:-1], size, layer.option("stride"), False)
    index, (x_type,) = place.engine.put(at), place.types
    if layer.option("of") == "max":
        after = place.to_result(x_type.fraction, most(x_type))
    else:
        count = math.prod(size)
        after = place.each(lambda to: divider(layer.name, x_type.fraction, most(x_type) * count, count, to))

    def apply(x: Any) -> Any:
        taken = x.reshape(x.shape[0], -1, x.shape[-1])[:, index]
        one = place.engine.largest(taken, 2) if layer.option("of") == "max" else place.engine.cast(taken, "int64").sum(2)
        return after(one).reshape(x.shape[0], *moved, -1)

    return apply


def windows(sizes: tuple[int, ...], window: tuple[int, ...], stride: int, same: bool) -> tuple[Array, Array, tuple[int, ...]]:
    """Return flat places (windows, window), which of them are inside, and how many windows an axis has.

    With `same` a window more fits at each end as far as zeros are needed, the odd one behind, as in TensorFlow and ONNX's
    SAME_UPPER.
    """
    places, inside, moved = np.zeros((1, 1), np.int64), np.ones((1, 1), bool), []
    for size, wide in zip(sizes, window, strict=True):
        steps = -(-size // stride) if same else (size - wide) // stride + 1
        before = max(0, (steps - 1) * stride + wide - size) // 2 if same else 0
        at = np.arange(steps)[:, None] * stride + np.arange(wide) - before
        within = (at >= 0) & (at < size)
        places = (places[:, None, :, None] * size + at[None, :, None, :].clip(0, size - 1)).reshape(len(places) * steps, -1)
        inside = (inside[:, None, :, None] & within[None, :, None, :]).reshape(len(places), -1)
        moved.append(steps)
    return places, inside, tuple(moved)


def batchnorm(place: Place) -> Step:
    """Return scale x + shift, exact before it becomes the result."""
    (x_type,), finer = place.types, max(0, place.types[0].fraction)
    scale = place.layer.integers("scale").astype(object) << max(0, -x_type.fraction)
    shift = place.layer.integers("shift").astype(object) << finer
    fraction, reach = place.weight.fraction + finer, int(np.max(np.abs(scale) * most(x_type) + np.abs(shift)))
    check(place.layer.name, reach)
    dtype = storage(fraction, reach, place.layer.result)
    by, to = (place.engine.put(array.astype(dtype)) for array in (scale, shift))
    after = place.to_result(fraction, reach)
    return lambda x: after(place.engine.cast(x, dtype) * by + to)


def add(place: Place) -> Step:
    """Return the sum of two inputs, whose points are brought together."""
    fraction = max(one.fraction for one in place.types)
    ups = [fraction - one.fraction for one in place.types]
    reach = check(place.layer.name, sum(most(one) << up for one, up in zip(place.types, ups, strict=True)))
    dtype, after = storage(fraction, reach, place.layer.result), place.to_result(fraction, reach)
    return lambda x, y: after((place.engine.cast(x, dtype) << ups[0]) + (place.engine.cast(y, dtype) << ups[1]))


def relu(place: Place) -> Step:
    """Return what is above zero, and zero."""
    (x_type,) = place.types
    after = place.to_result(x_type.fraction, most(x_type))
    dtype = storage(x_type.fraction, most(x_type), place.layer.result)
    return lambda x: after(place.engine.cast(x, dtype).clip(0, None))


def flatten(place: Place) -> Step:
    """Return all numbers of a sample in one axis."""
    (x_type,) = place.types
    after = place.to_result(x_type.fraction, most(x_type))
    dtype = storage(x_type.fraction, most(x_type), place.layer.result)
    return lambda x: after(place.engine.cast(x, dtype)).reshape(x.shape[0], -1)
