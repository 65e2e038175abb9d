"""A JSON of pytest-benchmark as baseline: what of it is missing, failed or slower now."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngtbench.errors import Incomparable, RecordError
from ngtbench.units import percent, si


@dataclass(frozen=True)
class Timed:
    """A benchmark in the baseline: its median, and what it ran on where it is one of ours."""

    median_s: float
    resources: str


@dataclass(frozen=True)
class End:
    """How a benchmark ended in this session."""

    outcome: str  # pytest's: "passed", "failed", "skipped"
    timed: Timed | None


def baseline(path: Path, machine_info: Mapping[str, str]) -> dict[str, Timed]:
    """Return the benchmarks of a file by their full names.

    Raises RecordError where it is no JSON of pytest-benchmark with our machine_info, Incomparable where it is of another
    machine.
    """
    plain = _read(path)
    try:
        theirs = plain["machine_info"]["ngtbench"]
        found = {}
        for bench in plain["benchmarks"]:
            found[bench["fullname"]] = Timed(float(bench["stats"]["median"]), bench["extra_info"].get("resources", ""))
            if not 0 < found[bench["fullname"]].median_s < math.inf:
                raise RecordError(f"{path}: {bench['fullname']}: stats.median: {bench['stats']['median']} is no time")
    except KeyError as error:
        raise RecordError(f"{path}: {error} is missing: not a file that pytest-benchmark wrote of our benchmarks/") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{path}: not a file that pytest-benchmark wrote: {error}") from error
    if not found:
        raise RecordError(f"{path}: benchmarks: there is none, so there is nothing to judge by")
    differing = [key for key in sorted({*theirs, *machine_info}) if theirs.get(key) != machine_info.get(key)]
    if differing:
        words = "; ".join(f"{key}: {theirs.get(key)} then, {machine_info.get(key)} now" for key in differing)
        raise Incomparable(f"{path}: taken on another machine ({words}): take a baseline here")
    return found


def judge(known: Mapping[str, Timed], ended: Mapping[str, End], tolerance: float) -> list[str]:
    """Return a line per benchmark of the baseline that is missing, did not pass, or takes longer than tolerated."""
    found = ((name, _fault(timed, ended.get(name), tolerance)) for name, timed in known.items())
    return [f"{name}: {fault}" for name, fault in found if fault]


def _fault(then: Timed, end: End | None, tolerance: float) -> str | None:
    if end is None:
        return "missing: it is in the baseline and was not run"
    if end.outcome != "passed" or end.timed is None:
        return f"{end.outcome if end.outcome != 'passed' else 'not timed'} in this run"
    now = end.timed
    if now.resources != then.resources:
        return f"ran on {now.resources or 'unknown'}, the baseline on {then.resources or 'unknown'}"
    if now.median_s > (1 + tolerance) * then.median_s:
        longer = percent(now.median_s / then.median_s - 1)
        return f"median {si(now.median_s, 's', 4)}, baseline {si(then.median_s, 's', 4)}: {longer} longer"
    return None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise RecordError(f"{path}:{line}: not JSON: {error}") from error
