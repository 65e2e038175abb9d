"""DeepSets: gradients by differences, torch beside the tape, a jet by hand, order and empty slots, and counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from ngtbench.kernels.ml.deepsets_torch import forward
from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.deepsets import DeepSets
from ngtbench.physics.samples import constituents
from ngtbench.workloads.ml import _tape, deepsets
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

TASK = deepsets.task(constituents.Size(3, 7, 4, 1.3), width=6, layers=2)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
DRAWN = TASK.draw(5, 3, 0)
X, MASK, LABEL = DRAWN["x"].astype(np.float64), DRAWN["mask"], DRAWN["label"]


def logits(x: Array, mask: Array) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in WEIGHTS.items()}, {"x": x, "mask": mask}).data


def loss(weights: Mapping[str, Any]) -> Value:
    return _tape.cross_entropy(TASK.forward(NET, weights, {"x": X, "mask": MASK}), LABEL)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(X), torch.tensor(MASK))
    np.testing.assert_allclose(got.detach().numpy(), logits(X, MASK), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.cross_entropy(got, torch.tensor(LABEL)), weights)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def test_a_jet_by_hand() -> None:
    p, jet = WEIGHTS, 1
    pooled = np.zeros(6)
    for slot in range(7):
        if MASK[jet, slot]:
            first = np.maximum(X[jet, slot] @ p["w_phi1"] + p["b_phi1"], 0)
            pooled += np.maximum(first @ p["w_phi2"] + p["b_phi2"], 0) / 7
    hidden = np.maximum(pooled @ p["w_rho1"] + p["b_rho1"], 0)
    np.testing.assert_allclose(logits(X, MASK)[jet], hidden @ p["w_rho2"] + p["b_rho2"], rtol=1e-12)


def test_order_and_what_stands_in_empty_slots_do_not_matter() -> None:
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_allclose(logits(X[:, order], MASK[:, order]), logits(X, MASK), rtol=1e-12)
    assert not MASK.all()
    filled = np.where(MASK[:, :, None], X, 1e3)
    np.testing.assert_array_equal(logits(filled, MASK), logits(X, MASK))
    other = np.array(MASK)
    other[0, 0] = False
    assert not np.allclose(logits(X, other)[0], logits(X, MASK)[0])


@pytest.mark.parametrize(("network", "count", "flop"), [(deepsets.JETS.network, 13_698, 1_188_096), (NET, 128, 936)])
def test_parameters_and_flop_are_counted(network: DeepSets, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    weights = {name: torch.from_numpy(array) for name, array in parameters.values(network, 1).items()}
    assert parameters.count(network) == sum(tensor.numel() for tensor in weights.values()) == count
    slots = network.constituents
    with FlopCounterMode(display=False) as counter:
        forward(network, weights, torch.zeros(1, slots, network.features), torch.ones(1, slots, dtype=torch.bool))
    pooling = 2 * slots * network.width  # by a product with the mask, which is not work of the network
    assert network.flop() == counter.get_total_flops() - pooling == flop
