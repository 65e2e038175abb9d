"""The matrix-product classifier: a dense tensor, gradients, long chains, entropies by Schmidt values, and what jets allow."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from ngtbench.errors import BadInput
from ngtbench.kernels.ml.mps_classifier_torch import forward
from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.mps_classifier import MpsClassifier
from ngtbench.physics.samples import jets
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.tensors import mps_classifier, mps_training
from ngtbench.workloads.tensors.mps_classifier import of_digits

NET = MpsClassifier(features=3, bond=4, classes=3, copies=2, middle=0.5, reach=1.5, spread=0.8)
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
X = np.random.default_rng(3).normal(0.5, 1.2, (7, 3))
LABEL = np.arange(7) % 3


def dense(net: MpsClassifier, weights: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """Return halves as tensors (2, ..., 2, bond), sites from the end in, and the label (class, bond, bond)."""
    unit, ends = np.eye(net.bond), []
    for side in range(2):
        half = unit[0]
        for w in weights["w_sites"][:, side]:
            site = net.spread * w.reshape(2, net.bond, net.bond) + unit / math.sqrt(2)
            half = np.einsum("...a,sab->...sb", half, site)
        ends.append(half)
    return ends[0], ends[1], unit + net.spread * weights["w_label"]


def outputs(net: Any, weights: Mapping[str, Array], x: Array) -> Array:
    return mps_classifier.forward(net, {name: Value(array) for name, array in weights.items()}, {"x": x}).data


def loss(weights: Mapping[str, Any]) -> Value:
    return _tape.cross_entropy(mps_classifier.forward(NET, weights, {"x": X}), LABEL)


def slopes() -> Array:
    leaves = {name: _tape.leaf(array) for name, array in WEIGHTS.items()}
    return np.concatenate([g.reshape(-1) for g in _tape.gradients(loss(leaves), list(leaves.values()))])


def test_outputs_are_those_of_the_dense_tensor() -> None:
    left, right, label = dense(NET, WEIGHTS)
    for x, got in zip(X, outputs(NET, WEIGHTS, X), strict=True):
        pairs = [(math.cos(t), math.sin(t)) for t in np.pi / 2 * np.clip((x - 0.5) / 3 + 0.5, 0, 1) for _ in range(2)]
        a = np.einsum("i,j,k,ijka", *pairs[:3], left)
        b = np.einsum("i,j,k,ijka", *pairs[:2:-1], right)
        want = NET.gain * np.einsum("a,cab,b->c", a / np.linalg.norm(a), label, b / np.linalg.norm(b))
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_gradients_are_the_limits_of_differences() -> None:
    flat, found = parameters.flat(WEIGHTS), slopes()
    for place in np.random.default_rng(4).choice(len(flat), 20, replace=False):
        sides = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[place] += sign * 1e-6
            sides.append(float(loss({name: Value(array) for name, array in parameters.named(NET, moved).items()}).data))
        assert (sides[0] - sides[1]) / 2e-6 == pytest.approx(found[place], rel=1e-4, abs=1e-8)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(X))
    np.testing.assert_allclose(got.detach().numpy(), outputs(NET, WEIGHTS, X), rtol=1e-10, atol=1e-12)
    pulled = torch.autograd.grad(torch.nn.functional.cross_entropy(got, torch.tensor(LABEL)), list(weights.values()))
    theirs = np.concatenate([g.numpy().reshape(-1) for g in pulled])
    np.testing.assert_allclose(slopes(), theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("spread", [1e-3, 30.0])
def test_256_sites_neither_vanish_nor_overflow_in_float32(spread: float) -> None:
    """Of lengths 1, vectors would end near 10^-19, or near 10^200."""
    net = MpsClassifier(features=256, bond=8, classes=2, spread=spread)
    weights = parameters.values(net, 1)
    x = np.random.default_rng(1).normal(0, 3, (4, 256)).astype(np.float32)
    got = forward(net, {name: torch.tensor(array) for name, array in weights.items()}, torch.tensor(x)).numpy()
    want = outputs(net, {name: array.astype(np.float64) for name, array in weights.items()}, x)
    np.testing.assert_allclose(got, want, atol=2e-4 * float(np.abs(want).max()))


def test_entropies_are_those_of_schmidt_values() -> None:
    left, right, label = dense(NET, WEIGHTS)
    state = np.einsum("ijka,cab,nmlb->ijklmnc", left, label, right)
    label_on_right = [state.reshape(2**k, -1) for k in (1, 2, 3)]
    label_on_left = [np.moveaxis(state, -1, 0).reshape(3 * 2**k, -1) for k in (4, 5)]
    want = []
    for matrix in label_on_right + label_on_left:
        p = np.linalg.svd(matrix, compute_uv=False) ** 2
        p /= p.sum()
        want.append(-np.sum(p[p > 0] * np.log(p[p > 0])))
    np.testing.assert_allclose(NET.entropies_nats(WEIGHTS), want, rtol=1e-9)
    assert min(want) > 0.01


def test_a_product_state_is_not_entangled() -> None:
    net = dataclasses.replace(NET, bond=1, classes=1)
    np.testing.assert_allclose(net.entropies_nats(parameters.values(net, 1)), 0, atol=1e-12)


def test_flop_are_counted_and_odd_chains_are_refused() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    weights = {name: torch.from_numpy(array) for name, array in parameters.values(NET, 1).items()}
    with FlopCounterMode(display=False) as counter:
        forward(NET, weights, torch.zeros(1, NET.features))
    assert NET.flop() == 2 * 6 * 2 * 4**2 + 2 * 3 * 4**2
    assert counter.get_total_flops() == NET.flop() + 2 * 3 * 4  # and the product of both halves at the label
    with pytest.raises(BadInput, match="even"):
        MpsClassifier(features=3)


def test_jets_need_the_squares_of_features() -> None:
    """What the notes say of one site a feature: the best sum of products of two features reaches 0.833 of 0.869."""
    x, label = jets.draw(jets.Size(), 20_000, 5)
    axes = jets._reflected(jets._reflected(np.eye(jets.FEATURES), 1), 0)[:, :15].reshape(16, 5, 3)
    forms = np.einsum("icd,jcd->cij", axes, axes)
    scores = [np.mean(np.argmax(np.einsum("ni,cij,nj->nc", x, q, x, optimize=True), 1) == label) for q in (forms, crossed(forms))]
    assert scores[0] == pytest.approx(0.869, abs=0.008)
    assert scores[1] == pytest.approx(0.833, abs=0.008)


def crossed(forms: Array) -> Array:
    return np.asarray(forms * (1 - np.eye(forms.shape[-1])))


def test_no_digit_is_both_trained_on_and_asked() -> None:
    size = mps_training.WORKLOAD.sizes["S-digits"]
    assert size.events + size.tests == 1797
    made = mps_training.WORKLOAD.inputs(size, 7)
    taught, asked = ({row.tobytes() for row in np.asarray(made[name])} for name in ("x", "test_x"))
    assert not taught & asked
    assert not np.array_equal(of_digits(bond=2).draw(5, 1, 0)["x"], of_digits(bond=2).draw(5, 2, 0)["x"])
