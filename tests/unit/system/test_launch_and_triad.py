"""Launch and triad: work by hand, chains, compiled variants at awkward lengths."""

from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.model.case import Work
from ngtbench.model.workload import Setup
from ngtbench.workloads.system import launch, triad

HOST = HostBackend("numba", "cpu:0")


def built(module: str, function: str, size: Any, dtype: str, **arrays: Any) -> tuple[Any, list[str]]:
    kernel: Any = pytest.importorskip(f"ngtbench.kernels.system.{module}", reason="a package is not installed")
    said: list[str] = []
    return getattr(kernel, function)(Setup(size, dtype, "cpu:0", 1, 1, HOST, said.append), **arrays), said


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


@pytest.mark.parametrize(("module", "function"), [("triad_numba", "parallel"), ("triad_streaming", "lines")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 7, 8, 1003])
def test_compiled_triads_reach_the_last_element(module: str, function: str, dtype: str, n: int) -> None:
    b, c = np.linspace(-1, 1, n).astype(dtype), np.linspace(2, 5, n).astype(dtype)
    kept = b.copy(), c.copy()
    run, said = built(module, function, triad.Size(n), dtype, b=b, c=c, s=np.array(3.0))
    a = run()["a"]
    assert a.dtype == dtype
    assert np.allclose(a, b + 3 * c.astype(np.float64), rtol=1e-6, atol=0)
    a.fill(np.nan)
    assert np.isfinite(run()["a"]).all(), "a stale element was not overwritten"
    assert np.array_equal(b, kept[0])
    assert np.array_equal(c, kept[1])
    assert "1 threads" in said[0]


def test_streaming_stores_are_in_the_machine_code() -> None:
    kernel: Any = pytest.importorskip("ngtbench.kernels.system.triad_streaming", reason="package numba is not installed")
    import platform

    if platform.machine() != "x86_64":
        pytest.skip("looks for x86 instructions")
    arrays = [np.zeros(64) for _ in "abc"]
    built("triad_streaming", "lines", triad.Size(64), "float64", b=arrays[1], c=arrays[2], s=np.array(3.0))
    assert any("movntp" in text for text in kernel._triad.inspect_asm().values())


def test_triad_declares_every_variant() -> None:
    assert {impl.name for impl in workloads.load("system/triad").impls} >= {"numpy", "numba", "streaming", "torch", "cupy"}
