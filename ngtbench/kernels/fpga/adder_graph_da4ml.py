"""The adder graph that da4ml finds, in this package's terms."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from da4ml._binary.cmvm_bin import solve  # type: ignore[import-not-found,import-untyped] # an extra, without types

from ngtbench.errors import Unavailable
from ngtbench.kernels.fpga.adder_graph import AdderGraph
from ngtbench.kernels.fpga.adder_graph_trial import HIGH, LOW, searched
from ngtbench.kernels.fpga.adders import Adders, Output
from ngtbench.model.workload import Array, Setup, Trial, Watch

_COPY, _SUBTRACT = -1, 1  # opcodes; 0 adds


def shared(setup: Setup, matrix: Array) -> Callable[[int, Watch], Trial]:
    """Return the trial of da4ml's search."""
    return searched(matrix, lambda: found(matrix, LOW, HIGH))


def found(matrix: Array, low: int, high: int) -> AdderGraph:
    """Return the graph of an integer matrix (n_in, n_out) for inputs in [low, high].

    Raises Unavailable where this version of da4ml describes graphs otherwise.
    """
    spans = [(float(low), float(high), 1.0)] * len(matrix)
    stages = solve(matrix.astype(np.float32), qintervals=spans, adder_size=1).solutions
    adders = Adders([low] * len(matrix), [high] * len(matrix), [0] * len(matrix))
    values: list[Output] = [(node, 0, 1) for node in range(len(matrix))]
    for stage in stages:
        values = _ran(stage, values, adders)
    return AdderGraph.of(adders, len(matrix), values)


def _ran(stage: Any, given: Sequence[Output], adders: Adders) -> list[Output]:
    """Return the outputs of a stage as (node, shift, sign), its adders made."""
    values = list[Output]()
    for op in stage.ops:
        if op.opcode == _COPY:
            node, shift, sign = given[op.id0]
            values.append((node, shift + int(stage.inp_shifts[op.id0]), sign))
        elif op.opcode in (0, _SUBTRACT):
            node, shift, sign = values[op.id1]
            moved = (node, shift + op.data, -sign if op.opcode == _SUBTRACT else sign)
            one, other = sorted((values[op.id0], moved), key=lambda value: value[1])
            values.append((adders.add(one[0], other[0], other[1] - one[1], one[2] * other[2]), one[1], one[2]))
        else:
            raise Unavailable(f"da4ml's graph has operation {op.opcode}", "pip install 'da4ml==0.6.0'")
    ends = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
    return [
        (values[place][0], values[place][1] + int(shift), -values[place][2] if negative else values[place][2])
        if place >= 0
        else (-1, 0, 1)
        for place, shift, negative in ends
    ]
