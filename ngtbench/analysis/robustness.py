"""How sure a first place is: by the data, over one rival, whatever the families weigh, and which weights would change it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

from ngtbench.analysis.answers import Z
from ngtbench.analysis.ratio import STATED_SPREAD, _supposed, between_jobs
from ngtbench.analysis.statistics import MIN_JOBS, student_t
from ngtbench.model.workload import Array

WEIGHTINGS = 10_000
_SEED = 20261127
_STEPS = 400  # equal probabilities that a belief is cut into
_NORMAL = 10**9  # degrees of freedom
_NARROW = 1e-12  # a scale of 0 would not rank equals as equal
_LARGEST = 700.0  # exp of more leaves the range of floats


@dataclass(frozen=True)
class Belief:
    """Where the logarithm of a system's score lies: Student's t about a centre."""

    centre: float
    scale: float
    degrees: int

    @property
    def half(self) -> float:
        """Return the half-width of its 95 % interval."""
        return self.scale * (Z if self.degrees == _NORMAL else student_t(self.degrees))


@dataclass(frozen=True)
class Known:
    """What shows how far a system's score is known; all are logarithms."""

    score: float
    jobs: tuple[float, ...]  # scores of its jobs, less a constant that all systems share
    shown: float  # sd that the intervals of its results show
    spread: float  # sd between its jobs, supposed where there are too few

    @property
    def belief(self) -> Belief:
        """Return where its true score lies: by its jobs where they are enough."""
        if len(self.jobs) >= MIN_JOBS:
            return by_jobs(self.score, self.jobs)
        return supposed(self.score, math.hypot(STATED_SPREAD, self.shown))


def ahead(a: Known, b: Known) -> tuple[float, float, float]:
    """Return the logarithm of a's score over b's, the half-width of its 95 % interval, and p of their being equal.

    Between jobs by Welch; else beliefs in quadrature, and a p that is 1 up to three times the supposed spread, as of one ratio.
    """
    if min(len(a.jobs), len(b.jobs)) >= MIN_JOBS:
        return between_jobs([exp(score) for score in a.jobs], [exp(score) for score in b.jobs])
    middle = a.score - b.score
    own = math.hypot(*(one.belief.half if len(one.jobs) >= MIN_JOBS else Z * one.shown for one in (a, b)))
    p = _supposed(exp(middle), exp(middle - own), exp(middle + own), math.hypot(a.spread, b.spread))
    return middle, math.hypot(a.belief.half, b.belief.half), p


def exp(score: float) -> float:
    """Return what a logarithm is of, within the range of floats."""
    return math.exp(max(-_LARGEST, min(score, _LARGEST)))


def by_jobs(centre: float, scores: Sequence[float]) -> Belief:
    """Return what jobs leave open, from the logarithms of their scores; two at least.

    `docs/methodology.md` shows by simulation how often what follows from it is right.
    """
    jobs, mean = len(scores), fmean(scores)
    return Belief(centre, math.sqrt(math.fsum((x - mean) ** 2 for x in scores) / (jobs - 1) / jobs), jobs - 1)


def supposed(centre: float, scale: float) -> Belief:
    """Return a normal belief, for what shows no spread of its own."""
    return Belief(centre, scale, _NORMAL)


def chances(beliefs: Sequence[Belief]) -> list[float]:
    """Return each system's probability of having the highest true score, the beliefs being independent.

    Integrated instead of drawn, so that neither a seed nor the order of systems changes it.
    """
    scales = [max(belief.scale, _NARROW) for belief in beliefs]
    found = []
    for place, belief in enumerate(beliefs):
        values, below = _student(belief.degrees)
        points = belief.centre + scales[place] * np.interp((np.arange(_STEPS) + 0.5) / _STEPS, below, values)
        ahead = np.ones(_STEPS)
        for rival, (other, scale) in enumerate(zip(beliefs, scales, strict=True)):
            if rival != place:
                ahead *= np.interp((points - other.centre) / scale, *_student(other.degrees))
        found.append(float(ahead.mean()))
    total = math.fsum(found)
    return [chance / total for chance in found]


def weightings(scores: Array) -> list[float]:
    """Return the share of random weightings in which each system is first; a tie counts in parts.

    `scores` are logarithms (systems, families); weights are uniform on the simplex: Dirichlet(1, ..., 1).
    """
    drawn = np.random.default_rng(_SEED).dirichlet(np.ones(scores.shape[1]), WEIGHTINGS)
    overall = sum(drawn[:, family, None] * scores[None, :, family] for family in range(scores.shape[1]))
    first = overall == np.max(overall, axis=1, keepdims=True)
    return [float(share) for share in np.mean(first / first.sum(axis=1, keepdims=True), axis=0)]


def flips(scores: Array, shares: Sequence[float]) -> list[tuple[int, float, int]]:
    """Return (family, share, who is first beyond it) where another system overtakes the first, nearest above and below.

    `scores` are logarithms (systems, families), the first system in row 0. With share x of a family, and the others rescaled
    into 1 - x, every score is linear in x: the first place changes hands where a lead crosses zero.
    """
    found: list[tuple[int, float, int]] = []
    lead = scores[0] - scores  # (systems, families)
    for family, share in enumerate(shares):
        if share == 1:  # nothing is left to rescale
            continue
        rest = sum(shares[other] * lead[:, other] for other in range(len(shares)) if other != family) / (1 - share)
        above, below = [], []
        for rival in range(1, len(lead)):
            own, others = float(lead[rival, family]), float(rest[rival])
            if own < 0 < others:
                above.append((max(share, others / (others - own)), own - others, rival))
            elif others < 0 < own:
                below.append((-min(share, others / (others - own)), others - own, rival))
        found += [(family, abs(at), rival) for at, _, rival in (*sorted(below)[:1], *sorted(above)[:1])]
    return found


@cache
def _student(degrees: int) -> tuple[Array, Array]:
    """Return values and Student's probability of lying below each."""
    step = np.linspace(-14, 14, 8001)
    values = np.sinh(step)
    density = np.exp(-(degrees + 1) / 2 * np.log1p(values**2 / degrees)) * np.cosh(step)
    below = np.cumsum(density) - density / 2
    return values, below / density.sum()
