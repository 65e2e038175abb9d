"""Tapes: blocks of two sorts of terms with extras and scalars, on NumPy arrays and compiled, against the same written out."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import compiler as host
from ngtbench.codegen import contract, pages, tape_cpp, tape_native, tape_numpy
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.tape import Kind, Segment, Step, Tape, Term, finish_program, term_program
from ngtbench.codegen.trace import signum, sqrt
from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array

ISAS = ("avx512", "avx2", "sse2", "scalar")
TOLERANCE = {("float64", False): 1e-13, ("float64", True): 3e-6, ("float32", False): 1e-5}
SCALARS = {"alpha": 0.75, "beta": -1.5}
INPUTS, WIDTH, GROUPS = 3, 16, (8, 4, 2, 1)
ROWS, AT = sum(GROUPS), 7  # amplitudes lie behind the inputs and two values of a block


def twice(sums: Reals, x: Reals, a: Reals, b: Reals, *, alpha: Any, **_: Any) -> Reals:
    return [sums[0] + alpha * a[0] * b[1], sums[1] - a[1] * x[0]]


def once(sums: Reals, x: Reals, a: Reals, *, beta: Any, **_: Any) -> Reals:
    return [sums[0], sums[1] + beta * a[0]]


def ended(sums: Reals, x: Reals, *, alpha: Any, **_: Any) -> Reals:
    return [sums[0] / (1 + x[0] * x[0]), sums[1] * signum(sums[0]), sqrt(1 + sums[0] * sums[0])]


BLOCK = Kind("block", (1,), 2, (Term("twice", (2, 2), twice), Term("once", (1,), once)), 3, ended)
COPY = Kind("copied", (1,), 0, (), 1, lambda sums, x, **_: [x[0] - 0.5])


def colour() -> list[list[Fraction]]:
    """Return a matrix that commuting swaps of GROUPS leave as it is."""
    random, starts = np.random.default_rng(1), np.cumsum((0, *GROUPS))
    raw, total = random.integers(-3, 4, (ROWS, ROWS)), np.zeros((ROWS, ROWS), int)
    for mask in range(8):
        place = [start + (k ^ (mask & (size - 1))) for start, size in zip(starts, GROUPS, strict=False) for k in range(size)]
        total += raw[np.ix_(place, place)]
    return [[Fraction(int(value), 5) for value in row] for row in total + total.T]


def made(columns: tuple[int, ...] = (WIDTH, 5)) -> Tape:
    """Return a tape of a step per number of columns; its amplitudes are the three results of the block, in turn."""
    steps, end = [], AT + (ROWS + 1) * WIDTH
    pairs: list[tuple[int, ...]] = [(0, 1), (1, 0)]
    for turn, count in enumerate(columns):
        block = tuple(
            BLOCK.record(end + 3 * k, [k % 3], [pairs[: 1 + (k + turn) % 2], [(k % 3,)] * (k % 3)]) for k in range(ROWS)
        )
        amplitudes = tuple(
            tuple(COPY.record(AT + row * WIDTH + c, [end + 3 * row + (c + turn) % 3], []))
            for row in range(ROWS)
            for c in range(count)
        )
        steps.append(Step((Segment(BLOCK, tuple(map(tuple, block))), Segment(COPY, amplitudes)), count))
    exact = colour()
    how = contract.contraction(exact, GROUPS)
    size = end + 3 * ROWS
    return Tape("sample", tuple(steps), INPUTS, size, AT, ROWS, WIDTH, np.array(exact, float), how, ("alpha", "beta"))


def inputs_of(events: int) -> Array:
    return np.random.default_rng(events).normal(size=(events, INPUTS))


def wanted(inputs: Array, columns: tuple[int, ...]) -> Array:
    """Return what the tape computes, written out."""
    alpha, beta = SCALARS["alpha"], SCALARS["beta"]
    dense, total = np.array(colour(), float), np.zeros(len(inputs))
    for e, (p, q, r) in enumerate(inputs):
        for turn, count in enumerate(columns):
            rows = np.empty((ROWS, count))
            for k in range(ROWS):
                x = (p, q, r)[k % 3]
                first, second = alpha * p * r, -q * x
                if (k + turn) % 2:
                    first, second = first + alpha * q * q, second - r * x
                second += (k % 3) * beta * x
                found = (first / (1 + x * x), second * (1 if first > 0 else -1), np.sqrt(1 + first * first))
                rows[k] = [found[(c + turn) % 3] - 0.5 for c in range(count)]
            total[e] += np.sum(rows * (dense @ rows))
    return total


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each tape's blocks once for all tests of this file, into a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def compiled(
    tape: Tape, inputs: Array, dtype: str, compiler: Compiler, mixed: bool = False, threads: int = 1, factor: float = 1
) -> Array:
    """Run a tape on blocks of which the last is filled up with NaN, twice, and return the results of the events."""
    on = tape_native.built(tape, dtype, compiler, mixed)
    blocks = -(-len(inputs) // on.lanes)
    there, out = pages.empty((blocks, tape.inputs, on.lanes), dtype), pages.empty((blocks, on.lanes), dtype)
    there.fill(np.nan)
    out.fill(-1)
    for e, event in enumerate(inputs):
        there[e // on.lanes, :, e % on.lanes] = event
    run = tape_native.bind(on, there, out, SCALARS, factor=factor, threads=threads)
    run()
    first = out.copy()
    run()
    assert np.array_equal(first, out, equal_nan=True)
    return out.reshape(-1)[: len(inputs)].copy()


COLUMNS = [(WIDTH,), (5, WIDTH, 1), (3,), (7, 2), (WIDTH, 11), (1,)]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_numpy_computes_what_is_written_out(columns: tuple[int, ...]) -> None:
    inputs = inputs_of(19)
    found = tape_numpy.run(made(columns), np.ascontiguousarray(inputs.T), SCALARS, factor=2.5)
    np.testing.assert_allclose(found, 2.5 * wanted(inputs, columns), rtol=1e-12)


def test_numpy_keeps_the_precision_of_its_inputs() -> None:
    inputs = inputs_of(5)
    found = tape_numpy.run(made(), np.ascontiguousarray(inputs.T, dtype=np.float32), SCALARS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted(inputs, (WIDTH, 5)), rtol=1e-4)


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
@pytest.mark.parametrize(("dtype", "mixed"), TOLERANCE)
def test_compiled_computes_what_is_written_out(dtype: str, mixed: bool, columns: tuple[int, ...], compiler: Compiler) -> None:
    inputs = inputs_of(19)
    want = 2.5 * wanted(inputs, columns)
    found = compiled(made(columns), inputs, dtype, compiler, mixed, factor=2.5)
    assert np.abs(found - want).max() <= TOLERANCE[dtype, mixed] * np.abs(want).max()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("dtype", "mixed"), TOLERANCE)
def test_registers_of_every_width(dtype: str, mixed: bool, isa: str, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    try:
        narrowed = host.find()
    except Unavailable as error:
        pytest.skip(str(error))
    inputs = inputs_of(35)
    want = wanted(inputs, (WIDTH, 5))
    found = compiled(made(), inputs, dtype, narrowed, mixed)
    assert np.abs(found - want).max() <= TOLERANCE[dtype, mixed] * np.abs(want).max()


@pytest.mark.parametrize("events", [1, 7, 8, 9, 40])
def test_threads_change_no_bit(events: int, compiler: Compiler) -> None:
    inputs = inputs_of(events)
    one = compiled(made(), inputs, "float64", compiler)
    for threads in (2, 3, 64):
        assert np.array_equal(one, compiled(made(), inputs, "float64", compiler, threads=threads))


def test_mixed_differs_from_double_and_from_single(compiler: Compiler) -> None:
    inputs = inputs_of(8)
    double, mixed = (compiled(made((7,)), inputs, "float64", compiler, single) for single in (False, True))
    assert np.abs(mixed / double - 1).max() > 0
    assert mixed.dtype == np.float64
    assert np.array_equal(mixed, mixed.astype(np.float32)), "the sum of a step is one of single precision"


def test_blocks_are_compiled_once_for_all_tapes_of_the_same_kinds(compiler: Compiler) -> None:
    first, second = (tape_native.built(made(columns), "float64", compiler).built for columns in ((3,), (2, 1)))
    assert first.path == second.path
    wide = dataclasses.replace(made(), width=WIDTH + 1)
    assert tape_native.built(wide, "float64", compiler).built.path != first.path


def test_what_does_not_fit_is_refused(compiler: Compiler) -> None:
    on = tape_native.built(made(), "float64", compiler)
    inputs, out = pages.empty((3, INPUTS, on.lanes), "float64"), pages.empty((3, on.lanes), "float64")
    tape_native.bind(on, inputs, out, SCALARS)
    with pytest.raises(ValueError, match="sample: inputs is"):
        tape_native.bind(on, pages.empty((3, INPUTS + 1, on.lanes), "float64"), out, SCALARS)
    with pytest.raises(ValueError, match="sample: out is float32"):
        tape_native.bind(on, inputs, pages.empty((3, on.lanes), "float32"), SCALARS)
    with pytest.raises(ValueError, match="sample: out is"):
        tape_native.bind(on, inputs, out[:2], SCALARS)
    with pytest.raises(ValueError, match="contiguous"):
        tape_native.bind(on, inputs, pages.empty((on.lanes, 3), "float64").T, SCALARS)
    askew = pages.empty((3 * on.lanes + 1,), "float64")[1:].reshape(3, on.lanes)
    with pytest.raises(ValueError, match="out is not aligned to a register"):
        tape_native.bind(on, inputs, askew, SCALARS)
    with pytest.raises(KeyError):
        tape_native.bind(on, inputs, out, {"alpha": 1.0})


def test_a_tape_as_whole_numbers() -> None:
    tape = made((2,))
    words = list(tape.encoded())
    assert tape.kinds == (BLOCK, COPY)
    assert words[:2] == [0, ROWS]
    assert tuple(words[2 : 2 + len(tape.steps[0].segments[0].records[0])]) == tape.steps[0].segments[0].records[0]
    assert words[-3:] == [-1, 2, -2]
    length = sum(2 + sum(map(len, segment.records)) for segment in tape.steps[0].segments)
    assert len(words) == length + 3
    assert BLOCK.record(9, [4], [[(1, 2)], [(3,), (5,)]]) == [9, 4, 1, 2, 1, 2, 3, 5]
    assert BLOCK.head == 4


def test_operations_are_counted() -> None:
    assert [term_program(BLOCK, term, ("alpha", "beta")).flop for term in BLOCK.terms] == [5, 2]
    assert finish_program(BLOCK, ("alpha", "beta")).flop == 7, "a sign costs nothing"
    one = made((3,))
    blocks = sum(5 * (1 + k % 2) + 2 * (k % 3) + 7 for k in range(ROWS)) + 3 * ROWS
    assert one.flop == blocks + 3 * one.contraction.flop


def test_a_body_that_returns_another_number_than_declared_is_refused() -> None:
    kind = Kind("short", (), 2, (), 2, lambda sums, **_: [sums[0]])
    with pytest.raises(ValueError, match="short: a body returns 1 numbers, declared 2"):
        finish_program(kind, ())


def test_every_kind_is_a_function_of_its_own() -> None:
    text = tape_cpp.source("run", made().kinds, ("alpha", "beta"), "float64", 8, WIDTH)
    assert text.count("noinline)) const int *block(") == text.count("noinline)) const int *copied(") == 1
    assert "summed<8>(f" in text
    assert "summed<8>(f" not in tape_cpp.source("run", made().kinds, ("alpha", "beta"), "float64", 4, WIDTH)
