"""What of a layer's weights decides its cost, from the weights or from plain numbers."""

from dataclasses import dataclass
from math import frexp

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import MOST_BITS, Fixed, quantise
from ngtbench.physics.fpga.multiplication import csd_count, ebops, shared_products


@dataclass(frozen=True)
class Counts:
    """Numbers of a dense layer of integer weights.

    `distinct_input_weight_pairs_csd_ge3` (N3) counts the different weights of three or more signed digits that each input
    meets, summed over inputs. `ebops` and what an adder graph says are None where they are unknown.
    """

    n_in: int
    n_out: int
    nnz: int
    csd_digits_total: int
    distinct_input_weight_pairs_csd_ge3: int
    weight_bits: int
    input_bits: int
    ebops: float | None = None
    adder_cost: float | None = None
    adder_depth: int | None = None
    adder_registers: int | None = None  # bits, after every second adder

    def __post_init__(self) -> None:
        for what in _WHOLE:
            object.__setattr__(self, what, _whole(what, getattr(self, what)))
        for what in ("weight_bits", "input_bits"):
            _width(what, getattr(self, what))
        for what in ("ebops", "adder_cost", "adder_depth", "adder_registers"):
            if (given := getattr(self, what)) is not None and not 0 <= given < float("inf"):
                raise BadInput(f"{what} = {given}: give a number from 0, or None")
        if self.n_in < 1 or self.n_out < 1:
            raise BadInput(f"a layer of {self.n_in} inputs and {self.n_out} outputs: give one of each or more")
        pairs = self.distinct_input_weight_pairs_csd_ge3
        if not (0 <= pairs <= self.nnz <= self.n_in * self.n_out) or self.csd_digits_total < self.nnz + 2 * pairs:
            raise BadInput(
                f"{self.nnz} non-zero weights of {self.n_in * self.n_out}, {self.csd_digits_total} signed digits, {pairs} pairs "
                "of three or more: no matrix has such counts"
            )


_WHOLE = tuple(name for name in Counts.__dataclass_fields__ if name != "ebops" and not name.startswith("adder"))


def _whole(what: str, number: object) -> int:
    """Return a Python int of a whole number, Python's or NumPy's."""
    if isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool) and float(number).is_integer():
        return int(number)
    raise BadInput(f"{what} = {number!r}: give a whole number")


def _width(what: str, bits: object) -> int:
    """Return how many bits a number has, if it can."""
    if not 1 <= (wide := _whole(what, bits)) <= MOST_BITS:
        raise BadInput(f"{what} = {wide}: give 1 to {MOST_BITS}")
    return wide


def integers(weights: Array, weight_bits: int) -> Array:
    """Return weights (n_in, n_out) as integers of so many bits, sign included.

    Whole numbers are taken as they are. Others are rounded to the finest power of two at which the largest still fits.
    Raises BadInput for NaN, another shape, or whole numbers that need more bits.
    """
    try:
        weights = np.asarray(weights)
    except ValueError as error:
        raise BadInput(f"weights: rows of different lengths ({error}): give (inputs, outputs)") from error
    if weights.ndim != 2 or weights.size == 0:
        raise BadInput(f"weights of shape {list(weights.shape)}: give (inputs, outputs)")
    weight_bits = _width("weight_bits", weight_bits)
    if weights.dtype.kind not in "biuf":
        raise BadInput(f"weights of type {weights.dtype}: give real numbers")
    real = weights.astype(np.float64)
    if not np.all(np.isfinite(real)):
        raise BadInput(f"weights have NaN or infinity at {[int(k) for k in np.argwhere(~np.isfinite(real))[0]]}")
    most = float(np.abs(real).max())
    whole = bool(np.all(real == np.trunc(real)))
    to = Fixed(True, weight_bits, weight_bits if whole else frexp(most)[1] + 1, "RND_CONV", "SAT")
    if whole and not (to.lowest <= real.min() and real.max() <= to.highest):
        raise BadInput(
            f"whole weights from {real.min():g} to {real.max():g} do not fit {weight_bits} bits: give more, or scale them"
        )
    return quantise(real, to)


def counts(weights: Array, *, weight_bits: int, input_bits: int) -> Counts:
    """Count what decides the cost of a dense layer of weights (n_in, n_out), rounded as `integers` does.

    Raises BadInput for NaN, another shape, or a width outside 1 to 62 bits.
    """
    return count(integers(weights, weight_bits), int(weight_bits), _width("input_bits", input_bits))


def count(k: Array, weight_bits: int, input_bits: int) -> Counts:
    """Count what decides the cost of a dense layer of integers k (n_in, n_out)."""
    return Counts(
        n_in=k.shape[0],
        n_out=k.shape[1],
        nnz=int(np.count_nonzero(k)),
        csd_digits_total=int(csd_count(k).sum()),
        distinct_input_weight_pairs_csd_ge3=int(shared_products(k, 3)),
        weight_bits=weight_bits,
        input_bits=input_bits,
        ebops=float(ebops(k, input_bits)),
    )
