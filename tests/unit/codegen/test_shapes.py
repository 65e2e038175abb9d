"""Arrays and names that do not fit a kernel are refused before anything is read or written."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ngtbench.codegen import native, pages
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.grid import grid
from ngtbench.codegen.kernel import Field, Kernel
from ngtbench.model.workload import Array
from tests.unit.codegen.samples import UPDATE, numbers

SHAPE = (4, 4, 2, 4)


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile the kernel once for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def ready(compiler: Compiler) -> Callable[..., None]:
    """Return a function that binds the update of three sources to arrays of which some are others."""
    on = grid(SHAPE, 4)
    made = native.built(UPDATE, "float64", on, compiler)
    there = {name: on.pack(array) for name, array in numbers(UPDATE, SHAPE, "float64", 3).items()}

    def bind(change: Callable[[dict[str, Array]], dict[str, Array]], starts: dict[str, int] | None = None) -> None:
        native.bind(made, UPDATE, on.table(UPDATE.hops), there | change(there), threads=1, starts=starts)

    return bind


def moved(array: Array, by: int) -> Array:
    """Return a copy that begins so many numbers behind the start of a cache line."""
    there = pages.empty(array.size + by, array.dtype)[by:].reshape(array.shape)
    there[...] = array
    return there


UNFIT: dict[str, tuple[Callable[[dict[str, Array]], dict[str, Array]], str]] = {
    "misaligned": (lambda a: {"x": moved(a["x"], 1)}, "'x' is not aligned"),
    "misaligned by half a register": (lambda a: {"z": moved(a["z"], 2)}, "'z' is not aligned"),
    "fewer sources": (lambda a: {"x": a["x"][:, :2].copy()}, "'x' has blocks of"),
    "sources of what all share": (lambda a: {"m": np.repeat(a["m"], 3, axis=1)}, "'m' has blocks of"),
    "fewer components": (lambda a: {"y": moved(a["y"][:, :, :2].copy(), 0)}, "'y' has blocks of"),
    "more lanes": (lambda a: {name: np.repeat(array, 2, axis=3) for name, array in a.items()}, "has blocks of"),
    "not contiguous": (lambda a: {"x": moved(a["x"].swapaxes(0, 1).copy(), 0).swapaxes(0, 1)}, "wanted contiguous"),
    "every other block": (lambda a: {"m": np.repeat(a["m"], 2, axis=0)[::2]}, "wanted contiguous"),
    "another dtype": (lambda a: {"x": a["x"].astype(np.float32)}, "'x' is float32"),
    "whole numbers": (lambda a: {"y": a["y"].astype(np.int64)}, "'y' is int64"),
    "a block less, read": (lambda a: {"x": a["x"][:-1]}, r"'x' has blocks 0 to 30, rows lead to 0 to 31"),
    "a block less, written": (lambda a: {"z": a["z"][:-1]}, r"'z' has blocks 0 to 30"),
    "no sources": (lambda a: {name: a[name][:, :0] for name in ("x", "y", "z")}, "no right-hand sides"),
}


@pytest.mark.parametrize("fault", UNFIT)
def test_arrays_that_do_not_fit_are_refused(fault: str, ready: Callable[..., None]) -> None:
    change, words = UNFIT[fault]
    ready(lambda arrays: {})
    with pytest.raises(ValueError, match=f"up-date: .*{words}"):
        ready(change)


def test_a_start_is_where_a_field_begins(ready: Callable[..., None]) -> None:
    for start in (1, -1):
        with pytest.raises(ValueError, match=rf"'y' has blocks {start} to {31 + start}, rows lead to 0 to 31"):
            ready(lambda arrays: {}, {"y": start})


@pytest.mark.parametrize("names", [("s",), ("row",), ("x", "x"), ("2x",), ("x", "norm")], ids=str)
def test_names_that_code_cannot_have_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"named: '.*' is no name, or taken: rename it"):
        Kernel("named", UPDATE.body, tuple(Field(name, 1) for name in names), sums=("norm",))
