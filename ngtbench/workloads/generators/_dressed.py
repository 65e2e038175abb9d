"""Amplitudes at explicit colours, as the sum of all Feynman diagrams.

Every tree has either one vertex or one line that leaves less than half of the legs, or just half of them, on each of its sides:
its centre. So the diagrams are all ways in which three small currents meet at a vertex, or two halves of the legs in a line.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process
from ngtbench.workloads.generators import _spinors
from ngtbench.workloads.generators._currents import Current, Kind, Legs, Line, close, meet, plus, propagate, total


@dataclass(frozen=True)
class Theory:
    """The parameters; mass and width in GeV."""

    alpha_s: float = 0.118
    top_mass: float = 173.0
    top_width: float = 0.0

    @property
    def coupling(self) -> float:
        """g_s."""
        return float(np.sqrt(4 * np.pi * self.alpha_s))


def states(process: Process, momenta: Array, theory: Theory) -> list[Array]:
    """Return both helicities, - before +, of each leg: (events, 2, 4)."""
    masses = process.masses(theory.top_mass)
    return [
        _spinors.external(particle, momenta[:, leg], masses[leg], incoming=leg < len(process.incoming))
        for leg, particle in enumerate(process.particles)
    ]


def amplitudes(process: Process, momenta: Array, legs: list[Array], colours: Array, theory: Theory) -> Array:
    """Return i M at `colours` (points, legs) for the `states` of legs: (events, points, 2 ** legs), first leg slowest."""
    rows, columns = process.quarks(), process.antiquarks()
    sign = np.where(np.arange(len(process.particles)) < len(process.incoming), 1, -1)
    results = []
    for ends in itertools.permutations(range(len(columns))):
        if all(flavour == columns[end][1] for (_, flavour), end in zip(rows, ends, strict=True)):
            lines = [_line(row, columns[end][0], flavour, theory) for (row, flavour), end in zip(rows, ends, strict=True)]
            outer = _outer(momenta * sign[:, None], legs, colours, lines)
            results.append(_parity(ends) * _diagrams(outer, theory.coupling))
    return plus(results)


def _line(row: int, column: int, flavour: str, theory: Theory) -> Line:
    return Line(row, column, theory.top_mass, theory.top_width) if flavour == "t" else Line(row, column, 0.0, 0.0)


def _parity(order: tuple[int, ...]) -> int:
    """Return the sign that exchanging ends of quark lines brings."""
    return -1 if sum(a > b for a, b in itertools.combinations(order, 2)) % 2 else 1


def _outer(momenta: Array, legs: list[Array], colours: Array, lines: list[Line]) -> list[Current]:
    """Return the currents of single legs."""
    result = []
    for leg, state in enumerate(legs):
        line = next((line for line in lines if leg in (line.row, line.column)), None)
        unit = np.eye(3 if line else 8, dtype=state.dtype)[colours[:, leg]]  # (points, colour)
        field = np.einsum("esl,pc->epscl", state, unit).reshape(len(state), len(colours), 2, -1)
        kind: Kind = "gluon" if line is None else "row" if leg == line.row else "column"
        result.append(Current((leg,), kind, momenta[:, leg], field, line))
    return result


def _diagrams(outer: list[Current], g: float) -> Array:
    """Return the sum of all diagrams that join the legs."""
    everything = tuple(range(len(outer)))
    currents = {current.legs: current for current in outer}
    for count in range(2, (len(outer) + 1) // 2):
        for legs in itertools.combinations(everything, count):
            if joined := _joined(legs, currents, g):
                currents[legs] = propagate(joined)
    values = []
    for one, other, third in _thirds(everything):
        if one in currents and other in currents and third in currents and (met := meet(currents[one], currents[other], g)):
            values.append(close(met, currents[third], g))
    for half, rest in _halves(everything):
        if (joined := _joined(half, currents, g)) and (opposite := _joined(rest, currents, g)):
            values.append(close(joined, propagate(opposite), g))
    return plus(values)


def _joined(legs: Legs, currents: dict[Legs, Current], g: float) -> Current | None:
    """Return the current of these legs from smaller ones, without propagator; None if no diagram joins just these."""
    parts = []
    for one, other in _parted(legs):
        if one in currents and other in currents and (met := meet(currents[one], currents[other], g)):
            parts.append(met)
    return total(parts) if parts else None


def _parted(legs: Legs) -> Iterator[tuple[Legs, Legs]]:
    """Yield all ways to part legs in two."""
    for count in range(1, len(legs)):
        for rest in itertools.combinations(legs[1:], count):
            yield tuple(leg for leg in legs if leg not in rest), rest


def _halves(legs: Legs) -> Iterator[tuple[Legs, Legs]]:
    """Yield all ways to part legs in two sets of one size."""
    return (parts for parts in _parted(legs) if len(parts[0]) == len(parts[1]))


def _thirds(legs: Legs) -> Iterator[tuple[Legs, ...]]:
    """Yield all ways to part legs in three sets, each with less than half of them, the largest last."""
    for one, rest in _parted(legs):
        for other, third in _parted(rest) if len(rest) > 1 else ():
            parts = sorted((one, other, third), key=len)
            if 2 * len(parts[-1]) < len(legs):
                yield tuple(parts)
