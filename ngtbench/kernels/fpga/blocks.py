"""Resources and timing of every kind of layer, from those of dense layers and tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, log2, prod

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adder_graph import adder_graph
from ngtbench.kernels.fpga.counts import Counts, count
from ngtbench.kernels.fpga.estimate import (
    ADDERS_PER_STAGE,
    DenseEstimate,
    Estimate,
    dsp_each,
    estimate_dense,
    exact,
    ff_of_adders,
    lut_of_adders,
)
from ngtbench.kernels.fpga.network import GATES, Layer, Shape
from ngtbench.kernels.fpga.ranges import Ends, shifted, sums, whole, windows
from ngtbench.kernels.fpga.results import chosen_bits, constant_bits, final, leaving
from ngtbench.kernels.fpga.reuse import nearest_valid
from ngtbench.kernels.fpga.together import beside, chain, copies, wires
from ngtbench.kernels.fpga.varied import of_channels
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import MOST_BITS, Fixed, parse, values

_BRAM_BITS = 18 * 1024
_BEFORE = "with the layer before it"
_RELU = "HLS reports of three networks less their layers"
_UNPROVEN = "counted, not calibrated: unproven"


@dataclass(frozen=True)
class Place:
    """A layer, the types of its inputs, the shapes it stands between, the ranges of its inputs, and how it is built."""

    layer: Layer
    types: tuple[Fixed, ...]
    before: Shape
    after: Shape
    ends: tuple[Ends, ...]
    used: Array  # mask of the channels of the result that are needed
    relu: Layer | None  # that is one circuit with it, or is the layer itself
    clock_ns: float | None

    @property
    def size(self) -> int:
        """Numbers of the result that are needed."""
        return prod(self.after[:-1]) * int(self.used.sum())


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
    if layer.style != "da":
        return count(k, layer.weight.bits, given.bits)
    inputs = _inputs(place, name, given)
    k = k * inputs.varies[:, None] * np.resize(place.used, k.shape[1])  # gates of units stand side by side
    low, high = (np.rint(np.ldexp(end, inputs.fraction)).astype(np.int64) for end in (inputs.least, inputs.most))
    shift = np.where(inputs.varies, given.fraction - inputs.fraction, 0)[:, None]  # where one has fewer bits behind the point
    if np.ldexp(np.abs(k).astype(float), shift).max() >= 2.0**MOST_BITS:
        raise BadInput(f"weights of {layer.weight.bits} bits, inputs of {given.bits}: sums leave 63 bits: take fewer bits")
    graph = adder_graph(k << shift, low, high)
    found, held = count(k, layer.weight.bits, given.bits), graph.registers(ADDERS_PER_STAGE)
    return replace(found, adder_cost=float(graph.cost), adder_depth=graph.longest, adder_registers=held)


def _inputs(place: Place, name: str, given: Fixed) -> Ends:
    """Return the ranges of the inputs of a layer's matrix: a state's are those of its type."""
    if name == "recurrent":
        return whole(given, len(matrix(place.layer, name)))
    return windows(place.layer, place.ends[0]) if name == "kernel" else place.ends[0]


def _product(place: Place, counted: Counts) -> DenseEstimate:
    layer = place.layer
    size = counted.n_in * counted.n_out
    if layer.style == "latency" and size % layer.reuse_factor:
        near = nearest_valid(counted.n_in, counted.n_out, layer.reuse_factor)
        raise BadInput(f"reuse factor {layer.reuse_factor} does not divide {counted.n_in}x{counted.n_out}: take {near}")
    style, factor, multiplier = layer.style, layer.reuse_factor, layer.multiplier
    return estimate_dense(counted, style=style, reuse_factor=factor, multiplier=multiplier, clock_ns=place.clock_ns)


def _affine(place: Place, name: str = "kernel", of: str = "bias") -> DenseEstimate:
    """Estimate a product, and in a layer of adders what constants and saturating results take."""
    layer, counted = place.layer, tally(place, name)
    if counted.adder_cost is None or counted.adder_depth is None or counted.adder_registers is None or layer.weight is None:
        return _product(place, counted)
    weights, inputs = values(matrix(layer, name), layer.weight), _inputs(place, name, place.types[0])
    constant = inputs.least[~inputs.varies] @ weights[~inputs.varies]  # what never varies joins the bias
    more = values(layer.integers(of), layer.weight) if of in layer.arrays else np.zeros(len(constant))
    result = of_channels(layer.result, place.used)
    relu = of_channels(place.relu.result, place.used) if place.relu else None
    all_sums = shifted(sums(weights, inputs), more).at(place.used)
    bits = constant_bits(all_sums, (constant + more)[place.used], result) + chosen_bits(all_sums, result, relu)
    taken = inputs.bits[inputs.varies & np.any(weights[:, place.used], axis=1)].sum()
    held = counted.adder_registers + int(taken + final(all_sums, result, relu).bits.sum())
    saturated, wrapped = leaving(all_sums, result)
    found = _product(place, replace(counted, adder_depth=counted.adder_depth + (saturated > 0)))  # a comparison is an adder more
    return replace(found, lut=lut_of_adders(counted.adder_cost, bits, wrapped), ff=ff_of_adders(held))


def _windows(place: Place) -> DenseEstimate:
    """Estimate a dense or convolutional layer: one circuit per position, or one through which positions stream."""
    layer, found = place.layer, _affine(place)
    positions = prod(place.after[:-1])
    if positions == 1 or not layer.option("streamed"):
        return copies(found, positions)
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
    given, state = (_product(place, tally(place, *what)) for what in (("kernel",), ("recurrent", layer.result)))
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
    step = chain(beside(given, state), chain(tables, gates))
    cycles = step.cycles.times(steps)
    if layer.option("static"):
        return replace(step, cycles=cycles, ii=replace(cycles, rule="static: one circuit, step after step"))
    return replace(copies(step, steps), cycles=cycles, ii=step.ii)


def _tables(layer: Layer, looked_up: int) -> DenseEstimate:
    """Estimate so many look-ups at a time in tables; a BRAM serves two."""
    kbits = layer.option("table_size") * parse(layer.option("table_type")).bits
    rams = ceil(looked_up / 2) * ceil(kbits / _BRAM_BITS)
    return DenseEstimate(
        dsp=exact(0, "a table"),
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
        one = DenseEstimate(
            dsp=dsp,
            lut=_loose(classes * (446 if layer.multiplier == "lut" else 80), _RELU),
            ff=_loose(classes * 40, _RELU),
            bram18=exact(classes, "softmax tables: one BRAM18 per class, in 35 of 35 networks"),
            cycles=Estimate(5, 3, 12, _RELU),
            ii=exact(1, "pipelined"),
        )
        return copies(one, rows)
    if function != "relu":
        return _tables(layer, place.size)
    if layer.style == "da":
        found = _bitwise(place, 0, 1)
        if place.relu:
            return replace(found, ff=exact(0, _BEFORE), cycles=exact(0, _BEFORE))
        given, result = (of_channels(one, place.used) for one in (place.types[0], layer.result))
        lut = lut_of_adders(0, chosen_bits(place.ends[0].at(place.used), given, result))
        return replace(found, lut=lut.times(prod(place.after[:-1])))
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
    ff = _loose(place.size * place.layer.result.bits, _UNPROVEN)
    return DenseEstimate(none, _loose(lut, _UNPROVEN), ff, none, exact(cycles, _UNPROVEN), exact(1, "pipelined"))


def _pool(place: Place) -> DenseEstimate:
    """Estimate comparing or adding the positions of a window, two at a time."""
    window = place.layer.option("size") ** (len(place.before) - 1)
    per = place.types[0].bits * (2 if place.layer.option("of") == "max" else 1)  # a comparison, then a choice
    return _bitwise(place, place.size * (window - 1) * per, max(ceil(log2(window)), 1))


def _loose(value: float, rule: str) -> Estimate:
    return Estimate(value, value / 2, value * 2, rule)


_KINDS: Mapping[str, Callable[[Place], DenseEstimate]] = {
    "dense": _windows,
    "conv1d": _windows,
    "conv2d": _windows,
    "gru": _recurrent,
    "lstm": _recurrent,
    "batchnorm": lambda place: copies(_affine(place, "scale", "shift"), prod(place.before[:-1])),
    "activation": _activation,
    "pool": _pool,
    "add": lambda place: _bitwise(place, place.size * place.layer.result.bits, 1),
    "flatten": lambda place: wires(),
}
