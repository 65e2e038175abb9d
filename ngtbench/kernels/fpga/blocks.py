"""Resources and timing of every kind of layer, from those of dense layers and tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, log2, prod

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adder_graph import adder_graph
from ngtbench.kernels.fpga.counts import Counts, count
from ngtbench.kernels.fpga.estimate import DenseEstimate, Estimate, dsp_each, estimate_dense, exact, latest
from ngtbench.kernels.fpga.network import GATES, Layer, Shape
from ngtbench.kernels.fpga.ranges import Ends, sums, whole, windows
from ngtbench.kernels.fpga.results import bias, saturation
from ngtbench.kernels.fpga.reuse import nearest_valid
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse, values

_BRAM_BITS = 18 * 1024
_RELU = "HLS reports of three networks less their layers"
_UNPROVEN = "counted, not calibrated: unproven"


@dataclass(frozen=True)
class Place:
    """A layer, the types of its inputs, the shapes it stands between, and the ranges of its inputs."""

    layer: Layer
    types: tuple[Fixed, ...]
    before: Shape
    after: Shape
    ends: tuple[Ends, ...]


def block(place: Place) -> DenseEstimate:
    """Estimate one layer.

    Raises BadInput naming it.
    """
    try:
        return _KINDS[place.layer.kind](place)
    except BadInput as error:
        raise BadInput(f"layer {place.layer.name!r} ({place.layer.kind}): {error}") from error


def matrix(layer: Layer, name: str = "kernel") -> Array:
    """Return a layer's weights as integers (n_in, n_out): a window of a convolution is the input of a dense layer."""
    k = layer.integers(name)
    return np.diag(k) if k.ndim == 1 else k.reshape(-1, k.shape[-1])


def tally(place: Place, name: str = "kernel", given: Fixed | None = None) -> Counts:
    """Count a layer's weights, with the adder graph where it is to be built of adders."""
    layer, given = place.layer, given or place.types[0]
    assert layer.weight is not None  # of layers with arrays: `Layer` sees to it
    k = matrix(layer, name)
    found = count(k, layer.weight.bits, given.bits)
    if layer.style != "da":
        return found
    low, high = (np.rint(np.ldexp(end, given.fraction)).astype(np.int64) for end in _inputs(place, name, given))
    graph = adder_graph(k, low, high)
    return replace(found, adder_cost=float(graph.cost), adder_depth=graph.longest)


def _inputs(place: Place, name: str, given: Fixed) -> Ends:
    """Return the ranges of the inputs of a layer's matrix: a state's are those of its type."""
    if name == "recurrent":
        return whole(given, len(matrix(place.layer, name)))
    return windows(place.layer, place.ends[0]) if name == "kernel" else place.ends[0]


def _product(place: Place, name: str = "kernel", given: Fixed | None = None) -> DenseEstimate:
    layer, counted = place.layer, tally(place, name, given)
    size = counted.n_in * counted.n_out
    if layer.style == "latency" and size % layer.reuse_factor:
        near = nearest_valid(counted.n_in, counted.n_out, layer.reuse_factor)
        raise BadInput(f"reuse factor {layer.reuse_factor} does not divide {counted.n_in}x{counted.n_out}: take {near}")
    return estimate_dense(counted, style=layer.style, reuse_factor=layer.reuse_factor, multiplier=layer.multiplier)


def _with_results(place: Place, found: DenseEstimate, name: str = "kernel", of: str = "bias") -> DenseEstimate:
    """Add what the bias and saturating results take in a layer of adders."""
    layer = place.layer
    if layer.style != "da" or layer.weight is None:
        return found
    least, most = sums(values(matrix(layer, name), layer.weight), _inputs(place, name, place.types[0]))
    lut = found.lut
    if of in layer.arrays:
        added = values(layer.integers(of), layer.weight)
        least, most = least + added, most + added
        lut += bias(added, layer.weight.fraction, least, most)
    return replace(found, lut=lut + saturation(layer.result, least, most))


def _windows(place: Place) -> DenseEstimate:
    """Estimate a dense or convolutional layer: one circuit per position, or one through which positions stream."""
    layer, found = place.layer, _with_results(place, _product(place))
    positions = prod(place.after[:-1])
    if positions == 1 or not layer.option("streamed"):
        return _copies(found, positions)
    steps = prod(place.before[:-1])
    ii = found.ii.times(steps)
    wait = Estimate(ii.value - found.ii.value, ii.low - found.ii.low, ii.high - found.ii.high, "positions, one after the other")
    window = layer.arrays["kernel"].shape[:-2]
    held = prod(window) * place.before[-1] * place.types[0].bits if window else 0
    lines = (
        (window[0] - 1) * place.before[-1] * ceil(place.before[1] * place.types[0].bits / _BRAM_BITS) if len(window) == 2 else 0
    )
    return replace(
        found,
        ff=found.ff + exact(held, "a window of the input"),
        bram18=found.bram18 + Estimate(lines, 0, lines, f"line buffers; {_UNPROVEN}") if lines else found.bram18,
        cycles=found.cycles + wait,
        ii=ii,
    )


def _recurrent(place: Place) -> DenseEstimate:
    """Estimate a GRU or LSTM: two products, the gates' tables and their products with the state, each step after the last."""
    layer, (steps, _) = place.layer, place.before
    units, wide = layer.arrays["recurrent"].shape
    given, state = _product(place), _product(place, "recurrent", layer.result)
    tables = _tables(layer, wide + units * (layer.kind == "lstm"))
    bits = layer.result.bits
    per = dsp_each(bits, bits) * (layer.multiplier == "dsp" and layer.style != "da")
    gates = DenseEstimate(
        dsp=exact(3 * units * per, "three products of each unit's state"),
        lut=_loose(units * bits * (3 + 3 * bits * (per == 0)), _UNPROVEN),
        ff=_loose(units * bits * GATES[layer.kind], _UNPROVEN),
        bram18=exact(0, "no weights"),
        cycles=Estimate(3, 2, 8, _UNPROVEN),
        ii=exact(1, "pipelined"),
    )
    step = _chain(_beside(given, state), _chain(tables, gates))
    cycles = step.cycles.times(steps)
    if layer.option("static"):
        return replace(step, cycles=cycles, ii=replace(cycles, rule="static: one circuit, step after step"))
    return replace(_copies(step, steps), cycles=cycles, ii=step.ii)


def _tables(layer: Layer, looked_up: int) -> DenseEstimate:
    """Estimate so many look-ups at a time in tables; a BRAM serves two."""
    kbits = layer.option("table_size") * parse(layer.option("table_type")).bits
    rams = ceil(looked_up / 2) * ceil(kbits / _BRAM_BITS)
    nothing = exact(0, "a table")
    return DenseEstimate(
        dsp=nothing,
        lut=_loose(looked_up * layer.result.bits, _UNPROVEN),
        ff=_loose(looked_up * layer.result.bits, _UNPROVEN),
        bram18=Estimate(rams, 0, 2 * rams, f"tables, two look-ups each; {_UNPROVEN}"),
        cycles=Estimate(2, 1, 4, _UNPROVEN),
        ii=exact(1, "pipelined"),
    )


def _activation(place: Place) -> DenseEstimate:
    layer, size = place.layer, prod(place.after)
    function = layer.option("function")
    if function == "softmax":
        rows, classes = size // place.after[-1], place.after[-1]
        dsp = exact(classes, "a product per class") if layer.multiplier == "dsp" else exact(0, "multipliers in LUT")
        made = 366 * (layer.multiplier == "lut")
        one = DenseEstimate(
            dsp=dsp,
            lut=_loose(classes * (80 + made), _RELU),
            ff=_loose(classes * 40, _RELU),
            bram18=exact(classes, "softmax tables: one BRAM18 per class, in 35 of 35 networks"),
            cycles=Estimate(5, 3, 12, _RELU),
            ii=exact(1, "pipelined"),
        )
        return _copies(one, rows)
    if function != "relu":
        return _tables(layer, size)
    if layer.style == "da":
        found = _bitwise(place, size * place.types[0].bits / 2, 1)  # a choice of zero, two bits to a LUT
        least, most = (np.maximum(end, 0) for end in place.ends[0])
        return replace(found, lut=found.lut + saturation(layer.result, least, most).times(size // len(least)))
    return DenseEstimate(
        dsp=exact(0, "comparisons"),
        lut=Estimate(50 * size, 40 * size, 68 * size, _RELU),
        ff=Estimate(45 * size, 30 * size, 70 * size, _RELU),
        bram18=exact(0, "comparisons"),
        cycles=Estimate(6, 3, 8, f"with the hand-over between layers; {_RELU}"),
        ii=exact(1, "pipelined"),
    )


def _bitwise(place: Place, lut: float, cycles: int) -> DenseEstimate:
    """Estimate what takes so many LUT, and a register per bit of the result."""
    none = exact(0, "adders and comparisons")
    held = prod(place.after) * place.layer.result.bits
    return DenseEstimate(
        none, _loose(lut, _UNPROVEN), _loose(held, _UNPROVEN), none, exact(cycles, _UNPROVEN), exact(1, "pipelined")
    )


def _pool(place: Place) -> DenseEstimate:
    """Estimate comparing or adding the positions of a window, two at a time."""
    window = place.layer.option("size") ** (len(place.before) - 1)
    per = place.types[0].bits * (2 if place.layer.option("of") == "max" else 1)  # a comparison, then a choice
    return _bitwise(place, prod(place.after) * (window - 1) * per, max(ceil(log2(window)), 1))


def _flatten(place: Place) -> DenseEstimate:
    nothing = exact(0, "wires")
    return DenseEstimate(nothing, nothing, nothing, nothing, nothing, exact(1, "wires"))


def _loose(value: float, rule: str) -> Estimate:
    return Estimate(value, value / 2, value * 2, rule)


def _copies(one: DenseEstimate, copies: int) -> DenseEstimate:
    return replace(
        one, dsp=one.dsp.times(copies), lut=one.lut.times(copies), ff=one.ff.times(copies), bram18=one.bram18.times(copies)
    )


def _chain(one: DenseEstimate, then: DenseEstimate) -> DenseEstimate:
    """Return two circuits, one after the other."""
    ii = latest((one.ii, then.ii))
    return DenseEstimate(
        one.dsp + then.dsp, one.lut + then.lut, one.ff + then.ff, one.bram18 + then.bram18, one.cycles + then.cycles, ii
    )


def _beside(one: DenseEstimate, other: DenseEstimate) -> DenseEstimate:
    """Return two circuits that work at the same time."""
    return replace(_chain(one, other), cycles=latest((one.cycles, other.cycles)))


_KINDS: Mapping[str, Callable[[Place], DenseEstimate]] = {
    "dense": _windows,
    "conv1d": _windows,
    "conv2d": _windows,
    "gru": _recurrent,
    "lstm": _recurrent,
    "batchnorm": lambda place: _copies(_with_results(place, _product(place, "scale"), "scale", "shift"), prod(place.before[:-1])),
    "activation": _activation,
    "pool": _pool,
    "add": lambda place: _bitwise(place, prod(place.after) * place.layer.result.bits, 1),
    "flatten": _flatten,
}
