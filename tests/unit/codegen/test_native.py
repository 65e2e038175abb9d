"""Compiled kernels against the same bodies on NumPy arrays: every width, thread and source, and arrays that do not fit."""

import dataclasses
import gc
import hashlib
import math
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import compiler as host
from ngtbench.codegen import cpp, native
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.grid import Grid, grid
from ngtbench.codegen.kernel import HOPS_4D, Field, Kernel, Reals
from ngtbench.codegen.trace import larger, magnitude, sqrt, trace
from ngtbench.errors import Unavailable
from ngtbench.kernels.lattice import hopping, staggering, steps
from ngtbench.model.workload import Array
from tests.unit.codegen.samples import LARGE, SIGNS, TOLERANCE, UPDATE, close, hopping_term, numbers, wanted

Read = Callable[..., Reals]
SHAPE = (4, 4, 2, 4)
ISAS = ("avx512", "avx2", "sse2", "scalar")


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each kernel once for all tests of this file, into a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def narrowed(isa: str, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    try:
        return host.find()
    except Unavailable as error:
        pytest.skip(str(error))


def packed(on: Grid, fields: dict[str, Array]) -> dict[str, Array]:
    return {name: on.pack(array) for name, array in fields.items()}


def scalars_of(kernel: Kernel, sources: int) -> Array:
    return np.random.default_rng(5).normal(size=(sources, len(kernel.scalars)))


def agree(kernel: Kernel, on: Grid, dtype: str, compiler: Compiler, sources: int = 1, threads: int = 1) -> None:
    """Compare what a compiled kernel writes, and its sums, with its body on NumPy arrays."""
    fields, scalars = numbers(kernel, on.shape, dtype, sources), scalars_of(kernel, sources)
    there = packed(on, fields)
    bound = native.bind(native.built(kernel, dtype, on, compiler), kernel, on.table(kernel.hops), there, threads=threads)
    bound.scalars[:, : len(kernel.scalars)] = scalars
    sums = bound.sums()
    want, totals = wanted(kernel, on.shape, fields, scalars)
    for name, array in fields.items():
        if name in want:
            close(on.unpack(there[name]), want[name], dtype, factor=10)
        else:
            assert np.array_equal(there[name], on.pack(array)), f"{name} was written"
    if kernel.sums:
        np.testing.assert_allclose(sums, totals, rtol=20 * TOLERANCE[dtype], atol=on.sites.size * TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("isa", ISAS)
def test_every_width_source_and_thread(isa: str, dtype: str, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = narrowed(isa, monkeypatch)
    width_b = {"avx512": 64, "avx2": 32, "sse2": 16, "scalar": 8}[isa]
    on = grid(SHAPE, native.lanes(chosen, dtype))
    assert on.lanes == width_b // np.dtype(dtype).itemsize
    for sources in (1, 5, 6, 7, 12):
        agree(UPDATE, on, dtype, chosen, sources)
    for threads in (2, 3, min(on.blocks + 3, 20)):
        agree(UPDATE, on, dtype, chosen, 7, threads)


@pytest.mark.parametrize(("dtype", "lanes"), [("float64", 16), ("float32", 32), ("float64", 2)])
def test_vectors_are_of_any_width(dtype: str, lanes: int, compiler: Compiler) -> None:
    on = grid(SHAPE, lanes)
    assert on.lanes == lanes
    agree(UPDATE, on, dtype, compiler, 2, 2)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_building_blocks_are_called(dtype: str, compiler: Compiler) -> None:
    agree(LARGE, grid(SHAPE, native.lanes(compiler, dtype)), dtype, compiler, 2)


def numbers_only(x: Read, alpha: Any, beta: Any) -> dict[str, Any]:
    """Do with scalars and constants alone whatever can be done, and write them as they are."""
    (here,) = x()
    found = [alpha * beta, -alpha, alpha / 2 + 3, sqrt(alpha * alpha), larger(alpha, beta), magnitude(beta), alpha, 0.5, -0.0]
    return {"out": [*found, larger(here, 0.0), magnitude(here), larger(here, alpha) - alpha * beta], "sum": alpha, "half": 0.5}


NUMBERS_ONLY = Kernel(
    "numbers-only", numbers_only, (Field("x", 1), Field("out", 12, "out")), (), ("alpha", "beta"), ("sum", "half")
)


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_scalars_and_constants_are_numbers_too(dtype: str, lanes: int, compiler: Compiler) -> None:
    agree(NUMBERS_ONLY, grid(SHAPE, lanes), dtype, compiler, 3)


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_signs_are_those_of_numpy(dtype: str, lanes: int, compiler: Compiler) -> None:
    agree(SIGNS, grid(SHAPE, lanes), dtype, compiler, 3)


def added(b: Read, c: Read, scale: Any) -> dict[str, Any]:
    """Return b + scale c."""
    return {"a": [one + scale * other for one, other in zip(b(), c(), strict=True)]}


ADDED = Kernel("added", added, (Field("b", 4), Field("c", 4), Field("a", 4, "out")), scalars=("scale",))


@pytest.mark.parametrize("streams", [(), ("a",)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_stores_past_the_caches(dtype: str, streams: tuple[str, ...], compiler: Compiler) -> None:
    on = Grid((48 * native.lanes(compiler, dtype),), (native.lanes(compiler, dtype),))
    fields = numbers(ADDED, on.shape, dtype, 1)
    there = packed(on, fields)
    made = native.built(ADDED, dtype, on, compiler, streams)
    bound = native.bind(made, ADDED, on.table(()), there, threads=2)
    bound.scalars[...] = 0.5
    bound()
    close(on.unpack(there["a"]), fields["b"] + fields["c"] * np.dtype(dtype).type(0.5), dtype)


@pytest.mark.parametrize("part", ["even", "odd"])
def test_a_part_of_the_lattice_is_written(part: Any, compiler: Compiler) -> None:
    on = grid((4, 4, 2, 8), 4, parity=True)
    fields, scalars = numbers(UPDATE, on.shape, "float64", 2), scalars_of(UPDATE, 2)
    whole, half = packed(on, fields), on.range(part)
    there = whole | {name: on.pack(fields[name], part) for name in ("y", "z")}
    made = native.built(UPDATE, "float64", on, compiler)
    starts = dict.fromkeys(("y", "z"), half.start)
    bound = native.bind(made, UPDATE, on.table(UPDATE.hops, part), there, threads=2, starts=starts)
    bound.scalars[...] = scalars
    sums = bound.sums()
    want, _ = wanted(UPDATE, on.shape, fields, scalars)
    for name in ("y", "z"):
        close(there[name], on.pack(want[name], part), "float64")
    new, root = there["y"][:, :, 0], there["z"][:, :, 0] * (whole["m"][half, :, 0] + 3)
    np.testing.assert_allclose(sums[:, 0], (new**2 + root).sum(axis=(0, 2)), rtol=1e-12)


def test_sums_begin_anew_and_scalars_are_read_at_each_call(compiler: Compiler) -> None:
    on = grid(SHAPE, 4)
    there = packed(on, numbers(NUMBERS_ONLY, SHAPE, "float64", 2))
    bound = native.bind(native.built(NUMBERS_ONLY, "float64", on, compiler), NUMBERS_ONLY, on.table(()), there, threads=2)
    assert np.array_equal(bound.sums(), [[0, 64], [0, 64]])
    bound.scalars[:, 0] = 1, 2
    bound()
    assert np.array_equal(bound.sums(), [[128, 64], [256, 64]])
    assert np.array_equal(there["out"][:, :, 6, 0], np.broadcast_to([1.0, 2.0], (on.blocks, 2)))


def test_a_bound_kernel_keeps_its_arrays(compiler: Compiler) -> None:
    on = grid(SHAPE, 4)
    there = packed(on, numbers(NUMBERS_ONLY, SHAPE, "float64", 1))
    bound = native.bind(native.built(NUMBERS_ONLY, "float64", on, compiler), NUMBERS_ONLY, on.table(()), there, threads=1)
    alive = [weakref.ref(array) for array in there.values()]
    there.clear()
    gc.collect()
    assert all(one() is not None for one in alive)
    bound()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_a_fault_at_one_site_reaches_its_neighbours_only(fault: float, dtype: str, compiler: Compiler) -> None:
    shape = (4, 4, 4, 8)
    on, (fields, want) = grid(shape, native.lanes(compiler, dtype)), hopping_term(shape, dtype, 2)
    site, components = (0, 3, 2, 7), (0, 5, 13, 22)
    there = fields | {"psi": fields["psi"].copy()}
    there["psi"][1, np.ravel_multi_index(site, shape), components] = fault
    blocks = packed(on, there)
    made = native.built(hopping.WILSON, dtype, on, compiler)
    native.bind(made, hopping.WILSON, on.table(HOPS_4D), blocks, threads=2)()
    got, near = on.unpack(blocks["out"]), np.zeros((2, math.prod(shape)), dtype=bool)
    for axis, step in HOPS_4D:
        there_at = list(site)
        there_at[axis] = (there_at[axis] + step) % shape[axis]
        near[1, np.ravel_multi_index(tuple(there_at), shape)] = True
    assert not np.isfinite(got[near]).any()
    close(got[~near], want[~near], dtype)


@pytest.mark.parametrize("lanes", [1, 8])
def test_nan_is_seen_in_sums_and_roots_and_negative_roots_are_nan(lanes: int, compiler: Compiler) -> None:
    on = grid(SHAPE, lanes)
    root = Kernel("root", lambda x: {"z": [sqrt(x()[0])], "sum": x()[0]}, (Field("x", 1), Field("z", 1, "out")), (), (), ("sum",))
    fields = numbers(root, SHAPE, "float32", 2)
    fields["x"][0, 17] = np.nan
    there = packed(on, fields)
    sums = native.bind(native.built(root, "float32", on, compiler), root, on.table(()), there, threads=2).sums()
    assert np.array_equal(np.isnan(sums), [[True], [False]])
    with np.errstate(invalid="ignore"):
        assert np.array_equal(on.unpack(there["z"]), np.sqrt(fields["x"]), equal_nan=True)


SCRIPT = """
import hashlib
from ngtbench.codegen import cpp
from ngtbench.codegen.grid import grid
from ngtbench.kernels.lattice.hopping import WILSON_12
from tests.unit.codegen.samples import LARGE, UPDATE
on = grid((4, 4, 4, 4), 8)
text = "".join(cpp.source(one, "float64", 8, {hop: on.permuted(hop) for hop in one.hops}) for one in (WILSON_12, LARGE, UPDATE))
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_text_is_written_in_every_process() -> None:
    def digest(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=True)
        return ended.stdout.strip()

    first = digest("1")
    assert len(first) == len(hashlib.sha256().hexdigest())
    assert digest("2") == first


STRICT = (
    hopping.WILSON_12,
    hopping.HALVES[True, True].fused,
    staggering.STAGGERED[18],
    steps.GAIN,
    steps.ADVANCE,
    UPDATE,
    LARGE,
    NUMBERS_ONLY,
)


@pytest.mark.parametrize("kernel", STRICT, ids=lambda kernel: kernel.name)
def test_compilers_have_nothing_to_say(kernel: Kernel, compiler: Compiler) -> None:
    plain = dataclasses.replace(compiler, flags=tuple(flag for flag in compiler.flags if flag != "-O3"))
    for dtype, lanes in (("float32", native.lanes(compiler, "float32")), ("float64", 1)):
        on = grid((4, 4, 4, 4), lanes)
        text = cpp.source(kernel, dtype, lanes, {hop: on.permuted(hop) for hop in kernel.hops})
        assert library(kernel.name, text, plain, ("-Wall", "-Werror", "-O1")).cdll
    assert trace(kernel).live()
