"""A network in ONNX Runtime under load."""

from ngtbench.kernels.ml.engines_onnx import host
from ngtbench.kernels.ml.infer import Engine, Trials, buffers, trials
from ngtbench.model.workload import Array, Setup


def onnx(setup: Setup, **arrays: Array) -> Trials:
    """Serve by sessions of ONNX Runtime, one a batch."""
    weights = {name: arrays.pop(name) for name in setup.size.network.shapes()}

    def engine(batch: int) -> Engine:
        given = buffers(setup, batch, arrays)
        return Engine(given, host(setup, **given, **weights))

    return trials(setup, engine, arrays)
