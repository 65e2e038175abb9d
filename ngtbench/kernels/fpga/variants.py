"""A network changed a little: a bit more, the next reuse factor, a tenth of its weights gone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ngtbench.kernels.fpga.fold import folded
from ngtbench.kernels.fpga.network import Layer, Network, Style
from ngtbench.kernels.fpga.reuse import valid
from ngtbench.physics.fpga.fixed_point import MOST_BITS

SPARSER = 0.1


def more_bits(network: Network) -> Network:
    """Give every weight a bit more behind the point."""
    return _each(network, _widened)


def more_reuse(network: Network) -> Network:
    """Take the next reuse factor that a layer's style allows; adders of distributed arithmetic are not reused."""
    return _each(network, _next_reuse)


def sparser(network: Network) -> Network:
    """Remove a tenth of the weights that are left, the smallest of each layer, biases aside."""
    return _each(network, _pruned)


def styled(network: Network, style: Style) -> Network:
    """Build every layer in one style."""
    layers = (replace(layer, style=style, reuse_factor=1 if style == "da" else layer.reuse_factor) for layer in network.layers)
    return replace(network, layers=tuple(layers))


VARIANTS: dict[str, Callable[[Network], Network]] = {
    "one more bit of weights": more_bits,
    "the next reuse factor": more_reuse,
    "10 % of the weights left out": sparser,
}


def _each(network: Network, change: Callable[[Layer], Layer]) -> Network:
    """Change the layers that have weights."""
    network = folded(network)
    return replace(network, layers=tuple(change(layer) if layer.arrays else layer for layer in network.layers))


def _widened(layer: Layer) -> Layer:
    if layer.weight is None or layer.weight.bits >= MOST_BITS:
        return layer
    return replace(layer, weight=replace(layer.weight, bits=layer.weight.bits + 1))


def _next_reuse(layer: Layer) -> Layer:
    if layer.style == "da" or "kernel" not in layer.arrays:
        return layer
    sizes = [(array.size // array.shape[-1], array.shape[-1]) for name, array in layer.arrays.items() if array.ndim > 1]
    most = min(n_in * n_out for n_in, n_out in sizes)
    for factor in range(layer.reuse_factor + 1, most + 1):
        if all(n_in * n_out % factor == 0 and (layer.style == "latency" or valid(n_in, n_out, factor)) for n_in, n_out in sizes):
            return replace(layer, reuse_factor=factor)
    return layer


def _pruned(layer: Layer) -> Layer:
    arrays = dict(layer.arrays)
    for name in ("kernel", "recurrent"):
        if name in arrays:
            k, array = layer.integers(name), arrays[name].copy()
            left = np.flatnonzero(k)
            gone = left[np.argsort(np.abs(array.flat[left]), kind="stable")[: round(SPARSER * left.size)]]
            array.flat[gone] = 0.0
            arrays[name] = array
    return replace(layer, arrays=arrays)
