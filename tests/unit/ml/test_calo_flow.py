"""The flow for showers: gradients by differences, torch beside the tape, Euler steps by hand, and what growth does to errors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import mixtures
from ngtbench.workloads.ml import _tape, calo_flow
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import TOLERANCE
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

SAMPLE = mixtures.Size(features=6, kinds=3)
TASK = calo_flow.task(SAMPLE, width=7, layers=3, harmonics=4)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
DRAWN = {name: array.astype(np.float64) for name, array in TASK.draw(9, 3, 0).items()}


def constants(weights: Mapping[str, Array] = WEIGHTS) -> dict[str, Value]:
    return {name: Value(array) for name, array in weights.items()}


def velocities(x: Array, t: Array) -> Array:
    return TASK.forward(NET, constants(), {"x": x, "t": t}).data


def loss(weights: Mapping[str, Any]) -> Value:
    given = {name: DRAWN[name] for name in ("x", "t")}
    return _tape.mean_square(TASK.forward(NET, weights, given), DRAWN["label"])


def by_torch(network: Any, weights: Mapping[str, Any], *samples: Any) -> Any:
    from ngtbench.kernels.ml.calo_flow_torch import forward

    return forward(network, weights, *samples)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_velocities_and_gradients() -> None:
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = by_torch(NET, weights, torch.tensor(DRAWN["x"]), torch.tensor(DRAWN["t"]))
    np.testing.assert_allclose(got.detach().numpy(), velocities(DRAWN["x"], DRAWN["t"]), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.mse_loss(got, torch.tensor(DRAWN["label"])), weights)
    assert np.count_nonzero(theirs) == len(theirs)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def test_a_shower_is_the_sum_of_its_steps() -> None:
    """Each step by the velocity that the trained task tells; torch too, whose times are made at once."""
    made = calo_flow.generation(SAMPLE, 20, width=7, layers=3, harmonics=4)
    noise = made.draw(5, 3, 0)["x"].astype(np.float64)
    x = noise
    for step in range(20):
        x = x + 0.05 * velocities(x, np.full(5, 0.05 * step))
    got = made.forward(made.network, constants(), {"x": noise}).data
    np.testing.assert_allclose(got, x, rtol=1e-12, atol=1e-12)
    weights = {name: torch.tensor(array) for name, array in WEIGHTS.items()}
    np.testing.assert_allclose(by_torch(made.network, weights, torch.tensor(noise)).numpy(), x, rtol=1e-10, atol=1e-12)


def test_a_velocity_by_hand() -> None:
    """With layers of zeros but the last bias, only the gate of the time is left."""
    weights = {name: np.zeros_like(array) for name, array in WEIGHTS.items()}
    weights["b_layer4"] += 0.5
    weights["b_gate"] += 2.0
    weights["w_gate"][1], weights["w_gate"][4] = 1.0, 3.0  # cos 2 pi t and sin pi t
    got = TASK.forward(NET, constants(weights), {"x": np.ones((2, 6)), "t": np.array([0.25, 0.5])}).data
    want = 0.5 + 2 + np.array([0 + 3 * np.sqrt(0.5), -1 + 3])
    np.testing.assert_allclose(got, np.repeat(want[:, None], 6, 1), rtol=1e-12)


def test_samples_do_not_see_each_other() -> None:
    order = np.random.default_rng(5).permutation(9)
    np.testing.assert_allclose(
        velocities(DRAWN["x"][order], DRAWN["t"][order]), velocities(DRAWN["x"], DRAWN["t"])[order], rtol=1e-12
    )


def test_rounding_grows_little_over_the_steps() -> None:
    """Of the workload's own network, by ten: what is moved at first is moved so much in the end, far less than e^50."""
    made = calo_flow.GENERATION
    weights = {name: Value(array) for name, array in parameters.values(made.network, 1).items()}
    noise = made.draw(4, 3, 0)["x"].astype(np.float64)
    away = 1e-4 * np.random.default_rng(6).normal(size=noise.shape)
    end, moved = (made.forward(made.network, weights, {"x": x}).data for x in (noise, noise + away))
    growth = np.linalg.norm(moved - end) / np.linalg.norm(away)
    assert 1 < growth < 10
    assert growth * 2.0**-24 * np.sqrt(calo_flow.STEPS) < TOLERANCE["float32"]


def test_sixteen_bits_lose_no_steps() -> None:
    """A velocity of 2^-4 for all t moves 1 by 2^-4, though no step of it could be seen in bfloat16 beside 1."""
    made = calo_flow.generation(SAMPLE, 50, width=7, layers=3, harmonics=4)
    weights = {name: torch.zeros(array.shape, dtype=torch.bfloat16) for name, array in WEIGHTS.items()}
    weights["b_layer4"] += 2.0**-4
    got = by_torch(made.network, weights, torch.ones(1, 6, dtype=torch.bfloat16))
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, torch.full((1, 6), 1 + 2.0**-4, dtype=torch.bfloat16))


@pytest.mark.parametrize(
    ("task", "count", "flop", "shared"),
    [(calo_flow.FLOW, 1194208, 2382848, 0), (calo_flow.GENERATION, 1194208, 116326400, 50 * 2 * 32 * (512 + 368))],
)
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int, shared: int) -> None:
    """Products with the times of steps are the same for a batch of any size."""
    from torch.utils.flop_counter import FlopCounterMode

    weights = {name: torch.empty(shape, device="meta") for name, shape in task.network.shapes().items()}
    samples = [torch.tensor(array, device="meta") for name, array in task.draw(3, 1, 0).items() if name != "label"]
    assert sum(tensor.numel() for tensor in weights.values()) == count == parameters.count(task.network)
    with FlopCounterMode(display=False) as counter:
        by_torch(task.network, weights, *samples)
    assert counter.get_total_flops() - shared == 3 * flop == 3 * task.network.flop()
