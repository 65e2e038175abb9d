"""Host memory: the timer's step as it is seen, caches flushed from every processor, outputs that can be poisoned."""

import itertools
import mmap
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench.backends import numpy as backend_file
from ngtbench.backends.numpy import CpuClock, HostBackend, resolution_s
from ngtbench.errors import NgtBenchError
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter, rounding


@pytest.fixture
def host() -> HostBackend:
    return HostBackend("numpy", "cpu:0")


@pytest.mark.parametrize("step_ns", [1, 41, 15_600_000])
def test_the_step_of_a_timer_is_what_it_is_seen_to_advance_by(step_ns: int) -> None:
    reads = itertools.count(start=0, step=50)  # a reading takes 50 ns
    seen = resolution_s(lambda: next(reads) // step_ns * step_ns)
    assert seen == pytest.approx(1e-9 * (step_ns if step_ns > 50 else 50), rel=0.2)


def test_a_jump_or_a_step_back_is_not_the_timers_step() -> None:
    reads = iter([0, 100, 200, -5000, -4900, 9_000_000, *range(9_000_100, 9_100_000, 100)])  # taken in pairs
    assert resolution_s(lambda: next(reads)) == pytest.approx(100e-9)


def test_a_timer_that_stands_still_is_refused() -> None:
    with pytest.raises(NgtBenchError, match="stands still"):
        resolution_s(lambda: 7)


@pytest.mark.parametrize("calls", [1, 2, 100])
def test_calls_are_counted_and_the_last_outputs_kept(calls: int) -> None:
    counted = itertools.count(1)
    timing = CpuClock().time(lambda: next(counted), calls)
    assert timing.outputs == calls
    assert timing.wall_s >= 0
    assert (timing.device_s, timing.enqueue_s, timing.stray_s) == (None, None, 0.0)


@pytest.mark.parametrize("calls", [1, 3])
def test_a_sample_is_the_difference_of_two_readings(calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, reads = CpuClock(), iter([1000, 4000])
    monkeypatch.setattr(backend_file, "time", SimpleNamespace(perf_counter_ns=lambda: next(reads)))
    timing = clock.time(lambda: None, calls)
    assert timing.wall_s == pytest.approx(3e-6)


def test_every_processor_writes_its_part_when_caches_are_flushed(host: HostBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[set[int]] = []
    monkeypatch.setattr("ngtbench.backends.numpy.os.sched_setaffinity", lambda who, cpus: pinned.append(set(cpus)))
    before = os.sched_getaffinity(0)
    size_b = 3 * mmap.PAGESIZE + 1
    _, scratch = backend_file._scratch(size_b)
    was = scratch.copy()
    host.flush(size_b)
    assert (scratch != was).all()
    assert sorted(map(min, pinned)) == sorted(before)
    assert os.sched_getaffinity(0) == before


def test_scratch_memory_is_made_once_and_offered_back_after_each_flush(host: HostBackend) -> None:
    size_b = 1 << 22
    host.flush(size_b)
    memory, _ = backend_file._scratch(size_b)
    host.flush(size_b)
    assert backend_file._scratch(size_b)[0] is memory
    lazy = [line for line in Path("/proc/self/smaps_rollup").read_text().splitlines() if line.startswith("LazyFree")]
    if not lazy:
        pytest.skip("this kernel does not tell which pages it may take back")
    assert int(lazy[0].split()[1]) > 0


class Promise(np.ndarray[Any, Any]):
    pass


def test_only_plain_arrays_that_can_be_poisoned_hold_values(host: HostBackend) -> None:
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    odd = (np.zeros(3).view(Promise), frozen, np.array([object()]), [1.0], 1.0, np.float64(1), None)
    assert [host.holds(array) for array in odd] == [False] * len(odd)
    assert host.holds(np.zeros(3))


@pytest.mark.parametrize("array", [np.ones(3), np.ones(3, np.complex64), np.ones(3, np.int8), np.zeros(3, bool)])
def test_poison_leaves_nothing_that_could_pass(array: Array, host: HostBackend) -> None:
    was = array.copy()
    host.poison(array)
    assert not np.isclose(array, was).any()


@pytest.mark.parametrize("dtype", ["float64", "float32", "tf32", "bfloat16", "float16"])
def test_inputs_are_rounded_part_by_part_to_the_bits_of_the_whole(dtype: str, host: HostBackend) -> None:
    spec = Uniform((3, 700_001), seed=2**63 + 5, stream=3, low=-0.3, high=1.7)  # more than one part, the last one short
    made, wanted = host.uniform(spec, dtype), rounding.to_dtype(counter.uniform(spec), dtype)
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
    assert np.array_equal(made, wanted)
