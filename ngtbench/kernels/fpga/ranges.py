"""Ranges of what layers compute, channel by channel: adders are as wide as their numbers, not as their types."""

from math import prod
from typing import NamedTuple

import numpy as np

from ngtbench.kernels.fpga.network import Layer, Shape
from ngtbench.kernels.fpga.varied import by_channel
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, values

NOTHING = -99  # bits behind the point of a number that is always zero


class Ends(NamedTuple):
    """Least and most real value of each channel, and the bits behind the point that it uses."""

    least: Array
    most: Array
    fraction: Array

    def at(self, these: Array) -> "Ends":
        """Return the ranges of the channels that a mask or index names."""
        return Ends(self.least[these], self.most[these], self.fraction[these])

    def tiled(self, times: int) -> "Ends":
        """Return the ranges of channels, so often one after the other."""
        return Ends(np.tile(self.least, times), np.tile(self.most, times), np.tile(self.fraction, times))

    @property
    def varies(self) -> Array:
        """Mask of the channels that are no constants."""
        return np.array(self.least < self.most, bool)

    @property
    def bits(self) -> Array:
        """Width of each channel in two's complement, without a sign bit where none is needed."""
        low, high = (np.ldexp(end, self.fraction) for end in (self.least, self.most))
        magnitude = np.maximum(np.floor(high), np.ceil(-low) - 1)
        return np.array(np.ceil(np.log2(np.maximum(magnitude, 0) + 1)) + (low < 0), int)


def whole(of: Fixed, channels: int) -> Ends:
    """Return the range of a type, or of each channel's."""
    return Ends(*by_channel(of, channels))


def windows(layer: Layer, ends: Ends) -> Ends:
    """Return the ranges of a layer's inputs, those of a convolution's window one after the other; padding brings zeros."""
    found = ends.tiled(prod(layer.arrays["kernel"].shape[:-2]))
    padded = layer.kind in ("conv1d", "conv2d") and layer.option("padding") == "same"
    return Ends(np.minimum(found.least, 0), np.maximum(found.most, 0), found.fraction) if padded else found


def sums(weights: Array, ends: Ends) -> Ends:
    """Return the ranges of sums over inputs of real weights (inputs, outputs)."""
    low, high, fraction = (np.reshape(end, (-1, 1)) for end in ends)
    behind = np.where((weights != 0) & (low < high), places(weights) + fraction, NOTHING)
    least, most = np.minimum(weights * low, weights * high).sum(axis=0), np.maximum(weights * low, weights * high).sum(axis=0)
    return Ends(least, most, behind.max(axis=0))


def shifted(ends: Ends, added: Array) -> Ends:
    """Return the ranges of numbers to which constants are added."""
    return Ends(ends.least + added, ends.most + added, np.maximum(ends.fraction, places(added)))


def rectified(ends: Ends) -> Ends:
    """Return the ranges behind a ReLU."""
    return Ends(np.maximum(ends.least, 0), np.maximum(ends.most, 0), ends.fraction)


def places(x: Array) -> Array:
    """Return the bits behind the point that real numbers use, fewer than none where they end in zeros before it."""
    mantissa, exponent = np.frexp(x)
    k = np.ldexp(mantissa, 53).astype(np.int64)
    zeros = np.frexp((k & -k).astype(np.float64))[1] - 1
    return np.where(k == 0, NOTHING, 53 - exponent - zeros)


def results(layer: Layer, before: Shape, given: tuple[Ends, ...]) -> Ends:
    """Return the ranges of a layer's results, of those of its inputs."""
    first, weight = given[0], layer.weight
    match layer.kind:
        case "dense" | "conv1d" | "conv2d" | "batchnorm" if weight is not None:
            name, added = ("scale", "shift") if layer.kind == "batchnorm" else ("kernel", "bias")
            array, more = values(layer.integers(name), weight), layer.integers(added) if added in layer.arrays else np.array(0)
            if layer.kind == "batchnorm":
                found = sums(np.diag(array), first)
            else:
                found = sums(array.reshape(-1, array.shape[-1]), windows(layer, first))
            found = shifted(found, values(more, weight))
        case "add":
            other = given[1]
            found = Ends(first.least + other.least, first.most + other.most, np.maximum(first.fraction, other.fraction))
        case "activation" if layer.option("function") == "relu":
            found = rectified(first)
        case "pool":
            divided = layer.option("of") == "average"  # by a number that may be no power of two: all bits of the type
            found = first._replace(fraction=np.maximum(first.fraction, layer.result.fraction)) if divided else first
        case "flatten":
            found = first.tiled(prod(before[:-1]))
        case _:
            return whole(layer.result, layer.arrays["recurrent"].shape[0] if layer.arrays else before[-1])
    return kept(layer.result, found)


def kept(to: Fixed, ends: Ends) -> Ends:
    """Return ranges after a type took them in: cut off, or all of it where numbers wrap."""
    low, high, point = whole(to, len(ends.least))
    step = np.ldexp(1.0, -point)
    least, most = (_rounded(end / step, to, lowest) * step for end, lowest in ((ends.least, True), (ends.most, False)))
    below, above, fraction = least < low, most > high, np.minimum(ends.fraction, point)
    if to.overflow == "WRAP":
        return Ends(np.where(below | above, low, least), np.where(below | above, high, most), fraction)
    if to.overflow == "SAT_ZERO":
        return Ends(np.clip(np.minimum(least, 0), low, high), np.clip(np.maximum(most, 0), low, high), fraction)
    ends_in = np.maximum(np.where(below, places(low), NOTHING), np.where(above, places(high), NOTHING))
    return Ends(np.clip(least, low, high), np.clip(most, low, high), np.maximum(fraction, ends_in))


def _rounded(x: Array, to: Fixed, lowest: bool) -> Array:
    """Return what ends become in steps of a type; where a half goes up or down with its sign or neighbour, the further way."""
    if to.rounding in ("TRN", "TRN_ZERO"):
        return np.floor(x) if to.rounding == "TRN" else np.trunc(x)
    return np.ceil(x - 0.5) if lowest and to.rounding != "RND" else np.floor(x + 0.5)
