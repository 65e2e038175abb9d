"""What pictures of sharing need of a case: where it ran, and a metric with its interval and the spread of its samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ngtbench import workloads
from ngtbench.model.comparison import Interval, Result
from ngtbench.report import wording
from ngtbench.report.shown import slug
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, cell

BELOW = "Below each figure its 95 % interval, and the number of samples with the least and most of them."


@dataclass(frozen=True, order=True)
class Place:
    """What cases must have in common to stand in one picture; `group` is what their sizes have in common."""

    number: int  # of the system on the page
    system: str
    device: str
    threads: int
    workload: str
    version: int
    dtype: str
    group: str

    @property
    def words(self) -> str:
        """Return where it is, as titles say it."""
        return f"{self.system}, {self.device} × {self.threads}, {self.group}, {self.dtype}"

    @property
    def id(self) -> str:
        """Return a part of the ids of what is shown of it."""
        return slug(f"{self.number}-{self.device}-{self.threads}-{self.version}-{self.dtype}-{self.group}")


@dataclass(frozen=True)
class Measured:
    """A metric of a case: its median or mean of medians with the 95 % interval, and the least and most of all samples."""

    name: str
    found: Interval
    least: float
    most: float

    @property
    def value(self) -> float:
        """Return the middle."""
        return self.found.value

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval; where there are too few samples for one, their spread."""
        if self.found.low is None or self.found.high is None:
            return self.spread
        return self.found.low, self.found.high

    @property
    def spread(self) -> tuple[float, float]:
        """Return the least and most of the samples, the middle among them."""
        return min(self.least, self.value), max(self.most, self.value)

    @property
    def amount(self) -> str:
        """Write the middle."""
        return amount(self.name, self.value)

    @property
    def said(self) -> list[str]:
        """Write the interval, and the spread with the number of samples."""
        found = self.found
        known = "no 95 % interval" if found.low is None or found.high is None else f"95 %: {self._range(found.low, found.high)}"
        return [known, f"{found.samples} sample{'' if found.samples == 1 else 's'}: {self._range(self.least, self.most)}"]

    def _range(self, low: float, high: float) -> str:
        return f"{amount(self.name, low)} to {amount(self.name, high)}"


def amount(metric: str, value: float) -> str:
    """Write a value of a metric; a plain number without a prefix, three digits at least."""
    return wording.amount(metric, value) if wording.unit(metric) else f"{value:#.3g}" if abs(value) < 1000 else f"{value:.4g}"


def declared(workload: str, size: str) -> Any:
    """Return the size of this name of a workload of ours; None where it declares none."""
    return workloads.load(workload).sizes.get(size)


def place(number: int, system: System, result: Result, group: str) -> Place:
    """Return where a result of a system is shown."""
    case, resources = result.case, result.resources
    return Place(number, system.label, resources.device, resources.threads, case.workload, case.version, case.dtype, group)


def measured(system: System, result: Result, name: str) -> Measured | None:
    """Return a metric of a result; None where it has none."""
    found = result.intervals.get(name)
    samples = [x for series in _series(system, result, name) for x in series]
    return Measured(name, found, min(samples), max(samples)) if found and samples else None


def _series(system: System, result: Result, name: str) -> list[Sequence[float]]:
    runs = [run for run in system.runs if run.case == result.case and run.resources == result.resources]
    kept = [run.outcome.measurement for run in runs if run.provenance.profiler == result.profiler]
    return [one.series.get(name, ()) for one in kept if one is not None]


def cells(found: Sequence[Measured | None]) -> list[Cell]:
    """Return a cell for each metric, with a dash where a case has none."""
    return [cell(one.amount, *one.said, kind="number") if one else cell("–", kind="quiet") for one in found]
