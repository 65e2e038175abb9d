"""What replaying a graph must yield: closed forms, which no replay uses.

An algorithm makes of its inputs, an event's number and its own a start of a chain s <- A s + B modulo 2^64, takes so many steps
of it, and mixes the end. Each value depends on every one before it, so that a step left out or an input of another event shows;
n steps are a jump s <- A^n s + B (A^n - 1)/(A - 1), by squaring in log n steps. A and B are those of Knuth's MMIX generator.
"""

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.counter import GAMMA, MASK, MIX_1, MIX_2
from ngtbench.physics.scheduling.graph import Graph

FACTOR = 6364136223846793005
TERM = 1442695040888963407
EVENT_BITS = 20  # of an algorithm's number, below the event's


def jump(steps: int) -> tuple[int, int]:
    """Return (a, b) of s <- a s + b, which is so many steps at once."""
    a, b, factor, term = 1, 0, FACTOR, TERM
    while steps:
        if steps & 1:
            a, b = a * factor & MASK, (b * factor + term) & MASK
        term, factor = term * (factor + 1) & MASK, factor * factor & MASK
        steps >>= 1
    return a, b


def mixed(values: Array) -> Array:
    """Return the finaliser of SplitMix64 of values plus its constant."""
    z = values.astype(np.uint64) + np.uint64(GAMMA)  # wraps, as all below
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_2)
    return z ^ (z >> np.uint64(31))


def checksums(graph: Graph, steps: Array, first_event: int, events: int) -> Array:
    """Return one 64-bit number per event: all values, mixed with the numbers of their algorithms, exclusively or-ed."""
    start = np.arange(first_event, first_event + events, dtype=np.uint64) << np.uint64(EVENT_BITS)
    values = np.empty((graph.count, events), np.uint64)
    found = np.zeros(events, np.uint64)
    for k in graph.order:
        a, b = jump(int(steps[k]))
        begun = mixed(start + np.uint64(k) + values[graph.inputs[k]].sum(axis=0, dtype=np.uint64))
        values[k] = mixed(begun * np.uint64(a) + np.uint64(b))
        found ^= mixed(values[k] + np.uint64(k))
    return found
