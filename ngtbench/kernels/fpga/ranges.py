"""Ranges of what layers compute, channel by channel: adders are as wide as their numbers, not as their types."""

from math import prod

import numpy as np

from ngtbench.kernels.fpga.network import Layer, Shape
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, values

Ends = tuple[Array, Array]  # least and most real value of each channel


def whole(of: Fixed, channels: int) -> Ends:
    """Return the range of a type."""
    return np.full(channels, values(np.array(of.lowest), of)), np.full(channels, values(np.array(of.highest), of))


def windows(layer: Layer, ends: Ends) -> Ends:
    """Return the ranges of a layer's inputs, those of a convolution's window one after the other; padding brings zeros."""
    kernel = layer.arrays["kernel"]
    least, most = (np.tile(end, prod(kernel.shape[:-2])) for end in ends)
    padded = layer.kind in ("conv1d", "conv2d") and layer.option("padding") == "same"
    return (np.minimum(least, 0), np.maximum(most, 0)) if padded else (least, most)


def sums(weights: Array, ends: Ends) -> Ends:
    """Return the ranges of sums over inputs of real weights (inputs, outputs)."""
    low, high = (np.reshape(end, (-1, 1)) for end in ends)
    return np.minimum(weights * low, weights * high).sum(axis=0), np.maximum(weights * low, weights * high).sum(axis=0)


def results(layer: Layer, before: Shape, given: tuple[Ends, ...]) -> Ends:
    """Return the ranges of a layer's results, of those of its inputs."""
    first, weight = given[0], layer.weight
    match layer.kind:
        case "dense" | "conv1d" | "conv2d" | "batchnorm" if weight is not None:
            name, added = ("scale", "shift") if layer.kind == "batchnorm" else ("kernel", "bias")
            array, more = values(layer.integers(name), weight), layer.integers(added) if added in layer.arrays else np.array(0)
            if layer.kind == "batchnorm":
                least, most = sums(np.diag(array), first)
            else:
                least, most = sums(array.reshape(-1, array.shape[-1]), windows(layer, first))
            found = least + values(more, weight), most + values(more, weight)
        case "add":
            found = first[0] + given[1][0], first[1] + given[1][1]
        case "activation" if layer.option("function") == "relu":
            found = np.maximum(first[0], 0), np.maximum(first[1], 0)
        case "pool":
            found = first
        case "flatten":
            found = np.tile(first[0], prod(before[:-1])), np.tile(first[1], prod(before[:-1]))
        case _:
            return whole(layer.result, layer.arrays["recurrent"].shape[0] if layer.arrays else before[-1])
    return _kept(layer.result, found)


def _kept(to: Fixed, ends: Ends) -> Ends:
    """Return ranges after a type took them in: cut off, or all of it where numbers wrap."""
    low, high = whole(to, len(ends[0]))
    step = np.ldexp(1.0, -to.fraction)
    least, most = np.floor(ends[0] / step) * step, np.ceil(ends[1] / step) * step
    if to.overflow == "SAT_ZERO":
        return np.clip(np.minimum(least, 0), low, high), np.clip(np.maximum(most, 0), low, high)
    if to.overflow != "WRAP":
        return np.clip(least, low, high), np.clip(most, low, high)
    out = (least < low) | (most > high)
    return np.where(out, low, least), np.where(out, high, most)
