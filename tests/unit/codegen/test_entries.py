"""What is listed: every kind that a tape can have, what entries do, and that a kind's text alone is its text in a tape's."""

import ctypes
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ngtbench.codegen import find, gpu, tape_cpp, tape_gpu
from ngtbench.codegen.entries import Entry
from ngtbench.codegen.tape import Kind, Segment, Step, Tape, finish_program
from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes import generate
from ngtbench.physics.processes import parse

TOPS = ("g g > t t~ g",)
LIGHT = ("g g > g g", "u u~ > t t~ g g", "u u~ > u u~ g")


@cache
def entries() -> dict[str, Entry]:
    return {entry.name: entry for entry in find.listing()}


@cache
def tapes() -> list[Tape]:
    found = [generate.tape(parse(process), width) for process in (*TOPS, *LIGHT) for width in (False, True)]
    return found + [generate.tape(parse(process), width, sampled=True) for process in TOPS for width in (False, True)]


def of_one(kind: Kind, tape: Tape) -> Tape:
    """Return a tape of one operation, with one term of each sort and nothing to contract."""
    record = kind.record(0, [0] * len(kind.extras), [[(0,) * len(term.lengths)] for term in kind.terms])
    step = Step((Segment(kind, (tuple(record),)),), 0)
    return Tape("one", (step,), 1, 1, 0, tape.rows, 1, tape.colour, tape.contraction, tape.scalars)


def test_every_kind_of_all_tapes_is_listed_and_no_other() -> None:
    used = {kind.name for tape in tapes() for kind in tape.kinds}
    assert used == {entry.name for entry in entries().values() if entry.per == "event"}
    assert {kind for tape in tapes() for kind in tape.kinds} == {kind for kind, _ in generate.KINDS}


def test_what_a_kernel_of_a_lattice_does() -> None:
    wilson = entries()["wilson"]
    assert (wilson.flop, wilson.moved_b("float32"), wilson.intensity("float32")) == (1320, 480, 2.75)


def test_what_a_kind_does_with_one_term_of_each_sort() -> None:
    momentum = entries()["momentum"]
    assert dict(momentum.operations()) == {"add": 4, "sub": 4, "load": 8}
    assert (momentum.flop, momentum.moved_b("float64"), momentum.intensity("float32")) == (8, 12 * 8, 8 / 48)
    assert entries()["inverse_quark_width"].moved_b("float64") == (4 * 4 + 2) * 8
    assert entries()["row_1_width"].moved_b("float64") == (4 + 2 + 2 * (4 + 8) + 2 * (8 + 8) + 8) * 8  # extras first
    tape = tapes()[1]
    for kind in tape.kinds:
        assert entries()[kind.name].flop == of_one(kind, tape).flop >= finish_program(kind, tape.scalars).flop


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_text_alone_is_that_of_a_tape(dtype: str) -> None:
    seen = set[str]()
    for tape in tapes():
        gpus, host = tape_gpu.source(tape, dtype), tape_cpp.source("run", tape.kinds, tape.scalars, dtype, 4, tape.width)
        for kind in tape.kinds:
            head, kernel, body = entries()[kind.name].text("cuda", dtype, gpu.LANES).partition('extern "C" __global__')
            assert kernel + body in gpus
            assert f" {kind.name}(" in body and "__global__" not in body
            assert all(line in gpus or "SIZE = " in line for line in head.splitlines())
            prologue, linkage, body = entries()[kind.name].text("cpp", dtype, 4).partition('extern "C"')
            assert linkage and host.startswith(prologue)
            assert f"static __attribute__((noinline)){body}" in host
            seen.add(kind.name)
    assert len(seen) == len(generate.KINDS)


def test_a_text_alone_computes(tool: Callable[[str, str], str], tmp_path: Path) -> None:
    words = [tool("g++", "install g++"), "-std=gnu++17", "-fPIC", "-shared", "-x", "c++", "-", "-o", str(tmp_path / "made.so")]
    subprocess.run(words, input=entries()["momentum"].text("cpp", "float64", 1), text=True, check=True)
    memory, record = (ctypes.c_double * 16)(*range(12)), (ctypes.c_int * 6)(12, 2, 1, 0, 4, 8)  # p0 + p4 - p8 to 12
    ctypes.CDLL(str(tmp_path / "made.so"))["momentum"](record, memory, (ctypes.c_double * 2)())
    assert memory[12:] == [-4, -3, -2, -1]


def test_lanes_of_events_are_powers_of_two_up_to_a_thread_block() -> None:
    for target in ("cpp", "cuda"):
        assert "W = 128" in entries()["gluon"].text(target, "float64", 128)
        for lanes in (3, 256):
            with pytest.raises(BadInput, match=f"^{lanes} lanes: events of a tape are taken in 1, 2, 4 ... 128"):
                entries()["gluon"].text(target, "float64", lanes)


def test_a_target_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"^gluon: no target 'numba': there are cpp, cuda$"):
        entries()["gluon"].text("numba", "float64", 1)
