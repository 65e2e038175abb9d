"""Reading record files: all faults with file, line and key; a half last line is skipped and said."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ngtbench.errors import RecordError
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord, PlanRecord, Record, RunRecord
from ngtbench.store import codec


@dataclass(frozen=True)
class Reading:
    """What one file holds."""

    path: Path
    sha256: str
    machines: dict[str, Machine]  # digest -> machine
    plans: tuple[PlanRecord, ...]
    runs: tuple[RunRecord, ...]
    notes: tuple[str, ...]  # what was skipped

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the keys that were planned and have no record."""
        done = {run.key for run in self.runs}
        return tuple(dict.fromkeys(key for plan in self.plans for key in plan.keys if key not in done))


def read(path: Path) -> Reading:
    """Read a file whole.

    Raises RecordError with the first fault and the number of others.
    """
    reading, faults = examine(path)
    if faults:
        more = f" (and {len(faults) - 1} more: ngtbench check {path})" if len(faults) > 1 else ""
        raise RecordError(faults[0] + more)
    return reading


def examine(path: Path) -> tuple[Reading, list[str]]:
    """Read what can be read, and return every fault as "file:line: key: what is wrong".

    Raises RecordError where the file cannot be opened at all.
    """
    content = _bytes(path)
    records: list[tuple[int, Record]] = []
    faults: list[str] = []
    notes: list[str] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append((number, codec.from_line(line.decode("utf-8"))))
        except (UnicodeDecodeError, RecordError) as error:
            text = f"not UTF-8 text (byte {error.start})" if isinstance(error, UnicodeDecodeError) else str(error)
            if number == len(lines) and records:
                notes.append(f"{path}:{number}: half a line at the end was skipped: the run that wrote it was cut off")
            else:
                faults += [f"{path}:{number}: {fault}" for fault in text.splitlines()]
    if not records and not faults:
        faults.append(f"{path}:1: holds no record: is it the file that ngtbench run wrote?")
    faults += _crossed(path, records)
    return _reading(path, content, [record for _, record in records], notes), faults


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error


def _reading(path: Path, content: bytes, records: list[Record], notes: list[str]) -> Reading:
    return Reading(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        machines={record.digest: record.machine for record in records if isinstance(record, MachineRecord)},
        plans=tuple(record for record in records if isinstance(record, PlanRecord)),
        runs=tuple(record for record in records if isinstance(record, RunRecord)),
        notes=tuple(notes),
    )


def _crossed(path: Path, records: list[tuple[int, Record]]) -> list[str]:
    """Return faults that no single line shows: unknown machines, doubled records."""
    faults, machines, first = [], set(), dict[str, int]()
    for number, record in records:
        if isinstance(record, MachineRecord):
            machines.add(record.digest)
            continue
        if record.machine not in machines:
            faults.append(f"{path}:{number}: machine: no line above describes machine {record.machine}; restore that line")
        if isinstance(record, RunRecord):
            if record.key in first:
                faults.append(f"{path}:{number}: case: {record.key} stands already in line {first[record.key]}; remove one")
            first.setdefault(record.key, number)
    return faults
