"""Records of runs and plans with stand-ins for their names; samples, errors, energy and flags stay."""

import re
from collections.abc import Mapping
from dataclasses import replace

from ngtbench.model.case import Case, Metric, Resources, Selection, Work
from ngtbench.model.record import Energy, Health, Measurement, Outcome, PlanRecord, Provenance, RunRecord, Verdict
from ngtbench.report.anonymous_machine import Machines, device_ids, held_back
from ngtbench.report.withheld import StandIns, telling
from ngtbench.store.read import Reading

_KEY = re.compile(r"(.+)/(.+)@(\d+)/(.+)/(.+)/(.+) on (\S+) x(\d+) #(\d+)", re.DOTALL)
_GIVEN = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES")  # variables that name no vendor


class Records:
    """Gives the records of one file their stand-ins; `digests` are those of its machines, before and after."""

    def __init__(self, given: StandIns, machines: Machines, reading: Reading, digests: Mapping[str, str]) -> None:
        self._given = given
        self._machines = machines
        self._digests = digests
        used: dict[str, list[str]] = {digest: [one.id for one in machine.devices] for digest, machine in reading.machines.items()}
        for run in reading.runs:  # what was skipped names devices that the machine does not have
            used[run.machine].append(run.resources.device)
        for plan in reading.plans:
            used[plan.machine] += [found[7] for key in plan.keys if (found := _KEY.fullmatch(key))]
        self._ids = {digest: device_ids(names) for digest, names in used.items()}

    def plan(self, old: PlanRecord) -> PlanRecord:
        """Return a plan; its keys stay those of its runs."""
        asked = old.selection
        selection = Selection(
            workloads=tuple(self._given.text(name) if telling(name) else name for name in asked.workloads),
            sizes=asked.sizes,
            dtypes=asked.dtypes,
            suite=self._told("suite", asked.suite),
            threads=asked.threads,
            launches=asked.launches,
            seed=asked.seed,
            budget_s=asked.budget_s,
            audit=asked.audit,
        )
        ids = self._ids[old.machine]
        return PlanRecord(selection, old.order_seed, tuple(self._key(key, ids) for key in old.keys), self._digests[old.machine])

    def run(self, old: RunRecord) -> RunRecord:
        """Return a record of a run."""
        ids = self._ids[old.machine]
        return replace(
            old,
            case=self._case(old.case),
            resources=self._resources(old.resources, ids),
            machine=self._digests[old.machine],
            outcome=self._outcome(old.outcome, ids),
            provenance=self._provenance(old.provenance, ids),
        )

    def _told(self, kind: str, name: str) -> str:
        """Return a name as it is, or its stand-in where it names a vendor or a product."""
        return f"{kind}-{self._given.number(kind, name)}" if telling(name) else name

    def _case(self, old: Case) -> Case:
        family, slash, name = old.workload.partition("/")
        workload = self._told("family", family) + slash + self._told("workload", name)
        impl = self._told("implementation", old.impl)
        return Case(workload, old.version, self._told("size", old.size), impl, self._told("dtype", old.dtype))

    def _key(self, old: str, ids: Mapping[str, str]) -> str:
        found = _KEY.fullmatch(old)
        if not found:
            return self._given.text(old)
        case = Case(f"{found[1]}/{found[2]}", int(found[3]), found[4], found[5], found[6])
        return f"{self._case(case).id} on {ids[found[7]]} x{found[8]} #{found[9]}"

    def _resources(self, old: Resources, ids: Mapping[str, str]) -> Resources:
        neighbour = old.neighbour
        if neighbour is not None and telling(neighbour):
            neighbour = f"neighbour {self._given.number('neighbour', neighbour)}"
        return replace(old, device=ids[old.device], neighbour=neighbour)

    def _outcome(self, old: Outcome, ids: Mapping[str, str]) -> Outcome:
        return replace(
            old,
            reason=self._words(old.reason, ids),
            remedy=self._words(old.remedy, ids),
            measurement=self._measurement(old.measurement, ids) if old.measurement else None,
            verdict=self._verdict(old.verdict, ids) if old.verdict else None,
            work=self._work(old.work) if old.work else None,
            metrics=tuple(Metric(self._told("metric", one.name), one.better) for one in old.metrics),
            variant=self._words(old.variant, ids),
        )

    def _work(self, old: Work) -> Work:
        return replace(old, event=self._told("event", old.event))

    def _words(self, words: str | None, ids: Mapping[str, str]) -> str | None:
        return None if words is None else self._machines.text(words, ids)

    def _measurement(self, old: Measurement, ids: Mapping[str, str]) -> Measurement:
        return replace(
            old,
            series={self._told("metric", name): samples for name, samples in old.series.items()},
            timer=self._machines.text(old.timer, ids),
            energy=self._energy(old.energy, ids),
            before=self._health(old.before, ids),
            after=self._health(old.after, ids),
            flags={self._told("flag", name): figure for name, figure in old.flags.items()},
            missing={self._told("metric", name): self._machines.text(why, ids) for name, why in old.missing.items()},
        )

    def _energy(self, old: Energy, ids: Mapping[str, str]) -> Energy:
        sensor = None if old.sensor is None else f"sensor {self._given.number('sensor', old.sensor)}"
        return Energy(old.j, old.window_s, old.idle_w, old.error_j, sensor, self._words(old.reason, ids))

    def _health(self, old: Health, ids: Mapping[str, str]) -> Health:
        return replace(
            old,
            throttle=None if old.throttle is None else tuple(map(held_back, old.throttle)),
            missing={name: self._machines.text(why, ids) for name, why in old.missing.items() if hasattr(old, name)},
        )

    def _verdict(self, old: Verdict, ids: Mapping[str, str]) -> Verdict:
        return replace(
            old,
            worst=self._words(old.worst, ids),
            invariants={self._told("invariant", name): both for name, both in old.invariants.items()},
            reason=self._words(old.reason, ids),
        )

    def _provenance(self, old: Provenance, ids: Mapping[str, str]) -> Provenance:
        return replace(
            old,
            worker=None,
            environment={name: self._given.text(old.environment[name]) for name in _GIVEN if name in old.environment},
            redone=tuple(self._machines.text(why, ids) for why in old.redone),
            profiler=None if old.profiler is None else f"profiler {self._given.number('profiler', old.profiler)}",
            job=None if old.job is None else f"job {self._given.number('job', old.job)}",
        )
