"""Gradients of a network's loss by all parameters, one after the other: by the tape, as limits of differences, and by torch."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.parameters import Network
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value

Loss = Callable[[Mapping[str, Any]], Value]  # of parameters
_PLACES, _STEP = 20, 1e-6


def slopes(loss: Loss, weights: Mapping[str, Array]) -> Array:
    leaves = {name: _tape.leaf(array) for name, array in weights.items()}
    return np.concatenate([g.reshape(-1) for g in _tape.gradients(loss(leaves), list(leaves.values()))])


def assert_limits(network: Network, loss: Loss, weights: Mapping[str, Array], least: float = 1e-8) -> None:
    """Compare some with central differences; `least` is what rounding may do to these."""
    flat, found = parameters.flat(weights), slopes(loss, weights)
    for place in np.random.default_rng(4).choice(len(flat), _PLACES, replace=False):
        sides = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[place] += sign * _STEP
            sides.append(float(loss({name: Value(array) for name, array in parameters.named(network, moved).items()}).data))
        assert (sides[0] - sides[1]) / (2 * _STEP) == pytest.approx(found[place], rel=1e-4, abs=least)


def pulled(loss: Any, weights: Mapping[str, Any]) -> Array:
    """Return those of a loss that torch has computed."""
    import torch

    return np.concatenate([g.numpy().reshape(-1) for g in torch.autograd.grad(loss, list(weights.values()))])
