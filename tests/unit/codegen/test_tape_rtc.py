"""CuPy's side of tapes on a stand-in that runs every thread on the host: launches, batches, arguments, what is refused."""

import ctypes
import importlib
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench import codegen
from ngtbench.codegen import tape_emulate, tape_launch, tape_numpy
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler
from tests.unit.codegen.test_gpu import device
from tests.unit.codegen.test_tape_gpu import SCALARS, TOLERANCE, made, points


@pytest.mark.parametrize(
    ("tiles", "most", "want"), [(0, 4, []), (4, 4, [4]), (5, 4, [2, 3]), (7, 3, [2, 2, 3]), (3, 1, [1, 1, 1])]
)
def test_batches_are_of_about_one_size(tiles: int, most: int, want: list[int]) -> None:
    found = tape_launch.batches(tiles, most)
    assert [count for _, count in found] == want
    assert [first for first, _ in found] == [sum(want[:k]) for k in range(len(want))]


def test_threads_of_a_launch_are_counted_in_32_bits() -> None:
    how = tape_launch.Schedule((tape_launch.Launch("a", 3), tape_launch.Launch("b", 5)), np.zeros(0), np.zeros(0))
    assert how.most(64) * 64 * 5 <= 2**31 < (how.most(64) + 1) * 64 * 5


class Function:
    """Launches as a GPU would: every thread, by the text that was compiled."""

    def __init__(self, name: str, made: Any, registers: int) -> None:
        self.attributes = {"numRegs": registers, "localSizeBytes": 8 * (registers - 40)}
        self.launches: list[tuple[int, int]] = []
        self.launch = made.cdll[f"launch_{name}"]

    def __call__(self, blocks: tuple[int], threads: tuple[int], arguments: tuple[Any, ...]) -> None:
        self.launches.append((*blocks, *threads))
        assert [type(one) for one in arguments] == [np.uint64] * 6 + [np.int32, np.uint32, np.uint32]
        pointers = [ctypes.c_void_p(int(one)) for one in arguments[:6]]
        counts = [ctypes.c_int(int(one)) for one in arguments[6:]]
        self.launch(ctypes.c_uint(blocks[0]), ctypes.c_uint(threads[0]), 0, *pointers, *counts)


@pytest.fixture
def rtc(monkeypatch: pytest.MonkeyPatch, compiler: Compiler) -> Any:
    """Return `codegen.tape_rtc` with a CuPy that compiles on the host, and has 1 MB free."""
    asked: list[dict[str, Any]] = []

    class RawModule:
        def __init__(self, **options: Any) -> None:
            asked.append(options)
            self.names = tuple(re.findall(r'extern "C" __global__ \S+ \S+ (\w+)\(', options["code"]))
            self.made = library("tape-rtc", tape_emulate.text(options["code"], self.names), compiler, ("-O1",))

        def get_function(self, name: str) -> Function:
            return Function(name, self.made, 40 + self.names.index(name))

    fake: Any = ModuleType("cupy")
    fake.RawModule, fake.asarray = RawModule, device
    fake.empty = lambda shape, dtype: device(np.full(shape, np.nan, dtype))
    fake.cuda = SimpleNamespace(runtime=SimpleNamespace(memGetInfo=lambda: (10**6, 10**9)))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.delitem(sys.modules, "ngtbench.codegen.tape_rtc", raising=False)
    module: Any = importlib.import_module("ngtbench.codegen.tape_rtc")
    monkeypatch.delitem(sys.modules, "ngtbench.codegen.tape_rtc")
    vars(codegen).pop("tape_rtc")  # or others would import this one from the package
    module.asked = asked
    return module


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_cupy_launches_what_was_written(dtype: str, rtc: Any) -> None:
    tape, (blocks, flat) = made("g g > t t~ g", True), points("g g > t t~ g", 5, 4)
    there, out = device(blocks.astype(dtype)), device(np.full((5, 4), np.nan, dtype))
    compiled = rtc.built(tape, dtype, lanes=4, threads_per_block=64)
    assert (rtc.asked[0]["backend"], rtc.asked[0]["options"]) == ("nvrtc", ("--std=c++17",))
    assert "__launch_bounds__(64)" in rtc.asked[0]["code"]
    count = len(compiled.functions)
    assert compiled.said() == (
        f"{count} kernels, at most {39 + count} registers and {8 * (count - 1)} B of local memory per thread, "
        "64 threads per block"
    )
    bound = rtc.bind(compiled, there, out, SCALARS, factor=2.0, events=9)  # 3 tiles: 2 batches
    assert (bound.events, bound.launches) == (12, 2 * len(tape_launch.schedule(tape).launches))
    for mass in (173.0, 150.0):  # memory of the call before does no harm
        bound.scalars[0] = mass
        out.fill(np.nan)
        bound()
        want = 2 * tape_numpy.run(tape, flat, SCALARS | {"mass": mass})
        np.testing.assert_allclose(np.asarray(out).reshape(-1), want, rtol=TOLERANCE[dtype])
    assert compiled.functions["summed"].launches == [(1, 64)] * 4
    warps = (tape.inputs + tape_launch.parts(tape)) * np.array([2, 3, 2, 3])
    assert compiled.functions["entered"].launches == [(-(-one * 4 // 64), 64) for one in warps]


def test_a_batch_takes_half_of_what_is_free(rtc: Any) -> None:
    tape, (blocks, flat) = made("g g > t t~ g"), points("g g > t t~ g", 40, 4)
    out = device(np.full((40, 4), np.nan))
    bound = rtc.bind(rtc.built(tape, "float64", lanes=4), device(blocks), out, SCALARS)
    one_b = tape_launch.size(tape) * 8
    assert rtc._most(bound.made, tape_launch.Schedule((tape_launch.Launch("a", 2**22),), *[np.zeros(0)] * 2), 10**9) == 128
    assert 0.2 * 10**6 < bound.events * one_b <= 0.5 * 10**6
    bound()
    np.testing.assert_allclose(np.asarray(out).reshape(-1), tape_numpy.run(tape, flat, SCALARS), rtol=TOLERANCE["float64"])


def test_mixed_precision_and_no_events_through_cupy(rtc: Any) -> None:
    tape, (blocks, flat) = made("g g > t t~ g"), points("g g > t t~ g", 1, 4)
    compiled = rtc.built(tape, "float64", True, lanes=4)
    out = device(np.full((1, 4), np.nan))
    rtc.bind(compiled, device(blocks), out, SCALARS)()
    error = np.abs(np.asarray(out).reshape(-1) / tape_numpy.run(tape, flat, SCALARS) - 1).max()
    assert TOLERANCE["float64"] < error < 1e-6
    bound = rtc.bind(compiled, device(blocks[:0]), out[:0], SCALARS)
    assert bound.launches == 0
    bound()


def test_cupy_refuses_arrays_that_do_not_fit(rtc: Any) -> None:
    tape, (blocks, _) = made("g g > t t~ g"), points("g g > t t~ g", 3, 4)
    compiled, out = rtc.built(tape, "float64", lanes=4), device(np.zeros((3, 4)))
    for inputs, into in ((blocks[:, 1:], out), (blocks[..., ::2], out), (blocks.astype(np.float32), out), (blocks, out[1:])):
        with pytest.raises(ValueError, match=r"(inputs|out) is .*, wanted contiguous float64 \(3, (20, )?4\)"):
            rtc.bind(compiled, inputs.view(type(out)), into, SCALARS)
    with pytest.raises(ValueError, match="inputs is"):
        rtc.bind(compiled, device(blocks.transpose(0, 2, 1)).transpose(0, 2, 1), out, SCALARS)
