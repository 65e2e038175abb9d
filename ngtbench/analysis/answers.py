"""Which result answers a problem for a system in a ranking, why another does not count, and how fast it is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ngtbench.analysis.comparable import figure, incomparable
from ngtbench.model.comparison import Result

Z = 1.959964  # half-width of a normal 95 % interval, in standard deviations
_SHOWN = 3  # jobs that a reason names


@dataclass(frozen=True)
class Answer:
    """A system's answer to one problem, or why it has none."""

    result: Result | None
    among: int  # results it was chosen from
    reason: str = ""


def held(results: Iterable[Result]) -> frozenset[str]:
    """Return the jobs that hold a right result of ours, comparable or not: an answer must have its share of every one."""
    right = [one for one in results if (one.status, one.tier, one.profiler) == ("done", "ported", None)]
    return frozenset(job for one in right for job, _ in one.jobs)


def own(results: Sequence[Result], accept: frozenset[str]) -> dict[str, Answer]:
    """Return the reference's own answers by problem: held to the strictest tolerance, on a whole machine, the fastest.

    A problem has no answer where nothing that counts is in all jobs that hold any of these results.
    """
    jobs, found = held(results), dict[str, list[Result]]()
    for one in results:
        if reason(one, one, accept) is None:
            found.setdefault(problem(one), []).append(one)
    answers = {}
    for name, fit in found.items():
        kept = [one for one in fit if not _without(one, jobs)]
        first = min(kept, key=lambda one: (_tolerance(one), _cpu(one) and not one.whole, *_fastest(one)), default=None)
        answers[name] = Answer(first, len(kept))
    return answers


def best(base: Result, candidates: Sequence[Result], jobs: frozenset[str], accept: frozenset[str]) -> Answer:
    """Return the fastest that counts against the reference's result and is in all these jobs, or why none is."""
    fit = [one for one in candidates if reason(base, one, accept) is None]
    kept = [one for one in fit if not _without(one, jobs)]
    if kept:
        return Answer(min(kept, key=_fastest), len(kept))
    said = {f"{one.case.impl} {words}" for one in candidates if (words := reason(base, one, accept)) is not None}
    nowhere = jobs - held(candidates)
    if fit and nowhere:
        said.add(_lacking(nowhere))
    elif fit:  # together they are in all jobs
        said |= {f"{one.case.impl}: {_lacking(_without(one, jobs))}" for one in fit}
    return Answer(None, 0, "; ".join(sorted(said)) or "no result")


def problem(result: Result) -> str:
    """Return what is asked: a problem, and what runs beside it."""
    beside = result.resources
    ranks = f", {beside.ranks} ranks" if beside.ranks != 1 else ""
    clients = f", {beside.clients} clients" if beside.clients != 1 else ""
    return f"{result.case.problem}{ranks}{clients}{f', beside {beside.neighbour}' if beside.neighbour else ''}"


def reason(base: Result, one: Result, accept: frozenset[str]) -> str | None:
    """Return why a result does not count against the reference's; device and implementation may differ."""
    if one.tier != "ported":
        return f"is {one.tier}: such a result is in no ranking"
    if one.status != "done":
        return f"{one.status}: {one.reason}"
    if _cpu(base) != _cpu(one):
        host = base if _cpu(base) else one
        if not host.whole and "threads" not in accept:
            return f"thread budget: a CPU with {host.resources.threads} threads, a part of its machine, and a GPU"
        accept = accept | {"threads"}  # those of a GPU's host say nothing
    words = incomparable(base, one, accept)
    return f"{words} (A is the reference)" if words else None


def _without(result: Result, jobs: frozenset[str]) -> frozenset[str]:
    return jobs - {job for job, _ in result.jobs}


def _lacking(jobs: frozenset[str]) -> str:
    if len(jobs) == 1:
        return f"job {min(jobs)} has no result of it, though it has others"
    more = f" and {len(jobs) - _SHOWN} more" if len(jobs) > _SHOWN else ""
    return f"{len(jobs)} jobs have no result of it, though they have others: {', '.join(sorted(jobs)[:_SHOWN])}{more}"


def _cpu(result: Result) -> bool:
    return result.resources.device.startswith("cpu:")


def _tolerance(result: Result) -> float:
    return math.inf if result.verdict is None or result.verdict.tolerance is None else result.verdict.tolerance


def sign(result: Result) -> int:
    """Return what turns the logarithm of a figure of merit into that of a speed."""
    return 1 if result.metric and result.metric.better == "higher" else -1


def speed(result: Result) -> float:
    """Return the logarithm of how fast a result is that `comparable` let pass."""
    found = figure(result)
    return sign(result) * math.log(found.value) if found else -math.inf


def _fastest(result: Result) -> tuple[float, str, str, int]:
    """Return what sorts the fastest first; names decide only between equals."""
    return -speed(result), result.case.id, result.resources.device, result.resources.threads


def within(result: Result) -> float:
    """Return the standard deviation that a result's own interval shows, of logarithms; 0 where it has none."""
    found = figure(result)
    if found is None or found.low is None or found.high is None or not 0 < found.low <= found.high < math.inf:
        return 0.0
    return (math.log(found.high) - math.log(found.low)) / 2 / Z
