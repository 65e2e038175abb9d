"""The Particle Transformer: gradients by differences, torch beside the tape, an event by loops, what pairs tell, and counts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import pairs
from ngtbench.workloads.ml import _tape, part
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASK = part.task(pairs.Size(8, 3, 0.5), width=12, layers=2, heads=3, pair_width=5)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}


def events(count: int = 4) -> tuple[Array, Array, Array]:
    x, numbers, label = TASK.draw(count, 3, 0).values()
    return x.astype(np.float64), numbers, label


def logits(x: Array, numbers: Array, weights: Mapping[str, Array] = WEIGHTS) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in weights.items()}, {"x": x, "pairs": numbers}).data


def loss(weights: Mapping[str, Any]) -> Value:
    x, numbers, label = events()
    return _tape.cross_entropy(TASK.forward(NET, weights, {"x": x, "pairs": numbers}), label)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    from ngtbench.kernels.ml.part_torch import forward

    x, numbers, label = events()
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(x), torch.tensor(numbers))
    np.testing.assert_allclose(got.detach().numpy(), logits(x, numbers), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.cross_entropy(got, torch.tensor(label)), weights)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def test_no_parameter_is_without_gradient() -> None:
    """Adam would blow up what rounding leaves of a gradient that is 0."""
    for name, slope in parameters.named(NET, slopes(loss, WEIGHTS)).items():
        assert np.abs(slope).max() > 1e-6, name


def _gelu(z: Any) -> Any:
    return z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def _norm(z: Array, gain: Array, bias: Array) -> Any:
    return (z - z.mean()) / np.sqrt(z.var() + 1e-5) * gain + bias


def by_hand(x: Array, numbers: Array, p: Mapping[str, Array]) -> Array:
    """Return the logits of one event, pair by pair and head by head."""
    bias = np.zeros((3, 8, 8))
    for i, j in np.ndindex(8, 8):
        pair = np.array([*(numbers[i] == numbers[j]), np.mean(x[i] * x[j]), np.mean((x[i] - x[j]) ** 2)])
        for layer in (1, 2):
            pair = np.maximum(pair @ p[f"w_pair{layer}"] + p[f"b_pair{layer}"], 0)
        bias[:, i, j] = pair @ p["w_pair3"]
    h = np.array([_gelu(row @ p["w_embed1"] + p["b_embed1"]) for row in x])
    h = _gelu(h @ p["w_embed2"] + p["b_embed2"]) @ p["w_embed3"] + p["b_embed3"]
    for block in (1, 2):
        seen = np.array([_norm(row, p[f"g_in{block}"], p[f"b_in{block}"]) for row in h])
        query, key, value = np.split(seen @ p[f"w_qkv{block}"], 3, axis=1)
        gathered = np.zeros_like(h)
        for head in range(3):
            own = slice(4 * head, 4 * head + 4)
            for i in range(8):
                weight = np.exp([query[i, own] @ key[j, own] / 2 + bias[head, i, j] for j in range(8)])
                gathered[i, own] = weight @ value[:, own] / weight.sum()
        h = h + gathered @ p[f"w_out{block}"] + p[f"b_out{block}"]
        seen = np.array([_norm(row, p[f"g_mid{block}"], p[f"b_mid{block}"]) for row in h])
        h = h + _gelu(seen @ p[f"w_mlp{block}_1"] + p[f"b_mlp{block}_1"]) @ p[f"w_mlp{block}_2"] + p[f"b_mlp{block}_2"]
    found: Array = _norm(h.mean(axis=0), p["g_end"], p["b_end"]) @ p["w_head1"] + p["b_head1"]
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


def test_without_the_bias_numbers_tell_nothing() -> None:
    x, numbers, _ = events()
    deaf = WEIGHTS | {"w_pair3": np.zeros_like(WEIGHTS["w_pair3"])}
    np.testing.assert_allclose(logits(x, numbers, deaf), logits(x, np.zeros_like(numbers), deaf), rtol=1e-12)


@pytest.mark.parametrize(("task", "count", "flop"), [(part.SMALL, 138_178, 56_738_048), (part.PART, 1_721_346, 274_899_456)])
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.part_torch import forward

    weights = {name: torch.tensor(array) for name, array in parameters.values(task.network, 1).items()}
    x, numbers, _ = task.draw(1, 1, 0).values()
    with FlopCounterMode(display=False) as counter:
        forward(task.network, weights, torch.tensor(x), torch.tensor(numbers))
    assert sum(array.numel() for array in weights.values()) == parameters.count(task.network) == count
    assert counter.get_total_flops() == task.network.flop() == flop
