"""The numba back end against the oracle and against bodies run on NumPy arrays."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen.grid import grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice.hopping import WILSON
from tests.unit.codegen.samples import LARGE, SIGNS, TOLERANCE, UPDATE, close, hopping_term, numbers, wanted

SCALARS = np.array([[0.5, -1.5], [2, 0.25], [-1, 3]])


@pytest.fixture(scope="module")
def jit() -> Any:
    pytest.importorskip("numba", reason="numba is not installed: pip install 'ngtbench[cpu]'")
    return importlib.import_module("ngtbench.codegen.jit")


def test_numba_computes_the_hopping_term(jit: Any, home: Path) -> None:
    on, (fields, want) = grid((4, 4, 4, 4), 1), hopping_term((4, 4, 4, 4), "float64", 2)
    there = {name: on.pack(array) for name, array in fields.items()}
    bound = jit.bind(jit.built(WILSON, "float64", on), WILSON, on.table(WILSON.hops), there, threads=2)
    assert not there["out"].any(), "compiling must not run"
    bound()
    close(on.unpack(there["out"]), want, "float64")
    assert bound.compile_s > 0


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", (UPDATE, LARGE, SIGNS), ids=lambda kernel: kernel.name)
def test_numba_sums_and_calls_building_blocks(kernel: Kernel, dtype: str, jit: Any, home: Path) -> None:
    on = grid((4, 4, 4, 6), 1)
    fields = numbers(kernel, on.shape, dtype, 3)
    there = {name: on.pack(array) for name, array in fields.items()}
    bound = jit.bind(jit.built(kernel, dtype, on), kernel, on.table(kernel.hops), there, threads=5)
    scalars = SCALARS[:, : len(kernel.scalars)]
    bound.scalars[:, : len(kernel.scalars)] = scalars
    sums = bound.sums()
    want, totals = wanted(kernel, on.shape, fields, scalars)
    for name in want:
        close(on.unpack(there[name]), want[name], dtype, factor=10)
    np.testing.assert_allclose(sums, totals, rtol=20 * TOLERANCE[dtype], atol=on.sites.size * TOLERANCE[dtype])


def test_numba_writes_a_part_of_the_lattice(jit: Any, home: Path) -> None:
    on = grid((4, 4, 4, 4), 1, parity=True)
    fields = numbers(UPDATE, on.shape, "float64", 1)
    there, odd = {name: on.pack(array) for name, array in fields.items()}, on.range("odd")
    halves = there | {name: there[name][odd].copy() for name in ("y", "z")}
    starts = dict.fromkeys(("y", "z"), odd.start)
    made = jit.built(UPDATE, "float64", on)
    bound = jit.bind(made, UPDATE, on.table(UPDATE.hops, "odd"), halves, threads=1, starts=starts)
    bound.scalars[...] = SCALARS[:1]
    bound()
    want, _ = wanted(UPDATE, on.shape, fields, SCALARS)
    for name in ("y", "z"):
        close(halves[name], on.pack(want[name], "odd"), "float64")


def test_numba_refuses_what_does_not_fit(jit: Any, home: Path) -> None:
    with pytest.raises(ValueError, match="one lane, not 8"):
        jit.built(UPDATE, "float64", grid((4, 4, 4, 4), 8))
    on = grid((4, 4, 4, 4), 1)
    there = {name: on.pack(array) for name, array in numbers(UPDATE, on.shape, "float64", 2).items()}
    made = jit.built(UPDATE, "float32", on)
    with pytest.raises(ValueError, match="is float64, a kernel of float32 wants float32"):
        jit.bind(made, UPDATE, on.table(UPDATE.hops), there, threads=1)
    with pytest.raises(ValueError, match="field 'x'"):
        jit.bind(made, UPDATE, on.table(UPDATE.hops), there | {"x": there["x"][:, :1]}, threads=1)


AGAIN = """
from ngtbench.codegen import jit
from ngtbench.codegen.grid import grid
from tests.unit.codegen.samples import UPDATE, numbers
on = grid((4, 4, 4, 4), 1)
there = {name: on.pack(array) for name, array in numbers(UPDATE, on.shape, "float32", 1).items()}
made = jit.built(UPDATE, "float32", on)
bound = jit.bind(made, UPDATE, on.table(UPDATE.hops), there, threads=1)
print(sum(made.visit.stats.cache_hits.values()), bound.sums()[0, 0])
"""


def test_numba_keeps_what_it_compiled(jit: Any, home: Path) -> None:
    def process() -> list[str]:
        ended = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, timeout=120, check=True)
        return ended.stdout.split()

    first, second = process(), process()
    assert (first[0], second[0]) == ("0", "1")
    assert first[1] == second[1]


def test_numba_compiles_where_nothing_can_be_kept(jit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Path:
        raise PermissionError("read-only")

    monkeypatch.setattr(jit, "folder", full)
    on = grid((4, 4, 4, 4), 1)
    there = {name: on.pack(array) for name, array in numbers(UPDATE, on.shape, "float32", 1).items()}
    bound = jit.bind(jit.built(UPDATE, "float32", on), UPDATE, on.table(UPDATE.hops), there, threads=1)
    assert np.isfinite(bound.sums()).all()


def test_kernels_come_from_the_cache_side_by_side(home: Path) -> None:
    """Machine code of functions of one name, loaded from the cache by one process, was taken for one another's."""
    program = """
import sys
import numpy as np
from ngtbench.codegen import jit
from ngtbench.codegen.grid import grid
from ngtbench.codegen.kernel import evaluate
from ngtbench.kernels.lattice.hopping import WILSON
from ngtbench.kernels.lattice.staggering import STAGGERED
on = grid((2, 2, 2, 2), 1)
for kernel in (STAGGERED[18], WILSON)[int(sys.argv[1]) : int(sys.argv[2])]:
    fields = {f.name: np.random.default_rng(1).random((f.components, 2, 2, 2, 2)) for f in kernel.fields}
    packed = {name: on.pack(array.reshape(len(array), -1).T) for name, array in fields.items()}
    jit.bind(jit.built(kernel, "float64", on), kernel, on.table(kernel.hops), packed, threads=1)()
    want = evaluate(kernel, fields)["out"]
    assert np.allclose(on.unpack(packed["out"])[0].T.reshape(want.shape), want), kernel.name
"""
    for some in (("0", "1"), ("1", "2"), ("0", "2")):  # each compiled by a process of its own, then both loaded by one
        subprocess.run([sys.executable, "-c", program, *some], timeout=120, check=True)
