"""The ONNX graph of a network, as PyTorch exports it: weights are constants, shapes those of the samples given."""

from collections.abc import Mapping

import torch

from ngtbench.kernels.ml.engines_torch import Net


def graph(network: object, parameters: Mapping[str, torch.Tensor], samples: tuple[torch.Tensor, ...]) -> bytes:
    """Return the model; its inputs are x0, x1, ..., in the order of the samples, its output "outputs"."""
    net = Net(network, parameters).eval()
    with torch.inference_mode():
        program = torch.onnx.export(
            net,
            samples,
            input_names=[f"x{place}" for place in range(len(samples))],
            output_names=["outputs"],
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model
