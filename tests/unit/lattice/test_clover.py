"""The clover term obeys its physics in every implementation, and every check fails on some broken one."""

import importlib
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import BadInput
from ngtbench.kernels.lattice import clover, clover_term
from ngtbench.model.workload import Array, Setup
from ngtbench.physics import gamma, lattice
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson
from ngtbench.workloads.lattice import clover_dslash as oracle
from tests.unit.lattice.clover_checks import CHECKS, Operator, Step, leaves
from tests.unit.lattice.dslash_checks import SHAPES, close

UNEVEN: Shape = (4, 6, 2, 8)
PHASES = (1j, -1, 1, -1)


def by_build(build: Callable[..., Any], put: Callable[[Array], Any] = lambda array: array) -> Operator:
    """Return C as what M has beyond 1 - kappa D, with c_sw = 1 and kappa = 1/2."""

    def apply(links: Array, psi: Array) -> Array:
        x, y, z, t = psi.shape[:4]
        size = oracle.Size((x, y, z, t), kappa=0.5)
        setup = Setup(size, "float64", "cpu:0", 1, 1, HostBackend("numpy", "cpu:0"))
        run = build(setup, links=put(links), spinor=put(psi))
        run()
        whole = np.asarray(run()["out"])  # the second call: nothing may be left over from the first
        return np.asarray(whole - psi + 0.5 * _wilson.hopping(_wilson.phased(links, size.boundary), psi))

    return apply


@pytest.fixture(params=["oracle", "public", "numpy", "torch", "cupy on numpy"])
def apply(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    if request.param == "torch":
        torch = pytest.importorskip("torch")
        yield by_build(importlib.import_module("ngtbench.kernels.lattice.clover_torch").projected, torch.from_numpy)
    elif request.param == "cupy on numpy":  # what the text says, where no GPU is: it uses only what both libraries have
        names = [f"ngtbench.kernels.lattice.{module}_cupy" for module in ("clover", "wilson")]
        monkeypatch.setitem(sys.modules, "cupy", np)
        for name in names:
            monkeypatch.delitem(sys.modules, name, raising=False)
        yield by_build(importlib.import_module(names[0]).projected)
        for name in names:
            sys.modules.pop(name, None)
    else:
        yield {"oracle": oracle.clover, "public": clover_term, "numpy": by_build(clover.projected)}[request.param]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_physics(check: Callable[[Operator, Shape], None], shape: Shape, apply: Operator) -> None:
    check(apply, shape)


def broken(fault: str) -> Operator:
    """Return the clover term with one thing wrong, or none for fault ""."""

    def carried(links: Array, steps: list[Step]) -> Array:
        product, offset = np.eye(3, dtype=complex), np.zeros(4, dtype=int)
        for mu, step in steps:
            start = offset.copy()
            offset[mu] += step
            where = start if step == 1 or fault == "link of x behind" else offset
            link = np.roll(links[mu], tuple(-where), axis=(0, 1, 2, 3))
            product = product @ (link if step == 1 else link.conj().swapaxes(-1, -2))
        return product

    def apply(links: Array, psi: Array) -> Array:
        total = np.zeros_like(psi)
        for mu, nu in combinations(range(4), 2):
            walks = leaves(mu, nu)[: 3 if fault == "three leaves" else 4]
            if fault == "one leaf turns the other way":
                walks[1] = [(nu, 1), (mu, 1), (nu, -1), (mu, -1)]
            q = np.asarray(sum(carried(links, walk) for walk in walks))
            f = q / 4 if fault == "Hermitian part kept" else (q - q.conj().swapaxes(-1, -2)) / 8
            if fault == "trace removed":
                f = f - np.trace(f, axis1=-2, axis2=-1)[..., None, None] * np.eye(3) / 3
            g = gamma.matrices()[[0, 1, 3, 2] if fault == "z and t swapped" else [0, 1, 2, 3]]
            sigma = 1j * g[mu] if fault == "one gamma" else 0.5j * (g[mu] @ g[nu] - g[nu] @ g[mu])
            term = psi @ (f if fault == "transposed" else f.swapaxes(-1, -2))
            total += (0.25j if fault == "one order" else 0.5j) * sigma @ term
        return total * (-1 if fault == "sign" else 1)

    return apply


CAUGHT = {
    "three leaves": {"definition", "constant_field"},
    "one leaf turns the other way": {"definition", "constant_field"},
    "link of x behind": {"definition", "gauge_covariance"},
    "Hermitian part kept": {"definition", "hermitian", "unit_links", "constant_field"},
    "trace removed": {"definition"},
    "z and t swapped": {"definition", "constant_field"},
    "one gamma": {"definition", "chirality", "constant_field"},
    "transposed": {"definition", "gauge_covariance"},
    "one order": {"definition", "constant_field"},
    "sign": {"definition", "constant_field"},
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


def test_the_matrix_is_made_of_its_parts() -> None:
    size = oracle.Size(UNEVEN, PHASES, kappa=0.07, csw=1.7)
    links, psi = (np.asarray(array) for array in oracle.WORKLOAD.inputs(size, 3).values())
    hopped = _wilson.hopping(_wilson.phased(links, PHASES), psi)
    want = psi + 2 * 0.07 * 1.7 * clover_term(links, psi) - 0.07 * hopped
    close(oracle.reference(size, links, psi)["out"], want)


def test_the_matrix_is_hermitian_with_gamma_5() -> None:
    size = oracle.Size(UNEVEN)
    links, b = (np.asarray(array) for array in oracle.WORKLOAD.inputs(size, 3).values())
    a, sign = lattice.random_spinor(UNEVEN, 4), np.diag(gamma.five())[:, None]
    left = np.vdot(a, sign * oracle.matrix(size, links, b))
    assert abs(left - np.vdot(sign * oracle.matrix(size, links, a), b)) <= 1e-11 * abs(left)


def test_blocks_are_hermitian_and_are_the_term_of_the_oracle() -> None:
    links, psi = lattice.random_links(UNEVEN, 1), lattice.random_spinor(UNEVEN, 1)
    found = clover.blocks(links)
    assert found.shape == (*UNEVEN, 2, 6, 6)
    assert found.dtype == np.complex128
    assert np.array_equal(found, found.conj().swapaxes(-1, -2))
    applied = np.einsum("...hij,...hj->...hi", found, psi.reshape(*UNEVEN, 2, 6)).reshape(psi.shape)
    close(applied, oracle.clover(links, psi))
    close(clover.matrix_blocks(links, 0.1, 1.5), np.eye(6) + 0.3 * found)
    assert clover.blocks(links.astype(np.complex64)).dtype == np.complex64


def test_public_function_keeps_dtype_inputs_and_layout() -> None:
    links, psi = lattice.random_links(UNEVEN, 1), lattice.random_spinor(UNEVEN, 1)
    saved = links.copy(), psi.copy()
    double, single = clover_term(links, psi), clover_term(links.astype(np.complex64), psi.astype(np.complex64))
    assert double.dtype == np.complex128
    assert single.dtype == np.complex64
    assert double.flags.c_contiguous
    assert np.abs(single - double).max() < 1e-5
    assert np.array_equal(links, saved[0])
    assert np.array_equal(psi, saved[1])
    assert np.array_equal(clover_term(links, np.asfortranarray(psi)), double)


def test_public_function_says_what_is_wrong() -> None:
    links, psi = lattice.unit_links((2, 2, 2, 4)), lattice.random_spinor((2, 2, 2, 4), 1)
    with pytest.raises(BadInput, match=r"clover_term: links have shape .* needs \(4, 4, 2, 2, 2, 3, 3\)"):
        clover_term(links, psi.swapaxes(0, 3))
    with pytest.raises(BadInput, match="clover_term: links are complex64, spinor is complex128"):
        clover_term(links.astype(np.complex64), psi)
