"""Oracles of the workloads of chains: their short ways agree with the long ones, and they reject what is wrong."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import Unavailable
from ngtbench.kernels.tensors import library, tebd_trials
from ngtbench.kernels.tensors import quench as kernel
from ngtbench.kernels.tensors import tebd as engine
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import chains
from ngtbench.workloads.tensors import quench, tebd, tensor_svd

SMALL = tebd.Size(18, 6)


def broken(bounds: Any) -> set[str]:
    return {name for name, (value, bound) in bounds.items() if not abs(value) <= bound}


def flat(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(array).reshape(-1) for name, array in arrays.items()}


def phases(size: tebd.Size) -> Array:
    return np.random.default_rng(3).uniform(size=(size.sites, 2 * size.chi))


@pytest.mark.parametrize("sites", [16, 18])
def test_the_middle_alone_is_what_the_whole_chain_gives(sites: int) -> None:
    size = replace(SMALL, sites=sites)
    inputs = {"phases": phases(size)}
    whole = tebd.reference(size, inputs["phases"])
    got, want = tebd.spot(size, flat(inputs), flat(whole))
    assert np.allclose(got, want, atol=1e-12)
    assert len(got) == 2 + size.chi
    changed = {**whole, "magnetisation": whole["magnetisation"] * 1.01}
    assert not np.allclose(*tebd.spot(size, flat(inputs), flat(changed)), atol=1e-6)
    with pytest.raises(IndexError):
        tebd.spot(size, flat(inputs), {**flat(whole), "schmidt": flat(whole)["schmidt"][:-1]})


def test_a_step_changes_what_is_looked_at() -> None:
    here, setup = library.numpy(), SimpleNamespace(size=SMALL, dtype="float64")
    state = tebd_trials.start(setup, here, phases(SMALL))  # type: ignore[arg-type] # all it reads
    before, after = tebd_trials.outputs(here, state, SMALL), tebd.reference(SMALL, phases(SMALL))
    for name, array in after.items():
        assert np.max(np.abs(array - before[name])) > 1e-3


def test_updates_counted_are_updates_made() -> None:
    here, setup = library.numpy(), SimpleNamespace(size=SMALL, dtype="float64")
    state = tebd_trials.start(setup, here, phases(SMALL))  # type: ignore[arg-type] # all it reads
    gate = engine.gates(here, chains.bonds("xx", SMALL.sites), np.complex128)
    assert engine.evolve(here, state, gate, engine.layers(2, 1), SMALL.chi).updates == SMALL.updates == 9 + 8 + 9
    size = quench.Size("xx", 18, 1.0, 0.25, 6, "neel", order=4)
    assert quench.work(size, 8).events == sum(len(range(parity, 17, 2)) for parity, _ in engine.layers(4, 4))


@pytest.mark.parametrize(
    "size",
    [
        quench.Size("xx", 6, 0.5, 0.1, 8, "neel"),
        quench.Size("heisenberg", 6, 0.5, 0.1, 8, "neel"),
        quench.Size("z2_gauge", 4, 0.5, 0.1, 8, "string", field=0.1),
    ],
)
def test_quenches_are_judged_by_exact_results(size: quench.Size) -> None:
    couplings = np.linspace(0.9, 1.1, size.sites - 1)
    want = quench.exact(size, couplings)
    assert want is not None
    right = dict(zip(("magnetisation", "entropy_nats"), want, strict=True))
    assert broken(quench.invariants(size, {"couplings": couplings}, right, "float64")) == set()
    for name, said in (("magnetisation", "magnetisation"), ("entropy_nats", "entropy")):
        wrong = {**right, name: right[name] + 0.01}
        assert broken(quench.invariants(size, {"couplings": couplings}, wrong, "float64")) == {said}
    assert broken(quench.invariants(size, {"couplings": couplings}, {}, "float64")) == {"magnetisation", "entropy"}
    other = quench.exact(size, couplings[::-1] ** 2)
    assert other is not None
    assert np.max(np.abs(other[1] - want[1])) > 1e-3


def test_free_fermions_and_diagonalisation_agree() -> None:
    size = quench.Size("ising", 6, 0.7, 0.1, 8, "neel", field=0.6)
    free, whole = quench.exact(size, np.ones(5)), quench.exact(replace(size, model="heisenberg"), np.ones(5))
    assert free is not None
    assert whole is not None
    assert np.max(np.abs(free[0] - whole[0])) > 1e-2  # another model is another answer


@pytest.mark.parametrize(
    "size",
    [
        quench.Size("heisenberg", 12, 2.0, 0.1, 64, "neel"),
        quench.Size("z2_gauge", 12, 2.0, 0.1, 32, "string", field=0.2),
    ],
)
def test_long_chains_without_exact_results_are_judged_in_the_middle_and_by_sz(size: quench.Size) -> None:
    couplings, half = np.linspace(0.9, 1.1, size.sites - 1), size.sites // 2
    assert quench.exact(size, couplings) is None
    here, terms = library.numpy(), size.terms(couplings)
    places = chains.start(size.model, size.initial, size.sites)
    state = engine.product(here, places, size.d, np.complex128)
    sequence = ((parity, share * size.step) for parity, share in engine.layers(2, 20))
    engine.evolve(here, state, engine.gates(here, terms, np.complex128), sequence, size.chi)
    found, _ = engine.canonical(here, state.tensors)
    sz, entropy = engine.expectations(here, found, chains.observable(size.model)), engine.entropy_nats(here, found)
    swapped, shifted, negative = sz.copy(), sz + 0.002, entropy.copy()
    swapped[[half - 1, half]], negative[0] = sz[[half, half - 1]], -1e-3
    for magnetisation, entropies, said in (
        (sz, entropy, set()),
        (chains.observable(size.model)[places], 0 * entropy, {"middle", "middle_entropy"}),  # nothing was done
        (swapped, entropy, {"middle"}),
        (shifted, entropy, {"total_sz"}),
        (sz, negative, {"negative_entropy"}),
        (sz * np.nan, entropy * np.nan, {"middle", "middle_entropy", "total_sz", "negative_entropy"}),
    ):
        outputs = {"magnetisation": magnetisation, "entropy_nats": entropies}
        assert broken(quench.invariants(size, {"couplings": couplings}, outputs, "float64")) == said


def test_blocks_are_not_to_be_had_where_sz_is_not_conserved() -> None:
    setup: Any = SimpleNamespace(size=quench.WORKLOAD.sizes["S-ising"], threads=1)
    with pytest.raises(Unavailable, match="blocks of Sz"):
        kernel.charged(setup, np.ones(99))


def test_factors_are_judged_by_what_they_are() -> None:
    size = tensor_svd.Size(2, 4)
    reals = np.random.default_rng(1).uniform(-1, 1, (2, 4, 4, 2))
    u, s, vh = np.linalg.svd(reals.view(complex)[..., 0])
    turn = np.exp(1j * np.arange(4))
    swap, sign = [1, 0, 2, 3], np.array([1, 1, 1, -1])
    for outputs, said in (
        ({"u": u, "s": s, "vh": vh}, set()),
        ({"u": u * turn, "s": s, "vh": turn.conj()[:, None] * vh}, set()),  # phases are free
        ({"u": u[:, :, swap], "s": s[:, swap], "vh": vh[:, swap]}, {"order"}),
        ({"u": u * sign, "s": s * sign, "vh": vh}, {"order"}),
        ({"u": 2 * u, "s": s / 2, "vh": vh}, {"u"}),
        ({"u": u, "s": s, "vh": 1.001 * vh}, {"reconstruction", "vh"}),
        ({"u": u, "s": 1.001 * s, "vh": vh}, {"reconstruction"}),
        ({"u": u, "s": s}, {"reconstruction", "vh"}),
    ):
        bounds = tensor_svd.invariants(size, {"matrices": reals.reshape(-1)}, flat(outputs), "float64")
        assert broken(bounds) == said
