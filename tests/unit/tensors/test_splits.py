"""How matrices are split: routes agree, small values are not lost, and what is degenerate is handled or refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import library, splits, tebd
from ngtbench.kernels.tensors.library import Library
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import chains

HERE = library.numpy()


def matrix(values: Array, seed: int = 1) -> Array:
    made = np.random.default_rng(seed)
    n = len(values)
    u, v = (np.linalg.qr(made.normal(size=(n, n)) + 1j * made.normal(size=(n, n)))[0] for _ in "uv")
    return np.asarray((u * values) @ v)[None]


def kept(piece: splits.Piece, theta: Array) -> Array:
    return np.sort(np.linalg.norm(theta[0] @ piece.v, axis=0))[::-1]


def test_routes_keep_the_same_values_and_account_for_the_others() -> None:
    values = np.geomspace(1, 1e-4, 12)
    theta, last = matrix(values), values[None, :6]
    for route, how in ((splits.svd, "svd"), (splits.gram, "gram")):
        (piece,) = route(HERE, theta, 6, last)
        assert piece.how == how
        assert np.allclose(kept(piece, theta), values[:6], rtol=1e-9)
        assert piece.discarded == pytest.approx(np.sum(values[6:] ** 2) / np.sum(values**2), rel=1e-9)
        assert np.allclose(piece.v.conj().T @ piece.v, np.eye(6), atol=1e-13)


def test_values_that_squares_would_lose_are_found_by_svd() -> None:
    values = np.geomspace(1, 1e-11, 12)
    theta = matrix(values)
    for last in (values[None, :9], np.ones((1, 9)), np.ones((1, 4))):  # small before; small now; bonds not full
        (piece,) = splits.gram(HERE, theta, 9, last)
        assert piece.how == "svd"
        assert np.allclose(kept(piece, theta), values[:9], rtol=1e-6)


def test_of_a_matrix_without_full_rank_only_that_is_kept() -> None:
    (piece,) = splits.svd(HERE, matrix(np.array([1.0, 0.5, 0.0, 0.0])), 4, np.ones((1, 1)))
    assert piece.v.shape == (4, 2)
    assert piece.discarded < 1e-30


def test_nothing_and_nan_are_refused() -> None:
    for theta, word in ((np.zeros((1, 4, 4), complex), "norm"), (np.full((1, 4, 4), np.nan, complex), "NaN")):
        with pytest.raises(BadInput, match=word):
            splits.svd(HERE, theta, 2, np.ones((1, 1)))
    with pytest.raises(BadInput, match="norm"):
        tebd.canonical(HERE, [np.zeros((1, 2, 1), complex)] * 3)


def test_where_gesdd_gives_up_gesvd_takes_over_and_is_counted() -> None:
    def broken(matrices: Any) -> Any:
        raise np.linalg.LinAlgError("SVD did not converge")

    here: Library = replace(HERE, svd=broken)
    gate = tebd.gates(here, chains.bonds("xx", 4), np.complex128)
    states = [tebd.product(HERE, chains.start("xx", "neel", 4), 2, np.complex128) for _ in range(2)]
    sequence = [(0, 0.1), (1, 0.2)]
    fallen, plain = (tebd.evolve(one, state, gate, sequence, 4) for one, state in zip((here, HERE), states, strict=True))
    assert fallen.splits == {"gesvd": 3}
    assert plain.splits == {"svd": 3}
    for one, other in zip(*(state.weights for state in states), strict=True):
        assert np.allclose(one, other, atol=1e-13)


def test_threads_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tebd, "_WIDE", 1)
    gate = tebd.gates(HERE, chains.bonds("ising", 10, 1.0), np.complex128)
    sequence = [(parity, 0.1 * share) for parity, share in tebd.layers(2, 10)]
    found = []
    for here in (HERE, library.numpy(3), replace(HERE, grouped=True)):
        state = tebd.product(here, chains.start("ising", "all_up", 10), 2, np.complex128)
        tally = tebd.evolve(here, state, gate, sequence, 8)
        found.append((tebd.expectations(here, state, np.array([1.0, -1.0])), tally.discarded_weight, tally.updates))
    for magnetisation, discarded, updates in found[1:]:
        assert np.allclose(magnetisation, found[0][0], atol=1e-12)
        assert discarded == pytest.approx(found[0][1], rel=1e-9)
        assert updates == found[0][2] == 11 * 5 + 10 * 4


def test_gates_turn_forwards_in_time() -> None:
    (term,) = chains.bonds("ising", 2, 0.7, [1.3])
    (gate,) = tebd.gates(HERE, [term], np.complex128)(1e-4)
    assert np.allclose(gate, np.eye(4) - 1e-4j * term, atol=1e-7)


def test_what_truncation_takes_from_the_norm_is_given_back() -> None:
    made = np.random.default_rng(1)
    state, _ = tebd.canonical(HERE, [made.normal(size=shape) + 0j for shape in ((1, 2, 2), (2, 2, 4), (4, 2, 2), (2, 2, 1))])
    tally = tebd.evolve(HERE, state, tebd.gates(HERE, chains.bonds("xx", 4), np.complex128), [(1, 0.3)], 2)
    assert tally.discarded_weight > 1e-3
    assert tebd.canonical(HERE, state.tensors)[1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("order", [2, 4])
def test_layers_add_up_to_whole_steps_and_are_the_same_backwards(order: int) -> None:
    found = list(tebd.layers(order, 3))
    assert [parity for parity, _ in found] == [k % 2 for k in range(len(found))]
    for parity in (0, 1):
        assert sum(share for of, share in found if of == parity) == pytest.approx(3, abs=1e-14)
    assert [share for _, share in found] == pytest.approx([share for _, share in reversed(found)])
    assert len(found) == {2: 7, 4: 31}[order]
    assert list(tebd.layers(order, 0)) == []


def test_canonical_tensors_are_the_same_state() -> None:
    made = np.random.default_rng(1)
    shapes = [(1, 2, 3), (3, 2, 5), (5, 2, 2), (2, 2, 1)]
    tensors = [made.normal(size=shape) + 1j * made.normal(size=shape) for shape in shapes]
    state, norm = tebd.canonical(HERE, tensors)
    before, after = (np.einsum("asb,btc,cud,dve->stuv", *ts).reshape(-1) for ts in (tensors, state.tensors))
    assert norm == pytest.approx(np.linalg.norm(before))
    assert abs(np.vdot(after, before)) / norm == pytest.approx(1, abs=1e-12)
    schmidt = np.linalg.svd(before.reshape(4, 4), compute_uv=False) / norm
    assert np.allclose(state.weights[2], schmidt[: len(state.weights[2])], atol=1e-12)
