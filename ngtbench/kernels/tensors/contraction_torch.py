"""The cases of contractions in PyTorch, on processors and GPUs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ngtbench.kernels.tensors import contract_arrays, contract_torch, contraction
from ngtbench.model.workload import Arrays, Run, Setup
from ngtbench.physics.tensors.trees import Label


def value(setup: Setup, entries: torch.Tensor) -> Run:
    """Contract by PyTorch's products."""
    return _quiet(contraction.network(setup, entries, _torch))


def amplitudes(setup: Setup, kinds: torch.Tensor, bits: torch.Tensor) -> Run:
    """Contract the network of each state by PyTorch's products."""

    def put(array: "np.ndarray[Any, np.dtype[Any]]") -> torch.Tensor:
        return torch.from_numpy(array).to(kinds.device)

    return _quiet(contraction.states(setup, kinds.cpu().numpy(), bits.cpu().numpy(), _torch, torch.stack, put))


def _torch(
    setup: Setup, arrays: Sequence[torch.Tensor], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...]
) -> Callable[[], torch.Tensor]:
    like = arrays[0]
    shapes = [tuple(array.shape) for array in arrays]
    _, _, planned = contraction.fitted(setup, shapes, labels, output, like.element_size(), False, contract_torch.free_b(like))
    return contract_arrays.bound(planned, arrays, contract_torch.library(like))


def _quiet(run: Run) -> Run:
    """Return a run that records nothing for gradients."""

    def once() -> Arrays:
        with torch.inference_mode():
            return run()

    return once
