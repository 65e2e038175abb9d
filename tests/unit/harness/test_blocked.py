"""Outputs in blocks of lanes are judged as plain ones are: what is right passes, and nothing else does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen.grid import grid
from ngtbench.harness import blocked
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import poison
from ngtbench.harness.validate import Checker
from ngtbench.kernels.lattice import layout
from ngtbench.model.workload import Array, Blocked, Workload
from ngtbench.workloads.lattice import wilson_dslash

HOST = HostBackend("numpy", "cpu:0")
SHAPE = (6, 4, 2, 4)
SIZES = {
    "XS": wilson_dslash.Size(SHAPE),
    "XS-rhs2": wilson_dslash.Size(SHAPE, sources=2),
    "XS-eo": wilson_dslash.Size(SHAPE, parity="even"),
    "M": wilson_dslash.Size(SHAPE),
    "M-eo-rhs2": wilson_dslash.Size(SHAPE, sources=2, parity="even"),
}
WILSON: Workload = replace(wilson_dslash.WORKLOAD, sizes=SIZES)
TRIAD = workloads.load("system/triad")


def answered(name: str, dtype: str = "float64", seed: int = 1) -> tuple[Checker, Blocked]:
    """Return a judge, and what is right in blocks: of the hopping term, or of the triad, whose numbers are real."""
    workload = TRIAD if name == "triad" else WILSON
    size_name = "XS" if name == "triad" else name
    inputs = HostInputs(workload.inputs(workload.sizes[size_name], seed), dtype)
    assert workload.reference is not None
    ((_, want),) = workload.reference(workload.sizes[size_name], **inputs.wide()).items()
    judge = Checker(workload, size_name, inputs, HOST)
    if name == "triad":
        sites = np.random.default_rng(2).permutation(want.size).reshape(-1, 8)
        return judge, Blocked(want[sites][:, None, None].astype(dtype), sites, want.shape, complex=False)
    size = SIZES[name]
    on, even = grid(SHAPE, 4, parity=True), size.parity == "even"
    part, sources = on.range("even" if even else "all"), size.sources
    reals = want.reshape(sources, -1, 12).view(np.float64).astype(dtype)
    out = layout.blocked(on, None, want.shape, "even" if even else "all")
    assert len(out.sites) == part.stop
    return judge, replace(out, array=np.ascontiguousarray(reals[:, out.sites].transpose(1, 0, 3, 2)))


HALF: Workload = replace(WILSON, tolerance={"float64": 1e-3, "float32": 1e-3})


def halved(case: str) -> tuple[Checker, Blocked]:
    """Return what is right in whole numbers of 16 bits and one real number for each site and source, and a patient judge."""
    _, right = answered(case)
    inputs = HostInputs(HALF.inputs(SIZES[case], 1), "float64")
    scale = np.abs(right.array).max(axis=2, keepdims=True) / 32767
    return Checker(HALF, case, inputs, HOST), replace(right, array=np.rint(right.array / scale).astype(np.int16), scale=scale)


def name_of(output: Blocked) -> str:
    return "out" if output.complex else "a"


def verdict(judge: Checker, output: Any, name: str) -> Any:
    return judge.check({name: output})


CASES = [*SIZES, "triad"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_right_passes(case: str, dtype: str) -> None:
    judge, right = answered(case, dtype)
    found = verdict(judge, right, name_of(right))
    assert found.passed, found.reason
    assert found.check == ("spot" if case.startswith("M") else "full")
    assert verdict(judge, blocked.whole(HOST, right), name_of(right)).passed


def changed(array: Array, where: Any, change: Callable[[Any], Any]) -> Array:
    copy = array.copy()
    copy[where] = change(copy[where])
    return copy


def near_rms(array: Array) -> Any:
    rms = float(np.sqrt(np.mean(array**2)))
    return np.unravel_index(int(np.argmin(np.abs(np.abs(array) - rms))), array.shape)


def swapped(sites: Array) -> Array:
    copy = sites.copy()
    copy[0, 0], copy[-1, -1] = sites[-1, -1], sites[0, 0]
    return copy


TAMPER: dict[str, Callable[[Blocked], Any]] = {
    "zeros": lambda one: replace(one, array=np.zeros_like(one.array)),
    "NaN": lambda one: replace(one, array=np.full_like(one.array, np.nan)),
    "one NaN": lambda one: replace(one, array=changed(one.array, (-1, -1, -1, -1), lambda x: np.nan)),
    "one infinite": lambda one: replace(one, array=changed(one.array, (0, 0, 0, 1), lambda x: np.inf)),
    "one element 1 % off": lambda one: replace(one, array=changed(one.array, near_rms(one.array), lambda x: 1.01 * x)),
    "two sites swapped": lambda one: replace(one, sites=swapped(one.sites)),
    "sites shifted": lambda one: replace(one, sites=np.roll(one.sites, 1)),
    "lanes reversed": lambda one: replace(one, array=one.array[..., ::-1].copy()),
    "a site twice": lambda one: replace(one, sites=changed(one.sites, (0, 0), lambda x: one.sites[0, 1])),
    "a site that is none": lambda one: replace(one, sites=changed(one.sites, (0, 0), lambda x: one.sites.size)),
    "a site counted from the end": lambda one: replace(one, sites=changed(one.sites, (0, 0), lambda x: x - one.sites.size)),
    "sites in one axis": lambda one: replace(one, sites=one.sites.reshape(-1)),
    "sites of a block less": lambda one: replace(one, sites=one.sites[:-1]),
    "a block less": lambda one: replace(one, array=one.array[:-1]),
    "a block less, all told": lambda one: replace(one, array=one.array[:-1], sites=one.sites[:-1]),
    "a block more": lambda one: replace(one, array=np.concatenate((one.array, one.array[:1]))),
    "blocks and lanes in one axis": lambda one: replace(one, array=one.array.reshape(-1, *one.array.shape[2:])),
    "as integers": lambda one: replace(one, array=one.array.astype(np.int64)),
    "as short integers": lambda one: replace(one, array=one.array.astype(np.int16)),
    "in half precision": lambda one: replace(one, array=one.array.astype(np.float16)),
    "in single precision": lambda one: replace(one, array=one.array.astype(np.float32)),
    "as complex numbers": lambda one: replace(one, array=one.array.astype(np.complex128)),
    "as objects": lambda one: replace(one, array=one.array.astype(object)),
    "read-only": lambda one: replace(one, array=np.broadcast_to(one.array, one.array.shape)),
    "real as complex, or complex as real": lambda one: replace(one, complex=not one.complex),
    "another shape of as many numbers": lambda one: replace(one, shape=(*one.shape[:-1], 1, one.shape[-1])),
    "flat": lambda one: replace(one, shape=(*one.shape, 1)),
    "an element less": lambda one: replace(one, shape=(*one.shape[:-1], one.shape[-1] - 1)),
    "no shape": lambda one: replace(one, shape=()),
    "blocks as they are": lambda one: one.array,
}
ONLY_FULL = {"another shape of as many numbers", "flat"}  # a spot check compares numbers, also of plain arrays


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize("label", TAMPER)
@pytest.mark.parametrize("case", CASES)
def test_nothing_else_passes(case: str, label: str) -> None:
    judge, right = answered(case)
    wrong = TAMPER[label](right)
    found = verdict(judge, wrong, name_of(right))
    if label in ONLY_FULL and found.check == "spot":
        assert verdict(judge, blocked.whole(HOST, wrong), name_of(right)).passed == found.passed
    else:
        assert not found.passed
        assert found.reason
    assert verdict(judge, right, name_of(right)).passed


@pytest.mark.parametrize("case", CASES)
def test_the_answer_to_other_inputs_does_not_pass(case: str) -> None:
    judge, right = answered(case)
    assert not verdict(judge, answered(case, seed=2)[1], name_of(right)).passed
    assert not verdict(judge, right, "another").passed


def test_sources_exchanged_do_not_pass() -> None:
    for case in ("XS-rhs2", "M-eo-rhs2"):
        judge, right = answered(case)
        assert not verdict(judge, replace(right, array=right.array[:, ::-1].copy()), "out").passed


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_taken_is_what_the_whole_holds(case: str, dtype: str) -> None:
    _, output = answered(case, dtype)
    whole = blocked.whole(HOST, output)
    assert whole.shape == output.shape
    assert whole.dtype == (np.dtype(dtype) if not output.complex else np.result_type(dtype, np.complex64))
    index = np.random.default_rng(1).integers(whole.size, size=(7, 30))
    index[0, :2] = 0, whole.size - 1
    for one in (index, index[0], np.arange(whole.size), np.array([], dtype=int)):
        got = blocked.take(HOST, output, one)
        assert got.shape == one.shape
        assert np.array_equal(got, whole.reshape(-1)[one])


@pytest.mark.parametrize("case", CASES)
def test_poison_reaches_it(case: str) -> None:
    judge, output = answered(case)
    assert blocked.holds(HOST, output)
    poison(HOST, {name_of(output): output})
    assert np.isnan(output.array).all()
    assert "nan" in verdict(judge, output, name_of(output)).reason
    plain = np.ones(3)
    blocked.poison(HOST, plain)
    assert np.isnan(plain).all()


SCALES: dict[str, Callable[[Blocked], Blocked]] = {
    "no scale": lambda one: replace(one, scale=None),
    "one off by 1 %": lambda one: replace(one, scale=changed(one.scale, (-1, -1, 0, -1), lambda x: 1.01 * x)),
    "NaN": lambda one: replace(one, scale=changed(one.scale, (0, 0, 0, 1), lambda x: np.nan)),
    "of other sites": lambda one: replace(one, scale=np.roll(one.scale, 1, axis=3)),
    "of other blocks": lambda one: replace(one, scale=np.roll(one.scale, 1, axis=0)),
    "one for all": lambda one: replace(one, scale=one.scale[:1, :1, :, :1].copy()),
    "one for each number": lambda one: replace(one, scale=np.repeat(one.scale, one.array.shape[2], axis=2)),
    "whole numbers": lambda one: replace(one, scale=np.ones_like(one.scale, dtype=np.int64)),
    "complex": lambda one: replace(one, scale=one.scale.astype(complex)),
    "of real numbers": lambda one: replace(one, array=one.array.astype(np.float32)),
    "an element off by 1 %": lambda one: replace(
        one, array=changed(one.array, near_rms(one.array * one.scale), lambda x: np.int16(1.01 * x))
    ),
}


@pytest.mark.parametrize("case", SIZES)
def test_whole_numbers_are_judged_with_their_scale(case: str) -> None:
    judge, right = halved(case)
    found = verdict(judge, right, "out")
    assert found.passed, found.reason
    assert 1e-7 < found.error < 1e-3
    whole = blocked.whole(HOST, right)
    assert np.array_equal(blocked.take(HOST, right, np.arange(whole.size)), whole.reshape(-1))
    for label, change in SCALES.items():
        assert not verdict(judge, change(right), "out").passed, label
    poison(HOST, {"out": right})
    assert np.isnan(right.scale).all()
    assert (right.array == np.iinfo(np.int16).max).all()
    assert not verdict(judge, right, "out").passed


def test_what_is_not_all_there_is_named() -> None:
    judge, right = answered("XS")
    found = verdict(judge, replace(right, array=list(right.array)), "out")
    assert found.reason == "out (Blocked): no plain array of numpy: what is computed later would not be timed"
    assert blocked.holds(HOST, np.ones(2))
    assert not blocked.holds(HOST, "text")


def test_the_place_that_is_worst_is_told_in_the_order_of_the_oracle() -> None:
    judge, right = answered("XS")
    site, component = (5, 1, 0, 2), 13
    block, lane = np.argwhere(right.sites == np.ravel_multi_index(site, SHAPE))[0]
    wrong = replace(right, array=changed(right.array, (block, 0, component, lane), lambda x: x + 1))
    assert verdict(judge, wrong, "out").worst == f"out{[*site, 2, 0]}"
