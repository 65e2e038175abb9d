"""What the compilers of this machine make of kernels: from what is kept, or compiled now, for an even-odd lattice of 8^4."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ngtbench.codegen import cache, compiler, cpp, cubin, gpu, native
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.cubin import ARCHITECTURES, Cubin
from ngtbench.codegen.grid import Grid, grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.codegen.program import Program
from ngtbench.errors import BadInput, CompileError, Unavailable

HOST = "host"
LANES = 256  # of this lattice, at most
_SHAPE = (8, 8, 8, 8)
_REGISTER_B = 64  # where there is no compiler to ask
_HEAD = 200  # characters of a kept source, of which the first line that is not for OpenMP tells its precision


@dataclass(frozen=True)
class Library:
    """A kernel compiled for this processor; `said` is why it does not lie where compiled kernels are kept."""

    compile_s: float
    isa: str
    compiler: str
    command: str
    said: str = ""


@dataclass(frozen=True)
class Toolchains:
    """The host's C++ compiler, the path of nvcc, and why one is not there."""

    host: Compiler | None = None
    nvcc: str | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


Made = Library | Cubin
Place = tuple[str, str]  # a kernel's name, and HOST or an architecture


def toolchains() -> Toolchains:
    """Look for compilers. Raises BadInput where a variable that names one, or its registers, is wrong."""
    absent, host, nvcc = dict[str, str](), None, None
    try:
        host = compiler.find()
    except Unavailable as error:
        absent[HOST] = str(error)
    try:
        nvcc = cubin.compiler()
    except Unavailable as error:
        absent["nvcc"] = str(error)
    return Toolchains(host, nvcc, absent)


def kept(kernels: Sequence[Kernel], dtype: str, tools: Toolchains) -> dict[Place, Made]:
    """Return what is known without compiling: of libraries for these registers the newest of each name, for whatever lattice."""
    names, found = {kernel.name for kernel in kernels}, dict[Place, Made]()
    with contextlib.suppress(OSError):  # no folder at all can be written: nothing is kept
        for entry in cache.listing():
            place = entry.name, HOST
            ours = tools.host is None or entry.isa == tools.host.isa
            if entry.name in names and place not in found and ours and _precision(entry) == dtype:
                found[place] = _library(entry)
    if tools.nvcc is not None:
        asked = {(kernel.name, arch): cubin.kept(device(kernel, dtype), arch) for kernel in kernels for arch in ARCHITECTURES}
        found |= {place: report for place, report in asked.items() if report is not None}
    return found


def compiled(
    kernels: Sequence[Kernel], dtype: str, tools: Toolchains
) -> Generator[tuple[Place, Made | CompileError | Unavailable]]:
    """Compile for every compiler found, as many at a time as there are processors; yield what each made, as it comes."""
    tasks: dict[Place, Callable[[], Made]] = {}
    for kernel in kernels:
        if tools.host is not None:
            tasks[kernel.name, HOST] = partial(_built, kernel, dtype, tools.host)
        if tools.nvcc is not None:
            text = device(kernel, dtype)
            tasks |= {(kernel.name, arch): partial(cubin.report, text, kernel.name, arch) for arch in ARCHITECTURES}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting = {pool.submit(task): place for place, task in tasks.items()}
        try:
            for done in as_completed(waiting):
                try:
                    yield waiting[done], done.result()
                except (CompileError, Unavailable) as error:
                    yield waiting[done], error
        finally:
            pool.shutdown(cancel_futures=True)


def host(kernel: Kernel, dtype: str, lanes: int) -> str:
    """Return the text for a C++ compiler. Raises BadInput for lanes that do not fit."""
    return cpp.source(kernel, dtype, lanes, _permuted(kernel, _cut(lanes)))


def device(kernel: Kernel, dtype: str, lanes: int = gpu.LANES) -> str:
    """Return the text for nvcc, NVRTC, hipcc and HIPRTC. Raises BadInput for lanes that do not fit."""
    return gpu.source(kernel, dtype, lanes, _permuted(kernel, _cut(lanes)))


def register(dtype: str, tools: Toolchains) -> int:
    """Return how many numbers one register of the host holds; of 64 bytes, where no compiler tells."""
    return native.lanes(tools.host, dtype) if tools.host else _REGISTER_B // int(np.dtype(dtype).itemsize)


def counts(program: Program) -> Counter[str]:
    """Count the lines that outputs need, by what they do, in building blocks once per call; constants are no lines."""
    total = Counter[str]()
    for number in program.live():
        op = program.ops[number]
        if op.kind == "call":
            total += counts(op.what.program)
        elif op.kind not in ("arg", "const", "part", "scalar"):
            total[op.kind] += 1
    return total


def _cut(lanes: int) -> Grid:
    cut = grid(_SHAPE, lanes, parity=True)
    if cut.lanes != lanes:
        raise BadInput(f"{lanes} lanes: an even-odd lattice of {'x'.join(map(str, _SHAPE))} has 1, 2, 4 ... {LANES}")
    return cut


def _permuted(kernel: Kernel, cut: Grid) -> dict[tuple[int, int], tuple[int, ...]]:
    return {hop: cut.permuted(hop) for hop in kernel.hops}


def _built(kernel: Kernel, dtype: str, by: Compiler) -> Library:
    made = native.built(kernel, dtype, _cut(native.lanes(by, dtype)), by).built
    before = next((entry for entry in cache.listing() if entry.path == made.path), None)
    if before is not None:
        return _library(before, made.said)
    return Library(made.compile_s, by.isa, by.version, made.command, made.said)


def _library(entry: cache.Entry, said: str = "") -> Library:
    return Library(entry.compile_s, entry.isa, entry.compiler, entry.command, said)


def _precision(entry: cache.Entry) -> str:
    """Return the dtype a kept library computes in."""
    with contextlib.suppress(OSError), entry.path.with_suffix(".cpp").open(encoding="utf-8", errors="replace") as text:
        head = text.read(_HEAD)
        return next((dtype for dtype, real in cpp.TYPES.items() if f"typedef {real} T;" in head), "")
    return ""
