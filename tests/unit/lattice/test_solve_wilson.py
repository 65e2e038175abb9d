"""The solver finds the solution: against a dense matrix, momentum space and the oracle's operator, and says when it does not."""

from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.lattice import clover, krylov, solve
from ngtbench.kernels.lattice.invert import solve_wilson
from ngtbench.kernels.lattice.schur import EVEN, ODD, EvenOdd, Library
from ngtbench.kernels.lattice.solve import Method
from ngtbench.kernels.lattice.wilson import Hopping
from ngtbench.model.workload import Array
from ngtbench.physics import gamma, lattice
from ngtbench.workloads.lattice import _wilson, clover_dslash

PHASES = (1, 1, 1, -1)
METHODS: tuple[Method, ...] = ("cg", "bicgstab", "cg-mixed")
SMALL: lattice.Shape = (2, 4, 2, 4)
NUMPY = Library(np, lambda host: host, lambda links, boundary, parity: Hopping(links, boundary, parity).write)


def matrix(links: Array, x: Array, kappa: float, csw: float = 0.0, boundary: tuple[complex, ...] = PHASES) -> Array:
    """Return M x by the oracle's operators."""
    hopped = _wilson.hopping(_wilson.phased(links, boundary), x)
    return x - kappa * hopped + 2 * kappa * csw * clover_dslash.clover(links, x)


def residual(links: Array, x: Array, b: Array, kappa: float, csw: float = 0.0, boundary: tuple[complex, ...] = PHASES) -> float:
    return float(np.linalg.norm(b - matrix(links, x, kappa, csw, boundary)) / np.linalg.norm(b))


@pytest.mark.parametrize("csw", [0.0, 1.3])
@pytest.mark.parametrize("method", METHODS)
def test_solution_is_that_of_the_dense_matrix(method: Method, csw: float) -> None:
    links, b = lattice.formula_links(SMALL, 0.8), lattice.formula_spinor(SMALL)
    one = np.eye(b.size, dtype=complex).reshape(b.size, *b.shape)
    dense = matrix(links, one, 0.13, csw, (1, 1j, 1, -1)).reshape(b.size, b.size).T
    want = np.linalg.solve(dense, b.ravel()).reshape(b.shape)
    found = solve_wilson(links, b, kappa=0.13, csw=csw, boundary=(1, 1j, 1, -1), tolerance=1e-11, method=method)
    assert found.converged
    assert found.method == method
    assert np.abs(found.solution - want).max() < 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_free_field_is_solved_as_in_momentum_space(method: Method) -> None:
    shape, kappa = (4, 6, 4, 8), 0.11
    b = lattice.random_spinor(shape, 3)
    twist = np.exp(-1j * np.pi * np.arange(shape[3]) / shape[3])[:, None, None]  # makes antiperiodic fields periodic
    p = list(np.meshgrid(*(2 * np.pi * np.fft.fftfreq(extent) for extent in shape), indexing="ij"))
    p[3] = p[3] + np.pi / shape[3]
    hopped = sum(
        2 * (np.cos(k)[..., None, None] * np.eye(4) - 1j * np.sin(k)[..., None, None] * g)
        for k, g in zip(p, gamma.matrices(), strict=True)
    )
    waves = np.linalg.solve(np.eye(4) - kappa * hopped, np.fft.fftn(twist * b, axes=(0, 1, 2, 3)))
    want = np.fft.ifftn(waves, axes=(0, 1, 2, 3)) / twist
    found = solve_wilson(lattice.unit_links(shape), b, kappa=kappa, tolerance=1e-11, method=method)
    assert np.abs(found.solution - want).max() < 1e-9


def even_odd(csw: float, dtype: Any = np.complex128) -> EvenOdd:
    links = lattice.formula_links((4, 4, 4, 8), 0.8)
    return EvenOdd(NUMPY, links.astype(dtype), PHASES, 0.14, csw, clover.blocks(links))


@pytest.mark.parametrize("csw", [0.0, 1.0])
def test_dagger_is_the_adjoint(csw: float) -> None:
    operator = even_odd(csw)
    a, b = (operator.split(lattice.random_spinor((4, 4, 4, 8), seed)[None])[EVEN] for seed in (1, 2))
    saved, right, left = a.copy(), operator.zeros(a), operator.zeros(a)
    operator.apply(b, right)
    operator.apply_dagger(a, left)
    forward, back = operator.dot(a, right)[0], operator.dot(left, b)[0]
    assert abs(forward - back) < 1e-12 * abs(forward)
    assert abs(forward.imag) > 1e-3 * abs(forward)  # Mhat is not Hermitian: a dagger left out would be seen
    operator.apply(a, right)
    assert abs(operator.dot(right, b)[0] - forward) > 1e-3 * abs(forward)
    assert np.array_equal(a, saved)


@pytest.mark.parametrize("csw", [0.0, 1.0])
def test_even_odd_residual_is_that_of_the_whole_lattice(csw: float) -> None:
    operator, shape = even_odd(csw), (4, 4, 4, 8)
    x, b = lattice.random_spinor(shape, 1), lattice.formula_spinor(shape)
    got = operator.residual(operator.split(x[None]), operator.split(b[None]))
    assert got[0] == pytest.approx(residual(lattice.formula_links(shape, 0.8), x, b, 0.14, csw), rel=1e-12)
    assert np.array_equal(operator.join(*operator.split(b[None]), b[None])[0], b)
    assert operator.split(b[None])[ODD].shape == (1, 4, 3, 256)


# Iterations of CG until |Mhat^+ r| is 1e-8 of its start; on 16^4 at kappa 0.15 they are 107.
COUNTS = {((4, 4, 4, 4), 0.12): 22, ((4, 4, 4, 4), 0.15): 42, ((8, 8, 8, 8), 0.12): 26, ((8, 8, 8, 8), 0.15): 67}


@pytest.mark.parametrize("method", ["cg", "cg-mixed"])
@pytest.mark.parametrize(("shape", "kappa"), COUNTS)
def test_iterations(shape: lattice.Shape, kappa: float, method: Method) -> None:
    links, b = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape)
    found = solve_wilson(links, b, kappa=kappa, method=method)
    assert abs(found.iterations - COUNTS[shape, kappa]) <= 0.02 * COUNTS[shape, kappa]
    assert found.recursive_residual <= 1e-8
    assert found.true_residual <= 4e-8
    assert found.true_residual == pytest.approx(residual(links, found.solution, b, kappa), rel=1e-6)


@pytest.mark.parametrize(("shape", "count"), [((4, 4, 4, 4), 25), ((4, 4, 4, 8), 40), ((8, 8, 8, 8), 44)])
def test_iterations_of_bicgstab(shape: lattice.Shape, count: int) -> None:
    found = solve_wilson(lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), kappa=0.15, method="bicgstab")
    assert abs(found.iterations - count) <= 0.2 * count  # they depend on rounding
    assert found.true_residual <= 1.05e-8


@pytest.mark.parametrize("method", METHODS)
def test_recursive_residual_is_the_true_one_where_it_is_tested(method: Method) -> None:
    shape: lattice.Shape = (4, 4, 4, 8)
    links, b = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape)
    found = solve_wilson(links, b, kappa=0.15, tolerance=1e-10, method=method, stop="residual")
    true = residual(links, found.solution, b, 0.15)
    assert found.converged
    assert 1e-12 < true <= 1e-10
    assert found.recursive_residual == pytest.approx(true, rel=1e-3)
    assert found.true_residual == pytest.approx(true, rel=1e-3)


def test_another_kappa_or_boundary_is_another_system() -> None:
    links, b = lattice.formula_links((4, 4, 4, 4), 0.8), lattice.formula_spinor((4, 4, 4, 4))
    x = solve_wilson(links, b, kappa=0.12, csw=1.0, stop="residual").solution
    assert residual(links, x, b, 0.12, 1.0) <= 1e-8
    for kappa, csw, boundary in ((-0.12, 1.0, PHASES), (0.12, 0.0, PHASES), (0.12, -1.0, PHASES), (0.12, 1.0, (1, 1, 1, 1))):
        assert residual(links, x, b, kappa, csw, boundary) > 1e-2


@pytest.mark.parametrize("method", METHODS)
def test_sources_side_by_side_are_solved_as_one_by_one(method: Method) -> None:
    shape: lattice.Shape = (4, 4, 2, 4)
    links, point = lattice.formula_links(shape, 0.8), np.zeros((*shape, 4, 3), dtype=complex)
    point[1, 2, 0, 3, 2, 1] = 1
    sources = np.stack([lattice.formula_spinor(shape), point, 0 * point])
    together = solve_wilson(links, sources, kappa=0.14, tolerance=1e-10, method=method)
    single = [solve_wilson(links, source, kappa=0.14, tolerance=1e-10, method=method) for source in sources]
    assert together.iterations == max(one.iterations for one in single)
    assert single[2].iterations == 0
    assert single[2].converged
    for x, one in zip(together.solution, single, strict=True):
        assert np.abs(x - one.solution).max() < 1e-9


@pytest.mark.parametrize("method", ["cg", "bicgstab"])
def test_single_precision(method: Method) -> None:
    links, b = lattice.formula_links((4, 4, 4, 4), 0.8), lattice.formula_spinor((4, 4, 4, 4))
    low, rhs = links.astype(np.complex64), b.astype(np.complex64)
    found = solve_wilson(low, rhs, kappa=0.15, tolerance=1e-5, method=method, stop="residual")
    assert found.solution.dtype == np.complex64
    true = residual(low.astype(complex), found.solution.astype(complex), rhs.astype(complex), 0.15)
    assert true <= 1.05e-5
    assert found.true_residual == pytest.approx(true, rel=1e-6)  # recomputed in float64


class Dense:
    """A matrix as the solvers see it, one source."""

    def __init__(self, a: Array, dtype: Any = np.complex128) -> None:
        self._a, self._dtype = a.astype(dtype), dtype

    def apply(self, x: Array, out: Array) -> None:
        out[...] = x @ self._a.T

    def apply_dagger(self, x: Array, out: Array) -> None:
        out[...] = x @ self._a.conj()

    def dot(self, x: Array, y: Array) -> Array:
        return np.asarray(np.sum(x.conj() * y, axis=1), dtype=np.complex128)

    def norm2(self, x: Array) -> Array:
        return self.dot(x, x).real

    def axpy(self, scale: Array, x: Array, y: Array) -> None:
        y += scale[:, None].astype(self._dtype) * x

    def xpay(self, x: Array, scale: Array, y: Array) -> None:
        y[...] = x + scale[:, None].astype(self._dtype) * y

    def copied(self, x: Array) -> Array:
        return x.astype(self._dtype)

    def zeros(self, x: Array) -> Array:
        return np.zeros_like(x, dtype=self._dtype)


def test_a_breakdown_ends_the_solve_without_convergence() -> None:
    turn, b = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([[1.0, 0.0]], dtype=complex)
    found = krylov.bicgstab(Dense(turn), b, 1e-8, np.ones(1), 100)  # <r, A r> = 0
    assert found.iterations[0] == 0
    assert found.left[0] == 1
    singular = krylov.cg(Dense(np.zeros((2, 2))), b, 1e-8, np.ones(1), 100)
    assert singular.left[0] == pytest.approx(1)
    assert singular.iterations[0] == 0
    assert np.allclose(krylov.cg(Dense(turn), b, 1e-8, None, 100).x, [[0, 1]])


def test_reliable_updates_reach_what_single_precision_cannot() -> None:
    rng = np.random.default_rng(1)
    a = np.eye(60) * 4 + rng.normal(size=(60, 60)) / 4 + 1j * rng.normal(size=(60, 60)) / 4
    b = rng.normal(size=(1, 60)) + 0j
    low, base2 = Dense(a, np.complex64), np.sum(np.abs(b) ** 2, axis=1)
    alone = krylov.cg(low, b, 1e-12, base2, 200)
    mixed = krylov.cg_mixed(Dense(a), low, b, 1e-12, base2, 200)
    off = [float(np.linalg.norm(b - x @ a.T) / np.linalg.norm(b)) for x in (alone.x.astype(complex), mixed.x)]
    assert off[0] > 1e-8
    assert off[1] <= 1.0001e-12
    assert mixed.left[0] == pytest.approx(off[1], rel=1e-2)


def test_giving_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "LIMIT", 3)
    links, b = lattice.formula_links((4, 4, 4, 4), 0.8), lattice.formula_spinor((4, 4, 4, 4))
    for method in METHODS:
        found = solve_wilson(links, b, kappa=0.15, method=method)
        assert not found.converged
        assert found.iterations == 3
        assert found.recursive_residual > 1e-8


def test_wrong_arguments_are_named() -> None:
    links, b = lattice.unit_links((2, 2, 2, 4)), lattice.formula_spinor((2, 2, 2, 4))
    odd = lattice.unit_links((3, 2, 2, 2)), lattice.formula_spinor((3, 2, 2, 2))
    low = links.astype(np.complex64), b.astype(np.complex64)
    for arrays, options, words in (
        ((links, b), {"method": "gmres"}, "no method 'gmres': there are cg, bicgstab, cg-mixed"),
        ((links, b), {"stop": "never"}, "no stop 'never'"),
        ((links, b), {"kappa": float("nan")}, "kappa is nan"),
        ((links, b), {"csw": float("inf")}, "csw is inf"),
        ((links, b), {"tolerance": 1e-15}, "for complex128 give 1e-14 or more"),
        ((links, b), {"tolerance": 1.0}, "less than 1"),
        ((links, b), {"tolerance": float("nan")}, "tolerance is nan"),
        (low, {"tolerance": 1e-7}, "for complex64 give 1e-06 or more"),
        (low, {"method": "cg-mixed", "tolerance": 1e-5}, "cg-mixed corrects in complex128"),
        ((links, b), {"boundary": (1, 1, 1)}, "four phases"),
        (odd, {}, "needs even extents"),
        ((links, b[..., :2]), {}, "4 spins, 3 colours"),
        ((links, b[None, ..., :2]), {}, "4 spins, 3 colours"),
        ((links, b[None][:0]), {}, "4 spins, 3 colours"),
    ):
        with pytest.raises(BadInput, match=f"solve_wilson: .*{words}"):
            solve_wilson(*arrays, **({"kappa": 0.1} | options))
