"""Which algorithms are worth a device: few and long."""

import numpy as np

from ngtbench.physics.scheduling.graph import Graph

_FULL = 0.99  # of a share: what is missing would be many short algorithms


def longest(graph: Graph, share: float) -> frozenset[int]:
    """Return the longest algorithms that together are at most a share of the work, and nearly so."""
    limit_s, taken_s, found = share * graph.work_s, 0.0, list[int]()
    for a in np.argsort(-graph.runtimes_s, kind="stable").tolist():
        runtime_s = float(graph.runtimes_s[a])
        if runtime_s == 0 or taken_s >= _FULL * limit_s:
            break
        if taken_s + runtime_s <= limit_s * (1 + 1e-12):
            taken_s += runtime_s
            found.append(a)
    return frozenset(found)
