"""The variational autoencoder: gradients by differences, torch beside the tape, an event by hand, its parts, and counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import objects
from ngtbench.workloads.ml import _tape, calo_vae
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

LISTS = objects.Size(3, 4, 1.8)
TASK = calo_vae.task(LISTS, (7, 5), 2)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
DRAWN = TASK.draw(6, 3, 0)
X, NOISE = DRAWN["x"].astype(np.float64), DRAWN["noise"].astype(np.float64)


def outputs(noise: Array = NOISE, weights: Mapping[str, Array] = WEIGHTS) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in weights.items()}, {"x": X, "noise": noise}).data


def loss(weights: Mapping[str, Any]) -> Value:
    """Return squares off the features, and the divergence of what is drawn from a normal number."""
    found = TASK.forward(NET, weights, {"x": X, "noise": NOISE})
    mean, spread, back = found[:, :2], found[:, 2:4], found[:, 4:]
    off = _tape.total(_tape.square(back - X)) + 0.5 * _tape.total(_tape.square(mean) + _tape.exp(spread) - spread - 1)
    return off / len(X)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS, least=1e-7)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    from ngtbench.kernels.ml.calo_vae_torch import forward

    weights, x = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}, torch.tensor(X)
    got = forward(NET, weights, x, torch.tensor(NOISE))
    np.testing.assert_allclose(got.detach().numpy(), outputs(), rtol=1e-10, atol=1e-12)
    mean, spread, back = got[:, :2], got[:, 2:4], got[:, 4:]
    off = ((back - x) ** 2).sum() + (mean**2 + spread.exp() - spread - 1).sum() / 2
    np.testing.assert_allclose(slopes(loss, WEIGHTS), pulled(off / len(X), weights), rtol=1e-10, atol=1e-12)


def test_an_event_by_hand() -> None:
    p = WEIGHTS
    h = np.maximum(X[0] @ p["w_mean1"] + p["b_mean1"], 0)
    h = np.maximum(h @ p["w_mean2"] + p["b_mean2"], 0)
    mean, spread = h @ p["w_mean3"] + p["b_mean3"], h @ p["w_spread1"] + p["b_spread1"]
    h = np.maximum((mean + np.exp(spread) ** 0.5 * NOISE[0]) @ p["w_back1"] + p["b_back1"], 0)
    h = np.maximum(h @ p["w_back2"] + p["b_back2"], 0)
    want = np.concatenate((mean, spread, h @ p["w_back3"] + p["b_back3"]))
    np.testing.assert_allclose(outputs()[0], want, rtol=1e-12)


def test_noise_changes_what_is_reconstructed_alone() -> None:
    changed = np.abs(outputs(-NOISE) - outputs()).max(axis=0)
    assert np.all(changed[:4] == 0)
    assert np.all(changed[4:] > 0)


def test_the_encoder_is_the_first_part_of_the_whole() -> None:
    part = calo_vae.task(LISTS, (7, 5), 2, whole=False)
    net: Any = part.network
    own = {name: Value(array) for name, array in parameters.values(net, 2).items()}
    np.testing.assert_allclose(part.forward(net, own, {"x": X}).data, outputs()[:, :2], rtol=1e-12)
    assert set(part.draw(1, 1, 0)) == {"x", "label"}


def test_noise_is_of_the_event_and_normal() -> None:
    many = TASK.draw(20_000, 5, 0)["noise"]
    np.testing.assert_array_equal(TASK.draw(7, 5, 11)["noise"], many[11:18])
    assert abs(float(many.mean())) < 4 / 200
    assert float(many.std()) == pytest.approx(1, abs=4 / 283)


def test_features_are_of_order_one_and_empty_slots_zero() -> None:
    x, mask, _ = objects.draw(LISTS, 50, 5)
    found = TASK.draw(50, 5, 0)["x"].reshape(x.shape)
    np.testing.assert_allclose(found[mask], (x[mask] - (20, 0, 0)) / (10, 2.5, np.pi), rtol=1e-5, atol=1e-6)
    assert not found[~mask].any()
    assert (~mask).any()


def test_the_best_answer_is_the_likelihood_ratio_of_the_lists() -> None:
    x, mask, _ = objects.draw(LISTS, 50, 5)
    assert TASK.best is not None
    np.testing.assert_allclose(TASK.best(TASK.draw(50, 5, 0)), objects.log_ratio(LISTS, x, mask), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("task", "count", "flop"), [(calo_vae.ENCODER, 2435, 4768), (calo_vae.WHOLE, 4975, 9632)])
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.calo_vae_torch import forward

    weights = {name: torch.tensor(array) for name, array in parameters.values(task.network, 1).items()}
    with FlopCounterMode(display=False) as counter:
        forward(task.network, weights, *(torch.tensor(array) for name, array in task.draw(1, 1, 0).items() if name != "label"))
    assert sum(array.numel() for array in weights.values()) == parameters.count(task.network) == count
    assert counter.get_total_flops() == task.network.flop() == flop
