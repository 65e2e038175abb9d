"""One machine as one file shows it: its results, limits and profiles, ready to be tabled and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ngtbench.analysis import roofline
from ngtbench.analysis.results import identity, results
from ngtbench.model.comparison import Fraction, Limits, Result
from ngtbench.model.machine import HardwareProfile, Machine
from ngtbench.model.record import RunRecord
from ngtbench.store.read import Reading


@dataclass(frozen=True)
class Session:
    """A machine in a file; `label` is unique on a page."""

    label: str
    reading: Reading
    machine: Machine
    runs: tuple[RunRecord, ...]
    results: tuple[Result, ...]
    limits: dict[str, Limits]  # device id ->
    profiles: dict[str, HardwareProfile | None]  # device id ->

    def ended(self, status: str) -> list[Result]:
        """Return the results of this status; of what is done, only what no profiler watched."""
        return [result for result in self.results if result.status == status and not (status == "done" and result.profiler)]

    @property
    def watched(self) -> list[Result]:
        """Return what is done, but was watched by a profiler: it is in no ranking."""
        return [result for result in self.results if result.status == "done" and result.profiler]

    def fraction(self, result: Result) -> Fraction:
        """Return the share of this machine's measured limit that a result reached."""
        limits = self.limits.get(result.resources.device)
        if limits is None:
            return Fraction(None, reason=f"device {result.resources.device} is not in the machine's record")
        return roofline.fraction(result, limits)

    def datasheet(self, result: Result) -> Fraction | None:
        """Return the share of the data sheet's peak, of triads and matrix products only."""
        return roofline.datasheet(result, self.profiles.get(result.resources.device))


def sessions(readings: Sequence[Reading], profiles: Mapping[str, HardwareProfile]) -> tuple[Session, ...]:
    """Return a session per machine and file; a machine discovered again by a resumed run stays one."""
    found: list[Session] = []
    labels: dict[str, int] = {}
    for reading in readings:
        grouped: dict[tuple[object, ...], list[str]] = {}
        for digest, machine in reading.machines.items():
            grouped.setdefault(identity(machine), []).append(digest)
        for digests in grouped.values():
            machine = reading.machines[digests[0]]
            name = machine.host.hostname or "unnamed host"
            labels[name] = labels.get(name, 0) + 1
            label = name if labels[name] == 1 else f"{name} ({labels[name]})"
            found.append(_session(label, reading, machine, digests, profiles))
    return tuple(found)


def rank(result: Result) -> tuple[str, int, float]:
    """Return what orders results: by problem, CPU before GPU, the best figure of merit first."""
    value = result.figure.value if result.figure else 0.0
    kind = 0 if result.resources.device.startswith("cpu") else 1
    return result.case.problem, kind, -value if result.metric and result.metric.better == "higher" else value


def _session(
    label: str, reading: Reading, machine: Machine, digests: Sequence[str], profiles: Mapping[str, HardwareProfile]
) -> Session:
    mine = tuple(run for run in reading.runs if run.machine in digests)
    found = results(mine)
    matched = {match.device: profiles.get(match.profile or "") for match in machine.matches}
    limits = {device.id: roofline.limits(found, device, matched.get(device.id)) for device in machine.devices}
    return Session(label, reading, machine, mine, found, limits, matched)
