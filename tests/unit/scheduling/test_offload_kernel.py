"""The kernel of offloaded algorithms: lanes that check each other, as compiled for processors and GPUs; launches by a driver."""

import ctypes
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.codegen import cubin, emulate, gpu, raw
from ngtbench.codegen.cache import Built, library
from ngtbench.codegen.compiler import find
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness.prepare import Stopwatch
from ngtbench.kernels.scheduling import event_graph, offload
from ngtbench.kernels.scheduling.engine import Engine
from ngtbench.kernels.scheduling.job import Job
from ngtbench.kernels.scheduling.lanes import CHAIN, HOST_LANES
from ngtbench.kernels.scheduling.offload import Port, Way
from ngtbench.model.workload import Array, Setup
from ngtbench.physics.scheduling import values
from ngtbench.workloads.scheduling.event_graph import WAYS, WORKLOAD, Size, inputs, reference

DRIVER = Path(__file__).parents[2] / "fakes" / "gpu_driver.cpp"
LAUNCH, KERNEL, NEVER = 1, 2, 3
MEANT = {"async": Way(), "blocking": Way(holds=True), "batched": Way(joins=True), "earliest": Way(chooses=True)}
SIZE = Size(events=4, slots=2, scale=0.0001, devices=2, lanes=64, batch_wait_s=1e-4)


def walked(text: raw.Text, width: int, lanes: int, steps: int) -> tuple[Array, Array, Array]:
    """Return starts, ends, and what is spoilt, of three chains."""
    try:
        made = raw.built(text, "float64", width, find())
    except Unavailable as error:
        pytest.skip(str(error))
    starts, ends, spoilt = np.array([5, 2**64 - 1, 77], np.uint64), np.zeros(3, np.uint64), np.zeros(3, np.uint64)
    raw.called(made, text, 1, 3, lanes, steps, starts, ends, spoilt)()
    return starts, ends, spoilt


def jumped(starts: Array, steps: int) -> list[int]:
    a, b = values.jump(steps)
    return [(a * int(s) + b) % 2**64 for s in starts]


@pytest.mark.parametrize("width", [1, HOST_LANES])
@pytest.mark.parametrize(("lanes", "steps"), [(64, 0), (64, 1), (64, 63), (64, 64), (128, 1000), (256, 100_003)])
def test_lanes_end_where_the_chain_does(width: int, lanes: int, steps: int) -> None:
    starts, ends, spoilt = walked(CHAIN, width, lanes, steps)
    assert ends.tolist() == jumped(starts, steps)
    assert not spoilt.any()


@pytest.mark.parametrize("lane", [0, 3, 62])
def test_a_step_left_out_spoils_the_result_though_its_end_is_right(lane: int) -> None:
    short = CHAIN.body.replace("k < share;", f"k + (i % groups == {lane} && task == 1) < share;")
    assert short != CHAIN.body
    starts, ends, spoilt = walked(replace(CHAIN, body=short), 1, 64, 1000)
    assert ends.tolist() == jumped(starts, 1000)
    assert spoilt.tolist() == [0, 1, 0]


def test_a_jump_that_is_wrong_spoils_the_result() -> None:
    wrong = CHAIN.functions.replace("far >>= 1", "far = (far >> 1) & ~1ull")
    assert wrong != CHAIN.functions
    assert walked(replace(CHAIN, functions=wrong), 1, 64, 1000)[2].all()


@pytest.mark.parametrize("arch", cubin.ARCHITECTURES)
def test_gpus_compile_the_kernel(arch: str, tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    made = cubin.report(raw.device(CHAIN, "float64"), CHAIN.name, arch)
    assert made.spill_b == 0
    assert made.stack_b == 0


@pytest.fixture(scope="module")
def fake() -> Built:
    """Return a driver that runs the text made for GPUs on this processor."""
    try:
        text = emulate.WORDS + "#define __forceinline__ inline\n" + raw.device(CHAIN, "float64") + DRIVER.read_text()
        return library("gpu_driver", text, find(), ("-pthread", "-O1"))
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def driver(fake: Built) -> Iterator[Built]:
    """Return it with nothing wrong, and current on this thread."""
    fake.cdll["go_wrong"](0)
    fake.cdll["here"]()
    yield fake
    fake.cdll["go_wrong"](0)


def port(place: str, fake: Built) -> Port:
    kernel = ctypes.cast(fake.cdll[CHAIN.name], ctypes.c_void_p).value
    assert kernel
    return Port(place, kernel, fake, str(fake.path))


def ready(place: str, way: Way, fake: Built, stall_s: float = 60.0) -> tuple[Engine, Job]:
    arrays = {name: np.asarray(array) for name, array in inputs(SIZE, 1).items()}
    given = event_graph.offload_of(SIZE, arrays, port(place, fake), way)
    job = event_graph.job_of(SIZE, 2, arrays, stall_s=stall_s, offload=given)
    return Engine("native", job), job


@pytest.mark.parametrize("place", ["cuda", "rocm"])
@pytest.mark.parametrize("way", [Way(), Way(holds=True), Way(joins=True), Way(chooses=True)])
def test_a_driver_launches_the_kernel_and_tells_its_end(place: str, way: Way, driver: Built) -> None:
    before = driver.cdll["left"]()
    engine, job = ready(place, way, driver)
    assert driver.cdll["left"]() == before + 2 * 4  # of each slot: a stream, two events, memory
    engine.run()
    job.raise_failure()
    want = reference(SIZE, **{name: np.asarray(array) for name, array in inputs(SIZE, 1).items()})
    got = event_graph.outputs(job)
    assert all(np.array_equal(got[key], want[key]) for key in want)
    assert job.offload is not None
    found = job.offload.found
    assert way.chooses or found.tasks == 4 * len(job.offload.algorithms)
    assert found.busy_ns == 1000 * found.launches  # as the driver says
    assert found.cpu_ns == 0
    assert job.offload.device_s.min() <= 1.001e-6
    del engine
    assert driver.cdll["left"]() == before


@pytest.mark.parametrize("place", ["cuda", "rocm"])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (LAUNCH, r"failed on its device \(launch: the driver says 1\)"),
        (KERNEL, r"failed on its device \(kernel: the driver says 700\)"),
        (NEVER, "never ended"),
    ],
)
def test_what_a_driver_refuses_or_never_ends_is_named(place: str, how: int, words: str, driver: Built) -> None:
    engine, job = ready(place, Way(), driver, 0.5)
    driver.cdll["go_wrong"](how)
    engine.run()
    with pytest.raises(NgtBenchError, match=f"of event [0-3] {words}; 0 of 4 events were done"):
        job.raise_failure()
    driver.cdll["go_wrong"](0)


def test_no_driver_and_no_context_are_said(driver: Built) -> None:
    with pytest.raises(NgtBenchError, match=r"algorithms cannot be offloaded: .*nowhere.so"):
        ready("cuda", Way(), replace(driver, path=Path("/nowhere.so")))
    driver.cdll["go_wrong"](KERNEL)
    with pytest.raises(NgtBenchError, match="algorithms cannot be offloaded: kernel: the driver says 700"):
        ready("cuda", Way(), driver)


@pytest.mark.parametrize("device", ["cuda:0", "rocm:0"])
@pytest.mark.parametrize("way", WAYS)
def test_the_gpu_implementations_compile_through_cupy_and_replay(
    way: str, device: str, driver: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[dict[str, Any]]()

    def module(**given: Any) -> Any:
        asked.append(given)
        kernel = SimpleNamespace(ptr=port("cuda", driver).kernel)
        return SimpleNamespace(get_function=lambda name: {CHAIN.name: SimpleNamespace(kernel=kernel)}[name])

    fake: Any = ModuleType("cupy")
    fake.RawModule, fake.ndarray = module, np.ndarray
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setitem(offload._DRIVERS, device.partition(":")[0], str(driver.path))
    monkeypatch.delitem(sys.modules, "ngtbench.kernels.scheduling.event_graph_cupy", raising=False)
    entries = importlib.import_module("ngtbench.kernels.scheduling.event_graph_cupy")
    ways = list[Way]()

    def asks(setup: Setup, arrays: Any, port: Port, way: Way) -> Any:
        ways.append(way)
        return event_graph.offloaded(setup, arrays, port, way)

    monkeypatch.setattr(entries, "offloaded", asks)
    given = {name: SimpleNamespace(get=lambda array=array: np.asarray(array)) for name, array in inputs(SIZE, 1).items()}
    setup = Setup(SIZE, "float64", device, 2, 1, HostBackend("native", "cpu:0"))
    trial = getattr(entries, f"gpu_{way}")(setup, **given)
    found = trial(0, Stopwatch(HostBackend("native", "cpu:0")))
    assert asked == [{"code": raw.device(CHAIN, "float64"), "backend": "nvrtc", "options": gpu.OPTIONS}]
    assert ways == [MEANT[way]]
    want = reference(SIZE, **{name: np.asarray(array) for name, array in inputs(SIZE, 1).items()})
    assert all(np.array_equal(found.outputs[key], want[key]) for key in want)
    assert set(found.metrics) == {metric.name for metric in WORKLOAD.metrics}
    assert way == "earliest" or found.metrics["offloaded_ratio"] > 0.2
    monkeypatch.delitem(sys.modules, "ngtbench.kernels.scheduling.event_graph_cupy")
