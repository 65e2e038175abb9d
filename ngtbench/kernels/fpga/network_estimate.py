"""Resources and timing of a whole network: layer by layer, and together."""

from dataclasses import dataclass
from functools import reduce
from operator import add

from ngtbench.kernels.fpga.blocks import Place, block
from ngtbench.kernels.fpga.calibration import circuit_fit, register_fit
from ngtbench.kernels.fpga.estimate import DenseEstimate, Estimate, exact, latest, off_by
from ngtbench.kernels.fpga.flow import adding, flow
from ngtbench.kernels.fpga.fold import folded, joined
from ngtbench.kernels.fpga.needed import needed
from ngtbench.kernels.fpga.network import Network


@dataclass(frozen=True)
class NetworkEstimate:
    """Estimates of the layers, by name, and of the network: resources added, cycles along the longest path, II of the slowest."""

    layers: dict[str, DenseEstimate]
    total: DenseEstimate


def estimate_network(network: Network, clock_ns: float | None = None) -> NetworkEstimate:
    """Estimate a network, batch normalisations folded where they can be; the clock as in `estimate_dense`.

    Raises BadInput naming the layer that cannot be built so.
    """
    network = folded(network)
    shapes, found = network.shapes(), flow(network)
    used, relus, layers = needed(network, found.ends), joined(network), dict[str, DenseEstimate]()
    for layer in network.layers:
        given, before = tuple(found.ends[name] for name in layer.inputs), shapes[layer.inputs[0]]
        known = given, used[layer.name], relus.get(layer.name), clock_ns, adding(found, layer, used, relus.get(layer.name))
        place = Place(layer, network.types(layer), before, shapes[layer.name], *known)
        layers[layer.name] = block(place)
    parts = list(layers.values())
    dsp, lut, ff, bram18 = (reduce(add, (getattr(part, what) for part in parts)) for what in ("dsp", "lut", "ff", "bram18"))
    if found.products:  # once, for small errors of many layers are as often up as down
        lut, ff = off_by(lut, circuit_fit().few), off_by(ff, register_fit().few)
    slowest = latest(part.ii for part in parts)
    return NetworkEstimate(layers, DenseEstimate(dsp, lut, ff, bram18, _longest(network, layers), slowest))


def _longest(network: Network, layers: dict[str, DenseEstimate]) -> Estimate:
    """Return the cycles until the last layer's result is there."""
    ready = {"input": exact(any(layer.style == "da" for layer in network.layers), "a register in front")}
    for layer in network.layers:
        ready[layer.name] = latest(ready[name] for name in layer.inputs) + layers[layer.name].cycles
    done = ready[network.layers[-1].name]
    return Estimate(done.value, done.low, done.high, "the longest path")
