"""One state of the helicities per event instead of all of them: what generators that sample helicities compute.

With n the direction of a gluon, s the sign of n_z and a = -1 / (s + n_z), its state 0 is linear polarisation along
(1 + s a n_x^2, s a n_x n_y, -s n_x), state 1 along (a n_x n_y, s + a n_y^2, -n_y) (Duff et al., JCGT 6 (2017) 1). A top
quark's state is its spin along z in the rest frame that a boost without rotation leads to: 0 is up, 1 is down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Uniform, Workload
from ngtbench.physics import counter, processes
from ngtbench.physics.processes import Particle, Process
from ngtbench.workloads.generators import _case, _closed, _colour, _dressed, _spinors
from ngtbench.workloads.generators._dressed import Theory

_STATES = 1  # the stream of random states; momenta take stream 0
_AT_ONCE = 2**13  # events x points of colour x states: what arrays of a cache's size hold
_CHECKED = {"g g > t t~": 200, "g g > g g": 200, "g g > t t~ g": 100, "g g > g g g": 60, "g g > t t~ g g": 12}
_EVERY = 4  # events of other processes
_MEMO = 8  # samples: those of a case in both dtypes, and for other seeds


@dataclass(frozen=True)
class Size:
    """A process of gluons and top quarks in MadGraph's syntax, and events of a call."""

    process: str
    events: int

    @property
    def particles(self) -> int:
        """Incoming and outgoing ones."""
        return len(processes.parse(self.process).particles)


def inputs(size: Size, seed: int) -> Inputs:
    """Return momenta (events, particles, 4) in GeV at 1.5 TeV and states (events, particles), 0 or 1.

    From the middle on both are those before with identical particles permuted.
    """
    drawn = counter.uniform(Uniform((size.events, size.particles), seed, _STATES, 0.0, 1.0), lambda values: values)
    half, process = size.events // 2, processes.parse(size.process)
    momenta, states = _case.drawn(size.process, size.events - half, seed), (drawn >= 1 / 2).astype(np.int32)
    return {
        "momenta": np.concatenate((momenta, _case.permuted(process, momenta[:half], seed))),
        "states": np.concatenate((states[: len(momenta)], _case.permuted(process, states[:half], seed))),
    }


def reference(size: Size, momenta: Array, states: Array) -> dict[str, Array]:
    """Return |M|^2 of each event's state, times the number of states."""
    given = {"momenta": momenta.reshape(-1), "states": states.reshape(-1)}
    return {"squared": _wanted(size, given, np.arange(size.events))[0]}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check events of all parts of the batch."""
    events = _sample(size, inputs)
    return outputs["squared"][events], _wanted(size, inputs, events)[0]


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Check errors relative to the mean over the states of the event, for single ones vanish, and that none is negative."""
    values, events = outputs["squared"].whole().reshape(-1), _sample(size, inputs)
    want, mean = _wanted(size, inputs, events)
    off = np.abs(values[events] - want) / mean
    median, worst = _RELATIVE[dtype]
    half = size.events // 2
    turned = np.abs(values[size.events - half :] - values[:half]) / (np.mean(np.abs(values)) or np.inf)
    return {
        "events with gluons permuted, worst, relative to the mean": (float(np.max(turned, initial=0.0)), _PERMUTED[dtype]),
        "error relative to the mean over states, median": (float(np.median(off)), median),
        "error relative to the mean over states, worst": (float(np.max(off)), worst),
        "events with a negative matrix element": (float(np.sum(~((values >= 0) & np.isfinite(values)))), 0.0),
    }


def work(size: Size, item_b: int) -> Work:
    """Count the FLOP of a table for each event; momenta and states read once, and results written once.

    Resident: momenta and states as they are given and as an implementation keeps them, and results.
    """
    numbers = 5 * size.particles
    return Work(
        flop=FLOP[size.process] * size.events,
        bytes=(numbers + 1) * item_b * size.events,
        memory_b=(2 * numbers + 1) * item_b * size.events,
        events=size.events,
        event="matrix element of one state",
    )


def nearby(size: Size, k: int) -> Size:
    """Return another number of events."""
    return replace(size, events=_case.near(size.events, k))


def polarisations(momenta: Array) -> Array:
    """Return both states of gluons, (events, 2, 4), of momenta (events, 4)."""
    x, y, z = (momenta[:, axis] / momenta[:, 0] for axis in (1, 2, 3))
    sign, none = np.copysign(1.0, z), np.zeros(len(momenta))
    a = -1 / (sign + z)
    first = np.stack((none, 1 + sign * x * x * a, sign * x * y * a, -sign * x), axis=-1)
    second = np.stack((none, x * y * a, sign + y * y * a, -y), axis=-1)
    vectors: Array = np.stack((first, second), axis=1).astype(np.complex128)
    return vectors


def tops(particle: Particle, momenta: Array, mass: float) -> Array:
    """Return both states of an outgoing top quark, ubar, or antiquark, v, (events, 2, 4): (pslash +- m) of spinors at rest."""
    up, down = np.eye(2)
    anti = particle.anti
    at_rest = [np.concatenate((chi, -chi if anti else chi)) for chi in ((down, up) if anti else (up, down))]
    boost = _spinors.slash(momenta) + (-mass if anti else mass) * np.eye(4)
    spinors: Array = np.stack([boost @ spinor for spinor in at_rest], axis=1)
    spinors = spinors / np.sqrt(2 * (momenta[:, 0] + mass))[:, None, None]
    return spinors if anti else spinors.conj() @ _spinors.gammas()[0]


def every_state(process: Process, momenta: Array, theory: Theory) -> Array:
    """Return |M|^2 of every state, (events, 2 ** particles), the first particle's slowest, whose sum is that over helicities."""
    points = _colour.points(process)
    count = 2 ** len(process.particles)
    step, found = max(1, _AT_ONCE // (len(points.colours) * count)), np.empty((len(momenta), count))
    for first in range(0, len(momenta), step):
        part = momenta[first : first + step]
        legs = [
            polarisations(part[:, leg]) if particle.gluon else tops(particle, part[:, leg], theory.top_mass)
            for leg, particle in enumerate(process.particles)
        ]
        values = points.weights @ _dressed.amplitudes(process, part, legs, points.colours, theory)
        found[first : first + step] = (values * values.conj()).real.sum(axis=1)
    return found / _closed.average(process)


def _sample(size: Size, given: Mapping[str, Any]) -> Array:
    salt = _case.rows(given["momenta"], np.zeros(1, np.int64), 4 * size.particles).tobytes()
    return _case.chosen(size.events, _CHECKED.get(size.process, _EVERY), salt)


def _wanted(size: Size, given: Mapping[str, Any], events: Array) -> tuple[Array, Array]:
    """Return |M|^2 of the states of some events, times the number of states, and its mean over states."""
    particles = size.particles
    squares = _oracles(size.process, _case.rows(given["momenta"], events, 4 * particles).tobytes())
    states = _case.rows(given["states"], events, particles).astype(np.int64) @ (2 ** np.arange(particles)[::-1])
    return squares[np.arange(len(events)), states] * 2**particles, squares.sum(axis=1)


@lru_cache(maxsize=_MEMO)
def _oracles(process: str, momenta: bytes) -> Array:
    """Return |M|^2 of every state; kept, for each of several checks asks for the same."""
    of = processes.parse(process)
    found = every_state(of, np.frombuffer(momenta, np.float64).reshape(-1, len(of.particles), 4), Theory())
    found.flags.writeable = False
    return found


# FLOP of one event in one state, as those of the sum over states are counted.
FLOP = {
    "g g > t t~": 733,
    "g g > t t~ g": 3091,
    "g g > t t~ g g": 16894,
    "g g > g g": 750,
    "g g > g g g": 4251,
    "g g > g g g g": 26847,
}
# Bounds of errors, median and worst. Seen of 10^5 events of each process, in samples as large as those checked: float32 1.3e-5
# (of four events; of sixty 4e-7) and 2.6e-4; over rms 4.9e-4.
_RELATIVE = {"float64": (1e-11, 1e-9), "float32": (5e-5, 1.5e-3)}
_PERMUTED = {"float64": 1e-9, "float32": 1e-2}  # of all events, over the mean of all

_TT, _TTG, _TTGG = (f"g g > t t~{' g' * count}" for count in range(3))

WORKLOAD = Workload(
    version=2,
    title="Matrix elements of QCD, one state of helicities per event, full colour",
    inputs=inputs,
    reference=reference,
    spot=spot,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size(_TT, 64),
        "S": Size(_TTG, 64),
        "M": Size(_TTGG, 2**16),
        "L": Size(_TTGG, 2**20),
        "S-ggttx": Size(_TT, 256),
        "S-ggttxgg": Size(_TTGG, 12),
        "S-gggg": Size("g g > g g", 256),
        "S-ggggg": Size("g g > g g g", 64),
        "S-gggggg": Size("g g > g g g g", 4),
        "M-ggttx": Size(_TT, 2**18),
        "M-ggttxg": Size(_TTG, 2**17),
        "M-gggggg": Size("g g > g g g g", 2**14),
        "L-ggttx": Size(_TT, 2**21),
        "L-ggttxg": Size(_TTG, 2**20),
    },
    quick=("S",),
    quick_gpu=("M-ggttx", "M"),
    tolerance={"float64": 1e-10, "float32": 2e-3},
    live=("momenta", "states"),
    impls=(
        Impl("numpy", "amplitudes.traced:arrays_sampled", "numpy"),
        Impl("native", "amplitudes.traced:native_sampled", "native"),
        Impl("rtc", "amplitudes.traced_cupy:rtc_sampled", "cupy", devices=("gpu",)),
    ),
    notes=(
        "|M|^2 of one state, drawn at random, of all particles of each event, times the number of states; colours summed.",
        "Another unit than a matrix element of generators/matrix_element: its mean over states, not its value, is the same.",
        "Gluons and top quarks only; alpha_s 0.118, top mass 173 GeV, width 0; flat phase space at 1.5 TeV.",
        "Events from the middle on are those before with gluons permuted, and their states with them: both must agree.",
        "Events in which 2 p_i.p_j of a pair is below s / 1000 are left out.",
        "Momenta and states lie in an implementation's own layout, and packing them is not timed.",
        "FLOP by a table, one number per process, whatever an implementation does.",
        "Errors are relative to the mean over the event's states: single ones vanish.",
    ),
)
