"""Run a tape on NumPy arrays: the blocks as they are written, many operations and all events at once."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from ngtbench.codegen.tape import Kind, Segment, Tape
from ngtbench.model.workload import Array


def run(tape: Tape, inputs: Array, scalars: Mapping[str, float], *, factor: float = 1.0) -> Array:
    """Return the sum of a^T C a times a factor of every event, shape (events,), from inputs of shape (tape.inputs, events)."""
    memory = np.zeros((tape.size, inputs.shape[1]), inputs.dtype)
    memory[: tape.inputs] = inputs
    total = np.zeros(inputs.shape[1], inputs.dtype)
    colour = (factor * tape.colour).astype(inputs.dtype)
    for step in tape.steps:
        for segment in step.segments:
            _segment(segment, memory, scalars)
        rows = memory[tape.amplitudes : tape.amplitudes + tape.rows * tape.width].reshape(tape.rows, tape.width, -1)
        used = rows[:, : step.columns].reshape(tape.rows, -1)
        total += (used * (colour @ used)).sum(axis=0).reshape(step.columns, -1).sum(axis=0)
    return total


def _segment(segment: Segment, memory: Array, scalars: Mapping[str, float]) -> None:
    kind, alike = segment.kind, defaultdict[tuple[int, ...], list[tuple[int, ...]]](list)
    for record in segment.records:
        alike[record[1 + len(kind.extras) : kind.head]].append(record)
    for counts, records in alike.items():
        _records(kind, counts, np.array(records), memory, scalars)


def _records(kind: Kind, counts: tuple[int, ...], records: Array, memory: Array, scalars: Mapping[str, float]) -> None:
    def numbers(column: int, length: int) -> list[Array]:
        return [memory[records[:, column] + c] for c in range(length)]  # each (records, events)

    extras = [numbers(1 + k, length) for k, length in enumerate(kind.extras)]
    shape = (len(records), memory.shape[1])
    sums, column = [np.zeros(shape, memory.dtype) for _ in range(kind.sums)], kind.head
    for count, term in zip(counts, kind.terms, strict=True):
        for _ in range(count):
            operands = [numbers(column + k, length) for k, length in enumerate(term.lengths)]
            sums = list(term.body(sums, *extras, *operands, **scalars))
            column += len(term.lengths)
    for c, values in enumerate(kind.finish(sums, *extras, **scalars)):
        memory[records[:, 0] + c] = values
