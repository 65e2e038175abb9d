"""Kernels of tapes through NVIDIA's and AMD's compilers: none spills, and registers leave room for many warps.

After a change that is meant to alter registers: `python -m tests.unit.codegen.test_tape_cubin` writes the table anew.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ngtbench.codegen import amdgcn, cubin, gpu, tape_gpu, tape_launch
from ngtbench.codegen.cubin import Cubin
from ngtbench.codegen.tape import Tape
from ngtbench.errors import CompileError, Unavailable
from tests.unit.codegen.test_tape_gpu import TOLERANCE, made

TABLE = Path(__file__).parents[2] / "golden" / "tape_cubin.json"
MOST_REGISTERS = {"float64": 128, "float32": 64}  # at which 4 and 8 thread blocks fit a multiprocessor
REPORTED = ("g g > t t~ g g", "g g > t t~ g g g", "u u~ > t t~ u u~", "g g > g g g g")
Registers = dict[str, dict[str, dict[str, int]]]  # kernel, dtype, architecture


@cache
def every() -> Tape:
    """Return a tape of all kinds that the reported processes use, of top quarks with a width and without."""
    tapes = [made(process, width) for process in REPORTED for width in (False, True)]
    largest = max(tapes, key=lambda tape: tape.size)
    assert {size for tape in tapes for size in tape.contraction.groups} - {1} <= set(largest.contraction.groups)
    return dataclasses.replace(largest, steps=tuple(step for tape in tapes for step in tape.steps))


@cache
def reports() -> dict[tuple[str, str, str], Cubin]:
    tape, names = every(), tape_launch.kernels(every())
    return {
        (name, dtype, arch): report
        for dtype in TOLERANCE
        for arch in cubin.ARCHITECTURES
        for name, report in cubin.reports(tape_gpu.source(tape, dtype), "tape", names, arch).items()
    }


def faults(made: dict[tuple[str, str, str], Cubin], table: Registers) -> list[str]:
    """Return what is wrong: kernels not in the table, or that spill, use local memory or take too many registers."""
    wrong = []
    for (name, dtype, arch), report in made.items():
        if arch not in table.get(name, {}).get(dtype, {}):
            wrong.append(f"{name} {dtype} {arch} is not in {TABLE.name}: python -m tests.unit.codegen.test_tape_cubin")
        if report.spill_b or report.stack_b or report.registers > MOST_REGISTERS[dtype]:
            wrong.append(
                f"{name} {dtype} {arch}: {report.registers} registers, {report.spill_b} B spilled, {report.stack_b} B stack"
            )
    return wrong


def test_no_kernel_spills(tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    assert faults(reports(), json.loads(TABLE.read_text())["registers"]) == []
    known = {(name, dtype, arch) for name, dtype, arch in reports()}
    table: Registers = json.loads(TABLE.read_text())["registers"]
    assert {(name, dtype, arch) for name in table for dtype in table[name] for arch in table[name][dtype]} == known


def test_a_spill_too_many_registers_and_an_unknown_kernel_are_seen() -> None:
    table: Registers = {"k": {"float32": {"sm_80": 64}}}
    good = Cubin("sm_80", 64, 0, 0, 0, 0, 0, 0.0)
    assert faults({("k", "float32", "sm_80"): good}, table) == []
    assert "is not in tape_cubin.json" in faults({("k", "float32", "sm_90"): good}, table)[0]
    for field in ("registers", "spill_loads_b", "spill_stores_b", "stack_b"):
        worse: Any = {field: 65}
        assert len(faults({("k", "float32", "sm_80"): dataclasses.replace(good, **worse)}, table)) == 1


def test_reports_of_several_kernels_are_kept(home: Path, tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    tape = made("g g > t t~")
    text, names = tape_gpu.source(tape, "float32"), tape_launch.kernels(tape)
    first = cubin.reports(text, "tape", names, "sm_80")
    assert set(first) == set(names)
    assert len({report.registers for report in first.values()}) > 3
    assert cubin.reports(text, "tape", names, "sm_80") == first  # compile_s too: from the cache
    with pytest.raises(CompileError, match=r"tape: .*rejects"):
        cubin.reports("this is no kernel", "tape", names, "sm_80")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_text_is_hip(dtype: str) -> None:
    reasons = []
    for arch in reversed(amdgcn.ARCHITECTURES):
        try:
            made = amdgcn.reports(tape_gpu.source(every(), dtype, 64), "tape", arch)
        except Unavailable as error:
            reasons.append(str(error))
        else:
            assert set(made) == set(tape_launch.kernels(every()))
            for name, code in made.items():
                assert 0 < code.vgprs <= 128, name
                assert code.spilled_vgprs == code.spilled_sgprs == code.scratch_b == 0, name
            return
    pytest.skip(reasons[0])


def test_the_text_includes_nothing() -> None:
    text = tape_gpu.source(every(), "float32")
    assert "#include" not in text
    assert "fetched" not in text, "a function that nothing calls"
    assert text.count("__launch_bounds__(128)") == len(tape_launch.kernels(every()))
    assert re.findall(r"W = (\d+),", text) == [str(gpu.LANES)]


if __name__ == "__main__":
    golden: Registers = {}
    for (name, dtype, arch), report in reports().items():
        golden.setdefault(name, {}).setdefault(dtype, {})[arch] = report.registers
    toolchain = cubin.version(cubin.compiler())
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in sorted(golden.items()))
    TABLE.write_text(f'{{"nvcc": {json.dumps(toolchain)}, "registers": {{\n{lines}\n}}}}\n')
