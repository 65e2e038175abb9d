"""Multiply-adds: the closed form, what a wrong count changes, and texts for processors and GPUs at awkward lengths."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import Unavailable
from ngtbench.kernels.system import fma as kernels
from ngtbench.kernels.system import fma_native
from ngtbench.model.case import Work
from ngtbench.model.workload import Array, Setup
from ngtbench.workloads.system import fma

HOST = HostBackend("native", "cpu:0")
TOLERANCE = fma.WORKLOAD.tolerance


def given(size: fma.Size, dtype: str) -> dict[str, Array]:
    x = np.linspace(-1, 0.999, size.n).astype(dtype)
    return {"x": x, "a": np.array(1 - 2**-10, dtype), "b": np.array(2**-10, dtype)}


def setup(size: fma.Size, dtype: str, threads: int, said: list[str]) -> Setup:
    return Setup(size, dtype, "cpu:0", threads, 1, HOST, said.append)


def off(y: Array, size: fma.Size, arrays: dict[str, Array]) -> float:
    want = fma.reference(size, **{name: np.asarray(array, np.float64) for name, array in arrays.items()})["y"]
    assert y.shape == want.shape
    return float(np.abs(y - want).max() / np.sqrt(np.mean(want**2)))


def test_work_counts_two_per_round() -> None:
    assert fma.work(fma.Size(10, 3), 8) == Work(flop=60, bytes=160, memory_b=160, events=30, event="multiply-add")


@pytest.mark.parametrize("rounds", [0, 1, 7, 1024])
def test_the_closed_form_is_the_recurrence(rounds: int) -> None:
    size = fma.Size(11, rounds)
    arrays = given(size, "float64")
    y = arrays["x"].copy()
    for _ in range(rounds):
        y = y * arrays["a"] + arrays["b"]
    assert off(y, size, arrays) < TOLERANCE["float64"]


@pytest.mark.parametrize("wrong", [1023, 1025])
def test_a_wrong_count_is_far_beyond_the_tolerance(wrong: int) -> None:
    arrays = given(fma.Size(768), "float64")
    y = fma.reference(fma.Size(768, wrong), **arrays)["y"]
    assert off(y, fma.Size(768), arrays) > 5 * TOLERANCE["float32"]


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_rounding_product_and_sum_one_by_one_is_within_the_tolerance(dtype: str) -> None:
    size = fma.Size(5000)
    arrays = given(size, dtype)
    y = arrays["x"].copy()
    for _ in range(size.rounds):
        y = y * arrays["a"] + arrays["b"]
    assert y.dtype == dtype
    assert off(y, size, arrays) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("n", "threads"), [(1, 1), (255, 2), (256, 2), (768, 1), (3001, 3)])
def test_every_number_goes_through_every_round(n: int, threads: int, dtype: str, host: Compiler) -> None:
    size, said = fma.Size(n, 1000), list[str]()
    arrays = given(size, dtype)
    run = fma_native.chained(setup(size, dtype, threads, said), **arrays)
    y = run()["y"]
    assert y.dtype == dtype
    assert off(y, size, arrays) < TOLERANCE[dtype]
    y.fill(np.nan)
    assert off(run()["y"], size, arrays) < TOLERANCE[dtype], "a second run differs"
    assert f"{threads} threads" in said[0]


@pytest.mark.parametrize("count", [12, 16])
def test_registers_decide_the_chains(count: int, host: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernels.chains({12: 16, 16: 32}[count]) == count
    monkeypatch.setattr(kernels, "chains", lambda registers: count)
    size, said = fma.Size(5000, 500, threads=1), list[str]()
    arrays = given(size, "float32")
    assert off(fma_native.chained(setup(size, "float32", 4, said), **arrays)()["y"], size, arrays) < TOLERANCE["float32"]
    assert f"1 threads of {count} chains" in said[0], "the size says how many threads"


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", [8, 3001])
def test_a_gpus_threads_do_the_same(n: int, dtype: str, on_gpu: Callable[[str], Any]) -> None:
    kernel, size = on_gpu("ngtbench.kernels.system.fma_cupy"), fma.Size(n, 1000)
    arrays = given(size, dtype)
    on_device = {name: kernel.cupy.asarray(array) for name, array in arrays.items()}
    y = np.asarray(kernel.chained(setup(size, dtype, 1, []), **on_device)()["y"])
    assert y.dtype == dtype
    assert off(y, size, arrays) < TOLERANCE[dtype]
    with pytest.raises(Unavailable, match="one core of a processor"):
        kernel.chained(setup(fma.Size(n, 8, threads=1), dtype, 1, []), **on_device)


def test_sizes_nearby_are_whole_registers() -> None:
    for size in fma.WORKLOAD.sizes.values():
        near = [fma.nearby(size, k) for k in (0, 1)]
        assert [one.n % 768 for one in near] == [0, 0]
        assert size.n > near[0].n > near[1].n > 0.8 * size.n
        assert [one.rounds for one in near] == [1008, 992]
