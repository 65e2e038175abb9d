"""The interaction network: gradients by differences, torch beside the tape, an event by loops, what must not matter, counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import pairs
from ngtbench.workloads.ml import _tape, interaction_net
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASK = interaction_net.task(pairs.Size(8, 3, 0.5), width=6)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}


def events(count: int = 4) -> tuple[Array, Array, Array]:
    x, numbers, label = TASK.draw(count, 3, 0).values()
    return x.astype(np.float64), numbers, label


def logits(x: Array, numbers: Array) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in WEIGHTS.items()}, {"x": x, "pairs": numbers}).data


def loss(weights: Mapping[str, Any]) -> Value:
    x, numbers, label = events()
    return _tape.cross_entropy(TASK.forward(NET, weights, {"x": x, "pairs": numbers}), label)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    from ngtbench.kernels.ml.interaction_net_torch import forward

    x, numbers, label = events()
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(x), torch.tensor(numbers))
    np.testing.assert_allclose(got.detach().numpy(), logits(x, numbers), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.cross_entropy(got, torch.tensor(label)), weights)
    assert np.count_nonzero(theirs) > 0.5 * len(theirs)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def _two(name: str, h: Any, p: Mapping[str, Array]) -> Any:
    for layer in (1, 2):
        h = np.maximum(h @ p[f"w_{name}{layer}"] + p[f"b_{name}{layer}"], 0)
    return h


def by_hand(x: Array, numbers: Array, p: Mapping[str, Array]) -> Array:
    """Return the logits of one event, message by message."""
    nodes = []
    for i in range(8):
        others = [j for j in range(8) if j != i]
        heard = sum(_two("edge", np.array([*x[i], *x[j], *(numbers[i] == numbers[j])]), p) for j in others)
        nodes.append(_two("node", np.concatenate((x[i], heard)), p))
    found: Array = _two("jet", np.mean(nodes, axis=0), p) @ p["w_jet3"] + p["b_jet3"]
    return found


def test_an_event_by_hand() -> None:
    for x, numbers in zip(*events()[:2], strict=True):
        np.testing.assert_allclose(logits(x[None], numbers[None])[0], by_hand(x, numbers, WEIGHTS), rtol=1e-10)


def test_neither_order_nor_which_numbers_pairs_have_matters() -> None:
    x, numbers, _ = events()
    want = logits(x, numbers)
    order = np.random.default_rng(5).permutation(8)
    np.testing.assert_allclose(logits(x[:, order], numbers[:, order]), want, rtol=1e-11)
    np.testing.assert_allclose(logits(x, 7 - numbers), want, rtol=1e-12)
    assert np.abs(logits(x, numbers[:, order]) - want).max() > 1e-3
    assert np.abs(logits(x, numbers[:, :, ::-1]) - want).max() > 1e-3


def test_parameters_and_flop_are_counted() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.interaction_net_torch import forward

    task: Any = interaction_net.JETS
    weights = {name: torch.tensor(array) for name, array in parameters.values(task.network, 1).items()}
    x, numbers, _ = task.draw(1, 1, 0).values()
    with FlopCounterMode(display=False) as counter:
        forward(task.network, weights, torch.tensor(x), torch.tensor(numbers))
    assert sum(array.numel() for array in weights.values()) == parameters.count(task.network) == 24_194
    assert counter.get_total_flops() == task.network.flop() == 13_050_112
