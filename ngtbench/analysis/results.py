"""Boils the launches of each case down to one result; a launch that is wrong or failed decides for all."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, median

from ngtbench.analysis import doubts, gate, statistics
from ngtbench.analysis.audit import audited
from ngtbench.analysis.saturation import saturation
from ngtbench.model.case import Case, Resources, Work
from ngtbench.model.comparison import Result
from ngtbench.model.machine import Machine
from ngtbench.model.record import Measurement, RunRecord, Status, Verdict

_ORDER: tuple[Status, ...] = ("wrong", "failed", "skipped", "done")  # the first that occurs decides
_CHOSEN = {"gpu_idle", "idle", "none", "app_clocks", "sync_boost", "display_clock"}  # clocks as asked for, or nothing to do


def identity(machine: Machine) -> tuple[object, ...]:
    """Return what stays the same when a machine is discovered twice: host, processors, GPUs."""
    cpu = machine.cpu
    return (machine.host.hostname, cpu.name, cpu.usable_threads, *((gpu.id, gpu.name, gpu.uuid) for gpu in machine.gpus))


def model(machine: Machine) -> tuple[object, ...]:
    """Return what machines have in common that count as the same system: processor, threads, GPUs, and their deviations."""
    cpu = machine.cpu
    gpus = tuple((gpu.name, gpu.memory_b, gpu.mig, gpu.partition) for gpu in machine.gpus)
    deviations = tuple(sorted((match.device, match.deviations) for match in machine.matches))
    return (cpu.name, cpu.sockets, cpu.usable_threads, gpus, deviations)


def results(runs: Iterable[RunRecord]) -> tuple[Result, ...]:
    """Return one result per case and resources, in order of their first record; all runs must be of one machine.

    What an audit ran near a case is judged with it. What a profiler watched is a result of its own.
    """
    groups: dict[tuple[Case, Resources, str | None], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.case, run.resources, run.provenance.profiler), []).append(run)
    return audited([result(group) for group in groups.values()])


def result(group: Sequence[RunRecord]) -> Result:
    """Return the result of one case by its launches, of which there is one at least."""
    first, given = group[0], len(group)
    group = doubts.once(group)
    status, reason, remedy = _ended(group)
    commit = first.provenance.commit
    suite = first.provenance.suite + (f" ({commit[:12]}{', with changes' if first.provenance.dirty else ''})" if commit else "")
    verdicts = [run.outcome.verdict for run in group if run.outcome.verdict is not None]
    common = Result(
        case=first.case,
        resources=first.resources,
        status=status,
        launches=len(group),
        tier=first.provenance.tier,
        suite=suite,
        reason=reason,
        remedy=remedy,
        work=first.outcome.work,
        verdict=max(verdicts, key=_badness) if verdicts else None,
        variant=first.outcome.variant,
        seeds=tuple(run.seed for run in group),
        redone=tuple(reason for run in group for reason in run.provenance.redone),
        profiler=first.provenance.profiler,
        synthetic=any(run.provenance.synthetic for run in group),
    )
    found = _measured(common, group) if status == "done" else common
    return replace(found, flags=found.flags | {"copied": float(given - len(group))}) if len(group) < given else found


def _ended(group: Sequence[RunRecord]) -> tuple[Status, str | None, str | None]:
    """Return status, reason and remedy of all launches together."""
    ends: list[tuple[Status, str | None, RunRecord]] = []
    for run in group:
        doubt = doubts.fault(run) if run.outcome.status == "done" else None
        ends.append(("failed", doubt, run) if doubt else (run.outcome.status, run.outcome.reason, run))
    mixed = doubts.mixture([run for status, _, run in ends if status == "done"])
    if mixed:
        return "failed", mixed, None
    works = {run.outcome.work for status, _, run in ends if status == "done"}
    metrics = {run.outcome.metrics for status, _, run in ends if status == "done"}
    if len(works) > 1 or len(metrics) > 1:
        return "failed", "its launches did different work, or have different metrics: records of two versions in one file", None
    status, reason, run = min(ends, key=lambda end: _ORDER.index(end[0]))
    if status == "done":
        return status, None, None
    if status != "skipped" and len(group) > 1:
        bad = sum(end[0] == status for end in ends)
        reason = f"{bad} of {len(group)} launches, first in launch {run.launch}: {reason or 'no reason recorded'}"
    return status, reason or "no reason recorded", run.outcome.remedy


def _measured(common: Result, group: Sequence[RunRecord]) -> Result:
    """Return the result with what was measured; every launch has a measurement and the same metrics."""
    taken = [run.outcome.measurement for run in group if run.outcome.measurement is not None]
    jobs = [run.provenance.job or "" for run in group if run.outcome.measurement is not None]
    metric = group[0].outcome.metrics[0]
    middles = [median(measured.series[metric.name]) for measured in taken]
    names = [name for name in taken[0].series if all(measured.series.get(name) for measured in taken)]
    flags: dict[str, float] = {}
    for measured in taken:
        for name, figure in measured.flags.items():
            flags[name] = max(flags.get(name, 0.0), figure, key=abs)
    power_w, power_said = _power(taken)
    event_j, event_error, event_net_j = _event_j(taken, metric.name, group[0].outcome.work)
    idle = [measured.energy.idle_w for measured in taken if measured.energy.idle_w is not None]
    return replace(
        common,
        metric=metric,
        intervals={name: statistics.interval([measured.series[name] for measured in taken], jobs) for name in names},
        quantiles=statistics.quantiles([x for measured in taken for x in measured.series[metric.name]]),
        inputs=tuple((run.seed, run.outcome.verdict.inputs_digest) for run in group if run.outcome.verdict),
        flags=flags,
        throttle=_throttle(taken),
        power_w=power_w,
        power_said=power_said,
        event_j=event_j,
        event_error=event_error,
        event_net_j=event_net_j,
        target_j=_target_j(taken),
        idle_w=fmean(idle) if idle else None,
        saturation=saturation([measured.batch_s for measured in taken]),
        modes=gate.modes(middles),
        jobs=tuple(statistics.job_means(middles, jobs).items()),
        launch_medians=tuple(middles),
    )


def _badness(verdict: Verdict) -> tuple[bool, float]:
    off = verdict.error if verdict.error is not None else 0.0 if verdict.check == "invariants" else math.inf
    return not verdict.passed, off


def _throttle(taken: Sequence[Measurement]) -> tuple[str, ...]:
    seen = [reason for measured in taken for health in (measured.before, measured.after) for reason in health.throttle or ()]
    return tuple(reason for reason in dict.fromkeys(seen) if reason not in _CHOSEN)


def _power(taken: Sequence[Measurement]) -> tuple[float | None, str]:
    """Return mean watts over all windows and the sensor, or None and the reason."""
    energies = [measured.energy for measured in taken]
    for energy in energies:
        if energy.j is None or energy.window_s <= 0:
            return None, energy.reason or "no reason recorded"
    joules, seconds = sum(energy.j or 0.0 for energy in energies), sum(energy.window_s for energy in energies)
    said = [words for energy in energies for words in (energy.sensor or "sensor not recorded", energy.reason) if words]
    return joules / seconds, "; ".join(dict.fromkeys(said))


def _event_j(taken: Sequence[Measurement], metric: str, work: Work | None) -> tuple[float | None, float | None, float | None]:
    """Return joules per event, gross, their error as a share, and what is above rest; None for what is not known.

    Only of times per call, and of trials that count `samples` and have energy of their own: else a window holds more.
    """
    if metric == "wall_s" and work is not None:
        events = float(sum(len(measured.series[metric]) * measured.calls for measured in taken) * work.events)
    else:
        events = sum(sum(measured.series.get("samples", ())) for measured in taken if measured.series.get("energy_j"))
    joules = [measured.energy.j for measured in taken if measured.energy.j is not None]
    if len(joules) < len(taken) or events <= 0:
        return None, None, None
    total_j = sum(joules)
    errors = [measured.energy.error_j for measured in taken if measured.energy.error_j is not None]
    idle_j = [one.energy.idle_w * one.energy.window_s for one in taken if one.energy.idle_w is not None]
    error = sum(errors) / total_j if len(errors) == len(taken) and total_j > 0 else None
    return total_j / events, error, (total_j - sum(idle_j)) / events if len(idle_j) == len(taken) else None


def _target_j(taken: Sequence[Measurement]) -> float | None:
    """Return the median, over trainings, of joules until the target: of each training's the share of its time until then."""
    shares = []
    for measured in taken:
        series = [measured.series.get(name, ()) for name in ("energy_j", "to_target_s", "wall_s")]
        if not all(series):
            return None
        shares += [joules * reached_s / wall_s for joules, reached_s, wall_s in zip(*series, strict=True)]
    return median(shares) if shares else None
