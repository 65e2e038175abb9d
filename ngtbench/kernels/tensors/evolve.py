"""The public evolution of a spin chain in real time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, get_args

import numpy as np

from ngtbench.codegen.engine import threads
from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import charges, library, tebd
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.tebd import State, Tally
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import chains
from ngtbench.physics.tensors.chains import Initial, Model

_FIELD = {"ising": "g", "z2_gauge": "h"}
_ROUNDING = 1e-9  # of a step: a time this near a multiple of it is one
_MOST_STEPS = 1e6  # beyond which that is not told from rounding


@dataclass(frozen=True)
class Evolution:
    """A chain after some time.

    `magnetisation` is <Sz_i>, for "ising" <sigma^z_i>, for "z2_gauge" <n_i> - 1/2; `entropy_nats` that of each bond.
    `discarded_weight` is the sum over all truncations of the squares of the Schmidt values dropped, relative to all of theirs.
    The state is rescaled after each; `norm` is what it had in the end: 1 but for what truncation leaves of non-orthogonality.
    `step` is the one taken; `splits` counts updates by how they were split: "gesvd" where gesdd gave up.
    """

    magnetisation: Array
    entropy_nats: Array
    discarded_weight: float
    energy: float
    norm: float
    step: float
    steps: int
    bond_dimensions: tuple[int, ...]
    splits: dict[str, int] = field(default_factory=dict)


def evolve(
    model: Model,
    *,
    sites: int,
    time: float,
    step: float,
    bond_dimension: int,
    initial: Initial,
    order: int = 2,
    field: float | None = None,
    conserve: bool = False,
) -> Evolution:
    """Evolve an open chain from a basis state, in complex128; models and states as in `physics.tensors.chains`.

    Second or fourth order of Trotter. Of steps as long as `step` or a bit shorter a whole number makes `time`. `field` is g of
    "ising" and h of "z2_gauge". `conserve` works in blocks of Sz, which "xx" and "heisenberg" conserve, to the same result
    but where truncation cuts between Schmidt values that are nearly equal.
    Raises BadInput for other arguments.
    """
    _check(model, sites, time, step, bond_dimension, order, field)
    if conserve and model not in ("xx", "heisenberg"):
        raise BadInput(f"evolve: {model} has no blocks of Sz: leave out conserve")
    g = None if field is None else float(field)
    places, d = chains.start(model, initial, int(sites)), chains.dimension(model)
    terms = chains.bonds(model, int(sites), g)
    steps = math.ceil(time / step - _ROUNDING)
    taken = time / steps if steps else float(step)
    here = library.numpy(threads())
    state = tebd.product(here, places, d, np.complex128)
    gate = tebd.gates(here, terms, np.complex128)
    sequence = ((parity, share * taken) for parity, share in tebd.layers(int(order), steps))
    if conserve:
        tally = charges.evolve(here, state, charges.of(places), gate, sequence, int(bond_dimension))
    else:
        tally = tebd.evolve(here, state, gate, sequence, int(bond_dimension))
    return _evolution(here, state, tally, model, terms, taken, steps)


def _evolution(
    here: Library, state: State, tally: Tally, model: Model, terms: Sequence[Array], step: float, steps: int
) -> Evolution:
    """Return what is seen of a state that is put into its Schmidt bases once more: truncation leaves them a bit off."""
    found, norm = tebd.canonical(here, state.tensors)
    return Evolution(
        magnetisation=tebd.expectations(here, found, chains.observable(model)),
        entropy_nats=tebd.entropy_nats(here, found),
        discarded_weight=tally.discarded_weight,
        energy=tebd.energy(here, found, terms),
        norm=norm,
        step=step,
        steps=steps,
        bond_dimensions=tuple(len(weights) for weights in found.weights[1:]),
        splits=tally.splits,
    )


def _check(model: Any, sites: Any, time: Any, step: Any, bond_dimension: Any, order: Any, field: Any) -> None:
    """Raise BadInput unless these are arguments of `evolve`."""
    if not isinstance(model, str) or model not in get_args(Model):
        raise BadInput(f"evolve: no model {model!r}: there are {', '.join(get_args(Model))}")
    for name, number, least in (("sites", sites, 2), ("bond_dimension", bond_dimension, 1)):
        if isinstance(number, bool) or not isinstance(number, Integral) or int(number) < least:
            raise BadInput(f"evolve: {name} is {number!r}: give a whole number of {least} or more")
    for name, number in (("time", time), ("step", step), *([] if field is None else [("field", field)])):
        if isinstance(number, bool) or not isinstance(number, Real) or not _finite(number):
            raise BadInput(f"evolve: {name} is {number!r}: give a real, finite number")
    if time < 0 or step <= 0:
        raise BadInput(f"evolve: time is {time}, step {step}: give a time of 0 or more and a step of more than 0")
    if not time / step < _MOST_STEPS:
        raise BadInput(f"evolve: time is {time}, step {step}: give steps of which fewer than {_MOST_STEPS:.0e} make the time")
    if isinstance(order, bool) or not isinstance(order, Integral) or int(order) not in tebd.ORDERS:
        raise BadInput(f"evolve: order is {order!r}: there are {', '.join(map(str, tebd.ORDERS))}")
    if (model in _FIELD) == (field is None):
        words = f"give field, its {_FIELD[model]}" if model in _FIELD else "it has no field: leave it out"
        raise BadInput(f"evolve: field is {field!r} for {model!r}: {words}")


def _finite(number: Real) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond all floats
        return False
