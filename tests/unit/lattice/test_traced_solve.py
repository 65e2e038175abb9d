"""Solvers on traced kernels take the steps of those in array operations, source by source, and end as they do."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import compiler
from ngtbench.errors import Unavailable
from ngtbench.kernels.lattice import solve, solve_traced, solve_wilson
from ngtbench.kernels.lattice.krylov import Found
from ngtbench.kernels.lattice.solve import Method, arrays
from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import _wilson, clover_dslash

SHAPE: lattice.Shape = (4, 4, 4, 4)
PHASES = (1, 1, 1, -1)
KAPPA = 0.14
METHODS: tuple[Method, ...] = ("cg", "bicgstab", "cg-mixed")


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each kernel once for all tests of this file, of one lane: in half the time, and solvers see no lanes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("NGTBENCH_ISA", "scalar")
        try:
            compiler.find()
        except Unavailable as error:
            pytest.skip(str(error))
        yield


def traced(links: Array, b: Array, method: Method, tolerance: float, kappa: float = KAPPA, csw: float = 0.0, **given: Any) -> Any:
    """Return x, how it was found, and the true residual of each source."""
    solver = solve_traced.Solver(
        "native", given.get("threads", 1), links, given.get("boundary", PHASES), kappa, csw, method, len(b)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, found = solver.solve(b, tolerance)
    return x, found, solver.residual(x, b)


def numpys(links: Array, b: Array, method: Method, tolerance: float, kappa: float = KAPPA, csw: float = 0.0, **given: Any) -> Any:
    solver = solve.Solver(arrays(), links, given.get("boundary", PHASES), kappa, csw, method)
    x, found = solver.solve(b, tolerance, "normal")
    return x, found, solver.residual(x, b)


def true_residual(links: Array, x: Array, b: Array, csw: float, kappa: float = KAPPA, boundary: Any = PHASES) -> Array:
    """Return |b - M x| / |b| per source by the oracle's operators."""
    off = []
    for one, source in zip(x.astype(complex), b.astype(complex), strict=True):
        hopped = _wilson.hopping(_wilson.phased(links.astype(complex), boundary), one)
        made = one - kappa * hopped + 2 * kappa * csw * clover_dslash.clover(links.astype(complex), one)
        off.append(np.linalg.norm(source - made) / np.linalg.norm(source))
    return np.array(off)


def sources() -> Array:
    """Return three sources."""
    point = np.zeros((*SHAPE, 4, 3), dtype=complex)
    point[1, 2, 0, 3, 2, 1] = 1
    return np.stack([lattice.formula_spinor(SHAPE), point, lattice.random_spinor(SHAPE, 5)])


@pytest.mark.parametrize(("method", "csw"), [("cg", 0.0), ("cg", 1.0), ("bicgstab", 0.0), ("bicgstab", 1.0), ("cg-mixed", 0.0)])
def test_as_many_iterations_and_the_same_solution(method: Method, csw: float) -> None:
    links, b = lattice.formula_links(SHAPE, 0.8), sources()
    x, found, residual = traced(links, b, method, 1e-9, csw=csw)
    want, plain, _ = numpys(links, b, method, 1e-9, csw=csw)
    assert np.array_equal(found.iterations, plain.iterations)
    assert found.applications == plain.applications
    assert np.all(found.left <= 1e-9)
    np.testing.assert_allclose(found.left, plain.left, rtol=0.05 if method == "cg-mixed" else 1e-4)
    assert np.abs(x - want).max() < 1e-8
    assert np.all(residual < 1e-8)
    np.testing.assert_allclose(residual, true_residual(links, x, b, csw), rtol=1e-4)
    assert np.array_equal(b, sources()), "the sources were written"


@pytest.mark.parametrize("method", METHODS)
def test_a_source_that_has_converged_waits_for_the_others(method: Method) -> None:
    """On free links a constant spinor is an eigenvector: one iteration."""
    links, b = lattice.unit_links(SHAPE), sources()
    b[1] = np.arange(1, 13).reshape(4, 3) - 2j
    given: dict[str, Any] = {"boundary": (1, 1, 1, 1)}
    x, found, residual = traced(links, b, method, 1e-9, 0.11, **given)
    _, plain, _ = numpys(links, b, method, 1e-9, 0.11, **given)
    assert np.all(abs(found.iterations - plain.iterations) <= (2 if method == "cg-mixed" else 0))
    assert found.iterations[1] <= 2 < found.iterations.min(initial=99, where=[True, False, True])
    alone, _, _ = traced(links, b[1:2], method, 1e-9, 0.11, **given)
    assert np.abs(x[1] - alone[0]).max() <= 1e-8 * np.abs(x[1]).max()
    assert np.abs(x[1] - b[1] / (1 - 8 * 0.11)).max() <= 1e-7 * np.abs(x[1]).max()
    assert np.all(residual < 1e-8)


@pytest.mark.parametrize("method", ["cg", "bicgstab"])
def test_single_precision(method: Method) -> None:
    links, b = lattice.formula_links(SHAPE, 0.8).astype(np.complex64), sources().astype(np.complex64)
    x, found, residual = traced(links, b, method, 1e-5)
    _, plain, _ = numpys(links, b, method, 1e-5)
    assert x.dtype == np.complex64
    assert np.all(abs(found.iterations - plain.iterations) <= 1)
    assert np.all(found.left <= 1e-5)
    np.testing.assert_allclose(residual, true_residual(links, x, b, 0.0), rtol=1e-3)
    assert np.all(residual < 1e-4)


def test_twisted_phases_and_long_lattices() -> None:
    shape, boundary = (2, 4, 6, 4), (1, 1j, 1, np.exp(0.4j))
    links, b = lattice.formula_links(shape, 0.8), lattice.random_spinor(shape, 1)[None]
    x, found, residual = traced(links, b, "cg", 1e-10, csw=1.3, boundary=boundary, threads=2)
    _, plain, _ = numpys(links, b, "cg", 1e-10, csw=1.3, boundary=boundary)
    assert np.array_equal(found.iterations, plain.iterations)
    np.testing.assert_allclose(residual, true_residual(links, x, b, 1.3, boundary=boundary), rtol=1e-3)
    assert residual[0] < 1e-9


def test_a_solver_is_used_again() -> None:
    links, b = lattice.formula_links(SHAPE, 0.8), sources()
    for method in METHODS:
        solver = solve_traced.Solver("native", 1, links, PHASES, KAPPA, 0.0, method, 3)
        first, found = solver.solve(b, 1e-9)
        other, _ = solver.solve(b[::-1].copy(), 1e-9)
        again, same = solver.solve(b, 1e-9)
        assert np.array_equal(first, again)
        assert np.array_equal(found.iterations, same.iterations)
        assert np.array_equal(first, other[::-1])


@pytest.mark.parametrize("method", METHODS)
def test_a_source_of_zeros_is_solved_by_zeros(method: Method) -> None:
    links, b = lattice.formula_links(SHAPE, 0.8), sources()
    b[1] = 0
    for given in (b, b[1:2]):
        x, found, _ = traced(links, given, method, 1e-9)
        zero = 1 if len(given) == 3 else 0
        assert found.iterations[zero] == 0
        assert found.left[zero] == 0
        assert not x[zero].any()
        assert np.isfinite(x).all()
        assert np.all(found.left <= 1e-9)


def gave_up(found: Found, tolerance: float) -> bool:
    """Tell whether some source is left, and finite numbers say how far."""
    return bool(np.isfinite(found.left).all() and np.any(found.left > tolerance))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kappa", [KAPPA, 0.3])
def test_the_limit_ends_a_solve(method: Method, kappa: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "LIMIT", 7)
    links, b = lattice.formula_links(SHAPE, 0.8), sources()
    x, found, residual = traced(links, b, method, 1e-9, kappa)
    _, plain, _ = numpys(links, b, method, 1e-9, kappa)
    assert np.array_equal(found.iterations, plain.iterations)
    assert found.iterations.max() == 7
    assert gave_up(found, 1e-9)
    np.testing.assert_allclose(found.left, plain.left, rtol=0.05 if method == "cg-mixed" else 1e-3)
    assert np.isfinite(x).all()
    assert np.isfinite(residual).all()


def test_a_breakdown_ends_a_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Free links, periodic, kappa = 1/8: constant spinors are in the kernel of M, and <r, A r> is 0."""
    links, b = lattice.unit_links(SHAPE), np.ones((1, *SHAPE, 4, 3), dtype=complex)
    periodic = (1, 1, 1, 1)
    _, found, _ = traced(links, b, "bicgstab", 1e-9, 0.125, boundary=periodic)
    _, plain, _ = numpys(links, b, "bicgstab", 1e-9, 0.125, boundary=periodic)
    assert found.iterations[0] == plain.iterations[0] == 0
    assert gave_up(found, 1e-9)
    assert found.left[0] == pytest.approx(plain.left[0]) == pytest.approx(np.sqrt(2))
    monkeypatch.setattr(solve, "LIMIT", 300)
    part = lattice.random_spinor(SHAPE, 1)[None]
    for method in METHODS:
        _, found, residual = traced(links, part, method, 1e-13, 0.125, boundary=periodic)
        assert np.isfinite(residual).all(), method  # a singular matrix: not solved, and said so or seen


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_in_a_source_is_no_solution(method: Method) -> None:
    links, b = lattice.formula_links(SHAPE, 0.8), sources()
    b[2, 1, 2, 3, 0, 1, 1] = np.nan
    solver = solve_traced.Solver("native", 1, links, PHASES, KAPPA, 0.0, method, 3)
    x, found = solver.solve(b, 1e-9)
    assert not found.left[2] <= 1e-9
    assert not solver.residual(x, b)[2] <= 1e-6


@pytest.mark.parametrize(("method", "scale"), [("cg", 1e-25), ("bicgstab", 1e-25), ("cg", 1e15), ("cg-mixed", 1e-30)])
def test_the_size_of_a_source_does_not_matter(method: Method, scale: float) -> None:
    """Squares of such numbers do not fit float32."""
    dtype = np.complex128 if method == "cg-mixed" else np.complex64
    links, b = lattice.formula_links(SHAPE, 0.8).astype(dtype), sources()[:1]
    plain = solve_wilson(links, b.astype(dtype), kappa=KAPPA, tolerance=1e-5, method=method)
    found = solve_wilson(links, (scale * b).astype(dtype), kappa=KAPPA, tolerance=1e-5, method=method)
    assert found.converged
    assert found.iterations == plain.iterations > 5
    assert found.true_residual < 1e-4


def test_a_solution_with_a_large_residual_is_none() -> None:
    """The matrix is singular, and Mhat^+ b is 0: the test on normal equations says nothing."""
    links, b = lattice.unit_links(SHAPE), np.ones((*SHAPE, 4, 3), dtype=np.complex128)
    found = solve_wilson(links, b, kappa=0.125, boundary=(1, 1, 1, 1))
    assert found.true_residual > 0.1
    assert not found.converged
