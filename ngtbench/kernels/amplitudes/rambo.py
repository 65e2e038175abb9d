"""Momenta of random events, made where matrix elements are computed from them, in the blocks that those read."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench import backends
from ngtbench.codegen import compiler, gpu, native, pages, raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.amplitudes import rambo_text
from ngtbench.model.workload import Array
from ngtbench.physics import counter, phase_space

BACKENDS = ("native", "cupy", "numba", "numpy")  # the last two: array operations
_DTYPES = ("float64", "float32")
_PART = 1 << 13  # events of array operations at once: some 2 MB


@dataclass(frozen=True)
class Plan:
    """What is generated, and how it lies in memory."""

    masses: tuple[float, ...]
    energy: float
    blocks: int
    lanes: int
    dtype: str
    seed: int
    stream: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the momenta: blocks, numbers of an event, lanes."""
        return self.blocks, 4 * (len(self.masses) + 2), self.lanes

    @property
    def text(self) -> raw.Text:
        """The loop."""
        return rambo_text.text([mass > 0 for mass in self.masses], self.lanes, self.dtype)

    @property
    def scalars(self) -> tuple[float, float, float]:
        """What the loop takes as `energy`, `flat` and `begin`."""
        threshold, flat = math.fsum(self.masses), phase_space.volume(len(self.masses), self.energy)
        return self.energy, flat, math.sqrt((self.energy - threshold) * (self.energy + threshold)) / self.energy

    @property
    def key(self) -> int:
        """Of the stream of random numbers."""
        return counter.key(self.seed, self.stream)

    @property
    def squares(self) -> Array:
        """Of the masses."""
        squares: Array = np.square(np.array(self.masses))
        return squares


@dataclass(frozen=True)
class Generator:
    """Arrays, and the call that fills them: events `first[0]`, `first[0]` + 1 and so on of `physics.phase_space`."""

    momenta: Any  # (blocks, 4 particle + component, lanes), in GeV
    weights: Any  # (blocks, lanes), double, in GeV^(2n-4)
    first: Any  # (1,), uint64, beside the momenta: read at each call
    said: str  # how they are made
    run: Callable[[], None]

    def __call__(self) -> None:
        """Fill both arrays; on a GPU, ask for it and do not wait."""
        self.run()


def generate(
    masses_gev: Sequence[float],
    energy_gev: float,
    events: int,
    *,
    seed: int,
    stream: int = 0,
    dtype: str = "float64",
    backend: str | None = None,
    lanes: int | None = None,
    threads: int = 1,
    into: Any = None,
) -> Generator:
    """Return a call that makes the momenta of `phase_space.momenta`, in blocks of `lanes` events; nothing is made before it.

    Uniform numbers are the same bit for bit, momenta to rounding; they are computed in double and rounded to `dtype` when they
    are stored. The last block is filled up with the events that follow. `lanes` is by default a register's width, or 32 on a
    GPU; `into` is an array to fill instead of a new one. Without `backend` it is "native", or "numpy" where no compiler works,
    which `said` tells; "numba" is done in array operations as well.
    Raises BadInput as `phase_space.momenta` does, and for what is no dtype, back end or number of lanes or threads; Unavailable
    where the back end cannot be had; ValueError where `into` does not fit.
    """
    masses = phase_space.checked(masses_gev, energy_gev)
    phase_space.check_events(len(masses), events, 0)
    if dtype not in _DTYPES or backend not in (None, *BACKENDS) or (lanes is not None and lanes < 1) or threads < 1:
        given = f"dtype {dtype}, backend {backend}, lanes {lanes}, threads {threads}"
        raise BadInput(f"generate: {given}: there are {', '.join(_DTYPES)}, {', '.join(BACKENDS)}, counts from 1")
    host, lack = _host(backend)
    width = lanes or (native.lanes(host, dtype) if host else gpu.LANES)
    plan = Plan(masses, float(energy_gev), -(-events // width), width, dtype, seed, stream)
    if into is not None and (into.shape != plan.shape or into.dtype != dtype):
        raise ValueError(f"an array {into.dtype} {into.shape} does not hold momenta {dtype} {plan.shape}")
    if backend == "cupy":
        backends.imported("cupy")
        generator: Generator = importlib.import_module("ngtbench.kernels.amplitudes.rambo_cupy").filled(plan, into)
        return generator
    return _arrays(plan, into, lack) if host is None else _native(plan, into, host, threads)


def _host(backend: str | None) -> tuple[Compiler | None, str]:
    """Return the compiler that a back end uses, and what is said where none works and none must."""
    if backend not in (None, "native"):
        return None, ""
    try:
        return compiler.find(), ""
    except Unavailable as error:
        if backend is not None:
            raise
        return None, f", for {error}"


def _native(plan: Plan, into: Array | None, host: Compiler, threads: int) -> Generator:
    together = math.gcd(native.lanes(host, "float64"), plan.lanes)  # events of a register
    momenta, weights, first = _room(plan, into)
    text = plan.text
    groups = plan.blocks * plan.lanes // together
    given = (groups, plan.key, first, *plan.scalars, plan.squares, momenta, weights)
    run = raw.called(raw.built(text, "float64", together, host), text, threads, *given)
    return Generator(momenta, weights, first, f"{host.description}, {threads} threads, {together} events at once", run)


def _arrays(plan: Plan, into: Array | None, lack: str) -> Generator:
    momenta, weights, first = _room(plan, into)
    part = max(1, _PART // plan.lanes)

    def run() -> None:
        for start in range(0, plan.blocks, part):
            blocks = min(part, plan.blocks - start)
            where = int(first[0]) + start * plan.lanes
            found = phase_space.momenta(plan.masses, plan.energy, blocks * plan.lanes, plan.seed, plan.stream, where)
            momenta[start : start + blocks] = found[0].reshape(blocks, plan.lanes, -1).transpose(0, 2, 1)
            weights[start : start + blocks] = found[1].reshape(blocks, plan.lanes)

    return Generator(momenta, weights, first, f"array operations of NumPy, 1 thread{lack}", run)


def _room(plan: Plan, into: Array | None) -> tuple[Array, Array, Array]:
    momenta = pages.empty(plan.shape, plan.dtype) if into is None else into
    if not momenta.flags.c_contiguous:
        raise ValueError("momenta are written one after the other: `into` must be contiguous")
    return momenta, pages.empty((plan.blocks, plan.lanes), np.float64), np.zeros(1, np.uint64)
