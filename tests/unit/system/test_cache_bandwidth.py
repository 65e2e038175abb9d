"""Cache bandwidth: sums pass by pass, sets that are what they were afterwards, and passes that are left out."""

from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen import raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import Unavailable
from ngtbench.kernels.system import cache_native, numa
from ngtbench.model.case import Work
from ngtbench.model.workload import Array, Setup
from ngtbench.workloads.system import cache

HOST = HostBackend("native", "cpu:0")
KINDS = pytest.mark.parametrize("update", [False, True])


def given(size: cache.Size) -> dict[str, Any]:
    return dict(cache.inputs(size, 1))


def numbers(size: cache.Size) -> Array:
    pattern, i = given(size)["pattern"], np.arange(size.items)
    return np.asarray(pattern[i % 128] + i // 128 % 251)


def built(size: cache.Size, threads: int) -> Any:
    return cache_native.passes(Setup(size, "float64", "cpu:0", threads, 1, HOST), **given(size))


def test_work_by_hand() -> None:
    assert cache.work(cache.Size(2, 3), 8) == Work(6 * 256, 6 * 2048, memory_b=2048, events=6, event="pass")
    assert cache.work(cache.Size(2, 3, True), 8) == Work(6 * 3 * 128, 6 * 3 * 1024, memory_b=2048, events=6, event="pass")


@KINDS
@pytest.mark.parametrize("set_kib", [2, 16, 600])
def test_the_oracle_is_what_passes_one_by_one_sum_up(set_kib: int, update: bool) -> None:
    size = cache.Size(set_kib, 3, update)
    x, total = numbers(size), 0.0
    low, high = np.split(x, 2)
    for k in range(6):
        if update:
            low += 3 * (1 - 2 * (k % 2)) * high
        total += float(low.sum() if update else x.sum())
    assert cache.reference(size, **given(size))["sum"] == [total]


@KINDS
@pytest.mark.parametrize(("set_kib", "pairs", "threads"), [(2, 1, 1), (16, 5, 2), (16, 2, 3), (1200, 3, 2)])
def test_threads_share_the_passes(set_kib: int, pairs: int, threads: int, update: bool, host: Compiler) -> None:
    size = cache.Size(set_kib, pairs, update)
    run, want = built(size, threads), cache.reference(size, **given(size))["sum"]
    assert [float(run()["sum"][0]) for _ in range(3)] == [float(want[0])] * 3


@KINDS
@pytest.mark.parametrize("place", [0, 1027, 2047])
def test_what_is_not_read_or_not_written_shows(place: int, update: bool, host: Compiler) -> None:
    size = cache.Size(16, 2, update)
    text = cache_native.UPDATE if update else cache_native.READ
    x, sums = np.empty(size.items + 8), np.zeros(8)
    x = x[-x.ctypes.data % 64 // 8 :][: size.items]
    x[:] = numbers(size)
    more = (3.0,) if update else ()
    call = raw.called(raw.built(text, "float64", 8 if host.width_b == 64 else 1, host), text, 1, x, size.items, 0, 2, sums, *more)
    call()
    assert np.array_equal(x, numbers(size)), "a set is what it was"
    assert sums[0] == cache.reference(size, **given(size))["sum"][0]
    x[place] += 1
    call()
    counted = 4 if not update or place < size.items // 2 else 2 * 3
    assert sums[0] == cache.reference(size, **given(size))["sum"][0] + counted


def test_sets_beyond_the_memory_are_refused(host: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numa, "available_b", lambda: 2**15)
    built(cache.Size(16, 1), 2)
    with pytest.raises(Unavailable, match="3 sets need 48 KiB, 32 KiB are available"):
        built(cache.Size(16, 1), 3)


def test_every_size_and_those_nearby_are_whole_periods() -> None:
    for size in cache.WORKLOAD.sizes.values():
        for one in (size, cache.nearby(size, 0), cache.nearby(size, 1)):
            assert one.items % 256 == 0
            assert one.pairs > 0
            assert 0.7 * size.set_b < one.set_b <= size.set_b
