"""The tree classifier: a dense tensor, torch beside the tape, entropies by Schmidt values, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from ngtbench.errors import BadInput, Unavailable
from ngtbench.harness.prepare import prepare
from ngtbench.kernels.ml.ttn_classifier_torch import forward
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.ttn_classifier import TtnClassifier
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.tensors import mps_classifier

NET = TtnClassifier(features=2, bond=3, classes=3, copies=2, middle=0.5, reach=1.5)
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}
X = np.random.default_rng(3).normal(0.5, 1.2, (7, 2))
LABEL = np.arange(7) % 3


def outputs(weights: Any) -> Value:
    return mps_classifier.tree(NET, weights, {"x": X})


def dense() -> tuple[Array, Array, Array]:
    """Return both branches of the root (2, 2, bond) and the root (bond, bond, classes)."""
    low, root = (NET.passed(k) + NET.spread * WEIGHTS[f"w_level{k}"] for k in (1, 2))
    return low[0].reshape(2, 2, 3), low[1].reshape(2, 2, 3), root[0].reshape(3, 3, 3)


def test_outputs_are_those_of_the_dense_tensor() -> None:
    left, right, root = dense()
    got = outputs({name: Value(array) for name, array in WEIGHTS.items()}).data
    for x, logits in zip(X, got, strict=True):
        one, two = ((np.cos(t), np.sin(t)) for t in np.pi / 2 * np.clip((x - 0.5) / 3, -0.5, 0.5))
        a, b = np.einsum("i,j,ija", one, one, left), np.einsum("i,j,ija", two, two, right)
        want = NET.gain * np.einsum("a,b,abc->c", a / np.linalg.norm(a), b / np.linalg.norm(b), root)
        np.testing.assert_allclose(logits, want, rtol=1e-11)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = forward(NET, weights, torch.tensor(X))
    leaves = {name: _tape.leaf(array) for name, array in WEIGHTS.items()}
    mine = outputs(leaves)
    np.testing.assert_allclose(got.detach().numpy(), mine.data, rtol=1e-10, atol=1e-12)
    pulled = torch.autograd.grad(torch.nn.functional.cross_entropy(got, torch.tensor(LABEL)), list(weights.values()))
    slopes = _tape.gradients(_tape.cross_entropy(mine, LABEL), list(leaves.values()))
    for theirs, ours in zip(pulled, slopes, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-12)


def test_entropies_are_those_of_schmidt_values() -> None:
    left, right, root = dense()
    state = np.einsum("ija,klb,abc->ijklc", left, right, root)
    want = []
    for sites in ((0,), (1,), (2,), (3,), (0, 1), (2, 3)):
        matrix = np.moveaxis(state, sites, range(len(sites))).reshape(2 ** len(sites), -1)
        p = np.linalg.svd(matrix, compute_uv=False) ** 2
        p /= p.sum()
        want.append(-np.sum(p[p > 0] * np.log(p[p > 0])))
    np.testing.assert_allclose(NET.entropies_nats(WEIGHTS), want, rtol=1e-9)
    assert min(want) > 0.01


def test_before_it_learns_a_node_sums_what_is_small() -> None:
    one, two = np.array([1, 0.1]), np.array([1, -0.3])
    passed = np.outer(one, two).reshape(-1) @ NET.passed(1)
    np.testing.assert_allclose(passed, [1, -0.2, 0], rtol=1e-6)
    assert not NET.passed(2).any()


def test_flop_are_counted_and_no_other_number_of_leaves_is_taken() -> None:
    assert NET.flop() == 2 * (2 * 4 * 3 + 9 * 3)
    with pytest.raises(BadInput, match="power of two"):
        TtnClassifier(features=12)
    with pytest.raises(Unavailable, match="trees"):
        prepare(Case("tensors/mps_classifier", 1, "S-tree", "numpy", "float32"), Resources("cpu:0", 1, False), 1)
