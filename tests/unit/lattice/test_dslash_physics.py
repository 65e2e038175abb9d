"""The hopping term obeys its physics in every implementation, and every check fails on some broken one."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.kernels.lattice import wilson, wilson_dslash
from ngtbench.model.workload import Array, Setup
from ngtbench.physics import gamma, lattice
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson as oracle
from ngtbench.workloads.lattice.wilson_dslash import Size
from tests.unit.lattice.dslash_checks import ANTIPERIODIC, CHECKS, SHAPES, Operator, close


def by_oracle(links: Array, psi: Array, boundary: Sequence[complex]) -> Array:
    return oracle.hopping(oracle.phased(links, tuple(boundary)), psi)


def by_halves(links: Array, psi: Array, boundary: Sequence[complex]) -> Array:
    """Return D psi put together from its even and its odd half."""
    shape, out = psi.shape[:4], np.full((psi[..., 0, 0].size, 4, 3), np.nan, dtype=complex)
    for own, other in (("even", "odd"), ("odd", "even")):
        hopping = wilson.Hopping(links, boundary, own, scale=-0.5)  # type: ignore[arg-type] # own is one of the literals
        half = np.empty((1, 4, 3, hopping.count), dtype=complex)
        hopping.write(wilson.sites_last(psi, other), half)  # type: ignore[arg-type] # other is one too
        out[wilson.sites(shape, own)] = wilson.sites_first(half, psi.shape, own) / -0.5  # type: ignore[arg-type] # as above
    return out.reshape(psi.shape)


def by_numpy(links: Array, psi: Array, boundary: Sequence[complex]) -> Array:
    return wilson_dslash(links, psi, boundary=boundary)


def built(build: Callable[..., Any], put: Callable[[Array], Any] = lambda array: array, **options: Any) -> Operator:
    def apply(links: Array, psi: Array, boundary: Sequence[complex]) -> Array:
        x, y, z, t = links.shape[1:5]
        size = Size((x, y, z, t), tuple(boundary), **options)  # type: ignore[arg-type] # four phases, of any length to mypy
        setup = Setup(size, "float64", "cpu:0", 1, 1, HostBackend("numpy", "cpu:0"))
        run = build(setup, links=put(links), spinor=put(psi))
        run()
        return np.asarray(run()["out"])  # the second call: nothing may be left over from the first

    return apply


@pytest.fixture(params=["numpy build", "torch", "cupy on numpy"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Operator]]:
    """Yield a function that makes an operator of options of Size."""
    if request.param == "torch":
        torch = pytest.importorskip("torch")
        module = importlib.import_module("ngtbench.kernels.lattice.wilson_torch")
        yield partial(built, module.projected, torch.from_numpy)
    elif request.param == "cupy on numpy":  # what the text says, where no GPU is: it uses only what both libraries have
        monkeypatch.setitem(sys.modules, "cupy", np)
        monkeypatch.delitem(sys.modules, "ngtbench.kernels.lattice.wilson_cupy", raising=False)
        yield partial(built, importlib.import_module("ngtbench.kernels.lattice.wilson_cupy").projected)
        sys.modules.pop("ngtbench.kernels.lattice.wilson_cupy", None)
    else:
        yield partial(built, wilson.projected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_physics(check: Callable[[Operator, Shape], None], shape: Shape, make: Callable[..., Operator]) -> None:
    check(make(), shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("operator", [by_oracle, by_numpy, by_halves])
def test_physics_of_functions(check: Callable[[Operator, Shape], None], shape: Shape, operator: Operator) -> None:
    check(operator, shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_even_half_is_that_of_the_whole_and_reads_odd_sites_only(shape: Shape, make: Callable[..., Operator]) -> None:
    links, psi, phases = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), (1j, -1, 1, -1)
    even = [site for site in np.ndindex(shape) if sum(site) % 2 == 0]
    whole = by_oracle(links, psi, phases)
    want = np.stack([whole[site] for site in even])
    for site in even:
        psi[site] = np.nan
    got = make(parity="even")(links, psi, phases)
    assert got.shape == (len(even), 4, 3)
    close(got, want)


@pytest.mark.parametrize("parity", ["full", "even"])
def test_many_sources_are_one_after_the_other(parity: str, make: Callable[..., Operator]) -> None:
    shape = (4, 2, 6, 8)
    links, sources = lattice.random_links(shape, 1), np.stack([lattice.random_spinor(shape, 1, k) for k in range(3)])
    together = make(parity=parity, sources=3)(links, sources, ANTIPERIODIC)
    for got, psi in zip(together, sources, strict=True):
        close(got, make(parity=parity)(links, psi, ANTIPERIODIC), 1e-15)


def broken(fault: str) -> Operator:
    """Return the hopping term with one thing wrong, or none for fault ""."""

    def apply(links: Array, psi: Array, boundary: Sequence[complex]) -> Array:
        u = links.copy()
        for mu, phase in enumerate(boundary):
            edge = 0 if fault == "phase on the first link" else -1
            u[mu][(slice(None),) * mu + (edge,)] *= 1 if fault == "no boundary" else phase
        g = gamma.matrices() * (-1 if fault == "sign of gamma" else 1)
        if fault == "another basis":
            g = g[[1, 0, 2, 3]]
        total = np.zeros_like(psi)
        for mu in range(4):
            axis = {2: 3, 3: 2}.get(mu, mu) if fault == "z and t swapped" else mu
            back = u[mu] if fault == "no conjugate" else u[mu].conj()
            there = np.roll(psi, -1, axis=axis)
            ahead = np.einsum("...ba,...sb->...sa" if fault == "transposed" else "...ab,...sb->...sa", u[mu], there)
            if fault == "link of x behind":
                behind = np.einsum("...ba,...sb->...sa", back, np.roll(psi, 1, axis=axis))
            else:
                behind = np.roll(np.einsum("...ba,...sb->...sa", back, psi), 1, axis=axis)
            total += np.einsum("st,...ta->...sa", np.eye(4) - g[mu], ahead)
            total += np.einsum("st,...ta->...sa", np.eye(4) + g[mu] * (fault != "no backward projection"), behind)
        return total * (0.5 if fault == "half" else 1)

    return apply


CAUGHT = {
    "sign of gamma": {"definition", "plane_wave", "point_source"},
    "another basis": {"definition", "plane_wave", "point_source"},
    "z and t swapped": {"definition", "gauge_covariance", "plane_wave", "point_source"},
    "no conjugate": {"definition", "g5_hermiticity", "gauge_covariance"},
    "transposed": {"definition", "g5_hermiticity", "gauge_covariance"},
    "link of x behind": {"definition", "g5_hermiticity", "gauge_covariance"},
    "no boundary": {"definition", "plane_wave", "spectrum", "point_source"},
    "phase on the first link": {"definition", "point_source"},
    "no backward projection": {"definition", "g5_hermiticity", "plane_wave", "spectrum", "point_source"},
    "half": {"definition", "plane_wave", "spectrum", "point_source", "constant"},
}


@pytest.mark.parametrize("fault", CAUGHT)
def test_each_check_fails_on_a_broken_operator(fault: str) -> None:
    found = set()
    for check in CHECKS:
        try:
            check(broken(fault), (4, 4, 4, 8))
        except AssertionError:
            found.add(check.__name__)
    assert found >= CAUGHT[fault], f"not caught by {sorted(CAUGHT[fault] - found)}, caught by {sorted(found)}"


def test_the_breakable_operator_is_right_when_it_is_not_broken() -> None:
    for check in CHECKS:
        check(broken(""), (4, 4, 4, 8))


def test_every_check_catches_something() -> None:
    assert set().union(*CAUGHT.values()) == {check.__name__ for check in CHECKS}
