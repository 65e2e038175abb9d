"""The public evolution: exact answers, orders of Trotter's error, what is conserved, and what is refused."""

from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import evolve
from ngtbench.kernels.tensors.evolve import Evolution
from ngtbench.physics.tensors import chains, free_fermions
from ngtbench.workloads.tensors import quench

ALL = [(model, initial) for model in ("xx", "ising", "heisenberg") for initial in ("domain_wall", "neel", "all_up")]


def run(model: Any, initial: Any, **changed: Any) -> Evolution:
    words = {"sites": 8, "time": 0.5, "step": 0.05, "bond_dimension": 32, "field": 0.8 if model == "ising" else None}
    return evolve(model, initial=initial, **{**words, **changed})


def off(found: Evolution, model: Any, initial: Any, time: float, field: float = 0.0) -> float:
    exact = free_fermions.evolved(model, chains.start(model, initial, len(found.magnetisation)), time, field)
    return float(np.max(np.abs(found.magnetisation - exact.magnetisation)))


@pytest.mark.parametrize(("model", "initial"), ALL)
@pytest.mark.parametrize("sites", [2, 3, 8])
def test_every_model_and_start_is_what_diagonalisation_gives(model: Any, initial: Any, sites: int) -> None:
    found = run(model, initial, sites=sites, order=4)
    size = quench.Size(model, sites, 0.5, 0.05, 32, initial, field=0.8 if model == "ising" else None)
    want = quench.exact(size, np.ones(sites - 1))
    assert want is not None
    assert np.allclose(found.magnetisation, want[0], atol=1e-6)
    assert np.allclose(found.entropy_nats, want[1], atol=1e-6)
    assert found.norm == pytest.approx(1, abs=1e-12)
    assert found.discarded_weight < 1e-20


@pytest.mark.parametrize(
    ("model", "initial", "second", "fourth"),
    [("xx", "neel", 8.06e-5, 2.15e-9), ("xx", "domain_wall", 8.44e-5, 3.87e-9), ("ising", "all_up", 9.41e-4, 3.85e-7)],
)
def test_the_error_is_that_of_trotter_and_falls_with_the_step(model: Any, initial: Any, second: float, fourth: float) -> None:
    g = 1.0 if model == "ising" else None
    words = {"sites": 20, "time": 1.0, "bond_dimension": 64, "field": g}
    errors = {
        (order, step): off(run(model, initial, order=order, step=step, **words), model, initial, 1.0, g or 0.0)
        for order in (2, 4)
        for step in (0.2, 0.1)
    }
    assert errors[4, 0.1] == pytest.approx(fourth, rel=0.02)
    assert errors[2, 0.1] == pytest.approx(second, rel=2e-3)  # TeNPy's, at 100 sites: ends and middle do not know of each other
    assert errors[2, 0.2] / errors[2, 0.1] == pytest.approx(4, rel=0.05)
    assert errors[4, 0.2] / errors[4, 0.1] == pytest.approx(16, rel=0.1)


def test_truncation_is_accounted_for() -> None:
    found = run("ising", "all_up", sites=16, time=2.0, step=0.1, bond_dimension=6, order=4)
    error = off(found, "ising", "all_up", 2.0, 0.8)
    assert max(found.bond_dimensions) == 6
    assert 1e-7 < found.discarded_weight < 1e-2
    assert 1e-6 < error < 2 * np.sqrt(found.discarded_weight * sum(found.splits.values()))
    assert abs(found.norm - 1) < 10 * found.discarded_weight


def test_energy_and_sz_are_conserved() -> None:
    found = run("heisenberg", "neel", sites=12, time=1.0, order=4, bond_dimension=64)
    assert found.energy == pytest.approx(-11 / 4, abs=1e-6)
    assert abs(found.magnetisation.sum()) < 1e-10
    wall = run("heisenberg", "domain_wall", sites=9)
    assert wall.magnetisation.sum() == pytest.approx(-0.5, abs=1e-10)


@pytest.mark.parametrize("model", ["xx", "heisenberg"])
def test_blocks_of_sz_give_the_same(model: Any) -> None:
    words: dict[str, Any] = {"sites": 12, "time": 2.0, "step": 0.1, "bond_dimension": 12}
    whole, blocks = run(model, "domain_wall", **words), run(model, "domain_wall", conserve=True, **words)
    assert np.allclose(whole.magnetisation, blocks.magnetisation, atol=1e-9)
    assert np.allclose(whole.entropy_nats, blocks.entropy_nats, atol=1e-9)
    assert blocks.discarded_weight == pytest.approx(whole.discarded_weight, rel=1e-6, abs=1e-20)


def test_a_string_between_charges_is_what_diagonalisation_gives() -> None:
    found = evolve("z2_gauge", sites=5, time=1.0, step=0.1, bond_dimension=64, initial="string", order=4, field=0.3)
    want = quench.exact(quench.Size("z2_gauge", 5, 1.0, 0.1, 64, "string", field=0.3), np.ones(4))
    assert want is not None
    assert np.allclose(found.magnetisation, want[0], atol=1e-5)
    assert np.allclose(found.entropy_nats, want[1], atol=1e-5)


def test_steps_are_fitted_to_the_time() -> None:
    found = run("xx", "neel", time=1.0, step=0.3)
    assert (found.steps, found.step) == (4, 0.25)
    assert run("xx", "neel", time=0.3, step=0.1).steps == 3  # 2.9999999999999996 of them
    assert run("xx", "neel", time=0.07, step=0.01).steps == 7  # 7.000000000000001
    still = run("xx", "neel", time=0)
    assert still.steps == 0
    assert still.magnetisation.tolist() == [0.5, -0.5] * 4


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"model": "xyz"}, "model"),
        ({"initial": "all_down"}, "all_down"),
        ({"sites": 1}, "sites"),
        ({"sites": 4.0}, "sites"),
        ({"sites": True}, "sites"),
        ({"bond_dimension": 0}, "bond_dimension"),
        ({"time": -1.0}, "time"),
        ({"time": float("nan")}, "time"),
        ({"step": 0.0}, "step"),
        ({"step": 0.1j}, "step"),
        ({"step": "0.1"}, "step"),
        ({"order": 3}, "order"),
        ({"order": [2]}, "order"),
        ({"order": np.array([2, 4])}, "order"),
        ({"time": 1e308, "step": 1e-308}, "steps"),
        ({"time": 10**400}, "time"),
        ({"model": np.array(["xx", "ising"])}, "model"),
        ({"field": 1.0}, "field"),
        ({"model": "ising"}, "field"),
        ({"model": "ising", "field": float("inf")}, "field"),
        ({"model": "ising", "field": 1.0, "conserve": True}, "conserve"),
    ],
)
def test_nonsense_is_refused_by_name(changed: dict[str, Any], word: str) -> None:
    words: dict[str, Any] = {"model": "xx", "sites": 4, "time": 0.1, "step": 0.1, "bond_dimension": 4, "initial": "neel"}
    with pytest.raises(BadInput, match=word):
        evolve(**{**words, **changed})
