"""Workloads of matrix elements: FLOP as kernels do them, states that add up, events that are regular, checks that bite."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.errors import Unavailable
from ngtbench.harness.prepare import prepare
from ngtbench.kernels.amplitudes import compiled
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Array
from ngtbench.physics import processes
from ngtbench.workloads.generators import _case, _oracle, helicity_sampled, matrix_element
from ngtbench.workloads.generators._dressed import Theory

STATES = ("g g > t t~", "g g > g g", "g g > t t~ g", "g g > g g g")


@pytest.mark.parametrize("text", _case.FLOP)
def test_flop_of_a_matrix_element_is_that_of_the_schedule(text: str) -> None:
    assert compiled.tape(processes.parse(text), False).flop == _case.FLOP[text]


@pytest.mark.parametrize("text", helicity_sampled.FLOP)
def test_flop_of_a_state_is_that_of_the_schedule(text: str) -> None:
    assert compiled.tape(processes.parse(text), False, True).flop == helicity_sampled.FLOP[text]


def test_every_size_has_its_flop() -> None:
    assert {size.process for size in matrix_element.WORKLOAD.sizes.values()} == set(_case.FLOP)
    assert {size.process for size in helicity_sampled.WORKLOAD.sizes.values()} == set(helicity_sampled.FLOP)


@pytest.mark.parametrize("text", STATES)
def test_states_add_up_to_the_sum_over_helicities(text: str) -> None:
    process, momenta = processes.parse(text), _case.momenta(text, 5, 3)
    states = helicity_sampled.every_state(process, momenta, Theory())
    assert np.all(states >= 0)
    assert states.sum(axis=1) == pytest.approx(_oracle.squared(process, momenta), rel=1e-11)


@pytest.mark.parametrize("text", ["g g > t t~ g", "g g > g g"])
def test_given_events_are_regular_and_those_of_flat_phase_space(text: str) -> None:
    momenta = _case.momenta(text, 300, 5)
    every = _case.flat(text, 3000, 5)[0]
    dot = {
        (i, j): every[:, i, 0] * every[:, j, 0] - np.sum(every[:, i, 1:] * every[:, j, 1:], axis=-1)
        for i, j in itertools.combinations(range(every.shape[1]), 2)
    }
    far = np.min(list(dot.values()), axis=0) >= 5e-4 * _case.ENERGY_GEV**2
    assert not far.all()
    assert np.array_equal(momenta[:150], every[far][:150])


@pytest.mark.parametrize("text", ["g g > t t~", "g g > t t~ g g", "u u~ > t t~ u u~", "g g > g g g"])
def test_events_of_the_second_half_are_those_of_the_first_turned(text: str) -> None:
    process, momenta = processes.parse(text), _case.momenta(text, 9, 5)
    first, second = momenta[:4], momenta[5:]
    assert not np.any(np.all(first == second, axis=(1, 2)))
    assert np.allclose(second.sum(axis=1), 2 * second[:, :2].sum(axis=1), rtol=1e-13, atol=1e-9)
    assert np.allclose(second[:, :2, 1:3], 0)
    assert np.all(second[:, 0, 3] > 0)
    flipped = np.sign(second[:, 2, 3]) != np.sign(first[:, 2, 3])  # the top's direction along the beam
    assert flipped.any() == (process.incoming[0] == process.incoming[1])
    for width in (0.0, 1.4915):
        squares = [_oracle.squared(process, half, top_width=width) for half in (first, second)]
        assert squares[1] == pytest.approx(squares[0], rel=1e-11)


def test_other_inputs_are_checked_in_other_events() -> None:
    samples = [_case.chosen(2**14, 16, salt) for salt in (b"a", b"b", b"a")]
    assert np.array_equal(samples[0], samples[2])
    assert not np.array_equal(samples[0], samples[1])
    for sample in samples:
        assert len(set(sample)) == 16
        assert (sample[0], sample[-1]) == (0, 2**14 - 1)
    assert np.array_equal(_case.chosen(5, 16, b""), np.arange(5))


def prepared(name: str, size: str, impl: str = "native", dtype: str = "float64") -> Any:
    try:
        return prepare(Case(name, workloads.load(name).version, size, impl, dtype), Resources("cpu:0", 1, False), 1)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("impl", ["numpy", "native", "native-mixed"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_chain_makes_the_events_whose_matrix_elements_it_returns(
    impl: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (impl, dtype) == ("native-mixed", "float32"):
        pytest.skip("mixed precision is double but for colour sums")
    size = replace(matrix_element.WORKLOAD.sizes["M-ggttxg-chain"], events=203)
    monkeypatch.setitem(matrix_element.WORKLOAD.sizes, "M-ggttxg-chain", size)
    ready = prepared("generators/matrix_element", "M-ggttxg-chain", impl, dtype)
    assert ready.verdict.passed, ready.verdict.reason
    assert ready.verdict.check == "spot"
    found = {name: np.array(array) for name, array in ready.run().items()}
    assert ready.check(found).passed
    given = matrix_element.inputs(size, 1)
    want = matrix_element.reference(size, **{name: np.asarray(value) for name, value in given.items()})
    assert found["weights"] == pytest.approx(want["weights"], rel=1e-11)
    for name in found:
        assert not ready.check({**found, name: np.roll(found[name], 1)}).passed, name
    assert not ready.check({**found, "weights": found["weights"] * (1 + 1e-8)}).passed


def nudged(values: Array) -> Array:
    """Change the smallest by 2e-9 of itself, which is far less of the rms."""
    changed = values.copy()
    changed[np.argmin(values)] *= 1 + 2e-9
    return changed


def negative(values: Array) -> Array:
    """Change the sign of one event that is not looked at."""
    changed = values.copy()
    changed[1] = -changed[1]
    return changed


def larger(values: Array) -> Array:
    """Change one event that is not looked at by 1e-10 of itself."""
    changed = values.copy()
    changed[12345] *= 1 + 1e-10
    return changed


def most(values: Array) -> Array:
    """Change all but the first and the last, which are always looked at, in pairs that agree."""
    changed = 7 * values
    changed[[0, -1]] = values[[0, -1]]
    return changed


@pytest.mark.parametrize(
    ("size", "change", "words"),
    [
        ("S-ggttx", nudged, "relative error, worst"),
        ("M-ggttxg", negative, "without a positive"),
        ("M", larger, "turned and permuted, worst"),
        ("M", most, "relative error, median"),
    ],
)
def test_invariants_reject_what_the_rms_hides(size: str, change: Callable[[Array], Array], words: str) -> None:
    ready = prepared("generators/matrix_element", size)
    right = np.array(ready.run()["squared"])
    assert ready.check({"squared": right}).passed
    verdict = ready.check({"squared": change(right)})
    assert not verdict.passed
    assert words in verdict.reason


def test_single_precision_passes_only_where_it_is_declared() -> None:
    ready = prepared("generators/matrix_element", "XS")
    right = np.array(ready.run()["squared"])
    assert not ready.check({"squared": right.astype(np.float32)}).passed
    assert prepared("generators/matrix_element", "XS", "native-mixed").verdict.passed


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("name", ["generators/matrix_element", "generators/helicity_sampled"])
def test_a_size_nearby_is_another_and_no_larger_where_it_is_large(name: str, k: int) -> None:
    workload = workloads.load(name)
    for size in workload.sizes.values():
        near = matrix_element.nearby(size, k) if name.endswith("element") else helicity_sampled.nearby(size, k)
        assert near != size
        assert near.events >= 1
        assert near.events < 1.05 * size.events + 2
        assert near.events < size.events or size.events <= 2**12
