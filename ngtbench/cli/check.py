"""`ngtbench check`: every fault of record files and hardware files, with file, line and key."""

import sys
from pathlib import Path
from typing import Annotated, get_args

import typer

from ngtbench.discover import faults as profiles
from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import parts
from ngtbench.model.case import Tier
from ngtbench.store.read import Reading, examine


def command(
    paths: Annotated[list[Path], typer.Argument(help="Record files (.jsonl), hardware files (.toml), or folders of them")],
) -> int:
    """Print every fault; exit 2 if there is one."""
    count = faulty = 0
    for path in paths:
        if not path.exists():
            raise BadInput(f"{path}: no such file or folder")
        found = 0
        for file, faults, notes in _examined(path):
            found += 1
            faulty += bool(faults)
            for line in (*faults, *(f"note: {note}" for note in notes)):
                sys.stderr.write(f"{line}\n")
            sys.stdout.write(f"{file}: {f'{len(faults)} faults' if faults else 'good'}\n")
        if not found:
            raise BadInput(f"{path}: holds no .jsonl and no .toml file")
        count += found
    return 2 if faulty else 0


def _examined(path: Path) -> list[tuple[Path, list[str], tuple[str, ...]]]:
    """Return (file, faults, notes) of every record file here, and of the hardware files as one."""
    fpga = parts.files(path)
    others = path.suffix == ".toml" or (path.is_dir() and any(path.glob("*.toml")))
    hardware = others and path not in (*fpga, *(file.parent for file in fpga))
    found = [(path, profiles.check(path), tuple[str, ...]())] if hardware else []
    found += [(file, parts.faults(file), ()) for file in fpga]
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [] if hardware or fpga else [path]
    for file in files:
        reading, faults = examine(file)
        found.append((file, [*faults, *_tiers(reading)], reading.notes))
    return found


def _tiers(reading: Reading) -> list[str]:
    """Return a fault for every tier that there is not: a record names its tier freely, so that an archive stays readable."""
    known, keys = get_args(Tier), dict[str, list[str]]()
    for run in reading.runs:
        keys.setdefault(run.provenance.tier, []).append(run.key)
    return [
        f"{reading.path}: provenance.tier: {tier[:60]!r} is none of {', '.join(known)}: no ranking and no comparison takes "
        f"these {len(mine)} records, first {mine[0]}"
        for tier, mine in keys.items()
        if tier not in known
    ]
