"""How PyTorch splits matrices: routes agree with NumPy, and one that discards more is not taken."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ngtbench.kernels.tensors import library_torch, splits, tebd, tebd_torch  # noqa: E402
from ngtbench.kernels.tensors.library import numpy  # noqa: E402
from ngtbench.physics.tensors import chains  # noqa: E402

PLACE = torch.device("cpu")


def decaying(n: int) -> Any:
    made = np.random.default_rng(1)
    u, v = (np.linalg.qr(made.normal(size=(n, n)) + 1j * made.normal(size=(n, n)))[0] for _ in "uv")
    return torch.from_numpy((u * 0.8 ** np.arange(n)) @ v)[None]


def test_a_randomised_split_discards_what_an_svd_does_where_values_decay() -> None:
    here, theta = library_torch.library(PLACE), decaying(40)
    (right,) = splits.svd(here, theta, 8, np.ones((1, 8)))
    (found,) = tebd_torch.randomised(here, theta, 8, np.ones((1, 8)))
    assert found.how == "randomised"
    assert found.discarded == pytest.approx(right.discarded, rel=1e-6)
    assert torch.allclose(found.v.mH @ found.v, torch.eye(8, dtype=theta.dtype), atol=1e-12)


def test_evolution_is_that_of_numpy() -> None:
    found, before = [], torch.get_num_threads()
    torch.set_num_threads(2)
    plain = library_torch.library(PLACE, 2)
    for here in (numpy(), plain, replace(plain, grouped=True)):  # as on a GPU
        state = tebd.product(here, chains.start("ising", "neel", 8), 2, np.complex128)
        gate = tebd.gates(here, chains.bonds("ising", 8, 0.9), np.complex128)
        tally = tebd.evolve(here, state, gate, ((p, 0.1 * share) for p, share in tebd.layers(4, 5)), 6)
        whole, norm = tebd.canonical(here, state.tensors)
        found.append((tebd.expectations(here, whole, np.array([1.0, -1.0])), tally.discarded_weight, norm))
    assert torch.get_num_threads() == 2  # as they were
    torch.set_num_threads(before)
    for other in found[1:]:
        assert np.allclose(found[0][0], other[0], atol=1e-11)
        assert found[0][1:] == pytest.approx(other[1:], rel=1e-9)


def test_a_route_that_discards_more_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(here: Any, theta: Any, most: int, last: Any) -> list[splits.Piece]:
        return [splits.Piece(piece.v, "careless", 1.5 * piece.discarded) for piece in splits.svd(here, theta, most, last)]

    def routes(place: Any, threads: int) -> Iterator[Any]:
        yield "svd", library_torch.library(place), splits.svd
        yield "careless", library_torch.library(place), careless

    ticks = iter([0.0, 5.0, 5.0, 10.0, 10.0, 11.0, 11.0, 12.0])  # the careless one takes a fifth of the time
    monkeypatch.setattr(tebd_torch, "routes", routes)
    monkeypatch.setattr(tebd_torch, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    made = np.random.default_rng(1)
    tensors = [made.normal(size=shape) + 0j for shape in ((1, 2, 2), (2, 2, 3), (3, 2, 3), (3, 2, 3), (3, 2, 2), (2, 2, 1))]
    state, _ = tebd.canonical(library_torch.library(PLACE), [torch.from_numpy(one) for one in tensors])
    backend = SimpleNamespace(synchronise=lambda: None)
    setup: Any = SimpleNamespace(size=SimpleNamespace(chi=3, step=0.1), dtype="float64", threads=1, backend=backend)
    _, split, told = tebd_torch.chosen(setup, state, PLACE)
    assert split is splits.svd
    assert "1.5 times as much: not taken" in told
