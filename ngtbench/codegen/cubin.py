"""What NVIDIA's compiler makes of a kernel, without a GPU: registers, spills, memory per thread."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ngtbench.codegen import cpp, gpu, process
from ngtbench.codegen.cache import folder
from ngtbench.errors import CompileError, Unavailable

ARCHITECTURES = ("sm_80", "sm_89", "sm_90")  # A100, L40S, H100
LIMIT_S = 300.0
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")


@dataclass(frozen=True)
class Function:
    """A function of its own that a kernel calls."""

    name: str  # as the linker knows it
    stack_b: int
    spill_stores_b: int
    spill_loads_b: int


@dataclass(frozen=True)
class Cubin:
    """A compiled kernel; bytes are per thread, but shared ones per block. `ptxas` names constants on some architectures only."""

    arch: str
    registers: int
    spill_stores_b: int
    spill_loads_b: int
    shared_b: int
    stack_b: int
    constant_b: int
    compile_s: float  # of the compilation itself, if it is from the cache
    functions: tuple[Function, ...] = ()

    @property
    def spill_b(self) -> int:
        """Bytes that are stored or loaded for want of registers, in the kernel and in what it calls."""
        called_b = sum(one.spill_stores_b + one.spill_loads_b for one in self.functions)
        return self.spill_stores_b + self.spill_loads_b + called_b


def compiler() -> str:
    """Return the path of nvcc: NVCC, or below CUDA_HOME or CUDA_PATH, or on PATH, or where CUDA installs itself.

    Raises Unavailable where there is none.
    """
    homes = [os.environ[name] for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    places = [os.environ.get("NVCC"), *(f"{home}/bin/nvcc" for home in homes), "nvcc", "/usr/local/cuda/bin/nvcc"]
    found = next((path for place in places if place and (path := shutil.which(place))), None)
    if found is None:
        raise Unavailable("no nvcc: what GPUs would run is not checked", "install the CUDA toolkit, or set NVCC or CUDA_HOME")
    return found


def report(source: str, name: str, arch: str) -> Cubin:
    """Compile the text of `gpu.source` for an architecture; say what the kernel `name` takes. Answers are kept in the cache.

    Raises Unavailable without nvcc, CompileError where it rejects the text.
    """
    command, key = _asked(source, arch)
    return _known(key) or _made(source, name, command, arch, {cpp.identifier(name): key})[cpp.identifier(name)]


def reports(source: str, name: str, kernels: Sequence[str], arch: str) -> dict[str, Cubin]:
    """Compile a text of several kernels, `name` for short, and say what each takes; else as `report`."""
    command, key = _asked(source, arch)
    keys = {kernel: f"{key}-{kernel}" for kernel in kernels}
    known = {kernel: found for kernel, one in keys.items() if (found := _known(one)) is not None}
    return known if len(known) == len(keys) else _made(source, name, command, arch, keys)


def _made(source: str, name: str, command: list[str], arch: str, keys: Mapping[str, str]) -> dict[str, Cubin]:
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "kernel.cu"
        text.write_text(source)
        began = time.perf_counter()
        ended = process.run([*command, str(text), "-o", f"{scratch}/kernel.cubin"], LIMIT_S, scratch)
        elapsed_s = time.perf_counter() - began
    if ended.code != 0:
        said = "\n".join(ended.output.splitlines()[:10]) or f"ended with code {ended.code}" + " at the time limit" * ended.late
        raise CompileError(f"{name}: {' '.join(command)} rejects the kernel:\n{said}")
    made = {kernel: replace(parsed(ended.output, kernel, arch), compile_s=elapsed_s) for kernel in keys}
    with suppress(OSError, Unavailable):
        for kernel, key in keys.items():
            _keep(_place() / f"{key}.json", made[kernel])
    return made


def kept(source: str, arch: str) -> Cubin | None:
    """Return what `report` said of this text before; None where it was not asked, or its answer is not kept.

    Raises Unavailable without nvcc.
    """
    return _known(_asked(source, arch)[1])


def parsed(output: str, name: str, arch: str) -> Cubin:
    """Read what `ptxas -v` says of a kernel and of the functions it calls.

    Raises ValueError where it says nothing of the kernel.
    """
    function, entry, frames, used = "", "", dict[str, tuple[int, ...]](), dict[str, str]()
    for line in output.splitlines():
        if entered := re.search(r"Compiling entry function '([^']+)'", line):
            entry = entered[1]
        if described := re.search(r"Function properties for '?([^\s']+)", line):
            function = described[1]
        if frame := _FRAME.search(line):
            frames[function] = tuple(map(int, frame.groups()))
        if _USED.search(line):
            used[entry] = line
    if name not in used or name not in frames:
        raise ValueError(f"ptxas says nothing of '{name}': {output[:1000]}")
    registers = _USED.search(used[name])
    assert registers is not None
    shared, constant = (re.search(rf"(\d+) bytes {what}", used[name]) for what in ("smem", r"cmem\[0\]"))
    stack_b, stores_b, loads_b = frames[name]
    return Cubin(
        arch,
        registers=int(registers[1]),
        spill_stores_b=stores_b,
        spill_loads_b=loads_b,
        shared_b=int(shared[1]) if shared else 0,
        stack_b=stack_b,
        constant_b=int(constant[1]) if constant else 0,
        compile_s=0.0,
        functions=tuple(Function(other, *numbers) for other, numbers in frames.items() if other not in used),
    )


@cache
def version(nvcc: str) -> str:
    """Return the last line of `nvcc --version`: the build."""
    lines = process.run([nvcc, "--version"], LIMIT_S).output.strip().splitlines()
    return lines[-1] if lines else "unknown"


def _asked(source: str, arch: str) -> tuple[list[str], str]:
    """Return the command without its files, and what tells its answer from others."""
    nvcc = compiler()
    command = [nvcc, "-cubin", f"-arch={arch}", "-Xptxas", "-v", *gpu.OPTIONS]
    return command, hashlib.sha256("\0".join([source, *command, version(nvcc)]).encode()).hexdigest()[:24]


def _known(key: str) -> Cubin | None:
    with suppress(OSError, Unavailable, ValueError, TypeError):
        return _read(json.loads((_place() / f"{key}.json").read_text()))
    return None


def _place() -> Path:
    place = folder() / "cubin"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _read(kept: dict[str, Any]) -> Cubin:
    return Cubin(**{**kept, "functions": tuple(Function(**one) for one in kept["functions"])})


def _keep(place: Path, made: Cubin) -> None:
    part = place.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
    part.write_text(json.dumps(asdict(made)))
    part.replace(place)
