"""What a tape launches on a GPU, one kernel after another, and the numbers and addresses that those kernels read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ngtbench.codegen.tape import Tape
from ngtbench.model.workload import Array

# Columns of a step where a GPU is to run it: there are then tens of records of a kind in a step, and one or two steps of a
# process of up to four gluons. More take more memory and save few launches, each of 10^5 threads from some thousand events on.
COLUMNS = 64
ROWS = 4  # of C that a number meets when it is loaded
_MOST = 4  # columns that an element of C meets


@dataclass(frozen=True)
class Launch:
    """A kernel, how many tasks each tile has of it, and where in `Schedule.words` they begin."""

    kernel: str
    tasks: int
    first: int = 0


@dataclass(frozen=True)
class Schedule:
    """All that a tape does to a batch of tiles: launches one after another, and what they read."""

    launches: tuple[Launch, ...]
    words: Array = field(repr=False)  # int32: records and where each begins, what is transformed, chunks of C
    colour: Array = field(repr=False)  # (elements, ROWS)

    def most(self, lanes: int) -> int:
        """Return how many tiles a launch takes at most: HIP counts the threads of one in 32 bits."""
        return int(2**31 // (lanes * max(launch.tasks for launch in self.launches)))


def size(tape: Tape) -> int:
    """Return how many numbers an event has in memory: those of the tape, then sums of blocks of C."""
    return tape.size + parts(tape)


def blocks(tasks: int, tiles: int, lanes: int, threads_per_block: int) -> int:
    """Return how many thread blocks a launch has."""
    return -(-tasks * tiles * lanes // threads_per_block)


def batches(tiles: int, most: int) -> list[tuple[int, int]]:
    """Return where batches of tiles begin and how many each has: as few batches as may be, of about the same size."""
    count = -(-tiles // most)
    edges = [tiles * k // count for k in range(count + 1)] if count else [0]
    return [(one, other - one) for one, other in pairwise(edges)]


def kernels(tape: Tape) -> tuple[str, ...]:
    """Return the names of all kernels in the order they are first launched."""
    return tuple(dict.fromkeys(launch.kernel for launch in schedule(tape).launches))


def schedule(tape: Tape) -> Schedule:
    """Return what is launched, in order: each launch may read all that those before it wrote."""
    words, launches = list[int](), [Launch("entered", tape.inputs + parts(tape))]
    every = list(chunks(tape))
    at, elements = list[int](), 0
    for rows, matrix in every:
        at.append(len(words))
        words += [len(rows), elements, *(tape.amplitudes + row * tape.width for row in rows)]
        elements += len(matrix)
    contracted = len(words)
    words += at
    for step in tape.steps:
        for segment in step.segments:
            starts = list[int]()
            for record in segment.records:
                starts.append(len(words))
                words += record
            launches.append(Launch(segment.kind.name, len(starts), len(words)))
            words += starts
        for count, groups in _groups(tape):
            launches.append(Launch(f"turned_{count}", len(groups) * step.columns, len(words)))
            words += [tape.amplitudes + row * tape.width + column for row in groups for column in range(step.columns)]
        launches.append(Launch("contracted", len(every) * step.columns // columns(tape), contracted))
    launches.append(Launch("summed", 1))
    return Schedule(tuple(launches), np.array(words, np.int32), np.concatenate([matrix for _, matrix in every]))


def columns(tape: Tape) -> int:
    """Return how many columns a thread contracts: a divisor of those of every step."""
    return math.gcd(_MOST, *(step.columns for step in tape.steps))


def parts(tape: Tape) -> int:
    """Return how many sums of blocks of C there are at most in a step."""
    return len(list(chunks(tape))) * max(step.columns for step in tape.steps) // columns(tape)


def _groups(tape: Tape) -> Iterator[tuple[int, list[int]]]:
    """Return the first rows of all groups of each size that is transformed."""
    groups = tape.contraction.groups
    first = np.cumsum((0, *groups))
    for count in sorted(set(groups) - {1}):
        yield count, [int(row) for row, one in zip(first, groups, strict=False) if one == count]


def chunks(tape: Tape) -> Iterator[tuple[list[int], Array]]:
    """Return rows and elements (rows, ROWS) of all chunks: ROWS rows of a block and those before, whose elements are doubled.

    Blocks are filled up by their last row, with elements 0.
    """
    for block in tape.contraction.blocks:
        more = -len(block.rows) % ROWS
        rows, matrix = [*block.rows, *block.rows[-1:] * more], np.pad(block.matrix, (0, more))
        for i in range(0, len(rows), ROWS):
            yield rows[: i + ROWS], np.concatenate([2 * matrix[:i, i : i + ROWS], matrix[i : i + ROWS, i : i + ROWS]])
