"""DMRG in PyTorch: the text of `dmrg`."""

from collections.abc import Callable

import torch

from ngtbench.kernels.tensors import dmrg_trials
from ngtbench.kernels.tensors.library_torch import library
from ngtbench.model.workload import Setup, Trial, Watch


def sweeps(setup: Setup, couplings: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Sweep in PyTorch."""
    return dmrg_trials.build(setup, library(couplings.device, setup.threads), setup.backend.get(couplings))
