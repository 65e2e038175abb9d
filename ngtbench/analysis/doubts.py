"""Why records that say done are not believed, or do not belong together: nothing of them is in any result."""

from collections.abc import Sequence
from datetime import datetime

from ngtbench.model.record import Outcome, RunRecord, Verdict

_HUGE = 1e60  # beyond, or below its inverse, nothing was measured, and squares leave the range of floats
_TELLING = 6  # different numbers that are not the same in two measurements by chance
_FIRST_YEAR, _LAST_YEAR = 2020, 2099


def fault(run: RunRecord) -> str | None:
    """Return why a record that says done cannot be believed; None if it can."""
    outcome = run.outcome
    if outcome.verdict is None or not outcome.verdict.passed:
        return "the record says done, but holds no verdict that passed"
    if outcome.measurement is None or outcome.work is None or not outcome.metrics:
        return "the record says done, but holds no measurement, work or metric"
    work = outcome.work
    if not all(0 <= count < _HUGE for count in (work.flop, work.bytes, work.memory_b, work.events)):
        return "the record says done, but counts impossible work"
    for metric in outcome.metrics:
        if not outcome.measurement.series.get(metric.name):
            return f"the record says done, but {metric.name} has no samples"
    for name, samples in outcome.measurement.series.items():
        if not all(sample == 0 or 1 / _HUGE < abs(sample) < _HUGE for sample in samples):
            return f"the record says done, but {name} holds what cannot be a measured number"
    wall = outcome.measurement.series.get("wall_s", ())
    if any(sample <= 0 for sample in wall):
        return "the record says done, but wall_s holds a time that is not positive"
    if any(sample * outcome.measurement.calls < outcome.measurement.timer_resolution_s for sample in wall):
        return "the record says done, but wall_s holds a sample that is shorter than a step of its timer"
    return _beyond(outcome.verdict) or _when(run)


def once(group: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the records without copies: no two measurements have the same samples, whatever job or launch they name."""
    kept: list[RunRecord] = []
    for run in group:
        if not any(run == other or _same(run.outcome, other.outcome) for other in kept):
            kept.append(run)
    return kept


def mixture(group: Sequence[RunRecord]) -> str | None:
    """Return why launches do not belong together; None if they do."""
    tiers = sorted({run.provenance.tier for run in group})
    if len(tiers) > 1:
        return f"its launches are of different tiers: {', '.join(tiers)}: they are never one result"
    states = {(run.provenance.suite, run.provenance.commit, run.provenance.dirty) for run in group}
    if len(states) > 1:
        said = ", ".join(
            sorted(f"{suite} {commit or 'commit unknown'}{', with changes' * bool(dirty)}" for suite, commit, dirty in states)
        )
        return f"its launches are of different states of the suite: {said}: record every job with one"
    seen = set[tuple[str | None, str, int]]()
    for run in group:
        key = run.provenance.job, run.machine, run.launch
        if key in seen:
            return f"launch {run.launch} of {run.provenance.job or 'its job'} stands twice, with different samples: remove one"
        seen.add(key)
    return None


def _same(a: Outcome, b: Outcome) -> bool:
    if a.measurement is None or b.measurement is None or (a.status, b.status) != ("done", "done"):
        return False
    telling = len({sample for samples in a.measurement.series.values() for sample in samples}) >= _TELLING
    return telling and (a.work, a.measurement.series) == (b.work, b.measurement.series)


def _beyond(verdict: Verdict) -> str | None:
    if verdict.error is not None and verdict.tolerance is not None and not verdict.error <= verdict.tolerance:
        return f"the record says done, but its error {verdict.error:.2g} is above the tolerance {verdict.tolerance:.2g}"
    for name, (value, bound) in verdict.invariants.items():
        if value is None or not abs(value) <= bound:
            return f"the record says done, but its invariant {name} is beyond the bound {bound:.2g}"
    return None


def _when(run: RunRecord) -> str | None:
    """Return why a record's times cannot be those of a run."""
    origin = run.provenance
    try:
        year = datetime.fromisoformat(origin.started_at).year
    except ValueError:
        return f"the record says done, but was begun at {origin.started_at[:40]!r}, which is no time"
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return f"the record says done, but was begun in the year {year}"
    return "the record says done, but took less than no time" if origin.wall_s < 0 else None
