"""The autoencoder of images: gradients by differences, torch beside the tape, an image by loops, counts, and its ideal score."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.calo_ae import CaloAe
from ngtbench.physics.samples import optimum, showers
from ngtbench.workloads.ml import _tape, calo_ae
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASK = calo_ae.task(showers.Size(rows=10, columns=6), channels=(3, 4), latent=5)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
X = TASK.draw(3, 4, 0)["x"].astype(np.float64)


def images(x: Array = X, weights: Mapping[str, Array] = WEIGHTS) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in weights.items()}, {"x": x}).data


def loss(weights: Mapping[str, Any]) -> Value:
    return _tape.mean_square(TASK.forward(NET, weights, {"x": X}), X)


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    from ngtbench.kernels.ml.calo_ae_torch import forward

    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(X))
    np.testing.assert_allclose(got.detach().numpy(), images(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        slopes(loss, WEIGHTS), pulled(torch.nn.functional.mse_loss(got, torch.tensor(X)), weights), rtol=1e-10, atol=1e-12
    )


def down(x: Array, kernel: Array, bias: Array) -> Array:
    """Return ReLU of a convolution, place by place: what lies outside is 0."""
    sides = [(n + 2 - kernel.shape[2]) // 2 + 1 for n in x.shape[1:]]
    made = np.zeros((len(kernel), *sides))
    for channel, i, j in np.ndindex(*made.shape):
        for source, di, dj in np.ndindex(*kernel.shape[1:]):
            row, column = 2 * i + di - 1, 2 * j + dj - 1
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                made[channel, i, j] += x[source, row, column] * kernel[channel, source, di, dj]
    found: Array = np.maximum(made + bias[:, None, None], 0)
    return found


def up(x: Array, kernel: Array, bias: Array, sides: tuple[int, ...]) -> Array:
    """Return what each place adds around twice its own."""
    made = np.zeros((kernel.shape[1], *sides))
    for source, i, j in np.ndindex(*x.shape):
        for channel, di, dj in np.ndindex(*kernel.shape[1:]):
            row, column = 2 * i + di - 1, 2 * j + dj - 1
            if 0 <= row < sides[0] and 0 <= column < sides[1]:
                made[channel, row, column] += x[source, i, j] * kernel[source, channel, di, dj]
    return made + bias[:, None, None]


def test_an_image_by_hand() -> None:
    p = WEIGHTS
    h = down(down(X[:1], p["w_down1"], p["b_down1"]), p["w_down2"], p["b_down2"])
    assert h.shape == (4, 3, 2)
    code = h.reshape(-1) @ p["w_code1"] + p["b_code1"]
    h = np.maximum(code @ p["w_spread1"] + p["b_spread1"], 0).reshape(4, 3, 2)
    h = np.maximum(up(h, p["w_up1"], p["b_up1"], (5, 3)), 0)
    np.testing.assert_allclose(images()[0], up(h, p["w_up2"], p["b_up2"], (10, 6))[0], rtol=1e-12)


def test_images_are_reconstructed_each_for_itself() -> None:
    np.testing.assert_allclose(images(X[::-1]), images()[::-1], rtol=1e-12)


def test_sides_that_do_not_come_back_are_refused() -> None:
    for rows, columns in ((16, 14), (18, 15), (-2, 6)):
        with pytest.raises(BadInput, match="sides"):
            CaloAe(rows, columns)


def test_parameters_and_flop_are_counted() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.calo_ae_torch import forward

    network: Any = calo_ae.SHOWERS.network
    weights = {name: torch.tensor(array) for name, array in parameters.values(network, 1).items()}
    with FlopCounterMode(display=False) as counter:
        forward(network, weights, torch.tensor(calo_ae.SHOWERS.draw(1, 1, 0)["x"]))
    assert sum(array.numel() for array in weights.values()) == parameters.count(network) == 203_201
    assert counter.get_total_flops() == network.flop() == 1_931_264


def test_the_square_distance_tells_what_the_notes_say() -> None:
    """Left of a shower are 251 normal numbers, of which one has moved by `lean`: below the optimum, which looks at it alone."""
    sample = showers.Size(lean=8.0)
    x, kind, label = showers.draw(sample, 10_000, 3, anomalies=0.5)
    left = x.reshape(len(x), -1) - showers.means(sample)[kind]
    left -= left.mean(axis=1, keepdims=True)
    found, error = optimum.auc(np.mean(left**2, axis=1), label)
    moved = (64 / math.sqrt(4 * 251 + 4 * 64)) / math.sqrt(2)  # mean and variance of the difference of two sums of squares
    assert found == pytest.approx((1 + math.erf(moved)) / 2, abs=4 * error)
    assert found == pytest.approx(0.964, abs=4 * error)
