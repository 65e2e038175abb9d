"""Which channels of every result anybody needs: a circuit of adders leaves the others out, and constants are wires."""

from collections.abc import Mapping

import numpy as np

from ngtbench.kernels.fpga.network import GATES, Layer, Network
from ngtbench.kernels.fpga.ranges import Ends
from ngtbench.model.workload import Array

_ANY_STYLE = ("add", "pool", "flatten")  # are made of adders, comparisons and wires in every style


def needed(network: Network, ends: Mapping[str, Ends]) -> dict[str, Array]:
    """Return masks of the channels, given their ranges, by layer: those that vary and reach the network's result.

    Layers of another style are circuits of their own: they make, and are given, every channel.
    """
    found = {name: np.zeros(len(one.least), bool) for name, one in ends.items()}
    found[network.layers[-1].name][:] = True
    for layer in reversed(network.layers):
        mine, whole = found[layer.name], _whole(layer)
        mine |= whole
        if not whole:
            mine &= ends[layer.name].varies
        for name in layer.inputs:
            found[name] |= True if whole else _used(layer, mine, len(found[name]))
    return found


def _whole(layer: Layer) -> bool:
    """Tell whether a layer takes and gives all channels together: their states or sums depend on each other."""
    together = layer.kind in GATES or (layer.kind == "activation" and layer.option("function") == "softmax")
    return together or (layer.style != "da" and layer.kind not in _ANY_STYLE)


def _used(layer: Layer, mine: Array, channels: int) -> Array:
    """Return which channels of its inputs a layer uses for those of its own results that are needed."""
    used = mine
    if "kernel" in layer.arrays:
        used = np.any(layer.integers("kernel").reshape(-1, channels, len(mine))[..., mine], axis=(0, 2))
    elif layer.kind == "flatten":
        used = np.any(mine.reshape(-1, channels), axis=0)
    return used
