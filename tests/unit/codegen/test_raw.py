"""Loops written by hand: shares of workers, sums, and that what a processor compiles a GPU's compiler does too."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import cubin, gpu, pages, place, raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.process import run
from ngtbench.errors import CompileError
from ngtbench.kernels.system import atomics, fma, memory, triad
from ngtbench.model.workload import Array

VISITS = raw.Text(
    "visits",
    (("U *", "seen"), ("U *", "who"), ("U *", "sum"), ("U", "n")),
    "each(i, n) { seen[i] += 1; who[i] = worker; add(sum, i); }\nadd(sum + 1, workers);",
)
TOTALS = raw.Text("totals", (("const T *", "x"), ("T *", "y"), ("T", "f")), "V v = *(const V *)x; v = v * f; *y = total(v);")
WORDS = raw.Text(
    "words",
    (("U", "start"), ("float *", "low"), ("double *", "high")),
    "const V v = three(real(lane() + start));\nput(low, v);\nput(high, root(v));",
    "inline_body V three(V x) { return x * 3; }",
)
SLOW = raw.Text(
    "slow",
    (("const T *", "x"), ("T *", "y"), ("U", "passes")),
    "T s = 0;\nfor (U p = 0; p < passes; ++p) { s += x[0]; WALL; }\n*y = s;",
)
TEXTS = [WORDS, fma.text(8), fma.text(16), memory.FILL, memory.FOLLOW, memory.READ, atomics.CLEAR, *atomics.ADD.values()]


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [0, 1, 4, 5, 1003])
def test_each_worker_takes_a_share_in_order(n: int, threads: int, home: object, compiler: Compiler) -> None:
    seen, who, sums = np.zeros(n + 1, np.uint64), np.full(n + 1, 99, np.uint64), np.zeros(2, np.uint64)
    raw.called(raw.built(VISITS, "float64", 1, compiler), VISITS, threads, seen, who, sums, n)()
    assert seen.tolist() == [1] * n + [0]
    assert who[:n].tolist() == sorted(who[:n])
    shares = np.bincount(who[:n].astype(int), minlength=threads)
    assert shares.max() - shares.min() <= 1
    assert shares.tolist() == sorted(shares, reverse=True), "as OpenMP shares rows"
    assert sums.tolist() == [n * (n - 1) // 2, threads**2]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_registers_hold_so_many_numbers(lanes: int, dtype: str, home: object, compiler: Compiler) -> None:
    x, y = np.arange(8, 16).astype(dtype), np.zeros(1, dtype)
    start = x[-x.ctypes.data % 32 // x.itemsize :] if lanes == 1 else np.zeros(64, dtype)
    if lanes > 1:
        start = start[-start.ctypes.data % 64 // start.itemsize :]
        start[:8] = x
    raw.called(raw.built(TOTALS, dtype, lanes, compiler), TOTALS, 1, start, y, x.dtype.type(0.5))()
    assert y[0] == start[:lanes].sum() * 0.5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_integers_roots_and_stores_of_every_lane(lanes: int, dtype: str, home: object, compiler: Compiler) -> None:
    start = 2**52 - 8 if dtype == "float64" else 2**33  # more than processors convert without signs, or as 32 bits
    low, high = np.full(10, -1, np.float32)[1:], np.full(10, -1.0)[1:]  # aligned to a number, not to a register
    raw.called(raw.built(WORDS, dtype, lanes, compiler), WORDS, 1, start, low, high)()
    wanted = 3 * np.arange(start, start + lanes).astype(dtype)
    assert np.array_equal(low[:lanes], wanted.astype(np.float32))
    assert np.array_equal(high[:lanes], np.sqrt(wanted).astype(np.float64))
    assert (low[lanes:] == -1).all()
    assert (high[lanes:] == -1).all()


def test_a_call_takes_as_many_arguments_as_the_text(home: object, compiler: Compiler) -> None:
    with pytest.raises(ValueError, match="visits takes 4 arguments, not 2"):
        raw.called(raw.built(VISITS, "float64", 1, compiler), VISITS, 1, np.zeros(1), 3)


def test_a_text_that_does_not_compile_is_an_error(home: object, compiler: Compiler) -> None:
    with pytest.raises(CompileError, match="nonsense"):
        raw.built(raw.Text("nonsense", (("U", "n"),), "nonsense"), "float64", 1, compiler)


@pytest.mark.parametrize("wall", [True, False])
def test_nothing_is_remembered_from_pass_to_pass(wall: bool, home: object, compiler: Compiler) -> None:
    text = raw.Text(SLOW.name, SLOW.parameters, SLOW.body.replace("WALL", "again" if wall else ""))
    made = raw.built(text, "float64", 1, compiler)
    flags = [flag for flag in compiler.flags if flag not in ("-shared", "-fopenmp")]
    listing = run([compiler.path, *flags, "-S", "-o", "-", str(made.path.with_suffix(".cpp"))], 60).output
    loads = [line for line in listing.splitlines() if re.search(r"v?addsd\s+\(|fadd|ldr", line)]
    if "x86" not in run([compiler.path, "-dumpmachine"], 60).output:
        pytest.skip("reads x86 assembly")
    assert bool(loads) == wall, "an addition that reads memory in each pass"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("given", "rows", "items"), [(0, 3, 5), (7, 3, 5), (15, 3, 5), (300_000, 3001, 100)])
def test_memory_is_filled_row_by_row(
    given: int, rows: int, items: int, threads: int, home: object, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = pages.empty

    def dirty(*shape: Any) -> Array:
        array = empty(*shape)
        array.fill(77)
        return array

    monkeypatch.setattr(pages, "empty", dirty)
    values = np.arange(1, given + 1, dtype=np.float32)
    found = place.near(values, rows, items, threads, compiler, 64)
    assert found.dtype == np.float32
    assert found.ctypes.data % 64 == 0
    assert np.array_equal(found, np.append(values, np.zeros(rows * items - given, np.float32)))


def test_what_does_not_fit_is_no_place(home: object, compiler: Compiler) -> None:
    for values in (np.zeros(16), np.zeros(20)[::2]):
        with pytest.raises(ValueError, match="do not fit 3 rows of 5"):
            place.near(values, 3, 5, 1, compiler)


@pytest.mark.parametrize("arch", cubin.ARCHITECTURES)
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_gpus_compile_the_same_texts(text: raw.Text, arch: str, tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    made = cubin.report(raw.device(text, "float32"), text.name, arch)
    assert made.spill_b == 0
    assert made.stack_b == 0


@pytest.mark.parametrize("arch", cubin.ARCHITECTURES)
def test_gpus_compile_the_triad(arch: str, tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    assert cubin.report(gpu.source(triad.kernel(4), "float64", gpu.LANES, {}), "triad", arch).spill_b == 0
