"""Whether a case is right and fast only at the benchmark's exact size and seed: judged beside sizes near it."""

from collections.abc import Sequence
from dataclasses import replace

from ngtbench.analysis.ratio import ratio_interval
from ngtbench.model.comparison import Result

NEAR = "~"  # in the name of a size: what follows says how it differs from the size before it
SEED = "~seed"
FLAG = "tuned_to_shape"
FASTER = 0.25  # per unit of work than at every size near it, beyond the uncertainty of both


def audited(results: Sequence[Result]) -> tuple[Result, ...]:
    """Return the results of declared sizes, each judged by what ran near it; what ran near is in no ranking.

    Where something near was wrong or failed, so is the case. Where the case is faster by more than a quarter, it is flagged
    with how much faster. What ended badly near a case that has no record stands for itself.
    """
    near: dict[tuple[object, ...], list[Result]] = {}
    exact = {_key(result): result for result in results if NEAR not in result.case.size}
    for result in results:
        if NEAR in result.case.size:
            near.setdefault(_key(result), []).append(result)
    alone = [one for key, group in near.items() if key not in exact for one in group if one.status != "done"]
    return (*(_judged(result, near.get(key, [])) for key, result in exact.items()), *alone)


def faster(result: Result, near: Sequence[Result]) -> float | None:
    """Return how much faster per unit of work a result is than the fastest of those near it; None where it is not, for sure.

    Sizes near it decide; where none is declared, the same size with another seed.
    """
    rivals = [one for one in near if one.status == "done" and one.metric == result.metric]
    rivals = [one for one in rivals if not one.case.size.endswith(SEED)] or rivals
    found = [_ratio(result, one) for one in rivals]
    if not found or result.metric is None or result.metric.name != "wall_s":
        return None
    value, low = min(found)
    return value - 1 if low > 1 + FASTER else None


def _judged(result: Result, near: Sequence[Result]) -> Result:
    result = replace(result, near=tuple(one.case.size for one in near))
    for status in ("wrong", "failed"):
        bad = next((one for one in near if one.status == status), None)
        if bad is not None and result.status == "done":
            seeds = ", ".join(map(str, bad.seeds))
            reason = f"right at {result.case.size}, {status} at {bad.case.size} (seed {seeds}): {bad.reason}"
            verdict = bad.verdict or result.verdict
            return replace(
                result, status=bad.status, reason=reason, metric=None, intervals={}, quantiles=(), flags={}, verdict=verdict
            )
    found = faster(result, near) if result.status == "done" else None
    return result if found is None else replace(result, flags=result.flags | {FLAG: found})


def _ratio(result: Result, other: Result) -> tuple[float, float]:
    """Return how much faster per unit of work the result is than the other, and the lower end of that."""
    assert result.figure is not None and other.figure is not None  # done results have a figure
    units = _units(result) / _units(other)
    bounds = ratio_interval(other.figure, result.figure)
    value = units * other.figure.value / result.figure.value
    return value, units * bounds[0] if bounds else value


def _units(result: Result) -> int:
    work = result.work
    return (work.flop or work.bytes or work.events or 1) if work else 1


def _key(result: Result) -> tuple[object, ...]:
    return replace(result.case, size=result.case.size.partition(NEAR)[0]), result.resources, result.profiler
