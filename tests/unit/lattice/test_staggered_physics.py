"""The staggered operator obeys its physics in every implementation, and every check fails on some broken one."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.kernels.lattice import staggered
from ngtbench.model.workload import Array, Setup
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson
from ngtbench.workloads.lattice import staggered_dslash as oracle
from tests.unit.lattice.staggered_checks import CHECKS, SHAPES, Operator

CUPY = "ngtbench.kernels.lattice.staggered_cupy"


def by_oracle(links: Array, chi: Array, boundary: Sequence[complex]) -> Array:
    return oracle.hopping(_wilson.phased(links, tuple(boundary)), chi, np.arange(chi.shape[0]))


def by_numpy(links: Array, chi: Array, boundary: Sequence[complex]) -> Array:
    return staggered.staggered_numpy(links, chi, boundary)


def built(build: Callable[..., Any], put: Callable[[Array], Any] = lambda array: array) -> Operator:
    def apply(links: Array, chi: Array, boundary: Sequence[complex]) -> Array:
        shape = chi.shape[:4]
        size = oracle.Size((shape[0], shape[1], shape[2], shape[3]), tuple(boundary))  # type: ignore[arg-type] # four phases
        run = build(Setup(size, "float64", "cpu:0", 1, 1, HostBackend("numpy", "cpu:0")), links=put(links), field=put(chi))
        run()
        return np.asarray(run()["out"])  # the second call: nothing may be left over from the first

    return apply


def halves(build: Callable[..., Any], put: Callable[[Array], Any] = lambda array: array) -> Operator:
    """Return D made of its even half: the odd half is D on the lattice shifted by one in x, where eta_mu, mu > 0, change sign."""

    def apply(links: Array, chi: Array, boundary: Sequence[complex]) -> Array:
        shape = chi.shape[:4]
        phased = _wilson.phased(links, tuple(boundary))
        even = np.indices(shape).sum(axis=0) % 2 == 0
        size = oracle.Size((shape[0], shape[1], shape[2], shape[3]), (1, 1, 1, 1), parity="even")
        setup = Setup(size, "float64", "cpu:0", 1, 1, HostBackend("numpy", "cpu:0"))
        out = np.zeros_like(chi)
        out[even] = build(setup, links=put(phased), field=put(chi))()["out"]
        shifted = np.roll(phased, -1, axis=1)
        shifted[1:] *= -1
        there = np.zeros_like(chi)
        there[even] = build(setup, links=put(shifted), field=put(np.roll(chi, -1, axis=0)))()["out"]
        return np.asarray(out + np.roll(there, 1, axis=0))

    return apply


@pytest.fixture(params=["oracle", "numpy", "numpy build", "numpy halves", "torch", "torch halves", "cupy on numpy"])
def apply(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    if request.param.startswith("torch"):
        torch = pytest.importorskip("torch")
        module = importlib.import_module("ngtbench.kernels.lattice.staggered_torch")
        yield (halves if request.param == "torch halves" else built)(module.gathered, torch.from_numpy)
    elif request.param == "cupy on numpy":  # what the text says, where no GPU is: it uses only what both libraries have
        monkeypatch.setitem(sys.modules, "cupy", np)
        for name in (CUPY, "ngtbench.kernels.lattice.wilson_cupy"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        yield built(importlib.import_module(CUPY).gathered)
        for name in (CUPY, "ngtbench.kernels.lattice.wilson_cupy"):
            sys.modules.pop(name, None)
    else:
        made = {"numpy build": built, "numpy halves": halves}.get(request.param)
        yield made(staggered.blocked) if made else {"oracle": by_oracle, "numpy": by_numpy}[request.param]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_physics(check: Callable[[Operator, Shape], None], shape: Shape, apply: Operator) -> None:
    check(apply, shape)


def broken(fault: str) -> Operator:
    """Return the operator with one thing wrong, or none for fault ""."""

    def apply(links: Array, chi: Array, boundary: Sequence[complex]) -> Array:
        u = links.copy()
        for mu, phase in enumerate(boundary):
            edge = 0 if fault == "phase on the first link" else -1
            u[mu][(slice(None),) * mu + (edge,)] *= 1 if fault == "no boundary" else phase
        x, y, z, t = np.indices(chi.shape[:4])
        etas = {
            "time first": (0 * t + t, t + x, t + x + y, 0 * t),
            "no eta": (0 * x, 0 * x, 0 * x, 0 * x),
            "eta of itself": (x, x + y, x + y + z, x + y + z + t),
        }.get(fault, (0 * x, x, x + y, x + y + z))
        total = np.zeros_like(chi)
        for mu in range(4):
            axis = {2: 3, 3: 2}.get(mu, mu) if fault == "z and t swapped" else mu
            back = u[mu] if fault == "no conjugate" else u[mu].conj()
            ahead = np.einsum("...ba,...b->...a" if fault == "transposed" else "...ab,...b->...a", u[mu], np.roll(chi, -1, axis))
            if fault == "link of x behind":
                behind = np.einsum("...ba,...b->...a", back, np.roll(chi, 1, axis))
            else:
                behind = np.roll(np.einsum("...ba,...b->...a", back, chi), 1, axis)
            total += ((-1.0) ** etas[mu])[..., None] * (ahead + behind if fault == "plus" else ahead - behind)
        if fault == "a mass":
            total += 0.1 * chi
        return total * (1 if fault == "no half" else 0.5)

    return apply


CAUGHT = {
    "time first": {"definition", "point_source"},
    "no eta": {"definition", "square", "point_source"},
    "eta of itself": {"definition", "anti_hermiticity", "point_source"},
    "z and t swapped": {"definition", "gauge_covariance", "point_source"},
    "no conjugate": {"definition", "anti_hermiticity", "gauge_covariance"},
    "transposed": {"definition", "anti_hermiticity", "gauge_covariance"},
    "link of x behind": {"definition", "anti_hermiticity", "gauge_covariance"},
    "no boundary": {"definition", "square", "point_source"},
    "phase on the first link": {"definition", "point_source"},
    "plus": {"definition", "anti_hermiticity", "square", "point_source", "constant"},
    "no half": {"definition", "square", "point_source"},
    "a mass": {"definition", "anti_hermiticity", "parity", "square", "point_source", "constant"},
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
