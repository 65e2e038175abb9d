"""Whether momenta are those of events of a process, and far enough from where |M|^2 is singular to be computed."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process

_OFF = {"float64": 1e-8, "float32": 1e-5}  # of an energy: what momenta of a dtype may be off shell, or not conserved
# Of sqrt(s): no power of an energy leaves the range of the dtype, nor of the one that colour sums are in.
_RANGE_GEV = {"float64": (1e-9, 1e15), "mixed": (1e-2, 1e7), "float32": (1e-2, 1e7)}
# The least 2 p_i.p_j of E_i E_j: about the angle squared and the mass over the energy squared, where these are small.
_APART = {"float64": 1e-12, "mixed": 1e-12, "float32": 1e-5}
_LOOSE = 1e-2  # most of the least 2 p_i.p_j that anything may be off by
_PART = 1 << 13  # events at once: rows of them stay in cache


def checked(process: Process, momenta: Any, masses_gev: Sequence[float], precision: str) -> Array:
    """Return momenta in double precision, (events, particles, 4).

    Raises BadInput for what is no such array, and for events that are not of this process or cannot be computed in this
    precision, with the first event at fault and how many there are.
    """
    events, off = _array(process, momenta)
    parts = [events[start : start + _PART] for start in range(0, len(events), _PART)]
    found = [_faults(part, masses_gev, off, precision) for part in parts]
    for words in found[0] if found else ():
        wrong = np.concatenate([part[words] for part in found])
        if wrong.any():
            first = int(np.argmax(wrong))
            raise BadInput(
                f"matrix_element_squared: {process.text}: event {first} {words}, {int(wrong.sum())} of {len(events)} do. "
                f"Its momenta in GeV: {_named(process, events[first])}; masses 0 and {max(masses_gev):g}"
            )
    return events


def _array(process: Process, momenta: Any) -> tuple[Array, float]:
    """Return momenta in double precision, and by what share of an energy they may be off as they are stored."""
    shape = (len(process.particles), 4)
    try:
        given = np.asarray(momenta)
    except ValueError as error:
        raise BadInput(f"matrix_element_squared: momenta are no array (events, {shape[0]}, 4): {error}") from error
    if isinstance(momenta, np.ma.MaskedArray):
        raise BadInput("matrix_element_squared: momenta are a masked array: leave masked events out and hand over a plain one")
    if given.ndim != 3 or given.shape[1:] != shape or given.dtype.kind not in "fiu":
        raise BadInput(
            f"matrix_element_squared: momenta are {given.dtype} {given.shape}, wanted real numbers (events, {shape[0]}, 4) "
            f"for {process.text}"
        )
    return given.astype(np.float64), _OFF["float32" if given.dtype.kind == "f" and given.dtype.itemsize < 8 else "float64"]


def _faults(events: Array, masses_gev: Sequence[float], off: float, precision: str) -> dict[str, Array]:
    """Return which events have each fault; a comparison is written so that what is no number has it."""
    legs = np.ascontiguousarray(events.transpose(1, 2, 0))  # (particles, 4, events)
    with np.errstate(all="ignore"):
        energy = legs[:, 0]
        total = energy[0] + energy[1]
        squares = energy * energy - np.einsum("lke,lke->le", legs[:, 1:], legs[:, 1:])
        shell = np.abs(squares - np.square(masses_gev)[:, None])
        lost = np.abs(legs[:2].sum(axis=0) - legs[2:].sum(axis=0)).max(axis=0)
        least, near = np.full(len(events), np.inf), np.full(len(events), np.inf)
        for i, j in itertools.combinations(range(len(legs)), 2):
            products = energy[i] * energy[j]
            dots = 2 * (products - np.einsum("ke,ke->e", legs[i, 1:], legs[j, 1:]))
            np.minimum(least, dots, out=least)
            np.minimum(near, dots / products, out=near)
        low, high = _RANGE_GEV[precision]
        worst = np.maximum(shell.max(axis=0), lost * total)
        return {
            "has momenta that are not finite": ~np.isfinite(legs).all(axis=(0, 1)),
            "has an energy that is not positive": ~(energy > 0).all(axis=0),
            f"is off shell: E^2 - p^2 is not m^2 within {2 * off:g} E^2": ~(shell <= 2 * off * energy**2).all(axis=0),
            f"does not conserve energy and momentum within {off:g} of the energy": ~(lost <= off * energy[0]),
            f"has an energy out of the range of {precision}, {low:g} to {high:g} GeV": ~((total >= low) & (total <= high)),
            f"has momenta that are parallel: 2 p_i.p_j is below {_APART[precision]:g} E_i E_j, where |M|^2 is nearly singular": ~(
                near >= _APART[precision]
            ),
            f"is off shell, or not conserved, by over {_LOOSE:g} of its smallest 2 p_i.p_j": ~(worst <= _LOOSE * least),
        }


def _named(process: Process, event: Array) -> str:
    """Return particles and momenta of an event, and which two are nearest."""
    named = ", ".join(f"{particle.name} {leg.tolist()}" for particle, leg in zip(process.particles, event, strict=True))
    with np.errstate(all="ignore"):
        ways = event[:, 1:] / event[:, :1]
        apart = {(i, j): float(np.sum((ways[i] - ways[j]) ** 2)) for i, j in itertools.combinations(range(len(ways)), 2)}
    i, j = min(apart, key=lambda pair: apart[pair])
    return f"{named}; particles {i} and {j} are nearest"
