"""Tapes as kernels for GPUs: their text, run thread by thread on the host, computes what NumPy does; no GPU is used."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import tape_emulate, tape_gpu, tape_launch, tape_numpy
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.tape import Tape
from ngtbench.kernels.amplitudes import generate
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space
from ngtbench.physics.processes import parse

SCALARS = {"mass": 173.0, "mass_width": 250.0}
TOLERANCE = {"float64": 1e-13, "float32": 3e-5}


@cache
def made(process: str, width: bool = False, columns: int = tape_launch.COLUMNS) -> Tape:
    return generate.tape(parse(process), width, columns=columns)


@cache
def points(process: str, tiles: int, lanes: int) -> tuple[Array, Array]:
    """Return momenta as kernels read them, and as `tape_numpy` does."""
    found = parse(process)
    momenta, _ = phase_space.momenta(found.masses(173.0)[2:], 1500.0, tiles * lanes, 5)
    flat = momenta.reshape(tiles * lanes, -1)
    return np.ascontiguousarray(flat.reshape(tiles, lanes, -1).transpose(0, 2, 1)), np.ascontiguousarray(flat.T)


def error(process: str, tape: Tape, compiler: Compiler, *, tiles: int = 3, lanes: int = 2, **how: Any) -> float:
    """Return the largest relative difference between the text and NumPy."""
    blocks, flat = points(process, tiles, lanes)
    with np.errstate(all="ignore"):
        got = tape_emulate.run(tape, compiler, blocks, SCALARS, **how)
        found = np.abs(got.reshape(-1) / tape_numpy.run(tape, flat, SCALARS) - 1)
    return float(np.nan_to_num(found, nan=np.inf).max())


PROCESSES = [
    ("g g > t t~", True, 64),
    ("g g > t t~ g g", False, 64),  # transformed rows, blocks that are filled up
    ("g g > t t~ g g", True, 16),  # several steps
    ("u u~ > t t~ u u~", False, 8),  # steps of unequal columns, dense colour
    ("u u~ > t t~ u u~", True, 64),
    ("g g > g g g", False, 64),
    ("g u > t t~ u", False, 64),
]


@pytest.mark.parametrize(("process", "width", "columns"), PROCESSES)
def test_the_text_computes_matrix_elements(process: str, width: bool, columns: int, compiler: Compiler) -> None:
    assert error(process, made(process, width, columns), compiler) < TOLERANCE["float64"]


@pytest.mark.parametrize("process", ["g g > t t~ g", "u u~ > t t~ u u~"])
def test_single_precision(process: str, compiler: Compiler) -> None:
    blocks, flat = points(process, 3, 2)
    got = tape_emulate.run(made(process), compiler, blocks.astype(np.float32), SCALARS)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.reshape(-1), tape_numpy.run(made(process), flat, SCALARS), rtol=TOLERANCE["float32"])


def test_colour_in_single_precision(compiler: Compiler) -> None:
    found = error("g g > t t~ g", made("g g > t t~ g"), compiler, mixed=True)
    assert TOLERANCE["float64"] < found < 1e-6


def test_a_factor(compiler: Compiler) -> None:
    tape, (blocks, _) = made("g g > t t~"), points("g g > t t~", 3, 2)
    whole = tape_emulate.run(tape, compiler, blocks, SCALARS)
    assert np.array_equal(tape_emulate.run(tape, compiler, blocks, SCALARS, factor=0.25), 0.25 * whole)


@pytest.mark.parametrize("process", ["g g > t t~ g g", "u u~ > t t~ u u~"])
def test_neither_the_order_of_threads_nor_batches_matter(process: str, compiler: Compiler) -> None:
    tape, (blocks, _) = made(process, columns=16), points(process, 5, 2)
    forward = tape_emulate.run(tape, compiler, blocks, SCALARS, most=2)
    assert np.array_equal(forward, tape_emulate.run(tape, compiler, blocks, SCALARS, most=2, backwards=True))
    assert np.array_equal(forward, tape_emulate.run(tape, compiler, blocks, SCALARS, most=7))


@pytest.mark.parametrize("lanes", [1, 32, 64, 128])
def test_lanes(lanes: int, compiler: Compiler) -> None:
    assert error("g g > t t~", made("g g > t t~"), compiler, lanes=lanes) < TOLERANCE["float64"]


def test_states_that_are_inputs(compiler: Compiler) -> None:
    process = "g g > t t~ g"
    tape = generate.tape(parse(process), False, sampled=True)
    blocks, flat = points(process, 2, 2)
    states = np.arange(20).reshape(5, 4) // 3 % 2
    inside = np.concatenate([blocks, states.reshape(5, 2, 2).transpose(1, 0, 2)], axis=1)
    got = tape_emulate.run(tape, compiler, np.ascontiguousarray(inside), SCALARS)
    np.testing.assert_allclose(got.reshape(-1), tape_numpy.run(tape, np.concatenate([flat, states]), SCALARS), rtol=1e-13)


FAULTS = {
    "a sign": (r"(const V t\d+ = t\d+) \+ ", r"\1 - "),
    "another component": (r"a0\[3 \* W\]", "a0[2 * W]"),
    "another operand": (r"b0 = m \+ q\[1\]", "b0 = m + q[0]"),
    "an operand less": (r"--i, q \+= 2", "--i, q += 1"),
    "a term less": (r"> 0; --i", "> 1; --i"),
    "a sum that is not kept": (r"  s0 = n0;\n", ""),
    "results elsewhere": (r"into\[1 \* W\]", "into[2 * W]"),
    "one warp for all records": (r"task = unit % tasks", "task = 0"),
    "tiles mixed up": (r"tile = unit / tasks", "tile = unit % tiles"),
    "a thread less": (r"\(tile >= tiles\)", "(tile + 1 >= tiles)"),
    "lanes left out": (r"lane = threadIdx\.x % W", "lane = threadIdx.x % (W / 2)"),
    "memory of tiles overlaps": (r"\(SIZE \* W\)", "((SIZE - 1) * W)"),
    "what was summed is not cleared": (r"PARTIAL \+ task - INPUTS", "task"),
    "a difference": (r"= y - z", "= z - y"),
    "rows of another group": (r"\[4 \* WIDTH \* W\];", "[4 * W];"),
    "one column for all": (r"b\[k \* W\]\) \* s", "b[0]) * s"),
    "an element of C": (r"row\.c\[r\]", "row.c[0]"),
    "another chunk": (r"task % CHUNKS", "task / 2 % CHUNKS"),
    "other columns": (r"task / CHUNKS \* \(K \* W\)", "0"),
    "sums of the last step only": (r"\* W\] \+= T\(total\)", "* W] = T(total)"),
    "a sum less": (r"k < PARTS", "k < PARTS - 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_text_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch, compiler: Compiler) -> None:
    write = tape_gpu.source

    def broken(*arguments: Any) -> str:
        text, count = re.subn(*FAULTS[fault], write(*arguments))
        assert count
        return text

    monkeypatch.setattr(tape_gpu, "source", broken)
    assert error("g g > t t~ g g", made("g g > t t~ g g", columns=16), compiler, lanes=4) > 1e-6
