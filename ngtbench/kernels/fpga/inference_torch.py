"""Fixed-point inference in torch, on the CPU or a GPU: products by its BLAS, rounding and overflow in integers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ngtbench.kernels.fpga.inference import compiled
from ngtbench.kernels.fpga.tagger import network
from ngtbench.model.workload import Array, Arrays, Run, Setup

_DTYPES = {"int32": torch.int32, "int64": torch.int64, "float32": torch.float32, "float64": torch.float64}


class TorchEngine:
    """Tensors of one device, for inference."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def put(self, host: Array) -> torch.Tensor:
        """Copy to the device."""
        return torch.from_numpy(np.ascontiguousarray(host)).to(self._device)

    def cast(self, array: torch.Tensor, dtype: str) -> torch.Tensor:
        """Return the tensor in another dtype."""
        return array.to(_DTYPES[dtype])

    def largest(self, array: torch.Tensor, axis: int) -> torch.Tensor:
        """Return the largest along an axis, without it."""
        return array.amax(axis)

    def stack(self, arrays: Sequence[Any], axis: int) -> torch.Tensor:
        """Return tensors side by side along a new axis."""
        return torch.stack(list(arrays), axis)


def eager(setup: Setup, k: torch.Tensor, **parameters: torch.Tensor) -> Run:
    """Copy the weights in the formats of their products; call operator by operator."""
    host = {name: array.cpu().numpy() for name, array in parameters.items()}
    step = compiled(network(setup.size, host), TorchEngine(k.device))

    def run() -> Arrays:
        with torch.inference_mode():
            return {"logits": step(k).to(torch.int64)}

    return run
