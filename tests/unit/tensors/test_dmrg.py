"""DMRG: the operator, energies against exact ones, the variational bound, and what the oracle of the workload rejects."""

from typing import Any

import numpy as np
import pytest

from ngtbench.kernels.tensors import dmrg, library
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import bethe, chains, free_fermions
from ngtbench.workloads.tensors.dmrg import Size, energy, invariants

HERE = library.numpy()


def found(model: Any, sites: int, chi: int, field: float | None = None, initial: str = "neel") -> dmrg.Found:
    return dmrg.ground_state(HERE, chains.bonds(model, sites, field), chains.start(model, initial, sites), chi)


@pytest.mark.parametrize(("model", "sites"), [("xx", 5), ("ising", 5), ("heisenberg", 2), ("z2_gauge", 4)])
def test_the_operator_in_product_form_is_the_sum_of_bonds(model: Any, sites: int) -> None:
    field = 0.7 if model in ("ising", "z2_gauge") else None
    terms = chains.bonds(model, sites, field, np.linspace(0.5, 1.5, sites - 1))
    first, *others = dmrg.operator(terms)
    whole: Array = first[0]
    for w in others:
        whole = np.einsum("xab,xycd->yacbd", whole, w).reshape(w.shape[1], len(whole[0]) * len(w[0, 0]), -1)
    assert np.allclose(whole[0], chains.whole(terms, chains.dimension(model)), atol=1e-14)
    assert whole.dtype == np.float64


def test_energies_are_exact_where_nothing_is_truncated() -> None:
    assert found("xx", 10, 64).energy == pytest.approx(free_fermions.ground_energy("xx", 10), abs=1e-10)
    ising = found("ising", 10, 64, 0.8, "all_up")
    assert ising.energy == pytest.approx(free_fermions.ground_energy("ising", 10, 0.8), abs=1e-10)
    assert ising.converged
    heisenberg = found("heisenberg", 10, 64)
    assert heisenberg.energy == pytest.approx(bethe.ground_energy(10), abs=1e-10)
    assert found("heisenberg", 2, 4).energy == pytest.approx(-0.75, abs=1e-12)


def test_a_bond_that_is_complex_is_solved_in_complex_numbers() -> None:
    terms = chains.bonds("xx", 4)
    turn = np.kron(np.diag([1, 1j]), np.eye(2))
    turned = [*terms[:2], turn @ terms[2] @ turn.conj().T]  # a gauge: the same energies
    assert dmrg.operator(turned)[3].dtype == np.complex128
    found = dmrg.ground_state(HERE, turned, chains.start("xx", "neel", 4), 8)
    assert found.energy == pytest.approx(free_fermions.ground_energy("xx", 4), abs=1e-12)


def test_a_gauge_theorys_vacuum_is_what_diagonalisation_gives() -> None:
    least = np.linalg.eigvalsh(chains.whole(chains.bonds("z2_gauge", 4, 0.3), 4))[0]
    assert found("z2_gauge", 4, 32, 0.3, "vacuum").energy == pytest.approx(least, abs=1e-10)


def test_truncation_stays_above_the_exact_energy() -> None:
    exact = bethe.ground_energy(20)
    few, more = (found("heisenberg", 20, chi) for chi in (6, 12))
    assert exact < more.energy < few.energy
    assert few.energy == pytest.approx(exact, rel=1e-2)
    assert more.discarded_weight < few.discarded_weight
    assert more.energy == pytest.approx(energy(more.tensors, chains.bonds("heisenberg", 20)), rel=1e-12)


def test_one_that_may_not_sweep_says_that_it_did_not_converge() -> None:
    terms = chains.bonds("xx", 12)
    assert not dmrg.ground_state(HERE, terms, chains.start("xx", "neel", 12), 16, sweeps=1).converged


def test_the_oracle_rejects_an_energy_that_is_told_too_low_and_a_state_that_is_excited() -> None:
    size, couplings = Size("xx", 6, 8, 1e-8), np.ones(5)
    right = found("xx", 6, 8)
    excited = [np.eye(2)[place].reshape(1, 2, 1) for place in chains.start("xx", "neel", 6)]
    for tensors, told, broken in (
        (right.tensors, right.energy, set()),
        (right.tensors, right.energy - 1e-6, {"told"}),
        (excited, 0.0, {"above_exact"}),
        ([2 * right.tensors[0], *right.tensors[1:]], right.energy, {"orthonormality"}),
    ):
        padded = np.zeros((6, 8, 2, 8))
        for whole, tensor in zip(padded, tensors, strict=True):
            whole[: tensor.shape[0], :, : tensor.shape[2]] = tensor
        outputs = {"tensors": padded.reshape(-1), "energy": np.array([told])}
        bounds = invariants(size, {"couplings": couplings}, outputs, "float64")
        assert {name for name, (value, bound) in bounds.items() if not abs(value) <= bound} == broken
