"""The public operators: the same on compiled kernels, in array operations and by definition, and never missing."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.codegen import compiler, engine
from ngtbench.errors import CompileError, Unavailable
from ngtbench.kernels.lattice import apply, staggered, wilson
from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import _wilson, staggered_dslash

TWISTED = (1j, -1, np.exp(0.7j), -1)
SHAPES: tuple[lattice.Shape, ...] = ((4, 4, 4, 4), (3, 5, 2, 4), (1, 1, 1, 1))
TOLERANCE = {"complex128": 1e-12, "complex64": 3e-6}


def oracle_wilson(links: Array, psi: Array, boundary: Any) -> Array:
    return np.asarray(_wilson.hopping(_wilson.phased(links, boundary), psi))


def oracle_staggered(links: Array, chi: Array, boundary: Any) -> Array:
    return np.asarray(staggered_dslash.hopping(_wilson.phased(links, boundary), chi, np.arange(chi.shape[0])))


Operator = Callable[..., Array]
OPERATORS: dict[str, tuple[Operator, Operator, Operator, Callable[..., Array], Any, str]] = {
    "wilson": (apply.wilson_dslash, wilson.hopping_numpy, oracle_wilson, lattice.random_spinor, wilson, "hopping_numpy"),
    "staggered": (
        apply.staggered_dslash,
        staggered.staggered_numpy,
        oracle_staggered,
        lattice.random_field,
        staggered,
        "staggered_numpy",
    ),
}


def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing but the host's compiler."""
    try:
        compiler.find()
    except Unavailable as error:
        pytest.skip(str(error))
    monkeypatch.setattr(apply, "available", lambda: ("native",))


def forbidden(*arguments: Any) -> Array:
    raise AssertionError("array operations were not asked for")


def close(got: Array, want: Array, dtype: str) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= TOLERANCE[dtype] * np.sqrt(np.mean(np.abs(want) ** 2))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", OPERATORS)
def test_compiled_is_numpy_is_the_oracle(name: str, shape: lattice.Shape, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public, plain, oracle, random, module, function = OPERATORS[name]
    compiled(monkeypatch)
    links, field = lattice.random_links(shape, 1).astype(dtype), random(shape, 1).astype(dtype)
    for boundary in ((1, 1, 1, -1), (1, 1, 1, 1), TWISTED):
        want, arrays = oracle(links.astype(complex), field.astype(complex), boundary), plain(links, field, boundary)
        with monkeypatch.context() as patch:
            patch.setattr(module, function, forbidden)
            got = public(links, field, boundary=boundary)
        assert got.dtype == dtype
        assert got.flags.c_contiguous
        close(got, want, dtype)
        close(arrays, want, dtype)


@pytest.mark.parametrize("name", OPERATORS)
def test_arrays_of_any_stride_are_taken_and_not_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public, _, _, random, _, _ = OPERATORS[name]
    compiled(monkeypatch)
    links, field = lattice.random_links((2, 2, 4, 4), 1), random((2, 2, 4, 4), 1)
    want = public(links, field)
    strided = np.zeros((*field.shape, 2), dtype=complex)[..., 0]
    strided[...] = field
    turned = np.asfortranarray(links)
    for array in (strided, turned):
        array.flags.writeable = False
    assert np.array_equal(public(turned, strided), want)
    assert np.array_equal(strided, field)
    want[...] = 0
    assert public(links, field).any(), "two results share memory"


@pytest.mark.parametrize("name", OPERATORS)
def test_without_compiler_and_numba_arrays_do_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public, plain, _, random, _, _ = OPERATORS[name]
    links, field = lattice.random_links((3, 2, 4, 1), 1), random((3, 2, 4, 1), 1)
    monkeypatch.setenv("NGTBENCH_CXX", "no-such-compiler")
    missing = backends.missing
    monkeypatch.setattr(backends, "missing", lambda backend: "numba" if backend == "numba" else missing(backend))
    assert engine.available() == ("native",)
    for boundary in ((1, 1, 1, -1), TWISTED):
        got = public(links, field, boundary=boundary)
        assert np.array_equal(got, plain(links, field, boundary))
    assert np.array_equal(public(links, field), public(links, field, boundary=(1, 1, 1, -1)))


def test_back_ends_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def engine(backend: str, dtype: str, threads: int) -> Any:
        asked.append(f"{backend} {dtype} {threads}")
        raise Unavailable("nothing here")

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(apply, "engine", engine)
    monkeypatch.setattr(backends, "missing", lambda backend: None)
    links, psi = lattice.random_links((2, 2, 2, 2), 1), lattice.random_spinor((2, 2, 2, 2), 1)
    assert np.array_equal(apply.wilson_dslash(links, psi), wilson.hopping_numpy(links, psi, (1, 1, 1, -1)))
    assert asked == ["native float64 3", "numba float64 3"]


def test_a_kernel_that_does_not_compile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(backend: str, dtype: str, threads: int) -> Any:
        raise CompileError("wilson does not compile")

    monkeypatch.setattr(apply, "engine", engine)
    monkeypatch.setattr(backends, "missing", lambda backend: None)
    with pytest.raises(CompileError):
        apply.wilson_dslash(lattice.random_links((2, 2, 2, 2), 1), lattice.random_spinor((2, 2, 2, 2), 1))


@pytest.mark.parametrize(
    ("said", "count"), [("3", 3), ("5,2", 5), ("", None), ("0", None), ("-1", None), ("many", None), (None, None)]
)
def test_threads_are_as_asked_or_one_per_processor(said: str | None, count: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if said is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert engine.threads() == (count or len(os.sched_getaffinity(0)))
