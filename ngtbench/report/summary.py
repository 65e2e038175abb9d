"""What matters of a run, in five lines; and one case, in one."""

from collections.abc import Iterator, Sequence

from ngtbench.analysis.audit import FLAG
from ngtbench.analysis.results import result as one_result
from ngtbench.model.case import Plan
from ngtbench.model.comparison import Limit, Result
from ngtbench.model.record import RunRecord
from ngtbench.report import wording
from ngtbench.report.systems import System, systems
from ngtbench.store.read import Reading
from ngtbench.units import si


def five_lines(reading: Reading) -> list[str]:
    """Return machine, counts, bandwidth, arithmetic, and the fact a reader must not miss; for each machine of a file."""
    return [f"{word:<10} {said}" for system in systems([reading], {}) for word, said in facts(system)]


def facts(system: System) -> list[tuple[str, str]]:
    """Return the five lines of one machine, each with its word."""
    counts = [f"{len(system.ended(status))} {status}" for status in ("done", "wrong", "failed", "skipped")]
    counts += [f"{len(system.watched)} watched by a profiler"] if system.watched else []
    planned = sum(len(reading.missing) for reading in system.readings)
    return [
        ("machine", wording.machine_line(system.machine)),
        ("cases", ", ".join(counts) + (f"; {planned} planned but not recorded" if planned else "")),
        ("bandwidth", _bandwidth(system)),
        ("arithmetic", _arithmetic(system)),
        ("note", next(_notable(system), f"{_deviates(system)}, nothing was flagged")),
    ]


def line(record: RunRecord) -> str:
    """Return one case of one launch: its figure of merit, interval and rates, or how else it ended."""
    result = one_result([record])
    where = f"{result.case.id} on {wording.place(result)}"
    if result.status != "done" or result.metric is None or result.figure is None:
        remedy = f" ({result.remedy})" if result.remedy else ""
        return f"{result.status.upper()}  {where}: {result.reason}{remedy}"
    name = result.metric.name
    said = [f"{wording.NAMES.get(name, name)} {wording.amount(name, result.figure.value)}"]
    if result.figure.low is not None:
        said[0] += f" ({wording.spread(name, result.figure)})"
    energy = [", ".join(wording.energy(result))] if result.event_j is not None else []
    words = [*said, *wording.rates(result), *wording.saturation(result), *energy, *wording.flags(result)]
    return f"done  {where}: {'; '.join(words)}"


def planned(plan: Plan, about_s: float) -> str:
    """Return how many cases will run, and about how long that takes."""
    long = f"{about_s / 60:.0f} min" if about_s >= 100 else f"{about_s:.0f} s"
    return f"plan       {len(plan.jobs)} cases, {len(plan.skipped)} cannot run here; about {long}, an estimate"


def overhead(runs: Sequence[RunRecord], wall_s: float) -> str:
    """Return what share of a run's time was the suite's own, with and without the starts of workers.

    Neither timing nor building is: both are figures of the case, and compilers are not ours to hasten.
    """
    taken = [run.outcome.measurement for run in runs if run.outcome.measurement]
    starts_s, built_s = sum(run.provenance.start_s for run in runs), sum(measured.build_s for measured in taken)
    rest_s = max(0.0, wall_s - starts_s - built_s - sum(measured.timed_s for measured in taken))
    with_starts, warm = _share(rest_s + starts_s, wall_s), _share(rest_s, wall_s - starts_s)
    words = f"{with_starts:.0%} of {wall_s:.0f} s was neither timed work nor building it, {warm:.0%} without worker starts"
    apart = f"worker starts {starts_s:.1f} s, building {built_s:.1f} s, preparing and judging {rest_s:.1f} s"
    return f"overhead   {words} ({apart})"


def audit(results: Sequence[Result]) -> list[str]:
    """Return what an audit found: how many cases held, and a line for each that did not."""
    audited = [result for result in results if result.near]
    tuned = [result for result in audited if FLAG in result.flags]
    bad = [result for result in audited if result.status in ("wrong", "failed")]
    lines = [
        f"audit      {len(audited) - len(tuned) - len(bad)} of {len(audited)} cases hold near their size and with other seeds"
    ]
    lines += [f"audit      {result.status}: {result.case.id}: {result.reason}" for result in bad]
    return lines + [f"audit      {result.case.id}: {'; '.join(wording.flags(result))}" for result in tuned]


def _bandwidth(system: System) -> str:
    said = []
    for device, limits in system.limits.items():
        if limits.bandwidth:
            said.append(f"{device} {_limit(limits.bandwidth)}")
        else:
            said.append(f"{device} not measured ({limits.missing['bandwidth']})")
    return "; ".join(said)


def _arithmetic(system: System) -> str:
    said = []
    for device, limits in system.limits.items():
        rates = [f"{dtype} {si(limit.value, 'FLOP/s')}" for dtype, limit in limits.flop.items()]
        said.append(f"{device} {', '.join(rates) if rates else 'not measured (neither system/gemm nor system/fma measured)'}")
    return "; ".join(said)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _limit(limit: Limit) -> str:
    return f"{si(limit.value, limit.unit)} by {limit.case}" + (f" ({limit.note})" if limit.note else "")


def _notable(system: System) -> Iterator[str]:
    """Yield what a reader must not miss, the worst first."""
    for status in ("wrong", "failed"):
        ended = system.ended(status)
        if ended:
            more = f" (and {len(ended) - 1} more)" if len(ended) > 1 else ""
            yield f"{status}: {ended[0].case.id}: {ended[0].reason}{more}"
    throttled = [result for result in system.ended("done") if result.throttle]
    if throttled:
        yield f"{len(throttled)} cases ran throttled, first {throttled[0].case.id}: {', '.join(throttled[0].throttle)}"
    deviations = [f"{match.device} {deviation}" for match in system.machine.matches for deviation in match.deviations]
    if deviations:
        yield f"deviations: {'; '.join(deviations)}"
    done = system.ended("done")
    flagged = [result for result in done if result.flags or result.modes]
    if flagged:
        worst = max(flagged, key=_unsettled)
        yield f"{len(flagged)} of {len(done)} cases flagged, such as {worst.case.id}: {'; '.join(wording.flags(worst))}"


def _deviates(system: System) -> str:
    """Say that no device deviates, or of which that is not known."""
    known = {match.device for match in system.machine.matches if match.profile and not match.reason}
    unknown = [device.id for device in system.machine.devices if device.id not in known]
    if not unknown:
        return "nothing deviates"
    return f"not known whether {', '.join(unknown)} deviate{'s' if len(unknown) == 1 else ''}: no data sheet matches"


def _unsettled(result: Result) -> tuple[float, int]:
    return result.flags.get("not_converged", 0.0), len(result.flags)
