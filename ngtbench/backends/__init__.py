"""Where arrays live: one file per backend, found by its path, imported only when a case needs it."""

import ast
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import cast

from ngtbench.errors import Unavailable, WorkloadError
from ngtbench.model.workload import Backend

_HERE = Path(__file__).parent
# package -> our optional group that brings it
_GROUPS = {"numba": "cpu", "torch": "torch", "cupy": "gpu", "onnx": "onnx", "onnxruntime": "onnx", "onnxscript": "onnx"}
_GROUPS |= dict.fromkeys(("h5py", "mlperf_loadgen", "pyarrow", "sklearn"), "ml")


def names() -> tuple[str, ...]:
    """Return every backend."""
    return tuple(path.stem for path in sorted(_HERE.glob("[!_]*.py")))


@cache
def missing(name: str, more: tuple[str, ...] = ()) -> str | None:
    """Return the first package a backend's file imports, or of more, that is not installed; None if it has all. Imports nothing.

    Raises WorkloadError where there is no such backend.
    """
    if name not in names():
        raise WorkloadError(f"no back end '{name}': there are {', '.join(names())}")
    tree = ast.parse((_HERE / f"{name}.py").read_text(encoding="utf-8"))
    modules = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    packages = dict.fromkeys(module.partition(".")[0] for module in modules)
    for package in (*packages, *more):
        if package not in sys.stdlib_module_names and importlib.util.find_spec(package) is None:
            return package
    return None


def remedy(package: str) -> str:
    """Return the command that installs a package a backend needs."""
    return f"pip install 'ngtbench[{_GROUPS[package]}]'" if package in _GROUPS else f"pip install {package}"


def load(name: str, device: str, threads: int) -> Backend:
    """Import a backend and open it on a device.

    Raises Unavailable where its package or the device is missing.
    """
    return cast(Backend, imported(name).create(device, threads))


def imported(name: str) -> ModuleType:
    """Import a backend.

    Raises Unavailable where its package is missing.
    """
    package = missing(name)
    if package is not None:
        raise Unavailable(f"package {package} is not installed", remedy(package))
    return importlib.import_module(f"ngtbench.backends.{name}")
