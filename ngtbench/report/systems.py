"""A system under test as the record files of its jobs show it: results, limits and profiles, ready to be tabled and drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ngtbench.analysis import roofline
from ngtbench.analysis.results import model, results
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Fraction, Limits, Result
from ngtbench.model.machine import HardwareProfile, Machine
from ngtbench.model.record import RunRecord
from ngtbench.store.read import Reading

NO_SHEET = "what else deviates is not known: no data sheet matches"


@dataclass(frozen=True)
class System:
    """Machines of one model and in one state; `label` is unique on a page."""

    label: str
    readings: tuple[Reading, ...]
    machines: tuple[Machine, ...]  # as discovered, once per job or more
    runs: tuple[RunRecord, ...]
    results: tuple[Result, ...]
    limits: dict[str, Limits]  # device id ->
    profiles: dict[str, HardwareProfile | None]  # device id ->

    @property
    def machine(self) -> Machine:
        """Return the machine as first discovered."""
        return self.machines[0]

    @property
    def jobs(self) -> tuple[str, ...]:
        """Return the jobs that its records are of."""
        return tuple(sorted({run.provenance.job or "" for run in self.runs}))

    @property
    def synthetic(self) -> bool:
        """Tell whether its records were made up."""
        return any(run.provenance.synthetic for run in self.runs)

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
        """Return the share of the data sheet's peaks."""
        return roofline.datasheet(result, self.profiles.get(result.resources.device))


def systems(
    readings: Sequence[Reading], profiles: Mapping[str, HardwareProfile], labels: Sequence[str | None] = ()
) -> tuple[System, ...]:
    """Return the systems of record files: machines of one model and in one state are one, whatever file, host or job.

    `labels` names the system of each file; files of other labels are never put together. A file given twice counts once.
    Raises BadInput where some records were measured and others made up: neither may stand beside the other.
    """
    made_up = {run.provenance.synthetic for reading in readings for run in reading.runs}
    if len(made_up) > 1:
        raise BadInput("some of these records are synthetic and others measured: they are never shown on one page")
    grouped: dict[tuple[str | None, object], list[tuple[Reading, str]]] = {}
    for reading, label in zip(readings, [*labels, *[None] * (len(readings) - len(labels))], strict=True):
        for digest, machine in reading.machines.items():
            grouped.setdefault((label, model(machine)), []).append((reading, digest))
    taken = Counter[str]()
    found = []
    for (label, _), places in grouped.items():
        name = label or name_of(places[0][0].machines[places[0][1]])
        taken[name] += 1
        found.append(_system(name if taken[name] == 1 else f"{name} ({taken[name]})", places, profiles))
    return tuple(found)


def by_host(system: System) -> tuple[System, ...]:
    """Return what a system is on each of its hosts, with the same label."""
    machines = [(reading, digest, machine) for reading in system.readings for digest, machine in reading.machines.items()]
    places: dict[str, list[tuple[Reading, str]]] = {}
    for reading, digest, machine in machines:
        if model(machine) == model(system.machine):
            places.setdefault(machine.host.hostname, []).append((reading, digest))
    profiles = {profile.id: profile for profile in system.profiles.values() if profile}
    return tuple(_system(system.label, mine, profiles) for _, mine in sorted(places.items()))


def name_of(machine: Machine) -> str:
    """Return what a machine is called where nobody named it: by its GPUs, else by its processor."""
    gpus = Counter(gpu.name or "GPU, name unknown" for gpu in machine.gpus)
    processor = f"{machine.cpu.name or 'CPU, name unknown'}, {machine.cpu.usable_threads} threads"
    return ", ".join(f"{count} × {name}" for name, count in gpus.items()) or processor


def rank(result: Result) -> tuple[str, int, float]:
    """Return what orders results: by problem, CPU before GPU, the best figure of merit first."""
    value = result.figure.value if result.figure else 0.0
    kind = 0 if result.resources.device.startswith("cpu") else 1
    return result.case.problem, kind, -value if result.metric and result.metric.better == "higher" else value


def _system(label: str, places: Sequence[tuple[Reading, str]], profiles: Mapping[str, HardwareProfile]) -> System:
    once = {(reading.sha256, digest): (reading, digest) for reading, digest in places}
    machines = tuple(reading.machines[digest] for reading, digest in once.values())
    mine = tuple(run for reading, digest in once.values() for run in _named(reading) if run.machine == digest)
    machine = machines[0]
    found = tuple(_placed(result, machine) for result in results(mine))
    matched = {match.device: profiles.get(match.profile or "") for match in machine.matches}
    limits = {device.id: roofline.limits(found, device, matched.get(device.id)) for device in machine.devices}
    readings = {reading.sha256: reading for reading, _ in once.values()}
    return System(label, tuple(readings.values()), machines, mine, found, limits, matched)


def _named(reading: Reading) -> list[RunRecord]:
    """Return the runs of a file with their jobs: of one that names none, the file."""
    file = f"file {reading.sha256[:12]}"
    return [run if run.provenance.job else replace(run, provenance=replace(run.provenance, job=file)) for run in reading.runs]


def _placed(result: Result, machine: Machine) -> Result:
    """Return a result with the state of the device it ran on."""
    match = next((match for match in machine.matches if match.device == result.resources.device), None)
    cpu = machine.cpu
    siblings = max(1, cpu.threads // cpu.cores) if cpu.smt and cpu.cores else 1  # a plan takes one thread of each core
    whole = result.resources.threads >= max(1, cpu.usable_threads // siblings)
    unknown = () if match is not None and match.reason is None else (NO_SHEET,)
    return replace(result, deviations=(*(match.deviations if match else ()), *unknown), whole=whole)
