"""Resources and timing of every kind of layer, from those of dense layers and tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, log2, prod

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.adder_graph import stages
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
from ngtbench.kernels.fpga.flow import Adding
from ngtbench.kernels.fpga.graphs import matrix, product
from ngtbench.kernels.fpga.network import GATES, Layer, Shape
from ngtbench.kernels.fpga.ranges import Ends, whole
from ngtbench.kernels.fpga.results import chosen_bits, constant_bits, final, leaving
from ngtbench.kernels.fpga.reuse import nearest_valid
from ngtbench.kernels.fpga.together import beside, chain, copies, wires
from ngtbench.kernels.fpga.varied import of_channels
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse

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
    adding: Adding | None  # of a layer of adders

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


def tally(place: Place, name: str = "kernel", given: Fixed | None = None) -> Counts:
    """Count a layer's weights, with the adder graph where it is to be built of adders."""
    layer, given = place.layer, given or place.types[0]
    assert layer.weight is not None  # of layers with arrays: `Layer` sees to it
    k = matrix(layer, name)
    found = count(k, layer.weight.bits, given.bits)
    if layer.style != "da":
        return found
    made = place.adding.product if place.adding else None
    if made is None:  # the gates of a recurrent layer, which stand side by side
        ends = whole(given, len(k)) if name == "recurrent" else place.ends[0]
        made = product(layer, given, ends, np.zeros(len(k), int), name).only(np.resize(place.used, k.shape[1]))
    graph = made.graph
    return replace(found, adder_cost=float(graph.cost), adder_depth=graph.longest)


def _product(place: Place, counted: Counts) -> DenseEstimate:
    layer = place.layer
    size = counted.n_in * counted.n_out
    if layer.style == "latency" and size % layer.reuse_factor:
        near = nearest_valid(counted.n_in, counted.n_out, layer.reuse_factor)
        raise BadInput(f"reuse factor {layer.reuse_factor} does not divide {counted.n_in}x{counted.n_out}: take {near}")
    style, factor, multiplier = layer.style, layer.reuse_factor, layer.multiplier
    return estimate_dense(counted, style=style, reuse_factor=factor, multiplier=multiplier, clock_ns=place.clock_ns)


def _affine(place: Place, name: str = "kernel") -> DenseEstimate:
    """Estimate a product, and in a layer of adders what constants, saturating results and registers take."""
    counted, adding = tally(place, name), place.adding
    if adding is None or adding.product is None or counted.adder_cost is None:
        return _product(place, counted)
    made, used = adding.product, place.used
    result = of_channels(place.layer.result, used)
    relu = of_channels(place.relu.result, used) if place.relu else None
    sums = made.sums.at(used)
    bits = constant_bits(sums, made.added[used], result) + chosen_bits(sums, result, relu)
    held = made.graph.registers(ADDERS_PER_STAGE, made.depth)
    if adding.starts:
        held += int(made.inputs.bits[made.inputs.varies & np.any(matrix(place.layer, name)[:, used], axis=1)].sum())
    if adding.stops:
        ready, ends = stages(adding.depth, ADDERS_PER_STAGE), final(sums, result, relu)
        held += int((ends.bits * ends.varies * (1 + ready.max(initial=0) - ready)).sum())
    lut = lut_of_adders(counted.adder_cost, bits, leaving(sums, result))
    return replace(_product(place, counted), lut=lut, ff=ff_of_adders(held), cycles=_cycles(adding))


def _cycles(adding: Adding) -> Estimate:
    """Estimate the registers from a layer's input to its result: those of a whole circuit of adders may be one more."""
    behind, before = (int(stages(np.array(depth), ADDERS_PER_STAGE)) for depth in (adding.depth.max(initial=0), adding.before))
    value = behind + 1 if adding.starts else max(behind - before, 0)
    return Estimate(value, value, value + adding.starts, f"{ADDERS_PER_STAGE} adders between registers")


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
        assert place.adding is not None
        found = replace(_bitwise(place, 0, 1), cycles=_cycles(place.adding))
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
    "batchnorm": lambda place: copies(_affine(place, "scale"), prod(place.before[:-1])),
    "activation": _activation,
    "pool": _pool,
    "add": lambda place: _bitwise(place, place.size * place.layer.result.bits, 1),
    "flatten": lambda place: wires(),
}
