"""What replaying a graph must yield: closed forms, which no replay uses.

An algorithm makes of its inputs, an event's number and its own a start of a chain s <- A s + B modulo 2^64, takes so many steps
of it, and mixes the end. Each value depends on every one before it, so that a step left out or an input of another event shows;
n steps are a jump s <- A^n s + B (A^n - 1)/(A - 1), by squaring in log n steps. A and B are those of Knuth's MMIX generator.
Steps that memory bounds add words of a buffer that holds 0, 1, ..., from word s on and from its start after its end.
"""

from typing import Literal

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.counter import GAMMA, MASK, MIX_1, MIX_2
from ngtbench.physics.scheduling.graph import Graph

FACTOR = 6364136223846793005
TERM = 1442695040888963407
EVENT_BITS = 20  # of an algorithm's number, below the event's
WORDS = 1 << 23  # of the buffer
WORD_B = 8
Mode = Literal["latency", "memory", "mixed"]


def jump(steps: int) -> tuple[int, int]:
    """Return (a, b) of s <- a s + b, which is so many steps at once.

    Raises BadInput for fewer than 0.
    """
    if steps < 0:
        raise BadInput(f"{steps} steps of a chain: give 0 or more")
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


def streamed(mode: Mode, steps: Array) -> Array:
    """Return how many of an algorithm's steps are words of the buffer; the others are the chain's, and come first."""
    words: Array = {"latency": 0 * steps, "memory": steps, "mixed": steps // 2}[mode]
    return words


def added(start: Array, words: int) -> Array:
    """Return the sum of so many words of the buffer, from word `start` on, and of `start`."""
    laps, rest = divmod(words, WORDS)
    at, whole = start % np.uint64(WORDS), laps * (WORDS * (WORDS - 1) // 2) + rest * (rest - 1) // 2
    beyond = np.maximum(at + np.uint64(rest), np.uint64(WORDS)) - np.uint64(WORDS)  # each is so many less
    total: Array = start + at * np.uint64(rest) + np.uint64(whole & MASK) - beyond * np.uint64(WORDS)
    return total


def checksums(graph: Graph, steps: Array, first_event: int, events: int, mode: Mode = "latency") -> Array:
    """Return one 64-bit number per event: all values, mixed with the numbers of their algorithms, exclusively or-ed."""
    start = np.arange(first_event, first_event + events, dtype=np.uint64) << np.uint64(EVENT_BITS)
    values = np.empty((graph.count, events), np.uint64)
    found, words = np.zeros(events, np.uint64), streamed(mode, steps)
    for k in graph.order:
        a, b = jump(int(steps[k] - words[k]))
        begun = mixed(start + np.uint64(k) + values[graph.inputs[k]].sum(axis=0, dtype=np.uint64))
        values[k] = mixed(added(begun * np.uint64(a) + np.uint64(b), int(words[k])))
        found ^= mixed(values[k] + np.uint64(k))
    return found
