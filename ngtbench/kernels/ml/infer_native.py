"""The compiled jet tagger under load."""

from ngtbench.kernels.ml.infer import Trials
from ngtbench.kernels.ml.infer_numpy import host
from ngtbench.kernels.ml.jet_mlp_native import compiled
from ngtbench.model.workload import Array, Setup


def native(setup: Setup, **arrays: Array) -> Trials:
    """Serve `ml/jet_mlp` in our own kernel."""
    return host(compiled, setup, arrays)
