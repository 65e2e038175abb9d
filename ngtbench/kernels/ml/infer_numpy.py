"""Engines of the jet tagger on host memory, whose builders read samples where they lie: NumPy."""

from collections.abc import Callable

import numpy as np

from ngtbench.kernels.ml import jet_mlp
from ngtbench.kernels.ml.infer import Engine, Trials, trials
from ngtbench.model.workload import Array, Run, Setup


def numpy(setup: Setup, x: Array, **parameters: Array) -> Trials:
    """Serve `ml/jet_mlp` in NumPy."""
    return host(jet_mlp.blocked, setup, x, parameters)


def host(build: Callable[..., Run], setup: Setup, x: Array, parameters: dict[str, Array]) -> Trials:
    """Serve an implementation of `ml/jet_mlp` that reads and writes host memory, built once per batch."""
    wide = parameters["w1"].shape[0]

    def engine(batch: int) -> Engine:
        buffer = np.zeros((batch, wide), x.dtype)
        return Engine({"x": buffer}, build(setup, buffer, **parameters))

    return trials(setup, engine, {"x": x})
