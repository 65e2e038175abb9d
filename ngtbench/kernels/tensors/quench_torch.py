"""Quenches in PyTorch: the text of `quench`, bonds of equal shape at once on GPUs."""

from collections.abc import Callable

import torch

from ngtbench.kernels.tensors import quench, splits
from ngtbench.kernels.tensors.library_torch import library
from ngtbench.model.workload import Setup, Trial, Watch


def dense(setup: Setup, couplings: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Evolve whole tensors."""
    return quench.build(setup, library(couplings.device, setup.threads), setup.backend.get(couplings), splits.gram)
