"""Estimates of many candidates of one layer at once: array work, a lookup per weight."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import get_args

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import calibration
from ngtbench.kernels.fpga.bands import multiplier_limit
from ngtbench.kernels.fpga.calibration import DenseFit
from ngtbench.kernels.fpga.network import Multiplier
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.fpga.fixed_point import Fixed, quantise
from ngtbench.physics.fpga.multiplication import csd_count, spans

_MOST_BITS = 16  # of weights: the tables have an entry for each size
_WIDTHS = (16, 64, 32, 32, 5)
_BLOCK = 128  # candidates whose weights stay in cache


@dataclass(frozen=True)
class Sweep:
    """Figures (candidates,) as `estimate_dense` gives them, without bands."""

    nnz: Array
    products: Array  # N3
    ebops: Array
    dsp: Array
    lut: Array  # Latency strategy
    adder_lut: Array  # distributed arithmetic, from signed digits


def sweep(
    k: Array,
    *,
    weight_bits: int,
    input_bits: int,
    reuse_factor: int = 1,
    multiplier: Multiplier = "dsp",
    fit: DenseFit | None = None,
) -> Sweep:
    """Estimate layers of integer weights k (candidates, n_in, n_out) of up to 16 bits.

    Raises BadInput for weights that do not fit their bits.
    """
    _check(k, weight_bits, input_bits, reuse_factor, multiplier)
    fit, (_, n_in, n_out) = fit or calibration.dense_fit(), k.shape
    values = np.arange(2 ** (weight_bits - 1) + 1)
    digits, span = csd_count(values).astype(np.int8), spans(values).astype(np.int8)
    ordered = np.sort(k.astype(np.int16), axis=-1)
    size = np.abs(ordered.astype(np.int32))
    held = digits[size]
    first = np.ones(k.shape, bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    nnz = np.count_nonzero(size, axis=(1, 2))
    products = np.count_nonzero(first & (held >= 3), axis=(1, 2))
    mine = np.minimum(products, multiplier_limit(n_in, n_out, nnz, reuse_factor))
    rest = fit.lut_of(nnz, products - mine, reuse_factor) * (weight_bits + input_bits) / 16
    made = fit.per_product * mine * weight_bits * input_bits / 64 if multiplier == "lut" else 0.0
    counted = {"n_in": n_in, "n_out": n_out, "nnz": nnz, "weight_bits": weight_bits, "input_bits": input_bits}
    total = held.sum(axis=(1, 2), dtype=np.int64)
    cost = np.where(nnz > 0, calibration.cost_fit().of({**counted, "csd_digits_total": total}), 0.0)
    ebops = span[size].sum(axis=(1, 2), dtype=np.int64) * input_bits
    return Sweep(nnz, products, ebops, mine * (multiplier == "dsp"), rest + made, cost * calibration.circuit_fit().per_cost)


def _check(k: Array, weight_bits: int, input_bits: int, reuse_factor: int, multiplier: str) -> None:
    if not 1 <= weight_bits <= _MOST_BITS or k.ndim != 3 or k.dtype.kind != "i":
        raise BadInput(
            f"{k.dtype} weights of shape {list(k.shape)}, {weight_bits} bits: give integers (candidates, in, out), 1 to 16"
        )
    if k.size and not -(2 ** (weight_bits - 1)) <= k.min() <= k.max() < 2 ** (weight_bits - 1):
        raise BadInput(f"weights from {k.min()} to {k.max()} do not fit {weight_bits} bits")
    if 0 in k.shape[1:] or reuse_factor < 1 or input_bits < 1 or multiplier not in get_args(Multiplier):
        raise BadInput(
            f"layers of shape {list(k.shape)}, reuse factor {reuse_factor}, input_bits {input_bits}, multiplier {multiplier!r}: "
            "give weights, whole numbers from 1, and dsp or lut"
        )


def estimates(setup: Setup, weights: Array, pruned: Array, fit: Array) -> Run:
    """Estimate candidates of the 16-64-32-32-5 network; `fit` holds LUT per weight, more of it unrolled, waiting, multiplier."""
    to, (per, more, waiting, product) = Fixed(True, 8, 1, "RND_CONV", "SAT"), fit.tolist()
    given = replace(calibration.dense_fit(), per_weight=per, per_weight_unrolled=more, per_waiting=waiting, per_product=product)
    made = {name: np.empty((len(weights), len(_WIDTHS) - 1)) for name in ("ebops", "dsp", "lut")}

    def run() -> Arrays:
        for start in range(0, len(weights), _BLOCK):
            part = weights[start : start + _BLOCK]
            k = quantise(part, to)
            k[np.abs(part) < pruned[start : start + _BLOCK, None]] = 0
            for layer, one in enumerate(_layers(k)):
                found = sweep(one, weight_bits=8, input_bits=8, reuse_factor=setup.size.reuse_factor, fit=given)
                for name, array in made.items():
                    array[start : start + _BLOCK, layer] = getattr(found, name)
        return made

    return run


def _layers(k: Array) -> Sequence[Array]:
    """Return the weights of each layer (candidates, n_in, n_out)."""
    shapes = list(pairwise(_WIDTHS))
    parts = np.split(k, np.cumsum([n_in * n_out for n_in, n_out in shapes])[:-1], axis=1)
    return [part.reshape(len(k), *shape) for part, shape in zip(parts, shapes, strict=True)]
