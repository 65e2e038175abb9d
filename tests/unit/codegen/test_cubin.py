"""Every kernel through NVIDIA's and AMD's compilers: what a GPU would run compiles, and does not begin to spill.

After a change that is meant to alter registers: `python -m tests.unit.codegen.test_cubin` writes the table anew.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from ngtbench.codegen import amdgcn, cubin, find, gpu
from ngtbench.codegen.cubin import Cubin, Function
from ngtbench.codegen.grid import grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.errors import CompileError, Unavailable
from tests.unit.codegen.samples import LARGE, UPDATE

TABLE = Path(__file__).parents[2] / "golden" / "cubin.json"
DTYPES = ("float32", "float64")
Golden = dict[str, dict[str, dict[str, dict[str, int]]]]  # kernel, dtype, architecture
SAID = """\
ptxas info    : 192 bytes gmem, 48 bytes cmem[4]
ptxas info    : Compiling entry function 'large' for 'sm_80'
ptxas info    : Function properties for large
    144 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 72 registers, used 0 barriers, 144 bytes cumulative stack size, 64 bytes smem, 416 bytes cmem[0]
ptxas info    : Compile time = 29.775 ms
ptxas info    : Function properties for _Z5mixedPKfPf
    16 bytes stack frame, 4 bytes spill stores, 2 bytes spill loads
"""


def written(kernel: Kernel, dtype: str) -> str:
    """Return the text for a lattice that is cut along three axes or more."""
    on = grid((8, 8, 8, 8), gpu.LANES)
    return gpu.source(kernel, dtype, gpu.LANES, {hop: on.permuted(hop) for hop in kernel.hops})


@cache
def reports() -> dict[tuple[str, str, str], Cubin]:
    """Compile every kernel for every architecture, two at a time."""
    kernels = [kernel for found in find.kernels().values() for kernel in found]
    asked = list(product(kernels, DTYPES, cubin.ARCHITECTURES))
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda one: cubin.report(written(one[0], one[1]), one[0].name, one[2]), asked)
        return {(kernel.name, dtype, arch): report for (kernel, dtype, arch), report in zip(asked, made, strict=True)}


def spilling(made: dict[tuple[str, str, str], Cubin], table: Golden) -> list[str]:
    """Return what is wrong: kernels that are not in the table, and those that spill though they did not."""
    wrong = []
    for (name, dtype, arch), report in made.items():
        known = table.get(name, {}).get(dtype, {}).get(arch)
        if known is None:
            wrong.append(f"{name} {dtype} {arch} is not in {TABLE.name}: python -m tests.unit.codegen.test_cubin")
        elif report.spill_b > 0 == known["spill_b"]:
            wrong.append(f"{name} {dtype} {arch} spills {report.spill_b} B, {report.registers} registers")
    return wrong


def row(report: Cubin) -> dict[str, int]:
    return {"registers": report.registers, "spill_b": report.spill_b, "shared_b": report.shared_b}


def test_no_kernel_begins_to_spill() -> None:
    try:
        cubin.compiler()
    except Unavailable as error:
        pytest.skip(str(error))
    assert spilling(reports(), json.loads(TABLE.read_text())["kernels"]) == []


def test_a_spill_and_an_unknown_kernel_are_seen() -> None:
    quiet, loud = Cubin("sm_80", 64, 0, 0, 0, 0, 0, 0.0), Cubin("sm_80", 255, 0, 0, 0, 0, 0, 0.0, (Function("f", 8, 8, 4),))
    table: Golden = {"k": {"float32": {"sm_80": row(quiet)}}, "always": {"float32": {"sm_80": row(loud)}}}
    assert spilling({("k", "float32", "sm_80"): quiet, ("always", "float32", "sm_80"): loud}, table) == []
    assert spilling({("k", "float32", "sm_80"): loud}, table) == ["k float32 sm_80 spills 12 B, 255 registers"]
    assert "is not in cubin.json" in spilling({("new", "float32", "sm_80"): quiet}, table)[0]


def test_ptxas_is_read_with_the_functions_a_kernel_calls() -> None:
    read = cubin.parsed(SAID, "large", "sm_80")
    assert read == Cubin("sm_80", 72, 8, 12, 64, 144, 416, 0.0, (Function("_Z5mixedPKfPf", 16, 4, 2),))
    assert read.spill_b == 26
    with pytest.raises(ValueError, match="says nothing of 'other'"):
        cubin.parsed(SAID, "other", "sm_80")


def test_building_blocks_are_reported_and_kept(home: Path) -> None:
    try:
        nvcc = cubin.compiler()
    except Unavailable as error:
        pytest.skip(str(error))
    made = cubin.report(written(LARGE, "float32"), LARGE.name, "sm_80")
    assert len(made.functions) == 1
    assert "mixed_12_12" in made.functions[0].name
    assert made.compile_s > 0
    assert cubin.report(written(LARGE, "float32"), LARGE.name, "sm_80") == made  # its compile_s too: from the cache
    with pytest.raises(CompileError, match=r"large: .*nvcc -cubin -arch=sm_80(.|\n)*error"):
        cubin.report("this is no kernel", "large", "sm_80")
    assert "release" in cubin.version(nvcc) or "Build" in cubin.version(nvcc)


def test_a_missing_nvcc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda place: None)
    with pytest.raises(Unavailable, match=r"no nvcc.*install the CUDA toolkit"):
        cubin.compiler()


def test_nvcc_is_found_below_cuda_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nvcc").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "nvcc").chmod(0o755)
    monkeypatch.delenv("NVCC", raising=False)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert cubin.compiler() == f"{tmp_path}/bin/nvcc"


@pytest.mark.parametrize("kernel", (UPDATE, LARGE), ids=lambda kernel: kernel.name)
def test_the_text_is_hip(kernel: Kernel) -> None:
    reasons = []
    for arch in reversed(amdgcn.ARCHITECTURES):
        try:
            made = amdgcn.report(written(kernel, "float64"), kernel.name, arch)
        except Unavailable as error:
            reasons.append(str(error))
        else:
            assert made.vgprs > 0
            assert made.spilled_vgprs == 0
            with pytest.raises(CompileError, match="rejects the kernel"):
                amdgcn.report("this is no kernel", kernel.name, arch)
            return
    pytest.skip(reasons[0])


if __name__ == "__main__":
    golden: Golden = {}
    for (name, dtype, arch), report in reports().items():
        golden.setdefault(name, {}).setdefault(dtype, {})[arch] = row(report)
    toolchain = cubin.version(cubin.compiler())
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in sorted(golden.items()))
    TABLE.write_text(f'{{"nvcc": {json.dumps(toolchain)}, "kernels": {{\n{lines}\n}}}}\n')
