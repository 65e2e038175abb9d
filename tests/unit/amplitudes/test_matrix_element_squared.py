"""Squared matrix elements against the oracle, in every precision, near singularities and on every register."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes import compiled
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.kernels.amplitudes.evaluate import matrix_element_squared
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes, singular
from ngtbench.workloads.generators import _oracle
from tests.unit.system import conftest

host = conftest.host  # skips without a compiler
W, TOP = 1500.0, 173.0
SMALLEST = 1e-6  # of |s_ij| / s near singularities
PROCESSES = {  # and at how many points the oracle is asked
    "g g > t t~": 24,
    "g g > t t~ g": 24,
    "g g > t t~ g g": 6,
    "g g > t t~ g g g": 2,
    "u u~ > t t~": 24,
    "u u~ > t t~ g": 24,
    "u u~ > t t~ g g": 12,
    "g u > t t~ u": 24,
    "u u~ > t t~ c c~": 24,
    "u u~ > t t~ u u~": 24,
    "g g > g g": 24,
    "g g > g g g": 24,
    "g g > g g g g": 5,
}
NEAR = [text for text in PROCESSES if text not in ("g g > t t~", "u u~ > t t~")]  # those where massless particles leave
BOUNDS = {  # (plain, near): median and worst relative error; of float32 near singularities only the median is known to be small
    "float64": ((1e-11, 1e-9), (1e-8, 1e-8)),
    "mixed": ((5e-7, 2e-6), (5e-7, 2e-6)),
    "float32": ((5e-6, 1e-4), (2e-2, 1e-1)),
}
WIDTHS = (0.0, 1.4915)


@cache
def points(text: str, near: bool) -> Array:
    masses, count = processes.parse(text).masses(TOP)[2:], PROCESSES[text]
    if near:
        return singular.singular(masses, W, count, 7, SMALLEST)
    return phase_space.momenta(masses, W, count, 5)[0]


@cache
def wanted(text: str, width: float, near: bool) -> Array:
    return _oracle.squared(processes.parse(text), points(text, near), top_width=width)


def off(found: Array, want: Array) -> tuple[float, float]:
    """Return median and worst relative error."""
    error = np.abs(found / want - 1)
    return float(np.median(error)), float(error.max())


def bounds_at(width: float) -> list[tuple[str, tuple[tuple[float, float], tuple[float, float]]]]:
    """Return which precisions are tried: the others than double with a width only."""
    return [one for one in BOUNDS.items() if width or one[0] == "float64"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", PROCESSES)
@pytest.mark.usefixtures("host")
def test_compiled_agrees_with_the_oracle(text: str, width: float) -> None:
    for dtype, bounds in bounds_at(width):
        found = matrix_element_squared(text, points(text, False), top_width=width, dtype=dtype)
        assert found.dtype == ("float32" if dtype == "float32" else "float64")
        median, worst = off(found, wanted(text, width, False))
        assert (median < bounds[0][0], worst < bounds[0][1]) == (True, True), (dtype, median, worst)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", PROCESSES)
def test_arrays_agree_with_the_oracle(text: str, width: float) -> None:
    model, process, momenta = Model(top_width=width), processes.parse(text), points(text, False)
    for dtype in ("float64", "float32"):
        on = compiled.on_arrays(process, model, len(momenta), dtype)
        compiled.fill(on.momenta, momenta.reshape(len(momenta), -1))
        on.run()
        median, worst = off(on.out[:, 0], wanted(text, width, False))
        assert (median < BOUNDS[dtype][0][0], worst < BOUNDS[dtype][0][1]) == (True, True), (dtype, median, worst)


def taken(text: str, momenta: Array) -> bool:
    """Tell whether single precision takes an event, whose momenta are not too near to one another."""
    try:
        return len(matrix_element_squared(text, momenta, dtype="float32")) == 1
    except BadInput as error:
        assert "has momenta that are parallel" in str(error)
        return False


NEAR_CASES = [(text, width) for text in NEAR for width in WIDTHS if (text, width) != ("g g > t t~ g g g", 0.0)]


@pytest.mark.parametrize(("text", "width"), NEAR_CASES)
@pytest.mark.usefixtures("host")
def test_near_soft_and_collinear_points(text: str, width: float) -> None:
    momenta, process = points(text, True), processes.parse(text)
    assert singular.closest(momenta, process.masses(TOP)[2:]).min() < 1e-2
    for dtype, bounds in bounds_at(width):
        kept = [k for k in range(len(momenta)) if dtype != "float32" or taken(text, momenta[k : k + 1])]
        assert len(kept) > len(momenta) / 3
        found = matrix_element_squared(text, momenta[kept], top_width=width, dtype=dtype)
        median, worst = off(found, wanted(text, width, True)[kept])
        assert (median < bounds[1][0], worst < bounds[1][1]) == (True, True), (dtype, median, worst)
    on = compiled.on_arrays(process, Model(top_width=width), len(momenta), "float64")
    compiled.fill(on.momenta, momenta.reshape(len(momenta), -1))
    on.run()
    assert off(on.out[:, 0], wanted(text, width, True))[1] < 1e-8


@pytest.mark.usefixtures("host")
def test_mixed_sums_colours_in_single_precision() -> None:
    found = matrix_element_squared("g g > t t~ g", points("g g > t t~ g", False), top_width=1.4915, dtype="mixed")
    assert off(found, wanted("g g > t t~ g", 1.4915, False))[0] > 1e-10


def test_parameters_are_used() -> None:
    masses = (150.0, 150.0, 0.0)
    momenta = phase_space.momenta(masses, W, 4, 5)[0]
    given: dict[str, Any] = {"alpha_s": 0.2, "top_mass": 150.0, "top_width": 30.0}
    want = _oracle.squared(processes.parse("g g > t t~ g"), momenta, **given)
    np.testing.assert_allclose(matrix_element_squared("g g > t t~ g", momenta, **given), want, rtol=1e-11)
    for name, value in (("alpha_s", 0.118), ("top_width", 0)):
        other = matrix_element_squared("g g > t t~ g", momenta, **(given | {name: value}))
        assert np.abs(other / want - 1).max() > 1e-3


@pytest.mark.parametrize("isa", ["avx2", "sse2", "scalar"])
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-12), ("mixed", 2e-6), ("float32", 2e-4)])
@pytest.mark.usefixtures("host")
def test_registers_of_every_width_agree(isa: str, dtype: str, bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    momenta = phase_space.momenta((TOP, TOP, 0.0), W, 11, 8)[0]
    found = [matrix_element_squared("g g > t t~ g", momenta, top_width=1.0, dtype=dtype)]
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found.append(matrix_element_squared("g g > t t~ g", momenta, top_width=1.0, dtype=dtype))
        except UserWarning as reason:
            pytest.skip(str(reason))
    assert off(*found)[1] < bound


@pytest.mark.usefixtures("host")
def test_threads_and_partial_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    momenta = phase_space.momenta((TOP, TOP, 0.0), W, 131, 8)[0]
    found = []
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(matrix_element_squared("u u~ > t t~ g", momenta))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    for count in (1, 2, 7, 8, 9, 15, 16, 17, 130):
        assert np.array_equal(matrix_element_squared("u u~ > t t~ g", momenta[:count]), found[0][:count])
        assert np.array_equal(matrix_element_squared("u u~ > t t~ g", momenta[-count:]), found[0][-count:])


def test_what_fills_the_last_block_up_repeats_the_last_event() -> None:
    events, blocks = np.arange(15.0).reshape(5, 3), np.full((2, 3, 4), -1.0)
    compiled.fill(blocks, events)
    assert np.array_equal(blocks.transpose(0, 2, 1).reshape(8, 3), events[[0, 1, 2, 3, 4, 4, 4, 4]])


def test_no_events_give_no_results() -> None:
    for dtype, stored in (("float64", "float64"), ("mixed", "float64"), ("float32", "float32")):
        found = matrix_element_squared("g g > t t~", np.empty((0, 4, 4)), dtype=dtype)
        assert (found.shape, str(found.dtype)) == ((0,), stored)


def test_momenta_in_single_precision_are_taken() -> None:
    momenta, want = points("g g > t t~ g", False), wanted("g g > t t~ g", 0.0, False)
    given = momenta.astype(np.float32)
    before = given.copy()
    found = matrix_element_squared("g g > t t~ g", given)
    assert found.dtype == np.float64
    assert 1e-12 < off(found, want)[1] < 1e-4
    assert np.array_equal(given, before)
    with pytest.raises(BadInput, match="off shell"):
        matrix_element_squared("g g > t t~ g", given.astype(np.float64))


def test_strides_and_lists_of_momenta_are_taken() -> None:
    momenta = points("g g > t t~", False)
    want = matrix_element_squared("g g > t t~", momenta)
    for other in (np.asfortranarray(momenta), momenta.repeat(2, axis=0)[::2], momenta.tolist(), momenta.astype(">f8")):
        assert np.array_equal(matrix_element_squared("g g > t t~", other), want)


def test_without_a_compiler_arrays_are_used_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGTBENCH_CXX", "/nowhere/to/be/found")
    momenta, want = points("u u~ > t t~ u u~", False), wanted("u u~ > t t~ u u~", 1.4915, False)
    for dtype, stored, bound in (("float64", "float64", 1e-11), ("mixed", "float64", 1e-11), ("float32", "float32", 1e-4)):
        with pytest.warns(
            UserWarning, match="array operations, which is slower, all in float..: no C\\+\\+ compiler works"
        ) as told:
            found = matrix_element_squared("u u~ > t t~ u u~", momenta, top_width=1.4915, dtype=dtype)
        assert told[0].filename == __file__
        assert found.dtype == stored
        assert off(found, want)[1] < bound


def test_many_events_in_array_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_PART", 5)
    momenta = phase_space.momenta((TOP, TOP), W, 13, 8)[0]
    on = compiled.on_arrays(processes.parse("g g > t t~"), Model(), 13, "float64")
    compiled.fill(on.momenta, momenta.reshape(13, -1))
    on.run()
    np.testing.assert_allclose(on.out[:, 0], _oracle.squared(processes.parse("g g > t t~"), momenta), rtol=1e-12)
