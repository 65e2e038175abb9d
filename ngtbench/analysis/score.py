"""Ranks systems by their speed over a reference's: who is first, how sure, what is missing, what would change it.

Every system answers with its best ported implementation on its best device. A score is a geometric mean over all problems
that the reference has done right, so a system that lacks one has no score: nothing that is missing improves a place.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ngtbench.analysis import answers
from ngtbench.analysis.ratio import STATED_SPREAD, between_jobs
from ngtbench.analysis.robustness import WEIGHTINGS, Belief, by_jobs, chances, flips, supposed, weightings
from ngtbench.analysis.statistics import MIN_JOBS
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Basis, Flip, Ranking, Result, Standing, Weights

_LARGEST = 700.0  # exp of more leaves the range of floats
_SHOWN = 5  # problems that a note names


@dataclass(frozen=True)
class _Row:
    """A system's answers to the required problems; scores are logarithms."""

    name: str
    best: dict[str, Result]
    lacks: tuple[tuple[str, str], ...]
    families: dict[str, float | None]
    overall: float | None
    jobs: tuple[float, ...] = ()  # scores, not over the reference's, of jobs that hold all problems; of the ranked

    @property
    def order(self) -> tuple[float | str, ...]:
        """Return what sorts the ranked first, the best of them first; names decide only between equals."""
        scores = [math.inf if score is None else -score for score in (self.overall, *self.families.values())]
        return (*scores, self.name)


def rank(
    systems: Sequence[tuple[str, Sequence[Result]]],
    reference: str,
    weights: Weights,
    *,
    accept: frozenset[str] = frozenset(),
) -> Ranking:
    """Return the places of all systems; `accept` names reasons of `comparable.ACCEPTABLE` that keep nothing from counting.

    Raises BadInput where not just one system is called so, or where some results are made up and others measured.
    """
    named = dict(systems)
    if len(named) < len(systems) or reference not in named:
        raise BadInput(
            f"reference {reference!r}: must be one of systems whose names differ: {', '.join(name for name, _ in systems)}"
        )
    if len({result.synthetic for _, results in systems for result in results}) > 1:
        raise BadInput("some of these results are synthetic and others measured: they are never ranked together")
    asked = _asked(reference, answers.own(named[reference], accept), weights, accept)
    rows = sorted((asked.row(name, results) for name, results in named.items()), key=lambda row: row.order)
    standings, changes = _standings(rows, asked)
    required = {family: tuple(problems) for family, problems in asked.required.items()}
    notes = tuple(_notes(systems, standings, asked))
    return Ranking(reference, weights, required, standings, changes, WEIGHTINGS, notes)


@dataclass(frozen=True)
class _Asked:
    """What every system must answer, and the reference's own answers."""

    reference: str
    required: dict[str, dict[str, Result]]  # family -> problem -> the reference's own result
    shares: dict[str, float]  # of families, together 1
    nothing: tuple[str, ...]  # families that weigh nothing
    absent: tuple[str, ...]  # families with a weight of which the reference has nothing
    accept: frozenset[str]

    def row(self, name: str, results: Sequence[Result]) -> _Row:
        """Return a system's answers: of each problem the fastest that is comparable with the reference's."""
        given: dict[str, list[Result]] = {}
        for result in results:
            given.setdefault(answers.problem(result), []).append(result)
        best: dict[str, Result] = {}
        lacks: list[tuple[str, str]] = []
        for problem, base in ((problem, base) for problems in self.required.values() for problem, base in problems.items()):
            found = base if name == self.reference else answers.best(base, given.get(problem, []), self.accept)
            if isinstance(found, Result):
                best[problem] = found
            else:
                lacks.append((problem, found))
        families = {family: _mean(bases, best) for family, bases in self.required.items()}
        if not families or lacks:
            return _Row(name, best, tuple(lacks), families, None)
        overall = math.fsum(self.shares[family] * (score or 0.0) for family, score in families.items())
        return _Row(name, best, (), families, overall, self._jobs(best))

    def share(self, result: Result) -> float:
        """Return the weight of one problem, as a share of all."""
        return self.shares[result.family] / len(self.required[result.family])

    def belief(self, row: _Row) -> Belief:
        """Return how far the score of a ranked system is known."""
        centre = row.overall or 0.0
        if len(row.jobs) >= MIN_JOBS:
            return by_jobs(centre, row.jobs)
        return supposed(centre, math.hypot(STATED_SPREAD, *(self.share(one) * answers.within(one) for one in row.best.values())))

    def _jobs(self, best: dict[str, Result]) -> tuple[float, ...]:
        common = set.intersection(*({job for job, _ in one.jobs} for one in best.values()))
        terms = [(self.share(one) * answers.sign(one), dict(one.jobs)) for one in best.values()]
        return tuple(math.fsum(share * math.log(means[job]) for share, means in terms) for job in sorted(common))


def _asked(reference: str, own: dict[str, Result], weights: Weights, accept: frozenset[str]) -> _Asked:
    """Return what the reference's own results require of all."""
    required: dict[str, dict[str, Result]] = {}
    for problem, result in sorted(own.items()):
        required.setdefault(result.family, {})[problem] = result
    weighing = {family: weights.families.get(family, weights.other) for family in sorted(required)}
    total = math.fsum(weight for weight in weighing.values() if weight > 0)
    shares = {family: weight / total for family, weight in weighing.items() if weight > 0}
    nothing = tuple(family for family in weighing if family not in shares)
    absent = tuple(sorted(family for family, weight in weights.families.items() if weight > 0 and family not in required))
    return _Asked(reference, {family: required[family] for family in shares}, shares, nothing, absent, accept)


def _mean(bases: dict[str, Result], best: dict[str, Result]) -> float | None:
    if not best.keys() >= bases.keys():
        return None
    return math.fsum(answers.speed(best[problem]) - answers.speed(base) for problem, base in bases.items()) / len(bases)


def _standings(rows: Sequence[_Row], asked: _Asked) -> tuple[tuple[Standing, ...], tuple[Flip, ...]]:
    """Return the standings of rows in order, and what would flip the first place."""
    ranked = [row for row in rows if row.overall is not None]
    others = tuple(_standing(row) for row in rows if row.overall is None)
    if not ranked:
        return others, ()
    base = next(row for row in ranked if row.name == asked.reference)  # it has what it requires
    beliefs = {row.name: asked.belief(row) for row in ranked}
    scores = np.array([[score or 0.0 for score in row.families.values()] for row in ranked])
    found = []
    for row, first, often in zip(ranked, chances(list(beliefs.values())), weightings(scores), strict=True):
        basis, half = _basis(row, base), _half(row, base, beliefs)
        low, high = _exp((row.overall or 0.0) - half), _exp((row.overall or 0.0) + half)
        found.append(replace(_standing(row), low=low, high=high, basis=basis, first=first, first_of_weightings=often))
    names, shares = list(asked.shares), list(asked.shares.values())
    changes = tuple(Flip(names[place], shares[place], at, ranked[rival].name) for place, at, rival in flips(scores, shares))
    return (*found, *others), changes


def _standing(row: _Row) -> Standing:
    families = {family: None if score is None else _exp(score) for family, score in row.families.items()}
    overall = None if row.overall is None else _exp(row.overall)
    return Standing(row.name, families, overall, None, None, "within one launch", row.lacks, None, None)


def _basis(row: _Row, base: _Row) -> Basis:
    if min(len(row.jobs), len(base.jobs)) >= MIN_JOBS:
        return "between jobs"
    alone = any(one.launches < 2 for side in (row, base) for one in side.best.values())
    return "within one launch" if alone else "within one job"


def _half(row: _Row, base: _Row, beliefs: dict[str, Belief]) -> float:
    """Return the half-width of the 95 % interval of a score over the reference's, of logarithms."""
    if row is base:
        return 0.0
    if _basis(row, base) == "between jobs":
        return between_jobs([_exp(score) for score in row.jobs], [_exp(score) for score in base.jobs])[1]
    return answers.Z * math.hypot(beliefs[row.name].scale, beliefs[base.name].scale)


def _exp(score: float) -> float:
    return math.exp(max(-_LARGEST, min(score, _LARGEST)))


def _notes(systems: Sequence[tuple[str, Sequence[Result]]], standings: Sequence[Standing], asked: _Asked) -> Iterator[str]:
    """Yield what a reader must know of a ranking."""
    if asked.nothing:
        yield f"Weighs nothing, so it is in no score: {', '.join(asked.nothing)}."
    if asked.absent:
        yield f"Asked for, but {asked.reference} has nothing of it, so it is in no score: {', '.join(asked.absent)}."
    required = {problem for problems in asked.required.values() for problem in problems}
    done = {
        answers.problem(one)
        for _, results in systems
        for one in results
        if (one.status, one.tier) == ("done", "ported") and one.family not in asked.nothing
    }
    extra = sorted(done - required)
    if extra:
        more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
        yield f"In no score, as {asked.reference} has no result of it that counts: {', '.join(extra[:_SHOWN])}{more}."
    few = sorted(one.system for one in standings if one.overall is not None and one.basis != "between jobs")
    if few:
        words = f"a spread between jobs of {100 * STATED_SPREAD:g} % is supposed"
        yield f"Fewer than three jobs hold all problems on one side or both, so {words} there: {', '.join(few)}."
    if asked.accept:
        yield f"Accepted, though it speaks against comparing: {', '.join(sorted(asked.accept))}."
