"""Types of layers that carry quantisers: PQuantML's and HGQ2's, told by what they have, not by what they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import joined
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed


def host(tensor: Any) -> Array:
    """Return a tensor of torch or Keras, or a number, as float64."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().numpy()
    return np.asarray(tensor, np.float64)


def data_type(name: str, quantiser: Any) -> Fixed:
    """Return the one type that a quantiser gives a tensor.

    Raises BadInput where numbers of the tensor have different ones: a network knows a type a tensor.
    """
    found = list(_types(name, quantiser))
    if len(found) != 1:
        raise BadInput(f"layer {name!r}: its tensor has {len(found)} types, number by number: train with one type a tensor")
    return found[0]


def weight_type(name: str, *quantisers: Any) -> Fixed:
    """Return a type that holds all numbers of these quantisers, which may differ number by number."""
    found = [one for quantiser in quantisers for one in _types(name, quantiser)]
    return joined(*found) if found else Fixed(True, 1, 1)  # where all are pruned away


def _types(name: str, quantiser: Any) -> Iterator[Fixed]:
    """Yield the types of the numbers; of zero bits, those that are pruned away, none."""
    inner = getattr(quantiser, "quantizer", quantiser)
    if hasattr(quantiser, "get_quantization_bits"):  # PQuantML's, with or without high granularity
        bits, overflow = quantiser.get_quantization_bits(), quantiser.overflow
    elif all(hasattr(inner, part) for part in ("k", "i", "f", "overflow_mode")):  # HGQ2's
        bits, overflow, quantiser = (inner.k, inner.i, inner.f), inner.overflow_mode, inner
    else:
        raise BadInput(f"layer {name!r}: its quantiser {type(inner).__name__} has no bits k, i, f: give fixed-point ones")
    each = np.stack([np.ravel(part) for part in np.broadcast_arrays(*map(host, bits))], axis=1)
    rounding: Any = str(quantiser.round_mode).upper().removeprefix("S_")  # stochastic while training, plain behind it
    for sign, whole, fraction in np.unique(each, axis=0).astype(int).tolist():
        if sign + whole + fraction > 0:
            yield Fixed(bool(sign), sign + whole + fraction, sign + whole, rounding, overflow.upper())
