"""Engines in C++: a source each, compiled with what all share, against a library where it needs one."""

import ctypes
import importlib.metadata
import math
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from ngtbench.codegen import compiler
from ngtbench.codegen.cache import Built, library
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.kernels.scheduling.job import Job

_HERE = Path(__file__).parent
_SYSTEM = (Path("/usr"), Path("/usr/local"))
_TBB = ("tbb", "TBBROOT", "oneapi/tbb/task_group.h", "pip install 'ngtbench[scheduling]', or set TBBROOT to where oneTBB is")
_TASKFLOW = ("", "TASKFLOW_ROOT", "taskflow/taskflow.hpp", "set TASKFLOW_ROOT to a checkout of Taskflow: it is headers only")
_PARTS = {"native": ("device.hpp", "offload.hpp")}
_PIECES, _STEPS = 200, 100_000
_NEEDS = {"task_group": _TBB, "flow_graph": _TBB, "taskflow": _TASKFLOW}


class Engine:
    """An engine written in C++ and its job: prepared once, run again and again.

    Raises Unavailable where there is no compiler, or the library is not found, NgtBenchError where a device does not answer.
    """

    def __init__(self, name: str, job: Job) -> None:
        self.built = built(name)
        self._job = job  # what the engine points into
        self._run, self._dispose = self.built.cdll["run"], self.built.cdll["dispose"]
        prepare = self.built.cdll["prepare"]
        prepare.restype = ctypes.c_void_p
        self.handle = ctypes.c_void_p(prepare(job.address))
        if job.offload is not None and not self.built.cdll["open_device"](self.handle):
            raise NgtBenchError(f"algorithms cannot be offloaded: {job.offload.said}")

    def run(self) -> None:
        """Replay all events; the calling thread holds no Python lock meanwhile."""
        self._run(self.handle)

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self._dispose(self.handle)


def built(name: str) -> Built:
    """Return the library of an engine; raises what Engine does."""
    parts = ("job.hpp", "stream.hpp", "state.hpp", *_PARTS.get(name, ()), f"{name}.cpp", "entry.cpp")
    texts = [(_HERE / part).read_text(encoding="utf-8") for part in parts]
    return library(f"events_{name}", "\n".join(texts), compiler.find(), _flags(name))


class Pace:
    """The seconds that a step of a mode takes on one thread alone: the least seen so far, for whatever disturbs makes it more."""

    def __init__(self, mode: str = "latency") -> None:
        cdll, kinds = built("native").cdll, {"latency": ("step_ns",), "memory": ("word_ns",), "mixed": ("step_ns", "word_ns")}
        self._least_s = {kind: (cdll[kind], math.inf) for kind in kinds[mode]}
        for look, _ in self._least_s.values():
            look.restype = ctypes.c_double

    def step_s(self) -> float:
        """Look again, for some 20 ms, in short pieces."""
        for kind, (look, least_s) in self._least_s.items():
            seen_s = look(ctypes.c_uint64(_PIECES), ctypes.c_uint64(_STEPS)) * 1e-9
            self._least_s[kind] = look, min(least_s, seen_s)
        return statistics.fmean(least_s for _, least_s in self._least_s.values())


def _flags(name: str) -> tuple[str, ...]:
    """Return what the compiler is told of the library that an engine needs."""
    if name not in _NEEDS:
        return ("-pthread", "-ldl")
    package, variable, header, remedy = _NEEDS[name]
    for root, include in _places(package, variable):
        if (include / header).is_file():
            found = [f"-isystem{include}"] if root not in _SYSTEM else []
            if package:
                folder = next((root / part for part in ("lib", "lib64") if (root / part / f"lib{package}.so").exists()), None)
                found += [f"-L{folder}", f"-Wl,-rpath,{folder}"] if folder else []
                found.append(f"-l{package}")
            return ("-pthread", "-std=gnu++20", *found)
    raise Unavailable(f"{header} is not found", remedy)


def _places(package: str, variable: str) -> Iterator[tuple[Path, Path]]:
    """Return roots and their folders of headers: as the user says, as Python's packages have them, and the system's."""
    if os.environ.get(variable):
        root = Path(os.environ[variable]).absolute()
        yield from ((root, root / "include"), (root, root))
    if package:
        try:
            for file in importlib.metadata.files(f"{package}-devel") or ():
                if file.name == f"lib{package}.so" or file.match("include/*/*.h"):
                    include = next((p for p in Path(str(file.locate())).resolve().parents if p.name == "include"), None)
                    if include is not None:
                        yield include.parent, include
                        break
        except importlib.metadata.PackageNotFoundError:
            pass
    yield from ((root, root / "include") for root in _SYSTEM)
