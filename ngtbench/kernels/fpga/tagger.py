"""The jet tagger of the workload as a fixed-point network, and its inference in NumPy, samples in blocks that stay in cache."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.kernels.fpga.inference import compiled
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.fpga.fixed_point import values

_BLOCK = 2048  # samples: integers of 64 neurons in three formats fill a cache of 2 MiB


def network(size: Any, parameters: Mapping[str, Array]) -> Network:
    """Return the network of integer weights w1.. (in, out) and biases b1.. in the types of the size."""
    depth, layers, before = len(parameters) // 2, list[Layer](), "input"
    for k in range(1, depth + 1):
        arrays = {"kernel": values(parameters[f"w{k}"], size.weight), "bias": values(parameters[f"b{k}"], size.weight)}
        layers.append(Layer(f"dense{k}", "dense", (before,), size.total, size.weight, arrays=arrays))
        before = layers[-1].name
        if k < depth:
            layers.append(Layer(f"relu{k}", "activation", (before,), size.hidden))
            before = layers[-1].name
    return Network((parameters["w1"].shape[0],), size.given, tuple(layers))


def blocked(setup: Setup, k: Array, **parameters: Array) -> Run:
    """Put the weights in the formats of their products; allocate the logits."""
    step = compiled(network(setup.size, parameters), NumpyEngine())
    logits = np.empty((len(k), parameters["w4"].shape[1]), np.int64)

    def run() -> Arrays:
        for start in range(0, len(k), _BLOCK):
            logits[start : start + _BLOCK] = step(k[start : start + _BLOCK])
        return {"logits": logits}

    return run
