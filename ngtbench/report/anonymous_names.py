"""Stand-ins for the names in records that the suite does not declare itself, and for commits, digests, jobs and moments."""

import re
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ngtbench.analysis.amdahl import CHAIN
from ngtbench.model.case import Case
from ngtbench.model.comparison import Weights
from ngtbench.report.declared import declared
from ngtbench.report.withheld import StandIns
from ngtbench.store.read import Reading
from ngtbench.workloads import NEAR

KEY = re.compile(r"(?P<case>.+) on (?P<device>\S+) x(?P<threads>\d+) #(?P<launch>\d+)", re.DOTALL)
_CASE = re.compile(r"([^@]+)@(\d+)/([^/]+)/([^/]+)/([^/]+)", re.DOTALL)
_PLAIN = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}", re.ASCII)
_NEAR = re.compile(r"seed|\d{1,2}", re.ASCII)
_UNIT = re.compile(r"(_flop|_b)?_per_s|_s|_b|_w|_hz|_j")
_SHOWN = 12  # digits of a commit that a page shows, and by which it tells commits apart
_TIERS = {"ported", "optimised"}


class Names:
    """Names in one report: equal ones stay equal, others stay apart; families, jobs and moments keep their order."""

    def __init__(self, given: StandIns, readings: Sequence[Reading], weights: Sequence[Weights] = ()) -> None:
        self._given = given
        self._known = declared()
        runs = [(reading, run) for reading in readings for run in reading.runs]
        others = [key for reading in readings for plan in reading.plans for key in plan.keys]
        others += [run.resources.neighbour or "" for _, run in runs]
        used = [run.case.workload for _, run in runs] + [found[1] for one in others if (found := _CASE.match(one))]
        self._families = _families({one.partition("/")[0] for one in used}.union(*(one.families for one in weights)))
        self._jobs = _ranks(_job(reading, run.provenance.job) for reading, run in runs)
        machines = [machine for reading in readings for machine in reading.machines.values()]
        self._moments = _moments({one.taken_at for one in machines} | {run.provenance.started_at for _, run in runs})

    def case(self, old: Case) -> Case:
        """Return a case; those of one problem stay so."""
        return Case(
            self.workload(old.workload), old.version, self.size(old.size), self.implementation(old.impl), self.dtype(old.dtype)
        )

    def workload(self, old: str) -> str:
        """Return the name of a workload with its family."""
        if old in self._known.workloads:
            return old
        family, slash, _ = old.partition("/")
        return self.family(family) + (f"/workload-{self._given.number('workload', old)}" if slash else "")

    def family(self, old: str) -> str:
        """Return the name of a family, which sorts as the old one does: a ranking draws weights in that order."""
        return old if old in self._known.families else self._families[old]

    def size(self, old: str) -> str:
        """Return the name of a size; what it ends with tells an audit's sizes and whole chains, and stays."""
        base, near, which = old.partition(NEAR)
        chain = CHAIN if base.endswith(CHAIN) else ""
        base = base.removesuffix(chain)
        if base not in self._known.sizes:
            head, dash, variant = base.partition("-")
            head = head if head in self._known.sizes else f"size{self._given.number('size', head)}"
            base = head + (f"-variant{self._given.number('variant', variant)}" if dash else "")
        if near and not _NEAR.fullmatch(which):
            which = f"other{self._given.number('near', which)}"
        return base + chain + near + which

    def implementation(self, old: str) -> str:
        """Return the name of an implementation, unless a vendor's library has it."""
        return self._one_of(self._known.implementations, "implementation", old)

    def dtype(self, old: str) -> str:
        """Return the name of a dtype."""
        return self._one_of(self._known.dtypes, "dtype", old)

    def metric(self, old: str) -> str:
        """Return the name of a metric, which keeps the suffix that says its unit."""
        unit = next((old[at:] for at in range(len(old)) if _UNIT.fullmatch(old, at)), "")
        return old if old in self._known.metrics else f"metric-{self._given.number('metric', old)}{unit}"

    def event(self, old: str) -> str:
        """Return what a workload counts."""
        return self._one_of(self._known.events, "event", old)

    def invariant(self, old: str) -> str:
        """Return the name of an invariant."""
        return self._one_of(self._known.invariants, "invariant", old)

    def flag(self, old: str) -> str:
        """Return the name of a flag."""
        return self._one_of(self._known.flags, "flag", old)

    def tier(self, old: str) -> str:
        """Return the name of a tier."""
        return self._one_of(_TIERS, "tier", old)

    def asked_suite(self, old: str) -> str:
        """Return the name of what a run was asked for."""
        return self._one_of(self._known.suites, "suite", old)

    def neighbour(self, old: str | None) -> str | None:
        """Return the case id of a background load."""
        return None if old is None else self.case_id(old) or f"neighbour-{self._given.number('neighbour', old)}"

    def case_id(self, old: str) -> str | None:
        """Return a case id; None where it is none."""
        found = _CASE.fullmatch(old)
        return self.case(Case(found[1], int(found[2]), found[3], found[4], found[5])).id if found else None

    def asked(self, old: str) -> str:
        """Return a workload or a pattern of workloads, as they are asked for."""
        if old in self._known.families or old in self._known.workloads:
            return old
        return self._given.text(old)

    def version(self, old: str) -> str:
        """Return a version of ngtbench: as it is where it is three numbers and nothing else."""
        return old if _PLAIN.fullmatch(old) else f"version-{self._given.number('version', old)}"

    def commit(self, old: str | None) -> str | None:
        """Return what stands for a commit."""
        return f"commit-{self._given.number('commit', old[:_SHOWN])}" if old else old

    def digest(self, old: str) -> str:
        """Return what stands for the digest of a case's inputs."""
        return f"inputs-{self._given.number('inputs', old)}"

    def job(self, reading: Reading, old: str | None) -> str:
        """Return the job of a run; of one that names none, its file is it."""
        return self._jobs[_job(reading, old)]

    def moment(self, old: str) -> str:
        """Return the day, in UTC, of a moment, and its place among those of the day as microseconds after midnight."""
        return self._moments[old]

    def weights(self, old: Weights, shipped: Iterable[Weights]) -> Weights:
        """Return weights: those that are shipped as they are, of others the numbers."""
        if old in shipped:
            return old
        return replace(
            old,
            name=f"weights-{self._given.number('weights', old.name)}",
            use_case=self._given.text(old.use_case),
            requester="withheld",
            families={self.family(family): weight for family, weight in old.families.items()},
        )

    def _one_of(self, known: Iterable[str], kind: str, old: str) -> str:
        return old if old in known else f"{kind}-{self._given.number(kind, old)}"


def _job(reading: Reading, job: str | None) -> str:
    return job or f"file {reading.sha256[:_SHOWN]}"


def _ranks(jobs: Iterable[str]) -> dict[str, str]:
    found = sorted(set(jobs))
    return {job: f"job {number:0{len(str(len(found)))}}" for number, job in enumerate(found, start=1)}


def _families(found: Iterable[str]) -> dict[str, str]:
    """Return what unknown families become: named after the known one that they follow in the alphabet, if any."""
    known = sorted(declared().families)
    unknown = sorted(set(found) - set(known))
    width = len(str(len(unknown)))
    before = {one: "".join(f"{name}-then-" for name in known[: bisect(known, one)][-1:]) for one in unknown}
    return {one: f"{before[one]}family-{number:0{width}}" for number, one in enumerate(unknown, start=1)}


def _moments(found: Iterable[str]) -> Mapping[str, str]:
    days: dict[datetime | None, list[tuple[datetime, str]]] = {}
    for text in found:
        moment = _read(text)
        day = moment and moment.replace(hour=0, minute=0, second=0, microsecond=0)
        days.setdefault(day, []).append((moment or datetime.min, text))
    made: dict[str, str] = {}
    for day, texts in days.items():
        for number, (_, text) in enumerate(sorted(texts)):
            at = None if day is None else (day + timedelta(microseconds=number)).isoformat(timespec="microseconds")
            made[text] = at or f"unknown time {number}"
    return made


def _read(text: str) -> datetime | None:
    """Return a moment in UTC; None where the text is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
