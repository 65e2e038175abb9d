"""Records of runs and plans with stand-ins for their names; samples, errors, energy and flags stay."""

from collections.abc import Mapping
from dataclasses import replace

from ngtbench.model.case import Metric, Resources, Selection
from ngtbench.model.record import Energy, Health, Measurement, Outcome, PlanRecord, Provenance, RunRecord, Verdict
from ngtbench.report.anonymous_machine import Machines, device_ids, held_back
from ngtbench.report.anonymous_names import KEY, Names
from ngtbench.report.withheld import StandIns
from ngtbench.store.read import Reading

_GIVEN = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES")  # variables that name no vendor


class Records:
    """Gives the records of one file their stand-ins; `digests` are those of its machines, before and after."""

    def __init__(self, given: StandIns, names: Names, machines: Machines, reading: Reading, digests: Mapping[str, str]) -> None:
        self._given = given
        self._names = names
        self._reading = reading
        self._runs = {run.key: run for run in reading.runs}
        self._machines = machines
        self._digests = digests
        used: dict[str, list[str]] = {digest: [one.id for one in machine.devices] for digest, machine in reading.machines.items()}
        for run in reading.runs:  # what was skipped names devices that the machine does not have
            used[run.machine].append(run.resources.device)
        for plan in reading.plans:
            used[plan.machine] += [found["device"] for key in plan.keys if (found := KEY.fullmatch(key))]
        self._ids = {digest: device_ids(names) for digest, names in used.items()}

    def plan(self, old: PlanRecord) -> PlanRecord:
        """Return a plan; its keys stay those of its runs."""
        asked = old.selection
        selection = Selection(
            workloads=tuple(map(self._names.asked, asked.workloads)),
            sizes=tuple(map(self._names.size, asked.sizes)),
            dtypes=tuple(map(self._names.dtype, asked.dtypes)),
            suite=self._names.asked_suite(asked.suite),
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
            case=self._names.case(old.case),
            resources=self._resources(old.resources, ids),
            machine=self._digests[old.machine],
            outcome=self._outcome(old.outcome, ids),
            provenance=self._provenance(old.provenance, ids),
        )

    def _key(self, old: str, ids: Mapping[str, str]) -> str:
        if run := self._runs.get(old):  # its names may hold what parts names in a key
            return replace(run, case=self._names.case(run.case), resources=self._resources(run.resources, ids)).key
        found = KEY.fullmatch(old)
        if not found:
            return self._given.text(old)
        case = self._names.case_id(found["case"]) or self._given.text(found["case"])
        return f"{case} on {ids[found['device']]} x{found['threads']} #{found['launch']}"

    def _resources(self, old: Resources, ids: Mapping[str, str]) -> Resources:
        return replace(old, device=ids[old.device], neighbour=self._names.neighbour(old.neighbour))

    def _outcome(self, old: Outcome, ids: Mapping[str, str]) -> Outcome:
        return replace(
            old,
            reason=self._words(old.reason, ids),
            remedy=self._words(old.remedy, ids),
            measurement=self._measurement(old.measurement, ids) if old.measurement else None,
            verdict=self._verdict(old.verdict, ids) if old.verdict else None,
            work=replace(old.work, event=self._names.event(old.work.event)) if old.work else None,
            metrics=tuple(Metric(self._names.metric(one.name), one.better) for one in old.metrics),
            variant=self._words(old.variant, ids),
        )

    def _words(self, words: str | None, ids: Mapping[str, str]) -> str | None:
        return None if words is None else self._machines.text(words, ids)

    def _measurement(self, old: Measurement, ids: Mapping[str, str]) -> Measurement:
        return replace(
            old,
            series={self._names.metric(name): samples for name, samples in old.series.items()},
            timer=self._machines.text(old.timer, ids),
            energy=self._energy(old.energy, ids),
            before=self._health(old.before, ids),
            after=self._health(old.after, ids),
            flags={self._names.flag(name): figure for name, figure in old.flags.items()},
            missing={self._names.metric(name): self._machines.text(why, ids) for name, why in old.missing.items()},
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
            invariants={self._names.invariant(name): both for name, both in old.invariants.items()},
            inputs_digest=self._names.digest(old.inputs_digest),
            reason=self._words(old.reason, ids),
        )

    def _provenance(self, old: Provenance, ids: Mapping[str, str]) -> Provenance:
        return replace(
            old,
            started_at=self._names.moment(old.started_at),
            suite=self._names.version(old.suite),
            commit=self._names.commit(old.commit),
            tier=self._names.tier(old.tier),
            worker=None,
            environment={name: self._given.text(old.environment[name]) for name in _GIVEN if name in old.environment},
            redone=tuple(self._machines.text(why, ids) for why in old.redone),
            profiler=None if old.profiler is None else f"profiler {self._given.number('profiler', old.profiler)}",
            job=self._names.job(self._reading, old.job),
        )
