"""Adam and the reference run of a training: torch's optimisers in float64, step by step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from ngtbench.model.workload import Array
from ngtbench.workloads.ml import _tape as tape
from ngtbench.workloads.ml._adam import Adam, steps

STEPS = 20
FALLING = [0.05 * (1 - k / STEPS) for k in range(STEPS)]


def start() -> dict[str, Array]:
    random = np.random.default_rng(3)
    return {"w": random.normal(size=(4, 3)), "b": random.normal(size=3), "idle": np.ones(2)}


def batches() -> list[tuple[Array, Array]]:
    random = np.random.default_rng(4)
    return [(random.normal(size=(8, 4)), random.integers(0, 3, 8)) for _ in range(STEPS)]


def loss_of(parameters: dict[str, tape.Value], batch: tuple[Array, Array]) -> tape.Value:
    x, label = batch
    return tape.cross_entropy(x @ tape.tanh(parameters["w"]) + parameters["b"], label)


def by_torch(optimiser: type[Any], rates: Sequence[float], **options: Any) -> tuple[list[float], dict[str, Array]]:
    parameters = {name: torch.tensor(values, requires_grad=True) for name, values in start().items()}
    adam = optimiser(parameters.values(), **options)
    losses = []
    for rate, (x, label) in zip(rates, batches(), strict=True):
        for group in adam.param_groups:
            group["lr"] = rate
        logits = torch.tensor(x) @ torch.tanh(parameters["w"]) + parameters["b"]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(label)) + 0 * parameters["idle"].sum()
        for values, slope in zip(parameters.values(), torch.autograd.grad(loss, list(parameters.values())), strict=True):
            values.grad = slope
        adam.step()
        losses.append(loss.item())
    return losses, {name: values.detach().numpy() for name, values in parameters.items()}


@pytest.mark.parametrize(
    ("adam", "rates", "optimiser", "options"),
    [
        (Adam(0.05), None, torch.optim.Adam, {}),
        (Adam(9.0), FALLING, torch.optim.Adam, {}),
        (Adam(0.05, 0.8, 0.95, 1e-2), None, torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-2}),
        (Adam(0.05, decay=0.1), FALLING, torch.optim.AdamW, {"weight_decay": 0.1}),
    ],
    ids=["own rate", "falling rates", "its constants", "decay"],
)
def test_a_run_is_that_of_torch(adam: Adam, rates: list[float] | None, optimiser: type[Any], options: dict[str, Any]) -> None:
    losses, parameters = steps(loss_of, start(), batches(), adam, rates)
    want_losses, want = by_torch(optimiser, rates or [0.05] * STEPS, **options)
    np.testing.assert_allclose(losses, want_losses, rtol=1e-12)
    for name, values in parameters.items():
        np.testing.assert_allclose(values, want[name], rtol=1e-12, atol=1e-14)


def test_a_run_leaves_its_start_alone_and_repeats() -> None:
    given, adam = start(), Adam(0.05)
    first, again = (steps(loss_of, given, batches(), adam)[0] for _ in range(2))
    assert first == again
    adam.step(given, given, adam.start(given))
    for name, values in start().items():
        np.testing.assert_array_equal(given[name], values)


def test_a_rate_is_needed_for_every_batch() -> None:
    with pytest.raises(ValueError, match="shorter"):
        steps(loss_of, start(), batches(), Adam(0.05), FALLING[:-1])
