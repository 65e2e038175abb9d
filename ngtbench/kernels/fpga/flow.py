"""What flows through a network: ranges of its numbers, its graphs of adders, and how many adders lie before each result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.graphs import Product, product
from ngtbench.kernels.fpga.network import Layer, Network, Shape
from ngtbench.kernels.fpga.ranges import Ends, kept, rectified, results, whole, windows
from ngtbench.kernels.fpga.results import comparisons
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

_PRODUCTS = {
    "dense": ("kernel", "bias"),
    "conv1d": ("kernel", "bias"),
    "conv2d": ("kernel", "bias"),
    "batchnorm": ("scale", "shift"),
}


@dataclass(frozen=True)
class Flow:
    """By the name of a result, "input" too: its ranges, and the adders before each channel since the last registers in front."""

    ends: dict[str, Ends] = field(default_factory=dict)
    depth: dict[str, Array] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)  # of layers of adders
    starts: set[str] = field(default_factory=set)  # layers of adders with registers in front of them
    stops: set[str] = field(default_factory=set)  # and those with registers behind


def flow(network: Network) -> Flow:
    """Follow a network from its input on.

    Raises BadInput naming the layer whose sums are too wide.
    """
    found, shapes, channels = Flow(), network.shapes(), network.shape[-1]
    found.ends["input"], found.depth["input"], registered = whole(network.type, channels), np.zeros(channels, int), {"input"}
    for layer in network.layers:
        _through(found, layer, network.types(layer)[0], shapes[layer.inputs[0]])
        if _adds(layer) and layer.inputs[0] in registered:
            found.starts.add(layer.name)
        if layer.inputs[0] in registered if layer.kind == "flatten" else not _adds(layer):
            registered.add(layer.name)
    for layer in reversed(network.layers):
        readers = [other for other in network.layers if layer.name in other.inputs]
        if not readers or any(not _adds(one) and (one.kind != "flatten" or one.name in found.stops) for one in readers):
            found.stops.add(layer.name)
    return found


def _adds(layer: Layer) -> bool:
    """Tell whether a layer is adders and comparisons with registers wherever enough of them lie in a row."""
    relu = layer.kind == "activation" and layer.option("function") == "relu"
    return layer.style == "da" and (relu or layer.kind in _PRODUCTS)


def _through(found: Flow, layer: Layer, given: Fixed, before: Shape) -> None:
    ends, ready = tuple(found.ends[name] for name in layer.inputs), found.depth[layer.inputs[0]]
    if not _adds(layer) or layer.kind == "activation":
        found.ends[layer.name] = made = results(layer, before, ends)
        found.depth[layer.name] = np.zeros(len(made.least), int)
        if layer.kind == "flatten":
            found.depth[layer.name] = np.tile(ready, prod(before[:-1]))
        elif _adds(layer):
            found.depth[layer.name] = made.varies * (ready + comparisons(rectified(ends[0]), layer.result))
        return
    times, inputs = 1, ends[0]
    if "kernel" in layer.arrays:
        times, inputs = prod(layer.arrays["kernel"].shape[:-2]), windows(layer, inputs)
    try:
        sums = product(layer, given, inputs, np.tile(ready, times), *_PRODUCTS[layer.kind])
    except BadInput as error:
        raise BadInput(f"layer {layer.name!r} ({layer.kind}): {error}") from error
    found.products[layer.name], found.ends[layer.name] = sums, kept(layer.result, sums.sums)
    found.depth[layer.name] = sums.depth * found.ends[layer.name].varies


@dataclass(frozen=True)
class Adding:
    """A layer of adders in its network: its product, and where registers lie before, in and behind it."""

    product: Product | None
    before: int  # adders before the slowest of its inputs
    depth: Array  # adders before each channel that is needed of its results, behind a ReLU that is one circuit with it
    starts: bool
    stops: bool


def adding(found: Flow, layer: Layer, used: Mapping[str, Array], relu: Layer | None) -> Adding | None:
    """Return how a layer of adders lies in its network; None of other layers."""
    if not _adds(layer):
        return None
    mine, last, (source, *_) = used[layer.name], (relu or layer).name, layer.inputs
    made = found.products[layer.name].only(mine) if layer.name in found.products else None
    before = int(np.max(found.depth[source][used[source]] if source in used else found.depth[source], initial=0))
    return Adding(made, before, found.depth[last][mine], layer.name in found.starts, last in found.stops)
