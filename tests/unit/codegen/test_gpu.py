"""What is written for GPUs, run thread by thread on the host, and CuPy's side of it on a stand-in made of NumPy."""

import ctypes
import importlib
import re
import sys
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench import codegen
from ngtbench.codegen import emulate, gpu
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.grid import Grid, grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice.hopping import WILSON
from ngtbench.model.workload import Array
from ngtbench.physics.lattice import Shape
from tests.unit.codegen.samples import LARGE, SIGNS, TOLERANCE, UPDATE, close, hopping_term, numbers, wanted

LATTICES = [
    ((4, 4, 4, 4), 16),
    ((4, 4, 4, 4), 1),
    ((8, 8, 8, 8), 32),
    ((8, 8, 8, 8), 8),
    ((4, 6, 8, 10), 32),
    ((4, 6, 8, 10), 8),
]


def packed(on: Grid, fields: Mapping[str, Array]) -> dict[str, Array]:
    return {name: on.pack(array) for name, array in fields.items()}


def hopped(shape: Shape, dtype: str, lanes: int, sources: int, compiler: Compiler) -> tuple[Array, Array]:
    on, (fields, want) = grid(shape, lanes), hopping_term(shape, dtype, sources)
    assert on.lanes == lanes
    there = packed(on, fields)
    emulate.run(WILSON, dtype, on, compiler, on.table(WILSON.hops), there)
    return on.unpack(there["out"]), want


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("shape", "lanes"), LATTICES)
def test_the_text_computes_the_hopping_term(shape: Shape, lanes: int, dtype: str, compiler: Compiler) -> None:
    close(*hopped(shape, dtype, lanes, 1, compiler), dtype)


def test_sources_share_the_links(compiler: Compiler) -> None:
    close(*hopped((4, 4, 4, 4), "float64", 16, 3, compiler), "float64")


FAULTS = {
    "a lane not permuted": (r"row\[7\] & 1 \? P7\[lane0\] : lane0", "lane0"),
    "lanes permuted where they must not be": (r"row\[8\] & 1 \? P8\[lane0\] : lane0", "P8[lane0]"),
    "another permutation": (r"\? P8\[lane0\]", "? P6[lane0]"),
    "a sign": (r"(const V t\d+ = t\d+) \+ ", r"\1 - "),
    "another component": (r"psi5\[3 \* W\]", "psi5[4 * W]"),
    "one thread less": (">= count", ">= count - 1"),
    "a hop the other way": (r"psi \+ \(\(long long\)\(row\[1\]", "psi + ((long long)(row[2]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_text_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch, compiler: Compiler) -> None:
    write = gpu.source

    def broken(*arguments: Any) -> str:
        text, count = re.subn(*FAULTS[fault], write(*arguments), count=1)
        assert count == 1
        return text

    monkeypatch.setattr(gpu, "source", broken)
    got, want = hopped((8, 8, 8, 8), "float64", 16, 1, compiler)
    assert np.abs(got - want).max() > 1e-3


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", (UPDATE, LARGE, SIGNS), ids=lambda kernel: kernel.name)
def test_sums_scalars_and_building_blocks(kernel: Kernel, dtype: str, compiler: Compiler) -> None:
    on = grid((4, 4, 4, 6), 8)
    fields = numbers(kernel, on.shape, dtype, 3)
    scalars = np.array([[0.5, -1.5], [2, 0.25], [-1, 3]])[:, : len(kernel.scalars)]
    there = packed(on, fields)
    sums = emulate.run(kernel, dtype, on, compiler, on.table(kernel.hops), there, scalars)
    want, totals = wanted(kernel, on.shape, fields, scalars)
    for name in want:
        close(on.unpack(there[name]), want[name], dtype, factor=10)
    np.testing.assert_allclose(sums, totals, rtol=20 * TOLERANCE[dtype], atol=on.sites.size * TOLERANCE[dtype])


def test_building_blocks_are_functions_and_moves_are_copies() -> None:
    text = gpu.source(LARGE, "float32", 32, {hop: grid((8, 8, 8, 8), 32).permuted(hop) for hop in LARGE.hops})
    assert text.count("static __device__ __noinline__ void mixed_12_12(") == 1
    assert text.count("mixed_12_12(given, got)") == 16
    assert "#include" not in text
    assert "shufflevector" not in text


class Array1(np.ndarray[Any, Any]):
    """An array that says where on the device it lies as CuPy's do."""

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)


def device(array: Array) -> Any:
    return np.ascontiguousarray(array).view(Array1)


class Function:
    """Launches as a GPU would: every thread, by the text that was compiled."""

    def __init__(self, kernel: Kernel, code: str, compiler: Compiler) -> None:
        self.attributes = {"numRegs": 80, "localSizeBytes": 16}
        self.made = library("rtc", emulate.text(kernel, code), compiler, ("-O1",))
        self.launches: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def __call__(self, blocks: tuple[int, ...], threads: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
        self.launches.append((blocks, threads))
        given: list[Any] = [ctypes.c_uint(blocks[0]), ctypes.c_uint(threads[0])]
        for one in arguments:
            if isinstance(one, np.int64):
                given.append(ctypes.c_longlong(int(one)))
            elif isinstance(one, np.uint64):
                given.append(ctypes.c_void_p(int(one)))
            else:
                assert isinstance(one, Array1), "an argument that lies on the host"
                given.append(ctypes.c_void_p(one.ctypes.data))
        self.made.cdll["emulate"](*given)


@pytest.fixture
def rtc(monkeypatch: pytest.MonkeyPatch, compiler: Compiler) -> Any:
    """Return `codegen.rtc` with a CuPy that compiles UPDATE on the host."""
    asked: list[dict[str, Any]] = []

    class RawModule:
        def __init__(self, **options: Any) -> None:
            asked.append(options)

        def get_function(self, name: str) -> Function:
            assert name == "up_date"
            return Function(UPDATE, asked[-1]["code"], compiler)

    fake: Any = ModuleType("cupy")
    fake.RawModule = RawModule
    fake.asarray = device
    fake.zeros = lambda shape: device(np.zeros(shape))
    fake.empty = lambda shape: device(np.full(shape, np.nan))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.delitem(sys.modules, "ngtbench.codegen.rtc", raising=False)
    module: Any = importlib.import_module("ngtbench.codegen.rtc")
    monkeypatch.delitem(sys.modules, "ngtbench.codegen.rtc")
    vars(codegen).pop("rtc")  # or others would import this one from the package
    module.asked = asked
    return module


def test_cupy_launches_what_was_written(rtc: Any) -> None:
    on = grid((4, 4, 4, 6), 8)
    fields = numbers(UPDATE, on.shape, "float32", 3)
    there = {name: device(array) for name, array in packed(on, fields).items()}
    made = rtc.built(UPDATE, "float32", on, threads_per_block=64)
    assert rtc.asked[0]["backend"] == "nvrtc"
    assert rtc.asked[0]["options"] == ("--std=c++17",)
    assert "__launch_bounds__(64)" in rtc.asked[0]["code"]
    assert made.said() == "80 registers, 16 B of local memory per thread, 64 threads per block"
    bound = rtc.bind(made, UPDATE, on.table(UPDATE.hops), there)
    bound.scalars[...] = [[0.5, -1.5], [2, 0.25], [-1, 3]]
    sums = bound.sums()
    assert made.function.launches == [((-(-384 // 64) * 3,), (64,))]
    want, totals = wanted(UPDATE, on.shape, fields, np.asarray(bound.scalars))
    for name in ("y", "z"):
        close(on.unpack(np.asarray(there[name])), want[name], "float32")
    np.testing.assert_allclose(sums, totals, rtol=1e-4, atol=1e-3)


def test_cupy_writes_a_part_of_the_lattice(rtc: Any) -> None:
    on = grid((4, 4, 4, 8), 4, parity=True)
    fields = numbers(UPDATE, on.shape, "float64", 1)
    there = {name: device(array) for name, array in packed(on, fields).items()}
    odd = on.range("odd")
    halves = there | {name: device(there[name][odd].copy()) for name in ("y", "z")}
    starts = dict.fromkeys(("y", "z"), odd.start)
    bound = rtc.bind(rtc.built(UPDATE, "float64", on), UPDATE, on.table(UPDATE.hops, "odd"), halves, starts=starts)
    bound.scalars[...] = [[0.5, -1.5]]
    bound()
    want, _ = wanted(UPDATE, on.shape, fields, np.asarray(bound.scalars))
    for name in ("y", "z"):
        close(np.asarray(halves[name]), on.pack(want[name], "odd"), "float64")


def test_cupy_refuses_arrays_that_do_not_fit(rtc: Any) -> None:
    on = grid((4, 4, 4, 4), 8)
    there = {name: device(array) for name, array in packed(on, numbers(UPDATE, on.shape, "float64", 2)).items()}
    table = on.table(UPDATE.hops)
    made = rtc.built(UPDATE, "float64", on)
    with pytest.raises(ValueError, match=r"field 'x' has blocks of \(1, 3, 8\), wanted contiguous \(2, 3, 8\)"):
        rtc.bind(made, UPDATE, table, there | {"x": device(there["x"][:, :1])})
    with pytest.raises(ValueError, match="field 'x'"):
        rtc.bind(made, UPDATE, table, there | {"x": there["x"][::2]})
    with pytest.raises(ValueError, match="is float32, a kernel of float64 wants float64"):
        rtc.bind(made, UPDATE, table, there | {"x": there["x"].astype(np.float32)})
