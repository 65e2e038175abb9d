"""The memory test: its cycle, its closed form, and that damaged memory is noticed."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen import raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import Unavailable
from ngtbench.harness.prepare import Stopwatch
from ngtbench.kernels.system import memory as kernels
from ngtbench.kernels.system import memory_native, numa
from ngtbench.model.case import Work
from ngtbench.model.workload import Setup
from ngtbench.workloads.system import memory

SMALL = memory.Size(lines_log2=10, steps=777)


def constants(size: memory.Size) -> dict[str, list[int]]:
    return {name: [int(v) for v in np.asarray(value)] for name, value in memory.inputs(size, 1).items()}


def follower(line: int, size: memory.Size) -> int:
    given = constants(size)
    (a, c), (factor, inverse, shift) = given["lcg"], given["mix"]
    t = memory.mixed(line, inverse, shift, size.lines)
    return memory.mixed((a * t + c) % size.lines, factor, shift, size.lines)


@pytest.mark.parametrize("log2", [1, 2, 9, 10])
def test_the_lines_form_one_cycle(log2: int) -> None:
    size = memory.Size(log2, 1)
    line, seen = 0, set[int]()
    for _ in range(size.lines):
        seen.add(line)
        line = follower(line, size)
    assert line == 0
    assert len(seen) == size.lines


def test_the_cycle_is_scattered() -> None:
    jumps = {follower(line, SMALL) - line for line in range(SMALL.lines)}
    assert len(jumps) > SMALL.lines / 2


@pytest.mark.parametrize("steps", [0, 1, 2, 777, 1024, 5000])
def test_the_end_is_that_of_the_walk(steps: int) -> None:
    size = memory.Size(10, steps)
    line = start = constants(size)["start"][0]
    for _ in range(steps):
        line = follower(line, size)
    given: dict[str, Any] = dict(memory.inputs(size, 1))
    assert given["start"][0] == start
    assert int(memory.reference(size, **given)["end"][0]) == line


def test_work_counts_a_line_per_step() -> None:
    wanted = Work(flop=0, bytes=64 * 777, memory_b=64 * 1024, events=777, event="access")
    assert memory.work(SMALL, 8) == wanted
    sizes = memory.WORKLOAD.sizes
    assert [memory.work(sizes[name], 8).memory_b for name in ("XS", "S", "M", "L")] == [2**26, 2**30, 2**34, 2**38]


def compiled(backend: str) -> Any:
    if backend == "native":
        return memory_native
    return pytest.importorskip("ngtbench.kernels.system.memory_numba", reason="package numba is not installed")


@pytest.mark.parametrize("name", ["native", "numba"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_trial_reaches_all_of_it_and_restores_the_affinity(name: str, threads: int, host: Compiler) -> None:
    backend, said = HostBackend(name, "cpu:0"), list[str]()
    given: dict[str, Any] = dict(memory.inputs(SMALL, 1))
    before = os.sched_getaffinity(0)
    watch = Stopwatch(backend)
    trial = compiled(name).chase(Setup(SMALL, "float64", "cpu:0", threads, 1, backend, said.append), **given)(1, watch)
    wanted = memory.reference(SMALL, **given)
    assert {name: int(value[0]) for name, value in trial.outputs.items()} == {k: int(v[0]) for k, v in wanted.items()}
    assert trial.metrics == {"latency_s": watch.spent_s / 777, "capacity_b": 64.0 * 1024}
    assert os.sched_getaffinity(0) == before
    assert "cpu" in said[0]


@pytest.mark.parametrize("word", [0, 4099, 8191])
def test_one_wrong_bit_is_noticed(word: int, host: Compiler) -> None:
    numbers = [number for name in ("lcg", "mix") for number in constants(SMALL)[name]]
    words, found = np.zeros(8 * SMALL.lines, np.uint64), np.zeros(2, np.uint64)

    def call(text: raw.Text, *more: Any) -> None:
        raw.called(raw.built(text, "float64", 1, host), text, 2, words, SMALL.lines, *numbers, *more)()

    call(kernels.FILL)
    words[word] ^= np.uint64(1 << 40)
    call(kernels.READ, found)
    given: dict[str, Any] = dict(memory.inputs(SMALL, 1))
    wanted = memory.reference(SMALL, **given)
    assert found[0] == 8 * SMALL.lines - 1
    assert found[1] != wanted["sum"][0]
    words[word] ^= np.uint64(1 << 40)
    found[:] = 0
    call(kernels.READ, found)
    assert (found[0], found[1]) == (8 * SMALL.lines, wanted["sum"][0])


def test_a_gpu_follows_the_same_cycle(on_gpu: Callable[[str], Any]) -> None:
    kernel, backend = on_gpu("ngtbench.kernels.system.memory_cupy"), HostBackend("cupy", "cuda:0")
    given: dict[str, Any] = dict(memory.inputs(SMALL, 1))
    watch = Stopwatch(backend)
    trial = kernel.chase(Setup(SMALL, "float64", "cuda:0", 1, 1, backend), **given)(1, watch)
    wanted = memory.reference(SMALL, **given)
    assert {name: int(value[0]) for name, value in trial.outputs.items()} == {k: int(v[0]) for k, v in wanted.items()}
    assert trial.metrics == {"latency_s": watch.spent_s / 777, "capacity_b": 64.0 * 1024}
    with pytest.raises(Unavailable, match="NUMA node of the host"):
        kernel.chase(Setup(memory.Size(10, 7, 0), "float64", "cuda:0", 1, 1, backend), **given)


@pytest.mark.parametrize("word", [0, 4099, 8191])
def test_numba_notices_one_wrong_bit(word: int) -> None:
    kernel = compiled("numba")
    given = constants(SMALL)
    numbers = np.array(given["lcg"] + given["mix"], dtype=np.uint64)
    words = np.zeros(8 * SMALL.lines, dtype=np.uint64)
    kernel._fill(words, numbers)
    right, total = kernel._read(words, numbers)
    words[word] ^= np.uint64(1 << 40)
    assert kernel._read(words, numbers)[0] == right - 1 == 8 * SMALL.lines - 1
    assert kernel._read(words, numbers)[1] != total


def tree(root: Path) -> Path:
    (root / "node1" / "cpu7").mkdir(parents=True)
    (root / "node1" / "meminfo").write_text("Node 1 MemTotal:  4096 kB\nNode 1 MemFree:  1024 kB\n")
    return root


def test_nodes_are_read_from_sys(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert (numa.node_of(7, root), numa.node_of(8, root)) == (1, None)
    assert (numa.free_b(1, root), numa.free_b(0, root)) == (2**20, None)


def test_available_memory_is_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 4096 kB\nMemAvailable:    1024 kB\n")
    assert numa.available_b(tmp_path / "meminfo") == 2**20
    assert numa.available_b(tmp_path / "none") is None


def test_a_node_that_is_absent_full_or_forbidden_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numa, "free_b", lambda node: {0: 2**30, 1: 2**10}.get(node))
    with pytest.raises(Unavailable, match="no NUMA node 9"):
        numa.words(2**16, 9)
    with pytest.raises(Unavailable, match="has 1 KiB free"):
        numa.words(2**16, 1)
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(Unavailable, match="s390x"):
        numa.words(2**16, 0)


def test_binding_is_what_the_kernel_then_reports() -> None:
    if numa.free_b(0) is None or os.uname().machine != "x86_64":
        pytest.skip("no NUMA node 0 in /sys, or another numbering of system calls")
    try:
        words = numa.words(2**20, 0)
    except Unavailable as error:
        if "not permitted" not in error.reason:
            raise
        pytest.skip(str(error))
    mode, mask, get_mempolicy = ctypes.c_int(-1), (ctypes.c_uint64 * 16)(), 239
    of_address = ctypes.c_ulong(2)
    address = ctypes.c_void_p(words.ctypes.data)
    call = ctypes.CDLL(None, use_errno=True).syscall
    assert call(ctypes.c_long(get_mempolicy), ctypes.byref(mode), mask, ctypes.c_ulong(1024), address, of_address) == 0
    assert (mode.value, mask[0]) == (2, 1)  # bound, to node 0
