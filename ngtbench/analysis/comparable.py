"""Why two results must not be divided by each other, and what a reader must know where they may."""

import math
from collections.abc import Collection, Sequence

from ngtbench.model.comparison import Interval, Result
from ngtbench.units import percent

ACCEPTABLE = ("deviations", "shared", "unconverged", "threads")  # reasons that a reader may choose to live with
_REASONS = ("shared_device", "not_converged")  # flags that are such reasons


def incomparable(a: Result, b: Result, accept: Collection[str] = ()) -> str | None:
    """Return why the two are not comparable, with the values of both, or None; what is in `accept` is no reason."""
    return _watched(a, b) or _problem(a, b) or _ended(a, b) or _measured(a, b, accept)


def notes(a: Result, b: Result) -> tuple[str, ...]:
    """Return what a reader must know beside the ratio of two comparable results, what was accepted first."""
    found = [f"accepted: {words}" for words in _conditions(a, b).values()]
    if a.deviations and set(a.deviations) == set(b.deviations):
        found.append(f"both deviate: {'; '.join(a.deviations)}")
    if a.resources.threads != b.resources.threads and "threads" not in _conditions(a, b):
        whole = ", all of each machine" if a.whole and b.whole else ""
        found.append(f"{a.resources.threads} threads against {b.resources.threads}{whole}")
    for what, left, right in (
        ("device", a.resources.device.partition(":")[0], b.resources.device.partition(":")[0]),
        ("binding", "bound" if a.resources.bind else "unbound", "bound" if b.resources.bind else "unbound"),
        ("variant", a.variant or "none", b.variant or "none"),
        ("suite", a.suite, b.suite),
    ):
        found += [f"{what} {left} against {right}"] if left != right else []
    return (*found, *_inputs(a, b), *_flags(a, b))


def figure(result: Result) -> Interval | None:
    """Return the figure of merit of a result that is done, where it is a number above zero in every job; else None."""
    found = result.intervals.get(result.metric.name) if result.metric else None
    if result.status != "done" or found is None:
        return None
    return found if all(0 < x < math.inf for x in (found.value, *(mean for _, mean in result.jobs))) else None


def _watched(a: Result, b: Result) -> str | None:
    watched = [f"{side} was watched by {result.profiler}" for side, result in (("A", a), ("B", b)) if result.profiler]
    return "; ".join(watched) or None


def _problem(a: Result, b: Result) -> str | None:
    if a.synthetic != b.synthetic:
        return " against ".join("synthetic" if result.synthetic else "measured" for result in (a, b))
    if a.case.version != b.case.version:
        return f"workload version {a.case.version} against {b.case.version}: not the same problem"
    if a.case.size != b.case.size:
        return f"size {a.case.size} against {b.case.size}: not the same problem"
    return None


def _ended(a: Result, b: Result) -> str | None:
    if (a.status, a.reason) == (b.status, b.reason) and a.status != "done":
        return f"A and B {a.status}: {a.reason}"
    bad = [f"{side} {result.status}: {result.reason}" for side, result in (("A", a), ("B", b)) if result.status != "done"]
    return "; ".join(bad) or None


def _measured(a: Result, b: Result, accept: Collection[str]) -> str | None:
    """Return in what two results that are done differ."""
    if a.work != b.work:
        return f"the work differs: {a.work} against {b.work}"
    if a.metric != b.metric or a.metric is None:
        names = [f"{one.metric.name} ({one.metric.better} is better)" if one.metric else "none" for one in (a, b)]
        return f"the figure of merit differs: {' against '.join(names)}"
    if figure(a) is None or figure(b) is None:
        return f"{a.metric.name} is not positive in every job, so there is no ratio: {_both([_values(a), _values(b)])}"
    held = [_held(one) for one in (a, b)]
    found = [f"tolerance: {_both(held)}"] if held[0] != held[1] else []
    for word in ("ranks", "clients", "neighbour"):
        left, right = getattr(a.resources, word), getattr(b.resources, word)
        found += [f"{word} {left or 'none'} against {right or 'none'}"] if left != right else []
    found += [words for name, words in _conditions(a, b).items() if name not in accept]
    return "; ".join(found) or None


def _conditions(a: Result, b: Result) -> dict[str, str]:
    """Return those of ACCEPTABLE that hold, each in words."""
    found: dict[str, str] = {}
    if set(a.deviations) != set(b.deviations):
        found["deviations"] = f"deviating device: {_both(['; '.join(one.deviations) or 'none' for one in (a, b)])}"
    for name, flag, title, what in (
        ("shared", "shared_device", "shared device", "others used "),
        ("unconverged", "not_converged", "not converged", "half-width "),
    ):
        if flag in a.flags or flag in b.flags:
            found[name] = f"{title}: {_both([what + percent(one.flags[flag]) if flag in one.flags else 'no' for one in (a, b)])}"
    threads = a.resources.threads, b.resources.threads
    if a.resources.device.startswith("cpu:") and threads[0] != threads[1] and not (a.whole and b.whole):
        parts = [f"{one.resources.threads} ({'all' if one.whole else 'a part'} of its machine)" for one in (a, b)]
        found["threads"] = f"thread budget: {_both(parts)}"
    return found


def _inputs(a: Result, b: Result) -> list[str]:
    digests = dict(a.inputs)
    if any(digests.get(seed, digest) != digest for seed, digest in b.inputs):
        return ["inputs differ in bits though their seeds agree"]
    return [] if digests.keys() & {seed for seed, _ in b.inputs} else ["other seeds, so other inputs"]


def _flags(a: Result, b: Result) -> list[str]:
    """Return flags with their figures, throttling, two groups of launches, and what the intervals lack."""
    found, lacks = [], [_lacks(a), _lacks(b)]
    same = lacks[0] if lacks[0] == lacks[1] else []
    for side, result, own in (("A", a, lacks[0]), ("B", b, lacks[1])):
        words = [f"{name} {value:.3g}" for name, value in result.flags.items() if name not in _REASONS]
        words += [f"throttled: {reason}" for reason in result.throttle] + ([] if same else own)
        words += [] if result.modes is None else ["launches fall into two groups"]
        found += [f"{side}: {', '.join(words)}"] if words else []
    return [*found, *same]


def _lacks(result: Result) -> list[str]:
    found = figure(result)
    return [words.partition(":")[0] for words in found.lacks] if found else []


def _held(result: Result) -> str:
    """Return what an answer was held to."""
    verdict = result.verdict
    if verdict is None:
        return "not checked"
    kinds = {"full": "in full", "spot": "in a sample", "invariants": "by invariants"}
    return f"{'none' if verdict.tolerance is None else f'{verdict.tolerance:g}'}, checked {kinds[verdict.check]}"


def _values(result: Result) -> str:
    found = result.intervals.get(result.metric.name) if result.metric else None
    values = [mean for _, mean in result.jobs] or ([found.value] if found else [])
    return ", ".join(f"{value:.3g}" for value in values) or "none"


def _both(words: Sequence[str]) -> str:
    return f"A {words[0]} against B {words[1]}"
