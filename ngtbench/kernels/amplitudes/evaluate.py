"""The public function: squared matrix elements of events, on compiled blocks where there is a compiler, in arrays where not."""

import warnings
from typing import Any

import numpy as np

from ngtbench.codegen.engine import threads
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.amplitudes import compiled
from ngtbench.kernels.amplitudes import momenta as checks
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.model.workload import Array
from ngtbench.physics import processes

_STRONGEST = 1e3  # alpha_s
_LARGEST = 1e300  # of any parameter: integers have no largest, and NaN is below nothing


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
    conserved by 1e-8 of their energy, by 1e-5 if they are stored in single precision; |M|^2 is then off by about as much as that
    is of the smallest 2 p_i.p_j, and where that could be 1 % the event is refused. Where momenta are nearly parallel double
    precision loses 3e-15 s / 2 p_i.p_j, single precision up to some per cent.
    Without a C++ compiler it runs in array operations, all in the dtype of the result, which is slower, and warns of it.
    Raises BadInput for a process that is not supported, parameters out of range, momenta of another shape, not finite, off
    shell, not conserved, of an energy beyond the dtype's range, with 2 p_i.p_j below 1e-12 E_i E_j (1e-5 in single precision):
    momenta that are parallel, tops whose mass is lost in their energy; and events where |M|^2 is not finite and positive.
    """
    wanted = processes.parse(process)
    model = _model(alpha_s, top_mass, top_width)
    if not isinstance(dtype, str) or dtype not in compiled.PRECISIONS:
        raise BadInput(f"matrix_element_squared: dtype {dtype!r}: there are {', '.join(compiled.PRECISIONS)}")
    events = checks.checked(wanted, momenta, wanted.masses(model.top_mass), dtype)
    if not len(events):
        return np.empty(0, compiled.storage(dtype))
    try:
        on = compiled.on_processor(wanted, model, len(events), dtype, threads())
    except Unavailable as error:
        warnings.warn(
            f"matrix elements in array operations, which is slower, all in {compiled.storage(dtype)}: {error}", stacklevel=2
        )
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
        good = number and abs(value) < _LARGEST and (value > 0 or (value == 0 and name == "top_width"))
        if not good or (name == "alpha_s" and value > _STRONGEST):
            bound = "0 or more" if name == "top_width" else "more than 0"
            most = f", at most {_STRONGEST:g}" if name == "alpha_s" else ""
            raise BadInput(f"matrix_element_squared: {name} is {value!r}, which must be {bound} and finite{most}")
    return Model(**{name: float(value) for name, value in values.items()})
