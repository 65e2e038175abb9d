"""What would make a case faster on its device: its shares of both limits, and how its rate grows with the size.

Time is taken as a + b x work between two sizes of one problem: a is what does not grow, such as a launch, or processors that
have nothing to do yet.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ngtbench.analysis import roofline
from ngtbench.model.comparison import Fraction, Limits, Result
from ngtbench.model.machine import HardwareProfile
from ngtbench.units import percent

Help = Literal["bandwidth", "FLOP", "latency", "memory size", "implementation", "itself", "not known"]

NEAR = 0.6  # of a limit: above it, at most a factor 1.7 is left to the implementation, less than a generation of machines gives
BEYOND = 1.1  # of a limit: more than intervals and other clocks explain, so it is not the limit of this case
FIXED = 0.2  # of the time: what does not grow with the work; a fifth is far above the noise between sizes, some per cent
FALL = 1.25  # that much slower per unit of work beyond the cache: the same fifth of the time
ALIKE = 0.01  # by how much the work per event of two sizes may differ: rounding, and weights that every call reads once
_STEMS = ("XS", "S", "M", "L")
_OWN = "_flop_per_s"  # how metrics end that count what a method did, where the workload cannot


@dataclass(frozen=True)
class Explanation:
    """Shares of the measured limit and of the data sheet's, and what would help; `evidence` says why, in words."""

    result: Result
    measured: Fraction
    sheet: Fraction | None  # None: counts nothing that a data sheet gives
    helps: tuple[Help, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class _Growth:
    """Share of the time that does not grow with the work, None if not known; `words` say from what, or why not."""

    fixed: float | None
    words: str


def explain(
    results: Sequence[Result], limits: Mapping[str, Limits], profiles: Mapping[str, HardwareProfile | None]
) -> tuple[Explanation, ...]:
    """Explain every done result of a machine that no profiler watched, in order; limits and profiles are by device id."""
    done = [result for result in results if result.status == "done" and result.profiler is None]
    groups: dict[tuple[object, ...], list[Result]] = {}
    for result in results:
        if result.profiler is None:
            groups.setdefault(_sweep_of(result), []).append(result)
    return tuple(
        _explained(result, groups[_sweep_of(result)], limits.get(result.resources.device), profiles.get(result.resources.device))
        for result in done
    )


def rate(result: Result) -> float | None:
    """Return work per second that can be compared between sizes: FLOP that a solver says it did, else FLOP, bytes or events."""
    own = _own(result)
    if own is not None:
        return own
    work = result.work
    return None if work is None else result.rate(work.flop or work.bytes or work.events)


def _own(result: Result) -> float | None:
    return next((found.value for name, found in result.intervals.items() if name.endswith(_OWN)), None)


def _sweep_of(result: Result) -> tuple[object, ...]:
    """Return what sizes of one problem have in common; sizes of another variant are another problem."""
    variant = result.case.size.partition("-")[2]
    return replace(result.case, size=variant), result.resources


def _explained(result: Result, sweep: Sequence[Result], limits: Limits | None, profile: HardwareProfile | None) -> Explanation:
    sheet = roofline.datasheet(result, profile)
    if limits is None:
        measured = Fraction(None, reason=f"device {result.resources.device} is not in the machine's record")
    else:
        measured = roofline.fraction(result, limits)
    if result.family == "system":
        return Explanation(
            result, measured, sheet, ("itself",), ("measures one property of the machine, which it is limited by",)
        )
    ranked = sorted((one for one in sweep if _stem(one) >= 0), key=_stem)
    alike = [one for one in ranked if one.status == "done" and _alike(one, result)]
    help_, evidence = _judged(result, alike, measured, limits)
    skipped = _too_large(result, ranked)
    helps = tuple(word for word in (help_, "memory size" if skipped else None) if word is not None)
    return Explanation(result, measured, sheet, helps, (*evidence, *skipped))


def _judged(result: Result, alike: Sequence[Result], measured: Fraction, limits: Limits | None) -> tuple[Help, tuple[str, ...]]:
    """Return what would help to make this size faster, and why."""
    near, shares = _near(result, measured, limits)
    if near is not None:
        return near, shares
    growth = _growth(result, alike)
    words = (*shares, growth.words)
    if growth.fixed is not None and growth.fixed >= FIXED:
        return "latency", words
    fall = _fall(result, alike, limits)
    if fall is not None:
        return "bandwidth", (*shares, fall)
    reason = _doubt(result, measured, limits, growth)
    return ("implementation", (*words, "neither limit is near")) if reason is None else ("not known", (*words, reason))


def _near(result: Result, measured: Fraction, limits: Limits | None) -> tuple[Help | None, tuple[str, ...]]:
    """Return the limit that is near, and what share of which limit was reached."""
    own, words = _own(result), list[str]()
    if own is not None and limits is not None and result.case.dtype in limits.flop:
        measured = Fraction(
            own / limits.flop[result.case.dtype].value, f"measured {result.case.dtype} arithmetic, by what it did"
        )
    elif measured.in_cache and limits is not None:
        if measured.value is not None and measured.limit == roofline.BANDWIDTH:
            words = [f"{percent(measured.value)} of {measured.limit}, but its data fit the last-level cache"]
        measured = roofline.arithmetic(result, limits)
    if measured.value is None:
        return None, (*words, measured.reason or "share not known")
    words.append(f"{percent(measured.value)} of {measured.limit}")
    if not NEAR <= measured.value <= BEYOND:
        return None, tuple(words)
    return ("bandwidth" if measured.limit == roofline.BANDWIDTH else "FLOP"), tuple(words)


def _growth(result: Result, alike: Sequence[Result]) -> _Growth:
    """Compare with the next larger size, else with the next smaller one, else with other numbers of events of a call."""
    at = next((k for k, one in enumerate(alike) if one is result), None)
    if at is not None and len(alike) > 1:
        small, large = (result, alike[at + 1]) if at + 1 < len(alike) else (alike[at - 1], result)
        return _fixed(small, large, result)
    if result.saturation is not None and result.work is not None:
        events, settled = result.saturation
        if settled and events <= result.work.events:
            return _Growth(0.0, f"calls of more than {events} events are no faster per event")
        return _Growth(1.0, f"the rate per event grows up to calls of {events} events{'' if settled else ', the most tried'}")
    return _Growth(None, "no other size of the same problem was measured")


def _fixed(small: Result, large: Result, result: Result) -> _Growth:
    slow, fast = rate(small), rate(large)
    small_s, large_s = (one.intervals["wall_s"].value for one in (small, large))
    assert slow is not None and fast is not None  # alike ones have rates
    more = fast * large_s / (slow * small_s)
    words = f"rate ×{fast / slow:.2g} from {small.case.size} to {large.case.size}"
    if more <= 1:
        return _Growth(None, f"{words}, which do the same work")
    constant_s = max(0.0, small_s - (large_s - small_s) / (more - 1))
    fixed = constant_s / result.intervals["wall_s"].value
    return _Growth(fixed, f"{words}: {percent(fixed)} of the time at {result.case.size} does not grow with the work")


def _fall(result: Result, alike: Sequence[Result], limits: Limits | None) -> str | None:
    """Say by how much the rate fell when data left the last-level cache; None where it did not, or nothing tells."""
    here = rate(result)
    if limits is None or limits.cache_b is None or here is None or roofline.fits(result, limits):
        return None
    inside = [(found, one) for one in alike if roofline.fits(one, limits) and (found := rate(one)) is not None]
    best, one = max(inside, key=lambda item: item[0], default=(0.0, result))
    if best < FALL * here:
        return None
    return f"rate ÷{best / here:.2g} from {one.case.size}, which fits the last-level cache, to {result.case.size}, which does not"


def _doubt(result: Result, measured: Fraction, limits: Limits | None, growth: _Growth) -> str | None:
    """Return why the implementation cannot be blamed; None where it can."""
    if _own(result) is not None:
        return "its bytes are counted once, whatever its method moves: how near the bandwidth is cannot be told"
    if measured.value is None or growth.fixed is None:
        return f"too little was measured to tell: {measured.reason if measured.value is None else 'one size'}"
    if measured.in_cache and measured.value >= NEAR:
        return "what its caches could deliver is not known"
    if measured.value > BEYOND:
        return "faster than its limit allows: its data lie in caches, or it does less than is counted"
    return None


def _too_large(result: Result, ranked: Sequence[Result]) -> tuple[str, ...]:
    """Say which larger sizes did not fit the memory, of the largest that ran."""
    larger = [one for one in ranked if _stem(one) > _stem(result) >= 0]
    if any(one.status == "done" for one in larger):
        return ()
    return tuple(
        f"{one.case.size} was skipped: {one.reason}"
        for one in larger
        if one.status == "skipped" and re.search(r"needs .+ of memory", one.reason or "")
    )


def _alike(one: Result, result: Result) -> bool:
    """Tell whether two sizes do the same per event, or are one event each; by what their rates count."""
    if rate(one) is None or rate(result) is None or "wall_s" not in one.intervals:
        return False
    if _own(one) is not None or one.work is None or result.work is None:
        return True
    if one.work.events == result.work.events == 1:
        return True
    a, b = (_per_event(one), _per_event(result))
    return abs(a - b) <= ALIKE * max(a, b)


def _per_event(result: Result) -> float:
    work = result.work
    return 0.0 if work is None else (work.flop or work.bytes or work.events) / max(1, work.events)


def _stem(result: Result) -> int:
    """Return the rank of a size; -1 of a user's own, whose order nobody knows."""
    stem = result.case.size.partition("-")[0]
    return _STEMS.index(stem) if stem in _STEMS else -1
