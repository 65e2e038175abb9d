"""Draw graphs with the statistics of a real reconstruction job.

The figures are those of ATLAS job q449 (key4hep/key4hep-julia-fwk, commit e15b0308): 814 algorithms, 60 levels, 26 sources, 378
without a consumer, 5218 edges of which one algorithm has 368, runtimes from 0 to 0.6 s of which ten make up half.
"""

from functools import cache

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.scheduling.graph import Graph

WORK_S = 5.204686
CRITICAL_S = 2.144283
_LEVELS = (
    *(26, 92, 41, 61, 38, 19, 12, 7, 19, 95, 6, 4, 1, 1, 1, 1, 2, 1, 1, 1, 1, 2, 2, 2, 8, 1, 1, 2, 5, 4),
    *(2, 3, 1, 1, 1, 2, 7, 34, 13, 8, 5, 3, 12, 9, 66, 9, 12, 7, 10, 6, 31, 11, 23, 17, 28, 13, 3, 12, 5, 3),
)  # algorithms of each level: one more than the highest of what it reads
_IDLE = 133  # algorithms without a runtime
_SHARES = (0.0, 0.05, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0)
_RUNTIMES_S = (6e-7, 4.6e-6, 1.7e-5, 1.15e-4, 8.6e-4, 2.7e-3, 9e-3, 2.6e-2, 4.2e-2, 6.8e-2, 0.21, 0.61)
_INPUTS = (0, 0, 1, 2, 4, 6, 9, 10, 11, 14, 36)  # of algorithms that have any, beside one of the level before, at equal shares
_HUBS = 0.55  # exponent of the chances that an algorithm is read: the smaller, the more read the same few
_EARLY = 4  # levels in which long algorithms lie that are on no long path


@cache
def atlas_like(seed: int) -> Graph:
    """Return a graph of the same size and shape; another for another seed."""
    draw = np.random.default_rng(seed)
    level = np.repeat(np.arange(len(_LEVELS)), _LEVELS)
    edges = _edges(level, draw)
    runtimes_s = _placed(_runtimes_s(level.size, draw), level, edges, draw)
    return Graph(tuple(f"Algorithm{k:03d}" for k in range(level.size)), runtimes_s, edges)


def _edges(level: Array, draw: np.random.Generator) -> Array:
    """Return pairs; who is on a level reads one of the level before, and others of all before, the same few most often."""
    chances = draw.pareto(_HUBS, level.size) + 1e-3
    pairs = list[tuple[int, int]]()
    for b in np.flatnonzero(level > 0):
        before, near = np.flatnonzero(level < level[b]), np.flatnonzero(level == level[b] - 1)
        wanted = min(round(float(np.interp(draw.random(), np.linspace(0, 1, len(_INPUTS)), _INPUTS))), before.size)
        read = {int(draw.choice(near, p=_shares(np.minimum(chances[near], 50.0))))}
        read.update(int(a) for a in draw.choice(before, wanted, p=_shares(np.minimum(chances[before], 3000.0))))
        pairs += [(a, int(b)) for a in sorted(read)]
    return np.array(pairs, np.int64)


def _shares(chances: Array) -> Array:
    shares: Array = chances / chances.sum()
    return shares


def _runtimes_s(count: int, draw: np.random.Generator) -> Array:
    """Return runtimes in falling order that sum to WORK_S."""
    at = (np.arange(count - _IDLE) + draw.random(count - _IDLE)) / (count - _IDLE)
    drawn = 10 ** np.interp(at, _SHARES, np.log10(_RUNTIMES_S))
    runtimes_s: Array = np.concatenate([np.sort(drawn)[::-1], np.zeros(_IDLE)])
    runtimes_s *= WORK_S / runtimes_s.sum()
    return runtimes_s


def _placed(falling_s: Array, level: Array, edges: Array, draw: np.random.Generator) -> Array:
    """Give each algorithm a runtime: the longest on one path until that is long enough, or early where nobody waits for them."""
    path = [int(draw.choice(np.flatnonzero(level == level.max())))]
    while level[path[-1]] > 0:
        read = edges[edges[:, 1] == path[-1], 0]
        path.append(int(read[np.argmax(level[read])]))
    last = np.setdiff1d(np.flatnonzero((level > 0) & (level <= _EARLY)), edges[:, 0])
    on_path, early = [int(a) for a in draw.permutation(path[: -_EARLY - 1])], [int(a) for a in draw.permutation(last)]
    runtimes_s, sum_s, used = np.zeros(level.size), 0.0, 0
    for runtime_s in falling_s:
        fits = sum_s + runtime_s <= 0.98 * CRITICAL_S
        if not (on_path if fits else early) or runtime_s < falling_s.max() / 100:
            break
        runtimes_s[(on_path if fits else early).pop()] = runtime_s
        sum_s, used = sum_s + runtime_s * fits, used + 1
    free = draw.permutation(np.flatnonzero(runtimes_s == 0))
    runtimes_s[free] = falling_s[used:]
    return runtimes_s
