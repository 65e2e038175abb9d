"""Launch and triad: work by hand, chains, compiled variants at awkward lengths."""

import platform
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen import native
from ngtbench.codegen.compiler import Compiler, find
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.process import run as run_program
from ngtbench.kernels.system import triad_native
from ngtbench.model.case import Work
from ngtbench.model.workload import Setup
from ngtbench.workloads.system import launch, triad

HOST = HostBackend("numba", "cpu:0")


def built(module: str, function: str, size: Any, dtype: str, threads: int = 1, **arrays: Any) -> tuple[Any, list[str]]:
    kernel: Any = pytest.importorskip(f"ngtbench.kernels.system.{module}", reason="a package is not installed")
    said: list[str] = []
    return getattr(kernel, function)(Setup(size, dtype, "cpu:0", threads, 1, HOST, said.append), **arrays), said


def test_work_by_hand() -> None:
    assert launch.work(launch.Size(5), 8) == Work(flop=5, bytes=80, memory_b=16, events=5, event="launch")
    assert triad.work(triad.Size(10), 8) == Work(flop=20, bytes=240, memory_b=240, events=10, event="element")


@pytest.mark.parametrize(("module", "function"), [("launch", "ufunc"), ("launch_numba", "compiled")])
@pytest.mark.parametrize("launches", [1, 2, 9])
def test_a_chain_adds_one_per_launch(module: str, function: str, launches: int) -> None:
    run, _ = built(module, function, launch.Size(launches), "float64", x=np.array([0.25]))
    assert run()["y"] == run()["y"] == 0.25 + launches


@pytest.mark.parametrize("launches", [1, 9])
def test_torch_chains_too_and_waits(launches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch: Any = pytest.importorskip("torch", reason="package torch is not installed")
    waited: list[bool] = []
    monkeypatch.setattr(HOST, "synchronise", lambda: waited.append(True))
    run, _ = built("launch_torch", "eager", launch.Size(launches), "float64", x=torch.tensor([0.25], dtype=torch.float64))
    assert float(run()["y"]) == 0.25 + launches
    assert waited == [True]


@pytest.mark.parametrize(("module", "function"), [("triad_numba", "parallel"), ("triad_native", "streaming")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("n", "threads"), [(1, 1), (7, 2), (8, 2), (1003, 1), (1003, 2), (200_000, 3)])
def test_compiled_triads_reach_the_last_element(
    module: str, function: str, dtype: str, n: int, threads: int, host: Compiler
) -> None:
    b, c = np.linspace(-1, 1, n).astype(dtype), np.linspace(2, 5, n).astype(dtype)
    kept = b.copy(), c.copy()
    run, said = built(module, function, triad.Size(n), dtype, threads, b=b, c=c, s=np.array(3.0))
    a = run()["a"]
    assert a.dtype == dtype
    assert a.shape == (n,)
    assert np.allclose(a, b + 3 * c.astype(np.float64), rtol=1e-6, atol=0)
    a.fill(np.nan)
    assert np.isfinite(run()["a"]).all(), "a stale element was not overwritten"
    assert np.array_equal(b, kept[0])
    assert np.array_equal(c, kept[1])
    assert f"{threads} threads" in said[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("isa", ["", "avx2", "sse2"])
def test_streaming_stores_and_their_fence_are_in_the_machine_code(
    isa: str, dtype: str, host: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("looks for x86 instructions")
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    narrow = find()
    lanes = native.lanes(narrow, dtype)
    made = native.built(triad_native.TRIAD, dtype, Grid((lanes,), (lanes,)), narrow, streams=("a",))
    flags = [flag for flag in narrow.flags if flag not in ("-shared", "-fPIC")]
    ended = run_program([narrow.path, *flags, "-S", "-o", "-", str(made.built.path.with_suffix(".cpp"))], 60)
    stores = [line.split() for line in ended.output.splitlines() if "movntp" in line]
    wide = {16: "xmm", 32: "ymm", 64: "zmm"}[narrow.width_b]
    assert stores
    assert all(words[0].endswith(f"movntp{'d' if dtype == 'float64' else 's'}") and f"%{wide}" in words[1] for words in stores)
    assert "sfence" in ended.output


@pytest.mark.parametrize("isa", ["avx2", "sse2", "scalar"])
def test_narrower_registers_reach_the_last_element_too(isa: str, host: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("names x86's instruction sets")
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    b, c = np.linspace(-1, 1, 1003), np.linspace(2, 5, 1003)
    run, _ = built("triad_native", "streaming", triad.Size(1003), "float64", 2, b=b, c=c, s=np.array(3.0))
    assert np.allclose(run()["a"], b + 3 * c, rtol=1e-14, atol=0)


@pytest.mark.parametrize("n", [256, 1003])
def test_a_gpus_threads_do_the_same(n: int, on_gpu: Callable[[str], Any]) -> None:
    kernel = on_gpu("ngtbench.kernels.system.triad_cupy")
    b, c = np.linspace(-1, 1, n).astype(np.float32), np.linspace(2, 5, n).astype(np.float32)
    setup, said = Setup(triad.Size(n), "float32", "cuda:0", 1, 1, HOST), list[str]()
    run = kernel.traced(replace(setup, say=said.append), kernel.cupy.asarray(b), kernel.cupy.asarray(c), np.array(3.0))
    a = np.asarray(run()["a"])
    assert a.shape == (n,)
    assert np.allclose(a, b + 3 * c, rtol=1e-6, atol=0)
    assert "32 registers" in said[0]


def test_triad_declares_every_variant() -> None:
    assert {impl.name for impl in workloads.load("system/triad").impls} == {"numpy", "numba", "native", "torch", "cupy", "rtc"}
