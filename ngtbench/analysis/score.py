"""Ranks systems by their speed over a reference's: who is first, how sure, what is missing, what would change it.

Every system answers with its best ported implementation on its best device. A score is a geometric mean over all problems
that the reference has done right, so a system that lacks one, be it in one of its jobs, has no score.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from ngtbench.analysis import answers
from ngtbench.analysis.answers import Answer
from ngtbench.analysis.ratio import STATED_SPREAD, holm, supposed_spread
from ngtbench.analysis.robustness import WEIGHTINGS, Known, ahead, chances, exp, flips, weightings
from ngtbench.analysis.statistics import MIN_JOBS
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Basis, Flip, Ranking, Result, Standing, Weights

_SHOWN = 5  # problems that a note names


@dataclass(frozen=True)
class _Row:
    """A system's answers to the required problems; scores are logarithms."""

    name: str
    best: dict[str, Result]
    lacks: tuple[tuple[str, str], ...]
    families: dict[str, float | None]
    overall: float | None
    among: float = 0.0  # results that an answer was chosen from, in the mean
    jobs: tuple[float, ...] = ()  # scores, not over the reference's, of its jobs; of the ranked

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
    asked = _asked(reference, named[reference], weights, accept)
    rows = sorted((asked.row(name, results) for name, results in named.items()), key=lambda row: row.order)
    standings, changes = _standings(rows, asked)
    required = {family: tuple(problems) for family, problems in asked.required.items()}
    notes = tuple(_notes(systems, rows, standings, asked))
    return Ranking(reference, weights, required, standings, changes, WEIGHTINGS, notes, asked.present)


@dataclass(frozen=True)
class _Asked:
    """What every system must answer, and the reference's own answers."""

    reference: str
    required: dict[str, dict[str, Answer]]  # family -> problem -> the reference's own answer, a result
    shares: dict[str, float]  # of families, together 1
    nothing: tuple[str, ...]  # families that weigh nothing
    absent: tuple[str, ...]  # families with a weight of which the reference has nothing
    partly: tuple[str, ...]  # problems that only some of the reference's jobs hold
    present: float
    accept: frozenset[str]

    def row(self, name: str, results: Sequence[Result]) -> _Row:
        """Return a system's answers: per problem the fastest that is comparable with the reference's, all in the same jobs."""
        bases = {problem: base for problems in self.required.values() for problem, base in problems.items()}
        given: dict[str, list[Result]] = {problem: [] for problem in bases}
        for result in results:
            given.get(answers.problem(result), []).append(result)
        jobs = answers.held(one for group in given.values() for one in group)
        best: dict[str, Result] = {}
        lacks: list[tuple[str, str]] = []
        among = []
        for problem, base in bases.items():
            assert base.result is not None  # what has none is not required
            found = base if name == self.reference else answers.best(base.result, given[problem], jobs, self.accept)
            among.append(found.among)
            if found.result is None:
                lacks.append((problem, found.reason))
            else:
                best[problem] = found.result
        families = {family: _mean(bases, best) for family, bases in self.required.items()}
        if not families or lacks:
            return _Row(name, best, tuple(lacks), families, None)
        overall = math.fsum(self.shares[family] * (score or 0.0) for family, score in families.items())
        return _Row(name, best, (), families, overall, fmean(among), self._jobs(best))

    def known(self, row: _Row) -> Known:
        """Return what shows how far the score of a ranked system is known."""
        parts = [(self._share(one), one) for one in row.best.values()]
        shown = math.hypot(*(share * answers.within(one) for share, one in parts))
        spread = max(STATED_SPREAD, math.hypot(*(share * supposed_spread(one) for share, one in parts)))
        return Known(row.overall or 0.0, row.jobs, shown, spread)

    def _share(self, result: Result) -> float:
        """Return the weight of one problem, as a share of all."""
        return self.shares[result.family] / len(self.required[result.family])

    def _jobs(self, best: dict[str, Result]) -> tuple[float, ...]:
        jobs = set.intersection(*({job for job, _ in one.jobs} for one in best.values()))
        terms = [(self._share(one) * answers.sign(one), dict(one.jobs)) for one in best.values()]
        return tuple(math.fsum(share * math.log(means[job]) for share, means in terms) for job in sorted(jobs))


def _asked(reference: str, results: Sequence[Result], weights: Weights, accept: frozenset[str]) -> _Asked:
    """Return what the reference's own results require of all."""
    weighing = {family: weights.families.get(family, weights.other) for family in {one.family for one in results}}
    own = answers.own([one for one in results if weighing[one.family] > 0], accept)
    required: dict[str, dict[str, Answer]] = {}
    for problem, answer in sorted(own.items()):
        if answer.result is not None:
            required.setdefault(answer.result.family, {})[problem] = answer
    total = math.fsum(weighing[family] for family in required)
    shares = {family: weighing[family] / total for family in sorted(required)}
    fit = {one.family for one in results if weighing[one.family] <= 0 and answers.reason(one, one, accept) is None}
    absent = tuple(sorted(family for family, weight in weights.families.items() if weight > 0 and family not in required))
    asked = total + math.fsum(weights.families[family] for family in absent)
    partly = tuple(problem for problem, answer in sorted(own.items()) if answer.result is None)
    required = {family: required[family] for family in shares}
    return _Asked(reference, required, shares, tuple(sorted(fit)), absent, partly, total / asked if asked else 0.0, accept)


def _mean(bases: dict[str, Answer], best: dict[str, Result]) -> float | None:
    if not best.keys() >= bases.keys():
        return None
    own = [(best[problem], base.result) for problem, base in bases.items()]
    return math.fsum(answers.speed(one) - answers.speed(base) for one, base in own if base is not None) / len(bases)


def _standings(rows: Sequence[_Row], asked: _Asked) -> tuple[tuple[Standing, ...], tuple[Flip, ...]]:
    """Return the standings of rows in order, and what would flip the first place."""
    ranked = [row for row in rows if row.overall is not None]
    others = tuple(_standing(row) for row in rows if row.overall is None)
    if not ranked:
        return others, ()
    base = next(row for row in ranked if row.name == asked.reference)  # it has what it requires
    known = [asked.known(row) for row in ranked]
    own = known[ranked.index(base)]
    scores = np.array([[score or 0.0 for score in row.families.values()] for row in ranked])
    found = []
    for row, mine, first, often in zip(ranked, known, chances([one.belief for one in known]), weightings(scores), strict=True):
        half = 0.0 if row is base else ahead(mine, own)[1]
        low, high, basis = exp(mine.score - half), exp(mine.score + half), _basis(row, base)
        found.append(replace(_standing(row), low=low, high=high, basis=basis, first=first, first_of_weightings=often))
    names, shares = list(asked.shares), list(asked.shares.values())
    changes = tuple(Flip(names[place], shares[place], at, ranked[rival].name) for place, at, rival in flips(scores, shares))
    return (found[0], *_behind(found[1:], known), *others), changes


def _behind(rivals: Sequence[Standing], known: Sequence[Known]) -> Iterator[Standing]:
    """Yield the rivals with how far the first, the first of these known, is ahead of each."""
    gaps = [ahead(known[0], mine) for mine in known[1:]]
    for rival, (middle, half, _), told in zip(rivals, gaps, holm([p for *_, p in gaps]), strict=True):
        yield replace(rival, behind=exp(middle), behind_low=exp(middle - half), behind_high=exp(middle + half), told=told)


def _standing(row: _Row) -> Standing:
    families = {family: None if score is None else exp(score) for family, score in row.families.items()}
    overall = None if row.overall is None else exp(row.overall)
    return Standing(row.name, families, overall, None, None, "within one launch", row.lacks, None, None)


def _basis(row: _Row, base: _Row) -> Basis:
    if min(len(row.jobs), len(base.jobs)) >= MIN_JOBS:
        return "between jobs"
    alone = any(one.launches < 2 for side in (row, base) for one in side.best.values())
    return "within one launch" if alone else "within one job"


def _notes(
    systems: Sequence[tuple[str, Sequence[Result]]], rows: Sequence[_Row], standings: Sequence[Standing], asked: _Asked
) -> Iterator[str]:
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
    if asked.partly:
        yield f"In no score, as only some of the jobs of {asked.reference} hold it: {_few(asked.partly)}."
    extra = sorted(done - required - set(asked.partly))
    if extra:
        yield f"In no score, as {asked.reference} has no result of it that counts: {_few(extra)}."
    if any(row.among > 1 for row in rows):
        means = {row.name: f"{row.among:.3g}" for row in rows if row.overall is not None}
        each = f"{means[rows[0].name]} for each" if len(set(means.values())) == 1 else ", ".join(map(" ".join, means.items()))
        yield f"The best of several implementations or devices answers, which flatters who tried more; in the mean of: {each}."
    short = sorted(one.system for one in standings if one.overall is not None and one.basis != "between jobs")
    if short:
        words = f"a spread between jobs of {100 * STATED_SPREAD:g} % is supposed"
        yield f"Fewer than three jobs hold all problems on one side or both, so {words} there: {', '.join(short)}."
    if asked.accept:
        yield f"Accepted, though it speaks against comparing: {', '.join(sorted(asked.accept))}."


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
