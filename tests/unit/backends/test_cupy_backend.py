"""The cupy backend and kernels, executed on a stand-in for CuPy that is made of NumPy: names, order of arguments, bits."""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.errors import Unavailable
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.workload import Backend, Run, Setup, Uniform
from ngtbench.physics import counter, rounding

PROPERTIES = {"concurrentManagedAccess": 1, "pageableMemoryAccessUsesHostPageTables": 1}
FILES = ("backends.cupy", *(f"kernels.system.{name}_cupy" for name in ("triad", "gemm", "launch", "transfer")))


class DriverError(RuntimeError):
    pass


class Event:
    def record(self) -> None:
        pass

    def synchronize(self) -> None:
        pass


class Device:
    """Tells when a thread enters and leaves it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def use(self) -> None:
        pass

    def __enter__(self) -> "Device":
        STEPS.append(f"device {self.number}")
        return self

    def __exit__(self, *error: object) -> None:
        STEPS.append("no device")


class Stream:
    """Captures what is asked for in it: a graph here is the list of calls, launched again."""

    broken = False

    def __init__(self, non_blocking: bool = False) -> None:
        self.ptr = 0

    def __enter__(self) -> "Stream":
        STEPS.append("stream")
        return self

    def __exit__(self, *error: object) -> None:
        STEPS.append("no stream")

    def synchronize(self) -> None:
        STEPS.append("waited for the stream")

    def begin_capture(self) -> None:
        if self.broken:
            raise DriverError("cudaErrorStreamCaptureUnsupported: operation not permitted\nmore")

    def end_capture(self) -> Any:
        return SimpleNamespace(launch=lambda stream: LAUNCHED.append(stream.ptr))


LAUNCHED: list[int] = []
STEPS: list[str] = []


class DeviceArray(np.ndarray[Any, Any]):
    """What CuPy's arrays have beside NumPy's."""

    def __new__(cls, shape: Any, dtype: Any, memory: Any) -> "DeviceArray":
        return super().__new__(cls, shape, dtype, memory)

    device = SimpleNamespace(id=0)  # type: ignore[assignment]
    data = property(lambda self: SimpleNamespace(ptr=self.ctypes.data))


def on_device(make: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: np.asarray(make(*args, **kwargs)).view(DeviceArray)


def elementwise(inputs: str, outputs: str, body: str, name: str) -> Callable[..., None]:
    names = [word.split()[1] for word in (inputs + ", " + outputs).split(", ")]
    target, _, expression = body.partition(" = ")

    def kernel(*arrays: Any) -> None:
        given = dict(zip(names, arrays, strict=True))
        given[target][...] = eval(expression, {}, given)

    return kernel


def raw(source: str, name: str) -> Callable[..., None]:
    assert f"void {name}(const double *x, double *y)" in source

    def kernel(grid: tuple[int], block: tuple[int], arguments: Any) -> None:
        arguments[1][:] = arguments[0] + 1

    return kernel


def stand_in(prefetched: list[int]) -> ModuleType:
    runtime = SimpleNamespace(
        is_hip=False,
        CUDARuntimeError=DriverError,
        getDeviceCount=lambda: 1,
        deviceSynchronize=lambda: None,
        getDeviceProperties=lambda device: PROPERTIES,
        deviceGetPCIBusId=lambda device: "ffff:ff:1f.0",
        memPrefetchAsync=lambda pointer, size_b, place, stream: prefetched.append(place),
    )
    cuda = SimpleNamespace(
        runtime=runtime,
        Event=Event,
        get_elapsed_time=lambda first, last: 2.0,
        Device=Device,
        Stream=Stream,
        get_current_stream=lambda: SimpleNamespace(ptr=0),
        malloc_managed=bytearray,
        UnownedMemory=lambda pointer, size_b, owner, device: owner,
        MemoryPointer=lambda memory, offset: memory,
    )
    pool = SimpleNamespace(free_all_blocks=lambda: None)
    module = ModuleType("cupy")
    for name in ("array", "arange", "asarray", "empty", "empty_like", "zeros_like", "where", "nextafter"):
        setattr(module, name, on_device(getattr(np, name)))
    vars(module).update(
        cuda=cuda,
        __version__="0",
        ndarray=DeviceArray,
        uint8=np.uint8,
        asnumpy=np.asarray,
        copyto=np.copyto,
        matmul=np.matmul,
        ElementwiseKernel=elementwise,
        RawKernel=raw,
        get_default_memory_pool=lambda: pool,
        get_default_pinned_memory_pool=lambda: pool,
    )
    return module


@pytest.fixture
def prefetched() -> list[int]:
    return []


@pytest.fixture
def files(prefetched: list[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Our files, imported with the stand-in in CuPy's place, and forgotten afterwards."""
    monkeypatch.setitem(sys.modules, "cupy", stand_in(prefetched))
    for file in FILES:
        monkeypatch.delitem(sys.modules, f"ngtbench.{file}", raising=False)
    yield {file: importlib.import_module(f"ngtbench.{file}") for file in FILES}
    for file in FILES:
        sys.modules.pop(f"ngtbench.{file}", None)


@pytest.fixture
def backend(files: dict[str, Any]) -> Backend:
    made: Backend = files["backends.cupy"].create("cuda:0", 1)
    return made


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_bits_are_numpys(dtype: str, files: dict[str, Any], backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files["backends.cupy"], "_CHUNK", 100_003)
    spec = Uniform((1024, 99), seed=2**63 + 5, stream=3, low=-0.3, high=1.7)
    assert np.array_equal(backend.get(backend.uniform(spec, dtype)), rounding.to_dtype(counter.uniform(spec), dtype))


def test_arrays_and_clock(backend: Backend) -> None:
    array = backend.put(np.arange(6.0).reshape(2, 3), "float64")
    assert backend.take(array, np.array([1, 5])).tolist() == [1.0, 5.0]
    assert backend.take(np.arange(6), np.array([1])).tolist() == [1]
    backend.poison(array)
    assert np.isnan(backend.get(array)).all()
    timing = backend.clock.time(lambda: 7, 3)
    assert (timing.outputs, timing.device_s) == (7, 2e-3)
    assert timing.enqueue_s is not None
    assert 0 <= timing.stray_s <= timing.wall_s
    assert timing.enqueue_s <= timing.wall_s


def test_only_plain_arrays_hold_values(backend: Backend) -> None:
    array = backend.put(np.arange(6.0), "float64")
    host, frozen = np.zeros(3), np.zeros(3)
    frozen.flags.writeable = False
    assert [backend.holds(one) for one in (array, host, frozen, 7.0, [1.0])] == [True, True, False, False, False]


def test_arrays_are_overwritten_in_place(backend: Backend) -> None:
    array = backend.put(np.zeros(3), "float64")
    backend.copy(array, backend.put(np.ones(3), "float64"))
    assert backend.get(array).tolist() == [1, 1, 1]


def test_caches_are_flushed_by_writing(backend: Backend) -> None:
    backend.flush(1000)
    scratch = backend._scratch  # type: ignore[attr-defined]
    backend.flush(500)
    assert backend._scratch is scratch  # type: ignore[attr-defined]
    assert scratch.size == 1000
    backend.release()
    assert backend._scratch is None  # type: ignore[attr-defined]


def test_one_call_is_captured_and_replayed(backend: Backend) -> None:
    calls: list[int] = []

    def run() -> Any:
        calls.append(1)
        return {"y": len(calls)}

    replay = backend.replay(run)
    assert replay is not None
    assert len(calls) == 2  # once to warm up, once to be captured
    LAUNCHED.clear()
    assert (replay(), replay()) == ({"y": 2}, {"y": 2})
    assert (len(calls), len(LAUNCHED)) == (2, 2)


def test_what_cannot_be_captured_is_unavailable(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "broken", True)
    with pytest.raises(Unavailable, match=r"as a graph: cudaErrorStreamCaptureUnsupported: operation not permitted$"):
        backend.replay(lambda: {})


@pytest.mark.parametrize("device", ["cuda:1", "rocm:0"])
def test_a_device_that_is_not_there_is_unavailable(device: str, files: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        files["backends.cupy"].create(device, 1)


def test_a_missing_driver_is_unavailable(files: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> int:
        raise DriverError("no driver")

    monkeypatch.setattr(sys.modules["cupy"].cuda.runtime, "getDeviceCount", no_driver)
    with pytest.raises(Unavailable, match="no driver"):
        files["backends.cupy"].create("cuda:0", 1)


CASES = [("triad", "cupy", "float64"), ("triad", "cupy", "float32"), ("gemm", "cupy", "float16"), ("launch", "cupy", "float64")]
CASES += [("transfer", "managed", "float32"), ("transfer", "coherent", "float32")]


def build(files: dict[str, Any], backend: Backend, name: str, impl: str, dtype: str, size: Any) -> tuple[Run, HostInputs, str]:
    workload, said = workloads.load(f"system/{name}"), list[str]()
    entry = next(i.entry for i in workload.impls if i.name == impl)
    module, _, function = entry.partition(":")
    given = HostInputs(workload.inputs(size, 1), dtype)
    setup = Setup(size, dtype, "cuda:0", 1, 1, backend, said.append)
    return getattr(files[f"kernels.{module}"], function)(setup, **given.on(backend)), given, "; ".join(said)


@pytest.mark.parametrize(("name", "impl", "dtype"), CASES)
def test_kernels_equal_the_oracle(name: str, impl: str, dtype: str, files: dict[str, Any], backend: Backend) -> None:
    workload = workloads.load(f"system/{name}")
    run, given, _ = build(files, backend, name, impl, dtype, workload.sizes["XS"])
    check = Checker(workload, "XS", given, backend).check
    outputs = run()
    assert check(outputs).passed
    for array in outputs.values():
        backend.poison(array)
    assert not check(outputs).passed
    assert check(run()).passed


@pytest.mark.parametrize("direction", ["h2d", "d2h"])
def test_coherent_memory_goes_one_way(direction: str, files: dict[str, Any], backend: Backend) -> None:
    size = workloads.load("system/transfer").sizes[f"XS-{direction}"]
    run, given, said = build(files, backend, "transfer", "coherent", "float32", size)
    assert np.array_equal(backend.get(run()["y"]), given.wide()["x"])
    assert "read by the GPU" in said


def test_managed_memory_goes_to_the_host_and_back(files: dict[str, Any], backend: Backend, prefetched: list[int]) -> None:
    size = workloads.load("system/transfer").sizes["XS"]
    run = build(files, backend, "transfer", "managed", "float32", size)[0]
    prefetched.clear()
    run()
    assert prefetched == [-1, 0]
    with pytest.raises(Unavailable, match="there and back"):
        build(files, backend, "transfer", "managed", "float32", replace(size, direction="h2d"))


@pytest.mark.parametrize("impl", ["managed", "coherent"])
def test_a_device_without_the_ability_is_unavailable(
    impl: str, files: dict[str, Any], backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["cupy"].cuda.runtime, "getDeviceProperties", lambda device: {})
    with pytest.raises(Unavailable):
        build(files, backend, "transfer", impl, "float32", workloads.load("system/transfer").sizes["XS"])


def test_a_chain_of_launches_adds_one_each(files: dict[str, Any], backend: Backend) -> None:
    size = replace(workloads.load("system/launch").sizes["XS"], launches=7)
    run, given, _ = build(files, backend, "launch", "cupy", "float64", size)
    assert backend.get(run()["y"]) == pytest.approx(given.wide()["x"] + 7)


def test_gemm_refuses_a_lowered_float32(files: dict[str, Any], backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUPY_TF32", "1")
    with pytest.raises(Unavailable, match="CUPY_TF32"):
        build(files, backend, "gemm", "cupy", "float32", workloads.load("system/gemm").sizes["XS"])


def test_a_lane_is_a_stream_on_the_threads_device_and_waits_for_itself_alone(backend: Backend) -> None:
    STEPS.clear()
    with backend.lane() as wait:
        wait()
    assert STEPS == ["device 0", "stream", "waited for the stream", "no stream", "no device"]
