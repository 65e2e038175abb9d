"""Find what is listed: modules below `ngtbench.kernels` that assign KERNELS or KINDS, and no others, are imported."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import ngtbench
from ngtbench.codegen.entries import Entry, OfLattice, OfTape
from ngtbench.codegen.kernel import Kernel


def listing() -> list[Entry]:
    """Return all there is, kernels first, in the order of modules and of what they assign."""
    return [
        *(OfLattice(module, kernel.name, kernel) for module, found in _found("KERNELS") for kernel in found),
        *(OfTape(module, kind.name, kind, scalars) for module, found in _found("KINDS") for kind, scalars in found),
    ]


def kernels() -> dict[str, list[Kernel]]:
    """Return the kernels of each module, named from below `ngtbench.kernels`, in the order they are assigned in."""
    return {module: list(found) for module, found in _found("KERNELS")}


def assigning(folder: Path, name: str) -> Iterator[Path]:
    """Return the files that assign a name at module level; reads them, and runs nothing."""
    for path in sorted(folder.rglob("*.py")):
        for statement in ast.parse(path.read_text()).body:
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [statement.target]
                if isinstance(statement, ast.AnnAssign)
                else []
            )
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                yield path
                break


def _found(name: str) -> Iterator[tuple[str, Any]]:
    """Return each module that assigns a name, and what it assigns."""
    folder = Path(ngtbench.__file__).parent / "kernels"
    for path in assigning(folder, name):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        yield module, getattr(import_module(f"ngtbench.kernels.{module}"), name)
