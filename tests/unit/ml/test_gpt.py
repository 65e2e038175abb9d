"""GPT: gradients by differences, torch beside the tape, no look ahead, and one head by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import tokens
from ngtbench.workloads.ml import _training, gpt
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASK = gpt.task(tokens.Size(8, 6, classes=2, branches=2), width=6, layers=2, heads=3)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
SOME, LABEL = TASK.draw(5, 3, 0).values()


def constants(weights: Mapping[str, Array] = WEIGHTS) -> dict[str, Value]:
    return {name: Value(array) for name, array in weights.items()}


def logits(some: Array) -> Array:
    return TASK.forward(NET, constants(), {"tokens": some}).data


def loss(weights: Mapping[str, Any]) -> Value:
    return _training.loss(TASK, TASK.forward(NET, weights, {"tokens": SOME}), {"label": LABEL})


def by_torch(network: Any, weights: Mapping[str, Any], some: Any) -> Any:
    from ngtbench.kernels.ml.gpt_torch import forward

    return forward(network, weights, some)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_logits_and_gradients() -> None:
    from ngtbench.kernels.ml import scores_torch

    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = by_torch(NET, weights, torch.tensor(SOME))
    np.testing.assert_allclose(got.detach().numpy(), logits(SOME), rtol=1e-10, atol=1e-12)
    assert float(scores_torch.loss(TASK, got.detach(), {"label": torch.tensor(LABEL)})) == pytest.approx(
        float(loss(constants()).data), rel=1e-6
    )
    wanted = torch.nn.functional.cross_entropy(got.reshape(-1, 8), torch.tensor(LABEL).reshape(-1), ignore_index=-1)
    theirs = pulled(wanted, weights)
    assert np.count_nonzero(theirs) > 0.95 * len(theirs)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("of", ["tape", "torch"])
def test_nothing_looks_ahead(of: str) -> None:
    weights = {name: torch.tensor(array) for name, array in WEIGHTS.items()}
    answer = logits if of == "tape" else lambda some: by_torch(NET, weights, torch.tensor(some)).numpy()
    want = answer(SOME)
    for place in range(1, 6):
        changed = SOME.copy()
        changed[:, place] = (changed[:, place] + 3) % 8
        got = answer(changed)
        np.testing.assert_allclose(got[:, :place], want[:, :place], rtol=1e-12, atol=1e-12)
        assert np.all(np.abs(got - want)[:, place:].max(axis=(0, 2)) > 1e-3)


def test_sequences_do_not_see_each_other() -> None:
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(logits(SOME[order]), logits(SOME)[order], rtol=1e-12)


def test_attention_by_hand() -> None:
    """Head by head and token by token, as sums over those before."""
    qkv = np.random.default_rng(5).normal(size=(1, 6, 18))
    want = np.empty((6, 6))
    for head in range(3):
        q, k, v = (qkv[0, :, start + 2 * head : start + 2 * head + 2] for start in (0, 6, 12))
        for place in range(6):
            weights = np.exp([q[place] @ k[before] / np.sqrt(2) for before in range(place + 1)])
            want[place, 2 * head : 2 * head + 2] = weights @ v[: place + 1] / weights.sum()
    np.testing.assert_allclose(gpt._attention(NET, Value(qkv)).data[0], want, rtol=1e-12)


def test_without_blocks_the_logits_are_products_of_embeddings() -> None:
    weights = {
        name: np.zeros_like(a) if name[0] == "w" and name[2:] not in ("token", "place") else a for name, a in WEIGHTS.items()
    }
    added = sum(weights[f"b_out{k}"] + weights[f"b_mlp{k}_2"] for k in (1, 2))
    h = weights["w_token"][SOME] + weights["w_place"] + added
    h = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5) * weights["g_end"] + weights["b_end"]
    got = TASK.forward(NET, constants(weights), {"tokens": SOME}).data
    np.testing.assert_allclose(got, h @ weights["w_token"].T, rtol=1e-10)


@pytest.mark.parametrize(
    ("task", "count", "flop"),
    [(gpt.TINY, 26816, 884736), (gpt.MIDDLE, 4931072, 2885681152), (gpt.LARGE, 86208000, 213406187520)],
)
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    weights = {name: torch.empty(shape, device="meta") for name, shape in task.network.shapes().items()}
    some = torch.empty((2, task.network.length), dtype=torch.int64, device="meta")
    assert sum(tensor.numel() for tensor in weights.values()) == count == parameters.count(task.network)
    with FlopCounterMode(display=False) as counter:
        by_torch(task.network, weights, some)
    assert counter.get_total_flops() == 2 * flop == 2 * task.network.flop()
