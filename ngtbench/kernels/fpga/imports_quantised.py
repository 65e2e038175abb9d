"""Types of layers that carry quantisers: PQuantML's and HGQ2's, told by what they have, not by what they are."""

from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import type_of_all
from ngtbench.kernels.fpga.network import Shape
from ngtbench.kernels.fpga.varied import joined
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed


def host(tensor: Any) -> Array:
    """Return a tensor of torch or Keras, or a number, as float64."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().numpy()
    return np.asarray(tensor, np.float64)


def data_type(name: str, quantiser: Any, shape: Shape, unfolded: Shape | None = None) -> Fixed:
    """Return the type that a quantiser gives a tensor of a shape, as `type_of_all` does."""
    return type_of_all(name, _types(name, quantiser), shape, unfolded)


def weight_type(name: str, *quantisers: Any) -> Fixed:
    """Return a type that holds all numbers of these quantisers, which may differ number by number."""
    found = {one for quantiser in quantisers for one in _types(name, quantiser).ravel().tolist() if one is not None}
    return joined(*found) if found else Fixed(True, 1, 1)  # where all are pruned away


def _types(name: str, quantiser: Any) -> Array:
    """Return the types of the numbers, as objects; None of zero bits, those that are pruned away."""
    inner = getattr(quantiser, "quantizer", quantiser)
    if hasattr(quantiser, "get_quantization_bits"):  # PQuantML's, with or without high granularity
        bits, overflow = quantiser.get_quantization_bits(), quantiser.overflow
    elif all(hasattr(inner, part) for part in ("k", "i", "f", "overflow_mode")):  # HGQ2's
        bits, overflow, quantiser = (inner.k, inner.i, inner.f), inner.overflow_mode, inner
    else:
        raise BadInput(f"layer {name!r}: its quantiser {type(inner).__name__} has no bits k, i, f: give fixed-point ones")
    parts = np.broadcast_arrays(*map(host, bits))
    if not all(np.all(np.isfinite(part)) for part in parts):
        raise BadInput(f"layer {name!r}: its quantiser has bits that are NaN or infinity")
    rounding: Any = str(quantiser.round_mode).upper().removeprefix("S_")  # stochastic while training, plain behind it
    each = np.empty(parts[0].size, object)
    try:
        for place, (sign, whole, fraction) in enumerate(np.stack([part.ravel() for part in parts], axis=1).astype(int).tolist()):
            if sign + whole + fraction > 0:
                each[place] = Fixed(bool(sign), sign + whole + fraction, sign + whole, rounding, overflow.upper())
    except BadInput as error:
        raise BadInput(f"layer {name!r}: {error}") from error
    return each.reshape(parts[0].shape)
