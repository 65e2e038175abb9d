"""Find every kernel there is: modules below `ngtbench.kernels` that assign KERNELS, and no others, are imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import ngtbench
from ngtbench.codegen.kernel import Kernel
from ngtbench.codegen.trace import trace


@dataclass(frozen=True)
class Entry:
    """One kernel, and what it does per site with one right-hand side."""

    name: str
    module: str  # below ngtbench.kernels
    flop: int
    bytes: int  # moved if every neighbour is still in cache

    @property
    def intensity(self) -> float:
        """FLOP per byte."""
        return self.flop / self.bytes


def kernels() -> dict[str, list[Kernel]]:
    """Return the kernels of each module, named from below `ngtbench.kernels`, in the order they are assigned in."""
    folder = Path(ngtbench.__file__).parent / "kernels"
    names = (".".join(path.relative_to(folder).with_suffix("").parts) for path in assigning(folder))
    return {name: list(import_module(f"ngtbench.kernels.{name}").KERNELS) for name in names}


def listing(dtype: str = "float64") -> list[Entry]:
    """Describe every kernel in one precision."""
    return [
        Entry(kernel.name, module, trace(kernel).flop, kernel.moved_b(dtype))
        for module, found in kernels().items()
        for kernel in found
    ]


def assigning(folder: Path) -> Iterator[Path]:
    """Return the files that assign KERNELS at module level; reads them, and runs nothing."""
    for path in sorted(folder.rglob("*.py")):
        for statement in ast.parse(path.read_text()).body:
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [statement.target]
                if isinstance(statement, ast.AnnAssign)
                else []
            )
            if any(isinstance(target, ast.Name) and target.id == "KERNELS" for target in targets):
                yield path
                break
