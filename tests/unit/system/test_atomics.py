"""Atomic additions: where each goes, that none is lost, and that threads of a GPU do the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen.compiler import Compiler
from ngtbench.kernels.system import atomics as kernels
from ngtbench.kernels.system import atomics_native
from ngtbench.model.case import Work
from ngtbench.model.workload import Setup
from ngtbench.workloads.system import atomics

HOST = HostBackend("native", "cpu:0")
SIZES = [atomics.Size(5003), atomics.Size(4096, 64, "own"), atomics.Size(5003, 256, "table")]
PATTERNS = pytest.mark.parametrize("size", SIZES, ids=lambda size: size.pattern)


def given(size: atomics.Size, seed: int = 1) -> dict[str, Any]:
    return dict(atomics.inputs(size, seed))


def test_work_by_hand() -> None:
    assert atomics.work(SIZES[1], 8) == Work(0, 2 * 64 * 64, memory_b=64 * 64, events=4096, event="addition")
    assert atomics.work(SIZES[2], 8) == Work(0, 2 * 8 * 256, memory_b=8 * 256, events=5003, event="addition")


@PATTERNS
def test_the_oracle_is_what_additions_one_by_one_make(size: atomics.Size) -> None:
    step, key, odd = (int(given(size)[name]) for name in ("step", "key", "odd"))
    counters = [0] * size.slots
    for i in range(size.adds):
        z = (i * odd + key) % 2**64
        h = (z ^ (z >> 32)) * odd % 2**64
        slot = h >> (64 - 8) if size.pattern == "table" else i % size.slots
        counters[slot] += step
    assert atomics.reference(size, **given(size))["counters"].tolist() == counters


def test_a_table_is_hit_all_over() -> None:
    counts = atomics.reference(atomics.Size(1 << 16, 1 << 8, "table"), **given(SIZES[2]))["counters"]
    counts /= counts.sum() / 256
    assert counts.min() > 0.75
    assert counts.max() < 1.25  # four standard deviations of one in 16, for independent ones


@PATTERNS
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_addition_is_lost(size: atomics.Size, threads: int, host: Compiler) -> None:
    run = atomics_native.added(Setup(size, "float64", "cpu:0", threads, 1, HOST), **given(size))
    want = atomics.reference(size, **given(size))["counters"].tolist()
    assert [run()["counters"].tolist() for _ in range(3)] == [want] * 3


@PATTERNS
def test_a_gpus_threads_do_the_same(size: atomics.Size, on_gpu: Callable[[str], Any]) -> None:
    kernel = on_gpu("ngtbench.kernels.system.atomics_cupy")
    run = kernel.added(Setup(size, "float64", "cuda:0", 1, 1, HOST), **given(size))
    want = atomics.reference(size, **given(size))["counters"].tolist()
    assert [np.asarray(run()["counters"]).tolist() for _ in range(2)] == [want] * 2


def test_counters_of_their_own_lie_on_lines_of_their_own() -> None:
    assert [kernels.plan(size, 1, 1, 1).apart for size in SIZES] == [1, 8, 1]
    assert kernels.plan(SIZES[1], 1, 1, 1).words == 64 * 8


def test_sizes_nearby_keep_their_counters() -> None:
    for size in atomics.WORKLOAD.sizes.values():
        for k in (0, 1):
            near = atomics.nearby(size, k)
            assert (near.slots, near.pattern) == (size.slots, size.pattern)
            assert size.adds > near.adds > 0.9 * size.adds
            assert size.pattern != "own" or near.adds % size.slots == 0
