"""The torch backend: the bits of NumPy, nothing shared, nothing left over."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ngtbench.backends import load
from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Backend, Uniform
from ngtbench.physics import counter, rounding

torch = pytest.importorskip("torch", reason="package torch is not installed: pip install 'ngtbench[torch]'")
from ngtbench.backends import torch as backend_file  # noqa: E402 - needs torch

DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")


@pytest.fixture
def cpu() -> Backend:
    return load("torch", "cpu:0", torch.get_num_threads())


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_device_makes_the_bits_that_numpy_makes(dtype: str, cpu: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_file, "_CHUNK", 100_003)  # several pieces, the last one short
    spec = Uniform((1024, 999), seed=2**63 + 5, stream=3, low=-0.3, high=1.7)  # enough for float16's rare near ties
    made = backend_file.on_device(spec, dtype, torch.device("cpu"))
    wanted = rounding.to_dtype(counter.uniform(spec), dtype)
    assert made.dtype == backend_file._REAL[dtype]
    assert np.array_equal(cpu.get(made), wanted)
    assert np.array_equal(cpu.get(cpu.uniform(spec, dtype)), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_put_and_get_change_no_bit(dtype: str, cpu: Backend) -> None:
    host = rounding.to_dtype(np.linspace(-3, 3, 24).reshape(4, 6), dtype)
    array = cpu.put(host, dtype)
    assert array.dtype == backend_file._REAL[dtype]
    back = cpu.get(array)
    assert back.dtype == host.dtype
    assert np.array_equal(back, host)


@pytest.mark.parametrize("host", [np.arange(4), np.array([True, False]), np.array(3.0), np.array([1 + 2j]), np.zeros((0, 3))])
def test_other_arrays_pass_as_they_are(host: Array, cpu: Backend) -> None:
    back = cpu.get(cpu.put(host, "float64"))
    assert (back.dtype, back.shape) == (host.dtype, host.shape)
    assert np.array_equal(back, host)


def test_put_shares_no_memory(cpu: Backend) -> None:
    host = np.zeros(3)
    cpu.put(host, "float64").fill_(7.0)
    assert not host.any()


def test_take_reads_flat_indices_of_any_layout(cpu: Backend) -> None:
    array = cpu.put(np.arange(12.0).reshape(3, 4), "float64").T
    assert cpu.take(array, np.array([0, 1, 11])).tolist() == [0.0, 4.0, 11.0]
    assert cpu.take(array, np.array([[0, 1]])).shape == (1, 2)


def test_poison_leaves_nothing_that_could_pass(cpu: Backend) -> None:
    for host, wanted in ((np.ones(3), np.nan), (np.ones(3, np.int32), 2**31 - 1), (np.zeros(3, bool), True)):
        array = cpu.put(host, "float64")
        cpu.poison(array)
        assert np.array_equal(cpu.get(array), np.full(3, wanted), equal_nan=host.dtype.kind == "f")


def test_poison_reaches_arrays_of_the_host_too(cpu: Backend) -> None:
    array = np.ones(3)
    cpu.poison(array)
    assert np.isnan(array).all()


def test_only_tensors_whose_values_are_there_hold_values(cpu: Backend) -> None:
    made = torch.ones(3, dtype=torch.complex64)
    lazy = (made.conj(), made.conj().imag, made.to_sparse(), torch.ones(3, device="meta"), torch.nn.Parameter(torch.ones(3)))
    assert [cpu.holds(one) for one in lazy] == [False] * len(lazy)
    assert cpu.holds(made)
    assert cpu.holds(made.conj().resolve_conj())
    assert cpu.holds(np.ones(3))
    assert not cpu.holds([1.0])


def test_tensors_are_overwritten_in_place(cpu: Backend) -> None:
    with torch.inference_mode():
        made = torch.zeros(3)
    cpu.copy(made, torch.ones(3))
    assert made.tolist() == [1, 1, 1]


def test_the_host_knows_no_graphs_and_flushes_as_numpy_does(cpu: Backend) -> None:
    assert cpu.replay(lambda: {}) is None
    cpu.flush(10_000)
    cpu.synchronise()
    cpu.release()


def test_threads_are_set() -> None:
    before = torch.get_num_threads()
    try:
        load("torch", "cpu:0", 1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("device", ["cuda:99", "rocm:99"])
def test_a_device_that_is_not_there_is_unavailable(device: str) -> None:
    with pytest.raises(Unavailable, match=r"cuda:99|rocm:99|built without"):
        load("torch", device, torch.get_num_threads())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gpu_makes_the_bits_that_numpy_makes(dtype: str) -> None:
    gpu = load("torch", "rocm:0" if torch.version.hip else "cuda:0", torch.get_num_threads())
    spec = Uniform((1024, 999), seed=5, stream=3)
    assert np.array_equal(gpu.get(gpu.uniform(spec, dtype)), rounding.to_dtype(counter.uniform(spec), dtype))
    timing = gpu.clock.time(lambda: torch.ones(1 << 20, device="cuda"), 10)
    assert timing.device_s is not None
    assert timing.wall_s > 0


def test_a_lane_on_the_host_waits_for_nothing(cpu: Backend) -> None:
    with cpu.lane() as wait:
        wait()


def test_a_lane_on_a_gpu_is_a_stream_of_that_gpu_and_waits_for_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list[str]()

    class Stream:
        def __init__(self, place: Any) -> None:
            self.place = place

        def synchronize(self) -> None:
            steps.append(f"waited for the stream of {self.place}")

    @contextlib.contextmanager
    def current(stream: Stream) -> Iterator[None]:
        steps.append("stream")
        yield
        steps.append("no stream")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda place: steps.append("waited for all"))
    with backend_file.TorchBackend("cuda:1", torch.device("cuda", 1)).lane() as wait:
        wait()
    assert steps == ["stream", "waited for the stream of cuda:1", "no stream"]
