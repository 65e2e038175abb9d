"""What a traced program computes, line by line on NumPy arrays, and whether its frames are kept apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import Hop, Kernel, evaluate
from ngtbench.codegen.program import LOADS, OWN, Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.trace import trace
from ngtbench.model.workload import Array
from tests.unit.codegen.samples import numbers

LATTICE = (2, 3, 2, 4)
SCALARS = {"alpha": 0.75, "beta": -1.5}
DO: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "sqrt": np.sqrt,
    "larger": np.maximum,
    "magnitude": np.abs,
    "signum": lambda a: np.copysign(1.0, a),
    "move": lambda a: a,
    "part": lambda a: a,
}


def executed(program: Program, given: Mapping[str, Array], hops: Sequence[Hop], scalars: Mapping[str, float]) -> dict[str, Any]:
    """Do what the lines say, in the order they are scheduled; `given` has a number's place first, then the lattice."""
    values: dict[int, Any] = {number: one.what for number, one in enumerate(program.ops) if one.kind == "const"}
    values |= {number: scalars[one.what] for number, one in enumerate(program.ops) if one.kind == "scalar"}
    for number in (number for step in steps(program) for number in step.lines):
        op = program.ops[number]
        if op.kind in LOADS:
            name, component, frame = op.what
            axis, step = (0, 0) if frame == OWN else hops[frame - 1]
            values[number] = np.roll(given[name][component], -step, axis=axis)
        elif op.kind == "arg":
            values[number] = given["in"][op.what]
        elif op.kind == "call":
            inner = np.stack([np.broadcast_to(values[arg], given["psi"].shape[1:]) for arg in op.args])
            values[number] = executed(op.what.program, {"in": inner, "psi": inner}, (), {})["out"]
        elif op.kind == "part":
            values[number] = values[op.args[0]][op.what]
        elif number not in values:
            with np.errstate(all="ignore"):
                values[number] = DO[op.kind](*(values[arg] for arg in op.args))
    return {name: [values[line] for line in lines] for name, lines in program.outputs.items()}


def fields_of(kernel: Kernel) -> dict[str, Array]:
    return {name: one[0].T.reshape(-1, *LATTICE) for name, one in numbers(kernel, LATTICE, "float64", 1).items()}


def same(kernel: Kernel, finite: Callable[[bool], object] = bool) -> None:
    """Compare the lines with the body itself on NumPy arrays; `finite` is told whether all of what is wanted is."""
    scalars = {name: SCALARS[name] for name in kernel.scalars}
    fields = fields_of(kernel)
    with np.errstate(all="ignore"):
        want = evaluate(kernel, fields, scalars)
    finite(all(bool(np.isfinite(one).all()) for one in want.values()))
    found = executed(trace(kernel), fields, kernel.hops, scalars)
    assert set(found) == set(want)
    for name, lines in found.items():
        got = np.stack([np.broadcast_to(line, LATTICE) for line in lines])
        assert np.array_equal(got.sum(dtype=np.float64) if name in kernel.sums else got, want[name]), name


def mixing(program: Program) -> None:
    """Every operation is done in one frame, and what is written is at the own site."""
    for op in program.ops:
        frames = {program.ops[arg].frame for arg in op.args} - {None}
        if op.kind == "move":
            assert frames == {op.what} != {OWN}
            assert op.frame == OWN
        elif op.args:
            assert frames <= {op.frame}
    assert {program.ops[line].frame for lines in program.outputs.values() for line in lines} <= {OWN, None}
