"""The public function: squared matrix elements of events, on compiled blocks where there is a compiler, in arrays where not."""

import math
import warnings
from typing import Any

import numpy as np

from ngtbench.codegen.engine import threads
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.amplitudes import compiled
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.model.workload import Array
from ngtbench.physics import processes
from ngtbench.physics.processes import Process

_OFF = {"float64": 1e-8, "float32": 1e-5}  # of an energy: what momenta of a dtype may be off shell, or not conserved
_RANGE_GEV = {"float64": (1e-9, 1e15), "float32": (1e-2, 1e7)}  # of sqrt(s): no power of an energy leaves the range of the dtype
_APART = 1e-6  # radians between massless momenta: |M|^2 is off by some 3e-15 / angle^2, and nothing is left of it at 1e-7
_STRONGEST = 1e3  # alpha_s


def matrix_element_squared(
    process: str,
    momenta: Array,
    *,
    alpha_s: float = 0.118,
    top_mass: float = 173.0,
    top_width: float = 0.0,
    dtype: str = "float64",
) -> Array:
    """Return |M|^2 at leading order in QCD, summed over helicities and colours, averaged over those of the initial state.

    `process` is in MadGraph's syntax, "g g > t t~ g"; momenta (events, particles, 4) are [E, px, py, pz] in GeV, in its order;
    the result, (events,), in GeV^(8 - 2 particles), includes 1/n! for n identical final particles. alpha_s does not run. The
    width, in GeV, is in every top propagator, 1 / (p^2 - m^2 + i m Gamma), which breaks gauge invariance: gluons are then
    transverse in the frame of the momenta, as in HELAS. `dtype` is that of the arithmetic and the result: float64, float32, or
    "mixed", currents in double and colour sums in single precision, with a float64 result. Momenta may be off shell and not
    conserved by 1e-8 of their energy, by 1e-5 if they are stored in single precision, and |M|^2 is then off by more.
    Without a C++ compiler it runs in array operations, which is slower, and warns of it.
    Raises BadInput for a process that is not supported, parameters out of range, momenta of another shape, not finite, off
    shell, not conserved, of an energy beyond the dtype's range, massless ones within 1e-6 radians of one another, and events
    where |M|^2 is not finite and positive.
    """
    wanted = processes.parse(process)
    model = _model(alpha_s, top_mass, top_width)
    if dtype not in compiled.PRECISIONS:
        raise BadInput(f"matrix_element_squared: dtype {dtype!r}: there are {', '.join(compiled.PRECISIONS)}")
    events = _checked(wanted, momenta, model)
    _within(wanted, events, "float64" if dtype == "float64" else "float32")
    if not len(events):
        return np.empty(0, compiled.storage(dtype))
    try:
        on = compiled.on_processor(wanted, model, len(events), dtype, threads())
    except Unavailable as error:
        warnings.warn(f"matrix elements in array operations, which is slower: {error}", stacklevel=2)
        on = compiled.on_arrays(wanted, model, len(events), compiled.storage(dtype))
    compiled.fill(on.momenta, events.reshape(len(events), -1))
    on.run()
    found: Array = on.out.reshape(-1)[: len(events)].copy()
    lost = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
    if lost.size:
        raise BadInput(
            f"matrix_element_squared: {wanted.text}: |M|^2 is not finite and positive in {dtype} for {lost.size} of "
            f"{len(events)} events, the first is {lost[0]}: near a singularity, or beyond the range of the precision"
        )
    return found


def _model(alpha_s: Any, top_mass: Any, top_width: Any) -> Model:
    values = {"alpha_s": alpha_s, "top_mass": top_mass, "top_width": top_width}
    for name, value in values.items():
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        good = number and math.isfinite(value) and (value > 0 or (value == 0 and name == "top_width"))
        if not good or (name == "alpha_s" and value > _STRONGEST):
            bound = "0 or more" if name == "top_width" else "more than 0"
            most = f", at most {_STRONGEST:g}" if name == "alpha_s" else ""
            raise BadInput(f"matrix_element_squared: {name} is {value!r}, which must be {bound} and finite{most}")
    return Model(**{name: float(value) for name, value in values.items()})


def _checked(process: Process, momenta: Any, model: Model) -> Array:
    """Return momenta in double precision; raises BadInput with the first event at fault."""
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
    off = _OFF["float32" if given.dtype.kind == "f" and given.dtype.itemsize < 8 else "float64"]
    events = given.astype(np.float64)
    with np.errstate(all="ignore"):
        energy, total = events[..., 0], events[:, :2].sum(axis=1)
        mass = np.array(process.masses(model.top_mass))
        shell = np.abs(energy**2 - (events[..., 1:] ** 2).sum(axis=-1) - mass**2) / energy**2
        lost = np.abs(total - events[:, 2:].sum(axis=1)).max(axis=-1) / total[:, 0]
        faults = (
            (~np.isfinite(events).all(axis=(1, 2)), "has momenta that are not finite"),
            (~(energy > 0).all(axis=1), "has an energy that is not positive"),
            (~(shell <= 2 * off).all(axis=1), "is off shell (E^2 - p^2 is not m^2)"),
            (~(lost <= off), "does not conserve energy and momentum"),
        )
    for wrong, words in faults:
        if wrong.any():
            first = int(np.argmax(wrong))
            worst = int(np.argmax(np.nan_to_num(shell[first], nan=np.inf)))
            where = f"; particle {worst} ({process.particles[worst].name}) is {events[first, worst].tolist()}"
            raise BadInput(
                f"matrix_element_squared: {process.text}: event {first} {words}, {int(wrong.sum())} of {len(events)} do{where}; "
                f"allowed are {off:g} of the energy, masses 0 and {model.top_mass:g} GeV"
            )
    return events


def _within(process: Process, events: Array, precision: str) -> None:
    """Raise BadInput for an energy beyond the range of a precision, and for massless momenta that are nearly parallel."""
    total, (least, most) = events[:, :2, 0].sum(axis=1), _RANGE_GEV[precision]
    beyond = np.flatnonzero(~((total >= least) & (total <= most)))
    if beyond.size:
        raise BadInput(
            f"matrix_element_squared: {process.text}: event {beyond[0]} has {total[beyond[0]]:g} GeV; "
            f"in {precision} there must be {least:g} to {most:g} GeV"
        )
    massless = [leg for leg, particle in enumerate(process.particles) if not particle.massive]
    ways = events[:, massless, 1:] / events[:, massless, :1]
    for k, leg in enumerate(massless):
        for way, other in zip(np.moveaxis(ways[:, k + 1 :], 1, 0), massless[k + 1 :], strict=True):
            near = np.flatnonzero(((way - ways[:, k]) ** 2).sum(axis=-1) < _APART**2)
            if near.size:
                raise BadInput(
                    f"matrix_element_squared: {process.text}: particles {leg} and {other} of event {near[0]} are parallel within "
                    f"{_APART:g} radians, as those of {near.size} events are, where |M|^2 is singular: cut such events away"
                )
