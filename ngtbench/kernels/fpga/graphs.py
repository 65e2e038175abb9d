"""Products as graphs of adders: what a layer of style da is built of, and the ranges of its sums as its adders know them."""

from dataclasses import dataclass, replace

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adder_graph import AdderGraph, adder_graph
from ngtbench.kernels.fpga.network import Layer
from ngtbench.kernels.fpga.ranges import Ends, shifted, sums
from ngtbench.kernels.fpga.results import comparisons
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import MOST_BITS, Fixed, values


@dataclass(frozen=True)
class Product:
    """The graph of a layer's matrix, the ranges of its inputs and of its sums, and the constant in each sum, a bias included."""

    graph: AdderGraph
    inputs: Ends
    sums: Ends
    added: Array
    depth: Array  # adders before each result, from the last register in front on; a comparison with an end counts as one

    def only(self, used: Array) -> "Product":
        """Return what is left where outputs that a mask leaves out are not needed."""
        return replace(self, graph=self.graph.without(used))


def matrix(layer: Layer, name: str = "kernel") -> Array:
    """Return a layer's weights as integers (n_in, n_out): a window of a convolution is the input of a dense layer."""
    k = layer.integers(name)
    return np.diag(k) if k.ndim == 1 else k.reshape(-1, k.shape[-1])


def product(layer: Layer, given: Fixed, inputs: Ends, ready: Array, name: str = "kernel", of: str = "bias") -> Product:
    """Return a layer's product: the array of that name times inputs of a type, and the array `of` added where it has one.

    The inputs are `ready` after so many adders.

    Raises BadInput where sums leave 63 bits.
    """
    assert layer.weight is not None  # of layers with arrays: `Layer` sees to it
    k = matrix(layer, name)
    low, high = (np.rint(np.ldexp(end, inputs.fraction)).astype(np.int64) for end in (inputs.least, inputs.most))
    shift = np.where(inputs.varies, given.fraction - inputs.fraction, 0)[:, None]  # where one has fewer bits behind the point
    varying = k * inputs.varies[:, None]
    if np.ldexp(np.abs(varying).astype(float), shift).max() >= 2.0**MOST_BITS:
        raise BadInput(f"weights of {layer.weight.bits} bits, inputs of {given.bits}: sums leave 63 bits: take fewer bits")
    graph, weights = adder_graph(varying << shift, low, high, ready), values(k, layer.weight)
    added = inputs.least[~inputs.varies] @ weights[~inputs.varies]  # what never varies joins the bias
    if of in layer.arrays:
        added = added + values(layer.integers(of), layer.weight)
    least, most = (np.ldexp(end, -(layer.weight.fraction + given.fraction)) for end in graph.ends())
    behind = sums(weights, inputs).fraction
    found, node = shifted(Ends(least, most, behind), added), graph.outputs[:, 0]
    depth = np.where(node >= 0, graph.depth[node], 0) + comparisons(found, layer.result) * found.varies
    return Product(graph, inputs, found, added, depth)
