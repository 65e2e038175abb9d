"""Trainings of tensor-network classifiers in torch: those of any network, and how entangled what was trained is."""

from collections.abc import Callable

import torch

from ngtbench.kernels.ml import train_torch
from ngtbench.model.workload import Setup, Trial, Watch
from ngtbench.physics.networks import parameters


def eager(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Train operator by operator."""
    return _entangled(setup, train_torch.eager(setup, **arrays))


def compiled(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Train with forward and backward compiled."""
    return _entangled(setup, train_torch.compiled(setup, **arrays))


def graphed(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Train with one CUDA or HIP graph a step."""
    return _entangled(setup, train_torch.graphed(setup, **arrays))


def _entangled(setup: Setup, trained: Callable[[int, Watch], Trial]) -> Callable[[int, Watch], Trial]:
    """Add the entanglement of bonds, after the watch has stopped."""
    network = setup.size.network

    def trial(k: int, watch: Watch) -> Trial:
        done = trained(k, watch)
        nats = network.entropies_nats(parameters.named(network, done.outputs["trained"].cpu().numpy()))
        more = {"largest_entropy_nats": float(nats.max()), "middle_entropy_nats": float(nats[network.middle_bond])}
        return Trial(done.outputs, {**done.metrics, **more})

    return trial
