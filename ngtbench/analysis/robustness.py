"""How sure a first place is: by the data, over one rival, whatever the families weigh, and which weights would change it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ngtbench.analysis.answers import Z
from ngtbench.analysis.ratio import STATED_SPREAD, between_jobs, supposed_p
from ngtbench.analysis.statistics import MIN_JOBS, student_t
from ngtbench.model.workload import Array

WEIGHTINGS = 10_000
_SEED = 20261127
_WINDOW = 4.0  # standard errors that those in the race are supposed to lie within
_OUTSIDE = 0.02  # density below that window, of the density inside
_GRID = np.linspace(-6, 6, 49)  # standard errors from the centre
_NODES, _HALVES = np.polynomial.legendre.leggauss(6)
_PLACES, _SHARES = (1 + _NODES) / 2, _HALVES / 2
_SPREADS = np.linspace(-3.5, 7, 16)  # logarithm of a true spread over the seen, in its standard deviations
_VALUES = np.linspace(-9, 9, 3601)
_NORMAL_BELOW = _VALUES, np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in _VALUES])
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
    p = supposed_p(exp(middle), exp(middle - own), exp(middle + own), math.hypot(a.spread, b.spread))
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
    """Return each system's probability of having the highest true score.

    Those in the race are supposed to lie flat in a window of four standard errors under an unknown upper end, any other anywhere
    below it, at a fiftieth of the density: what keeps the luckiest of many from looking sure. The spread between jobs is common.
    Integrated instead of drawn, so that neither a seed nor the order of systems changes it. `docs/methodology.md` has the
    equation, and how often what is stated is so.
    """
    degrees = sum(one.degrees for one in beliefs if one.degrees < _NORMAL)
    pooled = math.sqrt(math.fsum(_squares(one) for one in beliefs) / max(degrees, 1))
    centres, found, unit = [one.centre for one in beliefs], np.zeros(len(beliefs)), 0.0
    for factor, weight in _factors(degrees):
        own = (one.scale if one.degrees == _NORMAL else factor * pooled / math.sqrt(one.degrees + 1) for one in beliefs)
        scales = [max(scale, _NARROW) for scale in own]
        window = _WINDOW * math.sqrt(len(scales) / math.fsum(scale**-2 for scale in scales))
        unit = unit or window
        found += weight * (unit / window) ** (len(scales) - 1) * _first(centres, scales, window)
    return [float(chance) for chance in found / found.sum()]


def _squares(belief: Belief) -> float:
    """Return the sum of squares of jobs about their mean that a belief comes from."""
    return belief.degrees * (belief.degrees + 1) * belief.scale**2 if belief.degrees < _NORMAL else 0.0


def _factors(degrees: int) -> list[tuple[float, float]]:
    """Return what a spread of so many degrees may truly be, over what was seen, and how likely: by p(spread) ~ 1 / spread."""
    if not degrees:
        return [(1.0, 1.0)]
    logs = _SPREADS / math.sqrt(2 * degrees)
    weights = np.exp(-degrees * (logs + np.expm1(-2 * logs) / 2))
    return list(zip(np.exp(logs).tolist(), weights.tolist(), strict=True))


def _first(centres: Sequence[float], scales: Sequence[float], window: float) -> Array:
    """Return how likely each system is the first, times a constant, by errors and a window of these sizes."""
    points = np.sort(np.concatenate([centre + scale * _GRID for centre, scale in zip(centres, scales, strict=True)]))
    edges = np.concatenate([np.zeros((len(points), 1)), np.tile(window * _PLACES, (len(points), 1))], axis=1)
    edges = points[:, None] - edges  # (points, the point and places of the lower end of a window that holds it)
    below = np.stack([np.interp((edges - centre) / scale, *_NORMAL_BELOW) for centre, scale in zip(centres, scales, strict=True)])
    under = below[..., :1] - (1 - _OUTSIDE) * below[..., 1:]
    found = []
    for place in range(len(centres)):
        ahead = np.delete(under, place, 0).prod(axis=0) @ _SHARES
        found.append(np.diff(below[place, :, 0]) @ (ahead[1:] + ahead[:-1]) / 2)
    return np.array(found)


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
