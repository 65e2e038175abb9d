"""Conventions of chains and what is known of them exactly, against diagonalisation of short ones."""

from functools import reduce

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import bethe, chains, free_fermions, random_state, z2_gauge
from ngtbench.physics.tensors.chains import Model


def entropies(psi: Array, sites: int) -> Array:
    cuts = [np.linalg.svd(psi.reshape(2**n, -1), compute_uv=False) ** 2 for n in range(1, sites)]
    return np.array([-float(np.sum(p[p > 0] * np.log(p[p > 0]))) for p in cuts])


@pytest.mark.parametrize(("model", "sites", "field"), [("xx", 7, 0.0), ("ising", 6, 0.7)])
def test_free_fermions_are_what_diagonalisation_gives(model: Model, sites: int, field: float) -> None:
    made = np.random.default_rng(1)
    couplings, down = made.uniform(0.5, 1.5, sites - 1), made.integers(0, 2, sites)
    terms = chains.bonds(model, sites, field, couplings)
    levels, modes = np.linalg.eigh(chains.whole(terms, 2))
    first = reduce(lambda number, place: 2 * number + int(place), down, 0)
    psi = modes @ (np.exp(-1.3j * levels) * modes[first].conj())
    free = free_fermions.evolved(model, down, 1.3, field, couplings)
    sz = [np.diag(chains.embedded(np.diag(chains.observable(model)), i, sites, 2)) @ np.abs(psi) ** 2 for i in range(sites)]
    assert np.allclose(free.magnetisation, sz, atol=1e-12)
    assert np.allclose(free.entropy_nats, entropies(psi, sites), atol=1e-11)
    assert free.energy == pytest.approx(float((psi.conj() @ chains.whole(terms, 2) @ psi).real), abs=1e-12)
    assert free_fermions.ground_energy(model, sites, field, couplings) == pytest.approx(levels[0], abs=1e-12)


def test_a_hamiltonian_is_what_its_model_says() -> None:
    x, y, z = (matrix / 2 for matrix in (chains.X, chains.Y, chains.Z))
    pair = chains.whole(chains.bonds("heisenberg", 2), 2)
    assert np.allclose(pair, np.kron(x, x) + np.kron(y, y) + np.kron(z, z))
    assert np.allclose(pair - chains.whole(chains.bonds("xx", 2), 2), np.kron(z, z))
    ising = chains.whole(chains.bonds("ising", 3, 0.5), 2)
    fields = sum(chains.embedded(chains.Z, i, 3, 2) for i in range(3))
    bonds = sum(chains.embedded(np.kron(chains.X, chains.X), i, 3, 2) for i in range(2))
    assert np.allclose(ising, -bonds - 0.5 * fields)


@pytest.mark.parametrize("sites", [2, 4, 8])
def test_bethe_roots_give_the_open_heisenberg_chain(sites: int) -> None:
    least = np.linalg.eigvalsh(chains.whole(chains.bonds("heisenberg", sites), 2))[0]
    assert bethe.ground_energy(sites) == pytest.approx(least, abs=1e-12)


def test_long_chains_tend_to_the_infinite_one() -> None:
    assert bethe.ground_energy(200) - bethe.ground_energy(198) == pytest.approx(2 * (0.25 - np.log(2)), abs=1e-4)
    with pytest.raises(BadInput, match="even"):
        bethe.ground_energy(5)


def test_starts_are_basis_states_of_the_model() -> None:
    assert chains.start("xx", "domain_wall", 5).tolist() == [0, 0, 1, 1, 1]
    assert chains.start("ising", "neel", 4).tolist() == [0, 1, 0, 1]
    assert chains.start("heisenberg", "all_up", 3).tolist() == [0, 0, 0]
    with pytest.raises(BadInput, match="string"):
        chains.start("z2_gauge", "neel", 4)
    with pytest.raises(BadInput, match="4 sites"):
        chains.start("z2_gauge", "string", 3)


@pytest.mark.parametrize("initial", ["string", "vacuum"])
def test_gauss_law_is_conserved_and_holds_in_the_starts(initial: str) -> None:
    sites = 5
    hamiltonian = chains.whole(chains.bonds("z2_gauge", sites, 0.3), 4)
    first = reduce(lambda number, place: 4 * number + int(place), chains.start("z2_gauge", initial, sites), 0)
    for j in range(sites):
        left, right = z2_gauge.gauss(j)
        law = np.diag(chains.embedded(np.diag(right), j, sites, 4)).copy()
        if j:
            law *= np.diag(chains.embedded(np.diag(left), j - 1, sites, 4))
        assert np.array_equal(law**2, np.ones(4**sites))
        assert not np.any(hamiltonian * (law[:, None] - law))
        assert law[first] == 1


def test_mass_and_strings_have_energy() -> None:
    diagonal = np.diag(chains.whole(chains.bonds("z2_gauge", 3, 0.3), 4)).real
    occupied, electric = np.array([1, 1, 0, 0]), np.array([1, -1, 1, -1])
    for k, want in enumerate(diagonal):
        places = [k // 16, k // 4 % 4, k % 4]
        masses = [(-1) ** j * occupied[place] for j, place in enumerate(places)]
        assert want == pytest.approx(z2_gauge.MASS * sum(masses) - 0.3 * electric[places[:2]].sum())


def test_matter_without_electric_field_and_mass_is_the_xx_chain() -> None:
    levels = np.linalg.eigvalsh(chains.whole(z2_gauge.bonds(np.ones(3), 0.0, mass=0.0), 4))
    assert np.allclose(np.unique(levels.round(9)), np.unique(np.linalg.eigvalsh(chains.whole(chains.bonds("xx", 4), 2)).round(9)))


def test_tensors_of_full_bonds_are_right_orthonormal() -> None:
    phases = np.random.default_rng(1).uniform(size=(8, 12))
    tensors = [random_state.tensor(phases, i, 2, 6) for i in range(8)]
    assert [t.shape for t in tensors[:4]] == [(1, 2, 2), (2, 2, 4), (4, 2, 6), (6, 2, 6)]
    for tensor in tensors:
        assert np.allclose(np.einsum("asb,csb->ac", tensor, tensor.conj()), np.eye(len(tensor)), atol=1e-14)
