"""Bit-exact inference of a fixed-point network in integers, whole batches at once, on any framework with arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import inference_layers as layers
from ngtbench.kernels.fpga.inference_layers import Place, Step
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.inference_product import Engine
from ngtbench.kernels.fpga.inference_recurrent import recurrent
from ngtbench.kernels.fpga.inference_tables import activation
from ngtbench.kernels.fpga.network import Network
from ngtbench.kernels.fpga.varied import inside, quantise_each
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import values

_STEPS: Mapping[str, Callable[[Place], Step]] = {
    "dense": layers.dense,
    "conv1d": layers.convolution,
    "conv2d": layers.convolution,
    "gru": recurrent,
    "lstm": recurrent,
    "pool": layers.pool,
    "add": layers.add,
    "batchnorm": layers.batchnorm,
    "activation": activation,
    "flatten": layers.flatten,
}


def infer(network: Network, x: Array) -> Array:
    """Return the network's outputs (batch, ..) for real inputs (batch, ..), bit for bit what its fixed-point circuit gives.

    Inputs become the network's input type first; outputs are float64, exact up to 53 bits.
    Raises BadInput for another shape, NaN, or sums that may need more than 62 bits.
    """
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise BadInput(f"inputs: rows of different lengths ({error})") from error
    _check(network, x.shape)
    if x.dtype.kind not in "biuf":
        raise BadInput(f"inputs of {x.dtype}: give real numbers")
    return values(infer_integers(network, quantise_each(x, network.type)), network.layers[-1].result)


def infer_integers(network: Network, k: Array) -> Array:
    """Return the integers of the outputs (batch, ..) for integers of the input type (batch, ..)."""
    k = np.asarray(k)
    _check(network, k.shape)
    if k.dtype.kind not in "iu":
        raise BadInput(f"inputs of {k.dtype}: the network takes integers of {network.type}")
    if not inside(k, network.type):
        raise BadInput(f"inputs from {k.min()} to {k.max()} are not all in {network.type}")
    return np.asarray(compiled(network, NumpyEngine())(k), np.int64)


def _check(network: Network, shape: tuple[int, ...]) -> None:
    if shape[1:] != network.shape:
        raise BadInput(f"inputs of shape {list(shape)}: the network takes (batch, {', '.join(map(str, network.shape))})")


def compiled(network: Network, engine: Engine) -> Step:
    """Return what takes integers of the input type (batch, ..), an array of the engine, to integers of the outputs.

    Raises BadInput naming the layer whose sums may need more than 62 bits.
    """
    shapes = network.shapes()
    steps = [
        (layer, _STEPS[layer.kind](Place(engine, layer, network.types(layer), shapes[layer.inputs[0]])))
        for layer in network.layers
    ]
    last = {name: k for k, (layer, _) in enumerate(steps) for name in layer.inputs}

    def apply(x: Any) -> Any:
        made = {"input": x}
        for k, (layer, step) in enumerate(steps):
            made[layer.name] = step(*(made[name] for name in layer.inputs))
            for name in layer.inputs:
                if last[name] == k:
                    made.pop(name, None)  # memory holds what is still to be read
        return made[layer.name]

    return apply
