"""What the compilers of this machine make of what is listed: from what is kept, or compiled now."""

import contextlib
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ngtbench.codegen import cache, compiler, cpp, cubin, gpu, native
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.cubin import ARCHITECTURES, Cubin
from ngtbench.codegen.entries import Entry
from ngtbench.errors import CompileError, Unavailable

HOST = "host"
_REGISTER_B = 64  # where there is no compiler to ask
_HEAD = 200  # characters of a kept source, of which the first line that is not for OpenMP tells its precision


@dataclass(frozen=True)
class Library:
    """What was compiled for this processor; `said` is why it does not lie where compiled kernels are kept."""

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
Place = tuple[str, str]  # an entry's name, and HOST or an architecture


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


def kept(entries: Sequence[Entry], dtype: str, tools: Toolchains) -> dict[Place, Made]:
    """Return what is known without compiling: of libraries for these registers the newest of each name, for whatever lattice."""
    names, found = {entry.name for entry in entries}, dict[Place, Made]()
    with contextlib.suppress(OSError):  # no folder at all can be written: nothing is kept
        for one in cache.listing():
            place = one.name, HOST
            ours = tools.host is None or one.isa == tools.host.isa
            if one.name in names and place not in found and ours and _precision(one) == dtype:
                found[place] = _library(one)
    if tools.nvcc is not None:
        for entry in entries:
            text = entry.text("cuda", dtype, gpu.LANES)
            found |= {(entry.name, arch): report for arch in ARCHITECTURES if (report := cubin.kept(text, arch)) is not None}
    return found


def compiled(
    entries: Sequence[Entry], dtype: str, tools: Toolchains
) -> Generator[tuple[Place, Made | CompileError | Unavailable]]:
    """Compile for every compiler found, as many at a time as there are processors; yield what each made, as it comes."""
    tasks: dict[Place, Callable[[], Made]] = {}
    for entry in entries:
        if tools.host is not None:
            tasks[entry.name, HOST] = partial(_built, entry, dtype, tools.host)
        if tools.nvcc is not None:
            text = entry.text("cuda", dtype, gpu.LANES)
            tasks |= {(entry.name, arch): partial(cubin.report, text, entry.name, arch) for arch in ARCHITECTURES}
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


def lanes(target: str, dtype: str, tools: Toolchains) -> int:
    """Return how many lanes a target is given: in C++ one register of the host, of 64 bytes where no compiler tells."""
    register = native.lanes(tools.host, dtype) if tools.host else _REGISTER_B // int(np.dtype(dtype).itemsize)
    return {"cuda": gpu.LANES, "numba": 1}.get(target, register)


def _built(entry: Entry, dtype: str, by: Compiler) -> Library:
    made = cache.library(entry.name, entry.text("cpp", dtype, native.lanes(by, dtype)), by)
    before = next((one for one in cache.listing() if one.path == made.path), None)
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
