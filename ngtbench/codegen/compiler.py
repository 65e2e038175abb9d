"""Find the host's C++ compiler, the flags that suit this processor, and how wide its registers are.

GCC is asked before Clang: it was seen to write faster code for these kernels. -ffast-math is never used, for NaN must stay NaN;
what is given up is errno, the processor's exception flags, and the rounding between a product and the sum it enters.
"""

import ctypes
import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ngtbench.codegen.process import Ended, run
from ngtbench.errors import BadInput, Unavailable

_ASKED_BY = ("NGTBENCH_CXX", "CXX")
_NAMES = ("g++", "clang++", "c++")
_FLAGS = ("-std=gnu++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fPIC", "-shared")
_TARGET = {"x86_64": "-march=native", "AMD64": "-march=native"}  # elsewhere -mcpu=native, and where that is unknown, nothing
_OPENMP = "-fopenmp"
_LIMIT_S = 60.0
_LINES = 4  # of a compiler's own words
_REMEDY = "install g++ (Debian, Ubuntu: apt install g++; RHEL: dnf install gcc-c++), or set NGTBENCH_CXX to a working compiler"
_NARROWED = {  # NGTBENCH_ISA -> the name it must lead to, and the flags that lead there
    "avx512": ("AVX-512", ()),
    "avx2": ("AVX2", ("-mno-avx512f",)),
    "sse2": ("SSE2", ("-mno-avx512f", "-mno-avx")),
    "sve": ("SVE", ()),
    "neon": ("NEON", ()),
    "scalar": ("scalar", ()),
}
_PR_SVE_GET_VL = 51
_PROBE = """\
#ifdef _OPENMP
#include <omp.h>
#endif
typedef double V __attribute__((vector_size(16)));
typedef float F __attribute__((vector_size(8)));
extern "C" int probe(int n)
{
  double total = 0;
#pragma omp parallel for reduction(+ : total)
  for (int i = 0; i < n; ++i) {
    F f = {float(i), 1};
    V v = __builtin_convertvector(f, V);
    total += v[0] + v[1];
  }
  return int(total);
}
"""
_LOAD = "import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1]).probe(4) != 10)"


@dataclass(frozen=True)
class Compiler:
    """A compiler that was seen to work, and what it compiles for."""

    path: str
    family: Literal["gcc", "clang"]
    version: str  # the first line it says of itself
    flags: tuple[str, ...]
    isa: str  # AVX-512, AVX2, SSE2, NEON, SVE 256, scalar ...
    width_b: int  # bytes of a register
    openmp: bool = True

    @property
    def description(self) -> str:
        """Version, instruction set, and what is missing."""
        return f"{self.version}, {self.isa}" + ("" if self.openmp else ", without OpenMP: threads=1")


def find() -> Compiler:
    """Return the compiler named by NGTBENCH_CXX, or by CXX, or else the first of g++, clang++ and c++ that works.

    NGTBENCH_ISA (avx512, avx2, sse2, sve, neon, scalar) narrows the registers. Looked for once per process and environment.
    Raises Unavailable where none works, or the processor lacks what NGTBENCH_ISA asks for.
    """
    named = next((os.environ[name] for name in _ASKED_BY if os.environ.get(name)), None)
    return _found(named, os.environ.get("PATH", ""), os.environ.get("NGTBENCH_ISA", "").lower())


def register(macros: Mapping[str, str], sve_b: int | None = None) -> tuple[str, int]:
    """Return the instruction set and the bytes of its registers, by a compiler's predefined macros.

    `sve_b` are the bytes of a scalable register here; where they are no more than NEON's, or unknown, NEON is as good.
    """
    if "__ARM_FEATURE_SVE" in macros and sve_b is not None and sve_b > 16:
        return f"SVE {8 * sve_b}", sve_b
    known = (("__AVX512F__", "AVX-512", 64), ("__AVX2__", "AVX2", 32), ("__AVX__", "AVX", 32), ("__SSE2__", "SSE2", 16))
    return next(((isa, width) for macro, isa, width in (*known, ("__ARM_NEON", "NEON", 16)) if macro in macros), ("scalar", 8))


def macros_of(text: str) -> dict[str, str]:
    """Return the macros that `-dM -E` lists."""
    return dict(re.findall(r"^#define (\w+)(?:\([^)]*\))? ?(.*)$", text, re.MULTILINE))


@cache
def _found(named: str | None, path: str, isa: str) -> Compiler:
    if isa and isa not in _NARROWED:
        raise BadInput(f"NGTBENCH_ISA={isa}: there are {', '.join(_NARROWED)}")
    refused = []
    for name in (named,) if named else _NAMES:
        try:
            words = shlex.split(name)
        except ValueError as error:
            raise BadInput(f"{' or '.join(_ASKED_BY)} is '{name}', which is no command: {error}") from error
        where = shutil.which(words[0], path=path) if words else None
        if where is None:
            refused.append(f"{name}: not found")
            continue
        try:
            return _examined(str(Path(where).absolute()), tuple(words[1:]), isa)
        except Unavailable as error:
            refused.append(error.reason)
    raise Unavailable(f"no C++ compiler works: {'; '.join(refused)}", _REMEDY)


def _examined(path: str, words: tuple[str, ...], isa: str) -> Compiler:
    """Compile and load a probe, with as many of the flags as the compiler takes."""
    target, narrowed = _TARGET.get(platform.machine(), "-mcpu=native"), _NARROWED[isa][1] if isa else ()
    ended, flags = Ended(1, ""), tuple[str, ...]()
    for extra in ((target, _OPENMP), (target,), (_OPENMP,), ()):
        flags = (*words, *_FLAGS, *extra, *narrowed)
        ended = _tried(path, flags)
        if ended.code == 0 or ended.late:
            break
    if ended.code:
        raise Unavailable(f"`{shlex.join([path, *flags])}` fails a probe: {first_lines(ended, _LINES)}")
    listed = run([path, *flags, "-dM", "-E", "-x", "c++", os.devnull], _LIMIT_S)
    macros = macros_of(listed.output)
    family: Literal["gcc", "clang"] = "clang" if "__clang__" in macros else "gcc"
    name, width_b = ("scalar", 8) if isa == "scalar" else register(macros, None if isa == "neon" else _sve_b())
    if isa and not name.startswith(_NARROWED[isa][0]):
        raise Unavailable(f"NGTBENCH_ISA={isa}: {path} compiles for {name} here")
    if name.startswith("SVE"):
        flags = (*flags, f"-msve-vector-bits={8 * width_b}")
    if family == "clang" and name == "AVX-512":
        flags = (*flags, "-mprefer-vector-width=512")  # else it may halve every vector: 1.3 times as slow
    said = run([path, *words, "--version"], _LIMIT_S)
    version = said.output.splitlines()[0].strip() if said.code == 0 and said.output.strip() else macros.get("__VERSION__", "")
    return Compiler(path, family, version, flags, name, width_b, _OPENMP in flags)


def _tried(path: str, flags: tuple[str, ...]) -> Ended:
    """Compile the probe and call it, in a process that an illegal instruction may end."""
    try:
        with tempfile.TemporaryDirectory(prefix="ngtbench-", ignore_cleanup_errors=True) as folder:
            source, made = Path(folder, "probe.cpp"), Path(folder, "probe.so")
            source.write_text(_PROBE, encoding="utf-8")
            ended = run([path, *flags, str(source), "-o", str(made)], _LIMIT_S, folder)
            if ended.code:
                return ended
            if not made.exists():
                return Ended(1, f"it says nothing and writes nothing\n{ended.output}")
            loaded = run([sys.executable, "-I", "-S", "-c", _LOAD, str(made)], _LIMIT_S, folder)
            last = loaded.output.strip().rpartition("\n")[2]
            return Ended(loaded.code, f"what it compiled cannot be loaded and called: {last or f'exit code {loaded.code}'}")
    except OSError as error:
        return Ended(1, f"no temporary folder can be written: {error}")


def first_lines(ended: Ended, count: int) -> str:
    """Return what a compiler said first, or else how it ended."""
    lines = [line.rstrip() for line in ended.output.splitlines() if line.strip()]
    return "\n".join(lines[:count]) or f"exit code {ended.code}"


def _sve_b() -> int | None:
    """Return the bytes of this process's scalable registers; None where there are none."""
    if platform.machine() != "aarch64" or not sys.platform.startswith("linux"):
        return None
    length: int = ctypes.CDLL(None).prctl(_PR_SVE_GET_VL, 0, 0, 0, 0)
    return length & 0xFFFF if length > 0 else None
