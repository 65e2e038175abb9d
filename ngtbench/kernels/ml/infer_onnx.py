"""The jet tagger in ONNX Runtime under load."""

from ngtbench.kernels.ml.infer import Trials
from ngtbench.kernels.ml.infer_numpy import host
from ngtbench.kernels.ml.jet_mlp_onnx import bound
from ngtbench.model.workload import Array, Setup


def onnx(setup: Setup, x: Array, **parameters: Array) -> Trials:
    """Serve `ml/jet_mlp` by sessions of ONNX Runtime, one a batch."""
    return host(bound, setup, x, parameters)
