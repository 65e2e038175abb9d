"""The workloads: a file each, found by its path; `load` and `names` are all the registry there is."""

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ngtbench.errors import WorkloadError
from ngtbench.model.workload import Workload

NEAR = "~"  # what parts the name of an audit's size from the size it is near
_SEED = "seed"
_READERS = {".graphml": "scheduling.event_graph"}  # whose `of_file` makes a workload of a user's data
_HERE = Path(__file__).parent


def names(folder: str | None = None) -> dict[str, Path]:
    """Return every workload, `family/name` -> file; `folder` adds a user's own files to ours.

    A user's files are `folder/family/name.py`, or `folder/name.py` for family "user"; only those that assign WORKLOAD count.
    `folder` may also be one file of data that a workload reads: `name.graphml` is user/name.
    Raises WorkloadError where the folder does not exist, holds no workload, or names one that exists already.
    """
    found = {f"{path.parent.name}/{path.stem}": path for path in sorted(_HERE.glob("*/[!_]*.py"))}
    if folder is None:
        return found
    root = Path(folder)
    if root.suffix in _READERS and not root.is_dir():
        return found | {name_of(root): root}
    if not root.is_dir():
        raise WorkloadError(f"--workloads {folder}: no such folder")
    paths = [path for path in sorted((*root.glob("[!_]*.py"), *root.glob("*/[!_]*.py"))) if _declares(path)]
    if not paths:
        raise WorkloadError(f"--workloads {folder}: no file here assigns WORKLOAD (looked at *.py and */*.py)")
    for path in paths:
        name = f"{'user' if path.parent == root else path.parent.name}/{path.stem}"
        if name in found:
            raise WorkloadError(f"{path}: workload {name} exists already ({found[name]}): rename the file")
        found[name] = path
    return found


def name_of(file: Path) -> str:
    """Return the name of the workload of a user's file of data.

    Raises WorkloadError where it cannot be a part of a case's id.
    """
    if not re.fullmatch(r"\w[\w.-]*", file.stem, re.ASCII):
        raise WorkloadError(f"{file.name!a}: the name becomes a workload's: use letters, digits, _ . and - only")
    return f"user/{file.stem}"


def load(name: str, folder: str | None = None) -> Workload:
    """Import one workload by name.

    Raises WorkloadError where there is none of this name, or its file is faulty.
    """
    known = names(folder)
    if name not in known:
        raise WorkloadError(f"no workload '{name}': there are {', '.join(known)}")
    path = known[name]
    if path.suffix in _READERS:
        made: Workload = importlib.import_module(f"ngtbench.workloads.{_READERS[path.suffix]}").of_file(path)
        return made
    if path.is_relative_to(_HERE):
        module = importlib.import_module(f"ngtbench.workloads.{name.replace('/', '.')}")
    else:
        module = from_file(path)
    workload = getattr(module, "WORKLOAD", None)
    if not isinstance(workload, Workload):
        raise WorkloadError(f"{path}: WORKLOAD must be an ngtbench.model.workload.Workload, not {type(workload).__name__}")
    _check(workload, path)
    return workload


def size(workload: Workload, name: str) -> Any:
    """Return the size of this name: a declared one, "S~0" and "S~1" near S, or "S~seed", which is S for another seed.

    Raises WorkloadError where there is none.
    """
    base, near, which = name.partition(NEAR)
    if base not in workload.sizes:
        raise WorkloadError(f"no size '{base}': there are {', '.join(workload.sizes)}")
    found = workload.sizes[base]
    if not near or which == _SEED:
        return found
    if workload.nearby is None or not which.isdecimal():
        raise WorkloadError(f"no size '{name}': the workload declares nothing near {base}")
    return workload.nearby(found, int(which))


def around(workload: Workload, name: str) -> tuple[str, ...]:
    """Return the names of the sizes that an audit runs beside this one: those near it, and itself for another seed."""
    near = [f"{name}{NEAR}{k}" for k in (0, 1)] if workload.nearby else []
    return (*(one for one in near if size(workload, one) != workload.sizes[name]), f"{name}{NEAR}{_SEED}")


def from_file(path: Path) -> ModuleType:
    """Import a user's file under a name of its own.

    Raises WorkloadError naming file and line where it does not import.
    """
    path = path.resolve()
    name = f"ngtbench_user_{path.parent.name}_{path.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkloadError(f"{path}: cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the boundary to code that is not ours: named, never a traceback
        del sys.modules[name]
        line = error.lineno if isinstance(error, SyntaxError) else _line(error, path)
        raise WorkloadError(f"{path}:{line}: {type(error).__name__}: {error}") from error
    return module


def _declares(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return True  # faulty, and `load` says in what
    targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == "WORKLOAD" for target in targets)


def _line(error: Exception, path: Path) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _check(workload: Workload, path: Path) -> None:
    if workload.repeat == "calls" and workload.reference is None:
        raise WorkloadError(f"{path}: a workload of calls needs `reference`: nothing is timed that no oracle has checked")
    if workload.repeat == "trials" and workload.reference is None and workload.invariants is None:
        raise WorkloadError(f"{path}: a workload of trials needs `reference` or `invariants`")
    labels = [impl.name for impl in workload.impls]
    if not labels or len(set(labels)) != len(labels):
        raise WorkloadError(f"{path}: implementations need distinct names, found {labels}")
