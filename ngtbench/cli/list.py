"""`ngtbench list`: the workloads, their sizes and implementations, and what can run here."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ngtbench import backends, workloads
from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl
from ngtbench.model.workload import Workload


def command(
    family: Annotated[str | None, typer.Option(help="Only this family")] = None,
    workload_dir: Annotated[Path | None, typer.Option("--workloads", help="Folder with your own workload files")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print every workload."""
    folder = str(workload_dir) if workload_dir else None
    names = [name for name in workloads.names(folder) if family in (None, name.split("/")[0])]
    if not names:
        families = sorted({name.split("/")[0] for name in workloads.names(folder)})
        raise WorkloadError(f"no family '{family}': there are {', '.join(families)}")
    loaded = {name: workloads.load(name, folder) for name in names}
    if json:
        document = {"schema": "ngtbench.list/1", "workloads": [_plain(name, found) for name, found in loaded.items()]}
        sys.stdout.write(json_module.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return 0
    _print(loaded)
    return 0


def _plain(name: str, workload: Workload) -> dict[str, Any]:
    return {
        "workload": name,
        "version": workload.version,
        "title": workload.title,
        "sizes": {size: repr(value) for size, value in workload.sizes.items()},
        "dtypes": list(workload.tolerance),
        "quick": list(workload.quick),
        "quick_gpu": list(workload.quick_gpu),
        "metrics": [metric.name for metric in workload.metrics],
        "implementations": [
            {"name": impl.name, "backend": impl.backend, "devices": list(impl.devices), "unavailable": _unavailable(impl)}
            for impl in workload.impls
        ],
    }


def _print(loaded: dict[str, Workload]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("workload", "sizes", "dtypes", "implementations (on)"):
        table.add_column(heading, overflow="fold")
    absent: dict[str, str] = {}
    for name, workload in loaded.items():
        cells = []
        for impl in workload.impls:
            reason = _unavailable(impl)
            cells.append(f"{'-' if reason else ''}{impl.name} ({', '.join(impl.devices)})")
            if reason:
                absent[impl.backend] = reason
        table.add_row(f"{name}@{workload.version}", " ".join(workload.sizes), " ".join(workload.tolerance), "\n".join(cells))
    out = Console(highlight=False)
    out.print(table)
    for backend, reason in absent.items():
        out.print(f"-{backend}: {reason}", markup=False)


def _unavailable(impl: Impl) -> str | None:
    """Return why an implementation cannot run here for want of a package; devices are the plan's to judge."""
    package = backends.missing(impl.backend)
    return f"package {package} is not installed: {backends.remedy(package)}" if package else None
