"""Parameters of a network before training: the same bits everywhere, from the seed and the place of each in the network."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Protocol

import numpy as np

from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter

_FIRST_STREAM = 100  # those below are for data
_SPREAD = 0.05  # half-width of biases about 0, of gains about 1


class Network(Protocol):
    """What is known of a network without running it."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by name: w* weights, (in, out) or (out, in, height, width), b* biases, g* gains."""
        ...

    def flop(self) -> int:
        """Count 2 FLOP per multiply-add of matrix products and convolutions, forward, of one sample."""
        ...


def initial(network: Network, seed: int) -> dict[str, Uniform]:
    """Return what parameters are drawn from: weights of variance 2 / fan-in, biases about 0, gains about 1.

    He et al. 2015, arXiv 1502.01852. An array stacked along further leading axes counts as so many weights.
    """
    made = {}
    for place, (name, shape) in enumerate(network.shapes().items()):
        middle, reach = 1.0 if name[0] == "g" else 0.0, _SPREAD
        if name[0] == "w":
            reach = math.sqrt(6 / (math.prod(shape[1:]) if len(shape) == 4 else shape[-2]))
        made[name] = Uniform(shape, seed, _FIRST_STREAM + place, middle - reach, middle + reach)
    return made


def values(network: Network, seed: int) -> dict[str, Array]:
    """Return initial parameters rounded to float32."""
    return {name: counter.uniform(spec).astype(np.float32) for name, spec in initial(network, seed).items()}


def count(network: Network) -> int:
    """Return the number of parameters."""
    return sum(math.prod(shape) for shape in network.shapes().values())


def flat(parameters: Mapping[str, Array]) -> Array:
    """Return all parameters in one row, in the order of the network."""
    return np.concatenate([array.reshape(-1) for array in parameters.values()])


def named(network: Network, row: Array) -> dict[str, Array]:
    """Return parameters by name from one row."""
    found, start = {}, 0
    for name, shape in network.shapes().items():
        found[name] = row[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    return found


def dense(name: str, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return weights and biases of layers in a row: w, b, then the name and their number from 1."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        shapes |= {f"w{name}{layer}": (fan_in, fan_out), f"b{name}{layer}": (fan_out,)}
    return shapes


def dense_flop(widths: tuple[int, ...]) -> int:
    """Count the FLOP of layers in a row, of one row of inputs."""
    return 2 * sum(fan_in * fan_out for fan_in, fan_out in pairwise(widths))
