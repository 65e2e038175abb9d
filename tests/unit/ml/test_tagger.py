"""The recurrent tagger: gradients by differences, torch's GRU and LSTM beside the tape, an event by hand, empty slots, counts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import objects
from ngtbench.workloads.ml import _tape, tagger
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASKS = [tagger.task(objects.Size(3, 5, 1.8), cell=cell, state=4, width=6) for cell in ("gru", "lstm")]
DRAWN = TASKS[0].draw(6, 3, 0)
X, MASK, LABEL = DRAWN["x"].astype(np.float64), DRAWN["mask"], DRAWN["label"]
cells = pytest.mark.parametrize("task", TASKS, ids=("gru", "lstm"))


def weights_of(task: Any) -> dict[str, Array]:
    return {name: array.astype(np.float64) for name, array in parameters.values(task.network, 2).items()}


def logits(task: Any, x: Array = X, mask: Array = MASK) -> Array:
    found: Array = task.forward(
        task.network, {name: Value(a) for name, a in weights_of(task).items()}, {"x": x, "mask": mask}
    ).data
    return found


def loss(task: Any, weights: Mapping[str, Any]) -> Value:
    return _tape.cross_entropy(task.forward(task.network, weights, {"x": X, "mask": MASK}), LABEL)


@cells
def test_gradients_are_the_limits_of_differences(task: Any) -> None:
    assert_limits(task.network, partial(loss, task), weights_of(task))


@cells
def test_torch_has_the_same_outputs_and_gradients(task: Any) -> None:
    from ngtbench.kernels.ml.tagger_torch import forward

    weights = {name: torch.tensor(array, requires_grad=True) for name, array in weights_of(task).items()}
    got = forward(task.network, weights, torch.tensor(X), torch.tensor(MASK))
    np.testing.assert_allclose(got.detach().numpy(), logits(task), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.cross_entropy(got, torch.tensor(LABEL)), weights)
    np.testing.assert_allclose(slopes(partial(loss, task), weights_of(task)), theirs, rtol=1e-10, atol=1e-12)


def logistic(z: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-z))
    return found


@cells
def test_an_event_by_hand(task: Any) -> None:
    p = weights_of(task)
    for event, want in enumerate(logits(task)):
        h = c = np.zeros(4)
        for x in X[event, : MASK[event].sum()]:
            given, kept = (x @ p["w_input"] + p["b_input"]).reshape(-1, 4), (h @ p["w_state"] + p["b_state"]).reshape(-1, 4)
            if task is TASKS[0]:
                reset, update = logistic(given[:2] + kept[:2])
                h = (1 - update) * np.tanh(given[2] + reset * kept[2]) + update * h
            else:
                enter, forget, new, leave = given + kept
                c = logistic(forget) * c + logistic(enter) * np.tanh(new)
                h = logistic(leave) * np.tanh(c)
        hidden = np.maximum(h @ p["w_head1"] + p["b_head1"], 0)
        np.testing.assert_allclose(want, hidden @ p["w_head2"] + p["b_head2"], rtol=1e-11)


@cells
def test_garbage_in_empty_slots_does_not_count(task: Any) -> None:
    from ngtbench.kernels.ml.tagger_torch import forward

    garbage = np.where(MASK[:, :, None], X, 1e3)
    assert (garbage != X).any()
    np.testing.assert_array_equal(logits(task, garbage), logits(task))
    weights = {name: torch.tensor(array) for name, array in weights_of(task).items()}
    theirs = forward(task.network, weights, torch.tensor(garbage), torch.tensor(MASK))
    np.testing.assert_allclose(theirs.numpy(), logits(task), rtol=1e-10, atol=1e-12)


@cells
def test_the_order_of_objects_matters(task: Any) -> None:
    full = np.ones_like(MASK)
    assert np.abs(logits(task, X[:, ::-1], full) - logits(task, X, full)).max() > 1e-3


@pytest.mark.parametrize(
    ("task", "kind", "count", "flop"),
    [(tagger.GRU, torch.nn.GRU, 17_538, 317_184), (tagger.LSTM, torch.nn.LSTM, 76_482, 1_626_368)],
)
def test_parameters_and_flop_are_counted(task: Any, kind: Any, count: int, flop: int) -> None:
    """The counter of torch does not see into its own cells: products of each step are shown to it."""
    from torch.utils.flop_counter import FlopCounterMode

    network, cell = task.network, kind(3, task.network.state)
    head = torch.nn.Sequential(torch.nn.Linear(network.state, 64), torch.nn.Linear(64, 2))
    theirs = sum(tensor.numel() for module in (cell, head) for tensor in module.parameters())
    assert theirs == parameters.count(network) == count
    with FlopCounterMode(display=False) as counter:
        for _ in range(12):
            torch.zeros(1, 3) @ cell.weight_ih_l0.t() + torch.zeros(1, network.state) @ cell.weight_hh_l0.t()
        head(torch.zeros(1, network.state))
    assert counter.get_total_flops() == network.flop() == flop
