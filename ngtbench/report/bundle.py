"""A zip that holds all that a page was made of, and a script that makes the page again and says whether it is the same.

`report.json` names the files, their SHA-256, the page's, and the versions of what made it; the rest is `records/`,
`weights.json`, `prices.json`, `hardware.json`, `published.json`, `rebuild.py`. Nothing tells where or when it was written.
"""

import hashlib
import json
import platform
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ngtbench import __version__
from ngtbench.discover import software
from ngtbench.discover.source import Source
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import HardwareProfile
from ngtbench.model.record import MachineRecord
from ngtbench.report.draft import draft
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from ngtbench.report.published import Figure
from ngtbench.store import codec
from ngtbench.store.read import Reading

BODIES: dict[str, Any] = {
    "weights.json": tuple[Weights, ...],
    "prices.json": tuple[Price, ...],
    "hardware.json": tuple[HardwareProfile, ...],
    "published.json": tuple[Figure, ...],
}
_PACKAGES = ("jinja2", "markupsafe", "numpy", "plotly", "pydantic")
_SCRIPT = '''"""Makes index.html again from the records beside this file, and says whether it is the page that was handed out.

Needs ngtbench {version}: pip install 'ngtbench[report]=={version}'
"""

import sys
from pathlib import Path

try:
    from ngtbench.report.rebuild import rebuild
except ImportError as error:
    sys.exit(f"{{error}}: needs ngtbench {version}: pip install 'ngtbench[report]=={version}'")

rebuilt = rebuild(Path(__file__).resolve().parent)
for line in rebuilt.notes:
    print(line)
sys.exit(0 if rebuilt.same else 1)
'''


@dataclass(frozen=True)
class File:
    """A record file of a bundle; the page shows its SHA-256."""

    name: str
    sha256: str
    label: str | None
    notes: tuple[str, ...]  # on reading it first; an anonymised file was never cut off


@dataclass(frozen=True)
class Contents:
    """What `report.json` says."""

    ngtbench: str
    commit: str | None
    python: str
    packages: dict[str, str]
    page_sha256: str
    command: str
    reference: str | None
    accept: tuple[str, ...]
    anonymised: tuple[str, ...]
    records: tuple[File, ...]
    left_out: tuple[str, ...] = ()
    schema: Literal["ngtbench.bundle/2"] = "ngtbench.bundle/2"


def named(readings: Sequence[Reading]) -> list[Reading]:
    """Return readings whose paths are the names that they have in a bundle: plain, all different, without folders."""
    taken: set[str] = set()
    found = []
    for reading in readings:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", reading.path.stem).strip("-.")[:80] or "records"
        name, count = f"{stem}.jsonl", 1
        while name.lower() in taken:  # not every file system tells capital letters from small ones
            count += 1
            name = f"{stem}-{count}.jsonl"
        taken.add(name.lower())
        found.append(_renamed(reading, name))
    return found


def write(report: Report, page: str, originals: Sequence[Path], path: Path) -> None:
    """Write the bundle of a page; `originals` are the files behind the readings, whose bytes it takes unless they are anonymised.

    The same report gives the same bytes. Raises BadInput where it cannot be written, or a file changed after it was read.
    """
    with draft(path, "--bundle") as place, zipfile.ZipFile(place, "w") as archive:
        files = []
        for number, reading in enumerate(report.readings):
            name = f"records/{reading.path.name}"
            digest = _anonymised(archive, name, reading) if report.anonymised else _copied(archive, name, originals[number])
            if digest != reading.sha256:
                raise BadInput(f"{originals[number]}: changed while the report was made: run it again")
            label = report.labels[number] if number < len(report.labels) else None
            files.append(File(reading.path.name, digest, label, reading.notes))
        used = {match.profile for one in report.readings for machine in one.machines.values() for match in machine.matches}
        values = (
            tuple(report.weights),
            tuple(report.prices),
            tuple(profile for name, profile in sorted(report.profiles.items()) if name in used),
            tuple(report.published),
        )
        texts = {name: _json(kind, value) for (name, kind), value in zip(BODIES.items(), values, strict=True)}
        texts["report.json"] = _json(Contents, _contents(report, page, files))
        texts["rebuild.py"] = _SCRIPT.format(version=__version__)
        for name, text in sorted(texts.items()):
            archive.writestr(_entry(name), text, compresslevel=9)


def _renamed(reading: Reading, name: str) -> Reading:
    old = str(reading.path)
    notes = tuple(name + note.removeprefix(old) if note.startswith(old) else note for note in reading.notes)
    return replace(reading, path=Path(name), notes=notes)


def _contents(report: Report, page: str, files: Sequence[File]) -> Contents:
    return Contents(
        ngtbench=__version__,
        commit=None if report.anonymised else commit(),
        python=platform.python_version(),
        packages=versions(),
        page_sha256=hashlib.sha256(page.encode()).hexdigest(),
        command=report.command,
        reference=report.reference,
        accept=tuple(sorted(report.accept)),
        anonymised=tuple(report.anonymised),
        records=tuple(files),
        left_out=tuple(report.left_out),
    )


def commit() -> str | None:
    """Return the commit of the ngtbench that runs; None where it was installed without a checkout."""
    return software.git(Source(), Path(__file__).parents[1]).commit


def versions() -> dict[str, str]:
    """Return the versions of what a page's bytes depend on besides ngtbench and Python."""
    found = {"zlib": zlib.ZLIB_RUNTIME_VERSION}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a page was made without it: nothing depends on it
            continue
    return found


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, whatever this is
    entry.external_attr = 0o100644 << 16
    return entry


def _copied(archive: zipfile.ZipFile, name: str, original: Path) -> str:
    """Add a file, of any size, and return its SHA-256."""
    digest = hashlib.sha256()
    with original.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
        while part := source.read(2**20):
            digest.update(part)
            target.write(part)
    return digest.hexdigest()


def lines(reading: Reading) -> Iterator[bytes]:
    """Yield the lines of a record file that was never written."""
    machines = [MachineRecord(key, machine) for key, machine in reading.machines.items()]
    for record in (*machines, *reading.plans, *reading.runs):
        yield f"{codec.to_json(record)}\n".encode()


def _anonymised(archive: zipfile.ZipFile, name: str, reading: Reading) -> str:
    """Add a file of anonymised records and return its SHA-256."""
    digest = hashlib.sha256()
    with archive.open(_entry(name), "w", force_zip64=True) as target:
        for line in lines(reading):
            digest.update(line)
            target.write(line)
    return digest.hexdigest()


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    wrapped: Any = tuple[kind]  # a dataclass by itself cannot be given a config
    return TypeAdapter(wrapped, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))


def _json(kind: Any, value: Any) -> str:
    (plain,) = _adapter(kind).dump_python((value,), mode="json")
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def load(path: Path, kind: Any) -> Any:
    """Read a file of a bundle as a type.

    Raises BadInput naming file and key where it does not fit.
    """
    try:
        (value,) = _adapter(kind).validate_json(f"[{path.read_text(encoding='utf-8')}]")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}: unpack the bundle again") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {'; '.join(codec.faults(error)[:3])}: unpack the bundle again") from error
    return value
