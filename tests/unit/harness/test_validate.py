"""The judge: which error it measures, and that it can say no."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.workload import Uniform, Workload


def checker(workload: Workload, size: str = "XS", dtype: str = "float64") -> Checker:
    inputs = HostInputs(workload.inputs(workload.sizes[size], 1), dtype)
    return Checker(workload, size, inputs, HostBackend("numpy", "cpu:0"))


def triad(**changes: Any) -> Workload:
    return replace(workloads.load("system/triad"), **changes)


def right(workload: Workload, size: str = "XS") -> np.ndarray[Any, Any]:
    inputs = HostInputs(workload.inputs(workload.sizes[size], 1), "float64").wide()
    assert workload.reference is not None
    answer: np.ndarray[Any, Any] = workload.reference(workload.sizes[size], **inputs)["a"]
    return answer


def test_the_error_is_the_worst_component_over_the_rms() -> None:
    answer = right(triad())
    wrong = answer.copy()
    wrong[17] += 1e-3
    verdict = checker(triad()).check({"a": wrong})
    assert not verdict.passed
    assert verdict.error == pytest.approx(1e-3 / np.sqrt(np.mean(answer**2)))
    assert verdict.worst == "a[17]"
    assert verdict.check == "full"


@pytest.mark.parametrize("place", [0, 2**16 - 1, 2**16, 3 * 2**16 + 6])
@pytest.mark.parametrize("fault", [0.5, np.nan, -np.inf])
def test_every_element_of_a_long_array_is_compared(place: int, fault: float) -> None:
    long = triad(sizes={"XS": replace(workloads.load("system/triad").sizes["XS"], n=3 * 2**16 + 7)})
    wrong = right(long)
    rms = np.sqrt(np.mean(wrong**2))
    assert checker(long).check({"a": wrong}).passed
    wrong[place] += fault
    verdict = checker(long).check({"a": wrong})
    assert not verdict.passed
    if np.isfinite(fault):
        assert verdict.worst == f"a[{place}]"
        assert verdict.error == pytest.approx(0.5 / rms)
    else:
        assert f"a[{place}] is {fault}" in (verdict.reason or "")


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (None, "instead of named outputs"),
        ({}, "instead of named outputs"),
        ({"b": np.zeros(3)}, "the oracle has"),
        ({"a": np.zeros(3)}, "has shape"),
        ({"a": np.full(2**16, np.nan)}, "is nan"),
        ({"a": np.full(2**16, np.inf)}, "is inf"),
        ({"a": np.array(["x"] * 2**16)}, "not numbers"),
    ],
)
def test_no_answer_of_another_kind_passes(outputs: Any, words: str) -> None:
    verdict = checker(triad()).check(outputs)
    assert not verdict.passed
    assert words in (verdict.reason or "")


def test_large_sizes_are_spot_checked_and_small_ones_never() -> None:
    small = triad(sizes={"XS": workloads.load("system/triad").sizes["XS"], "M": workloads.load("system/triad").sizes["XS"]})
    answer = right(small)
    for size, kind in (("XS", "full"), ("M", "spot")):
        verdict = checker(small, size).check({"a": answer})
        assert (verdict.passed, verdict.check) == (True, kind)
        assert not checker(small, size).check({"a": answer * 1.01}).passed


def test_an_invariant_beyond_its_bound_fails_what_the_oracle_passes() -> None:
    def broken(size: Any, inputs: Any, outputs: Any, dtype: str) -> dict[str, tuple[float, float]]:
        return {"norm": (float(np.sum(outputs["a"].whole())), 1e-9)}

    verdict = checker(triad(invariants=broken)).check({"a": right(triad())})
    assert not verdict.passed
    assert "invariant norm" in (verdict.reason or "")


def test_an_invariant_that_is_not_a_number_fails() -> None:
    def undefined(size: Any, inputs: Any, outputs: Any, dtype: str) -> dict[str, tuple[float, float]]:
        return {"ratio": (float("nan"), 1.0)}

    assert not checker(triad(invariants=undefined)).check({"a": right(triad())}).passed


def test_inputs_are_rounded_once_and_the_oracle_sees_them_rounded() -> None:
    inputs = HostInputs({"x": Uniform((1000,), 1, 0), "y": np.full(3, 0.1)}, "float32")
    given = inputs.on(HostBackend("numpy", "cpu:0"))
    assert given["x"].dtype == np.float32
    assert np.array_equal(inputs.wide()["x"], given["x"].astype(np.float64))
    index = np.array([0, 999])
    assert np.array_equal(inputs.sampled()["x"][index], given["x"][index])
    assert inputs.sampled()["y"][np.array([0])][0] == np.float64(np.float32(0.1))
    given["x"][:] = 0
    assert np.any(inputs.on(HostBackend("numpy", "cpu:0"))["x"]), "one implementation's writing reached the next"
