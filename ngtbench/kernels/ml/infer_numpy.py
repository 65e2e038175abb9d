"""Engines of the jet tagger on host memory, whose builders read samples where they lie: NumPy."""

from collections.abc import Callable

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.kernels.ml import jet_mlp
from ngtbench.kernels.ml.infer import Engine, Trials, trials
from ngtbench.model.workload import Array, Run, Setup
from ngtbench.physics.networks.jet_mlp import JetMlp


def numpy(setup: Setup, **arrays: Array) -> Trials:
    """Serve `ml/jet_mlp` in NumPy."""
    return host(jet_mlp.blocked, setup, arrays)


def host(build: Callable[..., Run], setup: Setup, arrays: dict[str, Array]) -> Trials:
    """Serve an implementation of `ml/jet_mlp` that reads and writes host memory, built once per batch.

    Raises Unavailable for other networks.
    """
    if not isinstance(setup.size.network, JetMlp):
        raise Unavailable("serves the jet tagger alone", "choose --impl onnx or torch")
    x, parameters = arrays["x"], {name: array for name, array in arrays.items() if name != "x"}
    wide = parameters["w1"].shape[0]

    def engine(batch: int) -> Engine:
        buffer = np.zeros((batch, wide), x.dtype)
        run = build(setup, buffer, **parameters)
        return Engine({"x": buffer}, lambda: {"outputs": run()["logits"]})

    return trials(setup, engine, {"x": x})
