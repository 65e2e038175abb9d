"""Random networks of adders, as the rows of the set "circuits" describe them: what yosys made of them is there."""

from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.kernels.fpga import Layer, Network
from ngtbench.kernels.fpga.bands import Row
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse


def network(row: Row) -> Network:
    """Draw layers of uniform weights, a share of them zero, or of Gaussian ones without the smallest; a ReLU between two."""
    random, layers, before, weight = np.random.default_rng(row["seed"]), list[Layer](), "input", parse(row["weights"])
    sizes: list[int] = list(row["sizes"])
    more: dict[str, Any] = {"style": "da"}
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        draw = _gaussian if row["drawn"] == "gaussian" else _uniform
        arrays = draw(random, weight, (n_in, n_out), row["zeros"], row["biased"])
        layers.append(Layer(f"d{k}", "dense", (before,), parse(row["result"]), weight, arrays=arrays, **more))
        before = f"d{k}"
        if row["hidden"] and k < len(sizes) - 2:
            layers.append(Layer(f"r{k}", "activation", (before,), parse(row["hidden"]), **more))
            before = f"r{k}"
    return Network((sizes[0],), parse(row["input"]), tuple(layers))


def _uniform(random: np.random.Generator, to: Fixed, shape: tuple[int, int], zeros: float, biased: bool) -> dict[str, Array]:
    kernel = random.integers(to.lowest, to.highest + 1, shape) * (random.random(shape) > zeros)
    arrays = {"kernel": np.ldexp(kernel.astype(float), -to.fraction)}
    if biased:
        arrays["bias"] = np.ldexp(random.integers(to.lowest, to.highest + 1, shape[1]).astype(float), -to.fraction)
    return arrays


def _gaussian(random: np.random.Generator, to: Fixed, shape: tuple[int, int], zeros: float, biased: bool) -> dict[str, Array]:
    kernel = random.normal(size=shape)
    kernel /= np.abs(kernel).max()
    if zeros:
        kernel[np.abs(kernel) <= np.quantile(np.abs(kernel), zeros)] = 0
    arrays = {"kernel": np.ldexp(np.rint(kernel * to.highest), -to.fraction)}
    if biased:
        drawn = np.rint(random.normal(size=shape[1]) * to.highest / 3).clip(to.lowest, to.highest)
        arrays["bias"] = np.ldexp(drawn, -to.fraction)
    return arrays
