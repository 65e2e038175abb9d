"""Matrix elements on arrays: a process's tape, compiled for the processor or run on NumPy arrays."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ngtbench.codegen import compiler, pages, tape_native, tape_numpy
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.tape import Tape
from ngtbench.kernels.amplitudes import generate
from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process

MIXED = "mixed"  # currents in double precision, colour sums in single
PRECISIONS = ("float64", "float32", MIXED)
_PART = 1 << 9  # events of array operations at once: a current of all of them stays in cache


@dataclass(frozen=True)
class Model:
    """Parameters: the strong coupling, and mass and width of the top quark in GeV."""

    alpha_s: float = 0.118
    top_mass: float = 173.0
    top_width: float = 0.0

    @property
    def scalars(self) -> dict[str, float]:
        """What tapes call them."""
        return {"mass": self.top_mass, "mass_width": self.top_mass * self.top_width}

    def coupling(self, process: Process) -> float:
        """Return g_s to the power that squared amplitudes of a process have."""
        return math.pow(4 * math.pi * self.alpha_s, process.couplings)


@dataclass(frozen=True)
class Evaluator:
    """Matrix elements of blocks of events: a call fills `out`, (blocks, lanes), from `momenta`, (blocks, 4 particles, lanes)."""

    momenta: Array
    out: Array
    tape: Tape
    said: str
    run: Callable[[], None]
    compile_s: float | None = None  # when its blocks were compiled, now or earlier


def storage(precision: str) -> str:
    """Return the dtype of momenta and results in a precision."""
    return "float64" if precision == MIXED else precision


@cache
def tape(process: Process, width: bool, sampled: bool = False, columns: int = generate.WIDTH) -> Tape:
    """Return the tape of a process; made once per Python process."""
    return generate.tape(process, width, sampled, columns)


def on_processor(process: Process, model: Model, events: int, precision: str, threads: int, sampled: bool = False) -> Evaluator:
    """Return an evaluator compiled for this processor, with room for so many events; what fills the last block up is 0.

    Raises Unavailable where there is no compiler that works.
    """
    dtype = storage(precision)
    made = _blocks(process, model.top_width > 0, sampled, precision, host := compiler.find())
    lanes, of = made.lanes, made.tape
    blocks = -(-events // lanes)
    momenta, out = pages.empty((blocks, of.inputs, lanes), dtype), pages.empty((blocks, lanes), dtype)
    momenta.fill(0)
    run = tape_native.bind(made, momenta, out, model.scalars, factor=model.coupling(process), threads=threads)
    said = f"{host.description}{', colour sums in single precision' if precision == MIXED else ''}"
    return Evaluator(momenta, out, of, said, run, made.built.took_s)


@cache
def _blocks(process: Process, width: bool, sampled: bool, precision: str, host: Compiler) -> tape_native.Made:
    """Return the compiled blocks of a process; kept, for writing their text takes longer than a call of some events."""
    return tape_native.built(tape(process, width, sampled), storage(precision), host, precision == MIXED)


def on_arrays(process: Process, model: Model, events: int, dtype: str, sampled: bool = False) -> Evaluator:
    """Return an evaluator in array operations, one event per block."""
    of = tape(process, model.top_width > 0, sampled)
    momenta, out = np.zeros((events, of.inputs, 1), dtype), np.empty((events, 1), dtype)

    def run() -> None:
        with np.errstate(all="ignore"):  # a singular event is not finite, and told by that
            for first in range(0, events, _PART):
                part = np.ascontiguousarray(momenta[first : first + _PART, :, 0].T)
                out[first : first + _PART, 0] = tape_numpy.run(of, part, model.scalars, factor=model.coupling(process))

    return Evaluator(momenta, out, of, f"array operations, up to {_PART} events in each", run)


def fill(blocks: Array, events: Array) -> None:
    """Write events, (events, numbers), into blocks, (blocks, numbers, lanes); missing lanes repeat the last event."""
    lanes = blocks.shape[2]
    whole = len(events) // lanes
    blocks[:whole] = events[: whole * lanes].reshape(whole, lanes, events.shape[1]).transpose(0, 2, 1)
    if whole < len(blocks):
        rest = events[whole * lanes :]
        blocks[whole, :, : len(rest)] = rest.T
        blocks[whole, :, len(rest) :] = rest[-1:].T
