"""Activations by tables, addressed and rounded as hls4ml's: sigmoid, tanh and the stable softmax."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.inference_layers import Place, Step, relu
from ngtbench.kernels.fpga.inference_product import Engine
from ngtbench.kernels.fpga.inference_rounding import check, most, requantiser
from ngtbench.kernels.fpga.network import Layer
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse, quantise

_HALF_RANGE = {"sigmoid": 8, "tanh": 4}  # a table of N entries spans -range .. range; beyond it the ends hold
_FUNCTIONS: dict[str, Callable[[Array], Array]] = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}


def activation(place: Place) -> Step:
    """Return the table's entry as the result."""
    function, table = place.layer.option("function"), table_type(place.layer)
    if function == "relu":
        return relu(place)
    if function == "softmax":
        return softmax(place)
    (x_type,) = place.types
    found = looked_up(place.engine, place.layer, function, x_type.fraction, most(x_type))
    after = place.to_result(table.fraction, most(table))
    return lambda x: after(found(x))


def table_type(layer: Layer) -> Fixed:
    """Return the type of a layer's table entries."""
    try:
        return parse(layer.option("table_type"))
    except BadInput as error:
        raise BadInput(f"layer {layer.name!r}: table_type: {error}") from error


def entries(layer: Layer, function: str) -> Array:
    """Return the integers of a table: entry i is the function at (2 i / N - 1) times its range."""
    size: int = layer.option("table_size")
    at = (2 * np.arange(size) / size - 1) * _HALF_RANGE[function]
    return quantise(_FUNCTIONS[function](at), table_type(layer))


def looked_up(engine: Engine, layer: Layer, function: str, fraction: int, reach: int) -> Callable[[Any], Any]:
    """Return k -> entry of k 2^-fraction: the address is x N / (2 range) cut towards zero, plus N / 2, kept in the table."""
    size: int = layer.option("table_size")
    table, span = engine.put(entries(layer, function)), 2 * _HALF_RANGE[function]
    down, up = max(0, fraction) + span.bit_length() - 1, size << max(0, -fraction)
    check(layer.name, max(reach * up, 1 << down))

    def apply(k: Any) -> Any:
        scaled = engine.cast(k, "int64") * up
        cut = (scaled - (scaled >> 63) * ((1 << down) - 1)) >> down  # >> goes down: a negative number is first brought up
        return table[(cut + size // 2).clip(0, size - 1)]

    return apply


def softmax(place: Place) -> Step:
    """Return exp(x - max) / sum of them over the last axis: a table of exponentials, a table of inverses.

    A table is addressed by the top bits of what it is given, as many as count its entries; the difference saturates to the
    width of x, and the sum is of the type of the entries.
    """
    layer, engine, (x_type,), kept = place.layer, place.engine, place.types, table_type(place.layer)
    address = (int(layer.option("table_size")) - 1).bit_length()
    low, low_sum = max(0, x_type.bits - address), max(0, kept.bits - address)
    differences = np.arange(-(1 << (x_type.bits - 1)) >> low, 1)
    exponentials = quantise(np.exp(np.ldexp((differences << low).astype(float), -x_type.fraction)), kept)
    count = place.shape[-1]
    sums = np.arange(0, (kept.highest >> low_sum) + 1).astype(float)
    inverses = np.full(len(sums), kept.highest)
    inverses[1:] = quantise(1 / np.ldexp(sums[1:], low_sum - kept.fraction), kept)
    added = requantiser(layer.name, kept.fraction, count * most(kept), kept)
    after = place.to_result(2 * kept.fraction, most(kept) ** 2)
    exp, inverse, deepest = engine.put(exponentials), engine.put(inverses), -(1 << (x_type.bits - 1))

    def apply(x: Any) -> Any:
        whole = engine.cast(x, "int64")
        away = (whole - engine.largest(whole, whole.ndim - 1)[..., None]).clip(deepest, 0)
        parts = exp[(away >> low) + (len(differences) - 1)]
        total = added(parts.sum(parts.ndim - 1)).clip(0, kept.highest)
        return after(parts * inverse[total >> low_sum][..., None])

    return apply
