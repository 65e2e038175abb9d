"""Resources and timing of one dense layer: each with a band, and the rule that gave it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, exp, log, log2, sqrt
from typing import get_args

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import calibration
from ngtbench.kernels.fpga.bands import Row, multiplier_limit, multipliers, of_few
from ngtbench.kernels.fpga.calibration import DenseFit, RatioFit
from ngtbench.kernels.fpga.counts import Counts
from ngtbench.kernels.fpga.network import Multiplier, Style
from ngtbench.kernels.fpga.pipeline import known, serial
from ngtbench.kernels.fpga.reuse import nearest_valid, valid

ADDERS_PER_STAGE = 2
_WIDE, _NARROW = 27, 18  # bits of a DSP48E2 multiplier's operands, signed
_MERGED = 0.5  # more LUT; of six networks whose sums wrap 0.03 to 0.87, none with registers
_LEAST_NS = 1e-3  # a clock period that nothing reaches
_NO_DSP_BITS = 9  # hls4ml: narrower weights are multiplied in LUT in Resource strategy
_WORD, _WORDS = 36, 512  # a BRAM18 as wide as it can be


@dataclass(frozen=True)
class Estimate:
    """A figure, the band that should hold it in 90 % of cases, and the rule; a rule that says "unproven" claims no coverage."""

    value: float
    low: float
    high: float
    rule: str

    def __add__(self, other: "Estimate") -> "Estimate":
        """Add two figures; bands add, for errors of layers of one network go together."""
        rules = [one.rule for one in (self, other) if one.high > 0] or [self.rule]
        rule = "; ".join(dict.fromkeys(piece for rule in rules for piece in rule.split("; ")))
        return Estimate(self.value + other.value, self.low + other.low, self.high + other.high, rule)

    def times(self, copies: int) -> "Estimate":
        """Return the figure of so many copies."""
        return Estimate(self.value * copies, self.low * copies, self.high * copies, self.rule)


@dataclass(frozen=True)
class DenseEstimate:
    """What a layer takes: DSP, LUT, FF, BRAM of 18 kbit, cycles from input to output, and cycles between inputs."""

    dsp: Estimate
    lut: Estimate
    ff: Estimate
    bram18: Estimate
    cycles: Estimate
    ii: Estimate


def latest(figures: Iterable[Estimate]) -> Estimate:
    """Return the largest of times, in value and at both ends."""
    every = list(figures)
    value = max(every, key=lambda figure: figure.value)
    return Estimate(value.value, max(one.low for one in every), max(one.high for one in every), value.rule)


def off_by(figure: Estimate, few: float) -> Estimate:
    """Return a figure whose band reaches so far at least on either side, where there is anything."""
    low, high = min(figure.low, max(figure.value - few, 0.0)), max(figure.high, figure.value + few)
    return replace(figure, low=low, high=high) if figure.value else figure


def exact(value: float, rule: str) -> Estimate:
    """Return a figure without a band."""
    return Estimate(value, value, value, rule)


def lut_from_adder_cost(cost: float) -> Estimate:
    """Return the LUT of a design in distributed arithmetic from the bits in which its compiler's adders add.

    Those of sums that keep every bit: what rounding, saturation and biases take is no part of it.
    """
    return _scaled(cost, calibration.adder_fit(), "LUT / adder cost of 10 routed and 5 yosys designs")


def lut_of_adders(cost: float, bits: float, wrapped: float = 0.0) -> Estimate:
    """Return the LUT of a layer of adders: the cost of this package's graph, and the bits of constants and choices behind it.

    `wrapped` is the share of sums whose highest bits are thrown away: yosys merges such adders where no register is between.
    """
    rule = "adder cost, bits of constants and saturation; circuits in yosys"
    found = _around(*calibration.circuit_fit().of(cost, bits), rule)
    if not wrapped:
        return found
    high = max(found.high, found.value * (1 + _MERGED * wrapped))
    return Estimate(found.value, found.low, high, f"{rule}; sums that wrap take up to half more without registers")


def ff_of_adders(bits: float) -> Estimate:
    """Return the FF of a layer of adders: the bits of its inputs, its results, and between them after every second adder."""
    return _scaled(bits, calibration.register_fit(), "bits in registers after every second adder; circuits in yosys")


def lut_from_ebops(ebops: float) -> Estimate:
    """Return the LUT of a trained, routed network in distributed arithmetic from its effective bit operations.

    Single layers of random weights take 0.5 to 0.94 of them: half of such layers lie outside the band.
    """
    return _scaled(ebops, calibration.ebops_fit(), "LUT / EBOPs of 20 routed networks")


def estimate_dense(
    counts: Counts,
    *,
    style: Style,
    reuse_factor: int = 1,
    multiplier: Multiplier = "dsp",
    clock_ns: float | None = None,
    fit: DenseFit | None = None,
) -> DenseEstimate:
    """Estimate a dense layer: "latency" and "resource" as hls4ml's strategies, "da" in distributed arithmetic.

    The clock period decides registers and cycles of Latency strategy; without one their bands hold from 3.3 to 5 ns. `fit`
    replaces its calibration. Raises BadInput for a reuse factor that the style does not allow, or a clock that is none.
    """
    if isinstance(reuse_factor, bool) or not isinstance(reuse_factor, int | np.integer) or reuse_factor < 1:
        raise BadInput(f"reuse factor {reuse_factor!r}: give a whole number from 1")
    reuse_factor = int(reuse_factor)
    if clock_ns is not None and not (isinstance(clock_ns, int | float) and _LEAST_NS <= clock_ns < float("inf")):
        raise BadInput(f"a clock of {clock_ns} ns: give a period of {_LEAST_NS} or more")
    if style not in get_args(Style) or multiplier not in get_args(Multiplier):
        raise BadInput(f"style {style!r}, multiplier {multiplier!r}: give latency, resource or da, and dsp or lut")
    if style == "latency":
        return _latency(counts, reuse_factor, multiplier, clock_ns, fit or calibration.dense_fit())
    if style == "resource":
        return _resource(counts, reuse_factor, multiplier)
    if reuse_factor != 1:
        raise BadInput(f"reuse factor {reuse_factor} in distributed arithmetic: it has none to reuse: give 1")
    return _distributed(counts)


def dsp_each(weight_bits: int, input_bits: int) -> int:
    """Return the DSP48E2 of one multiplier: 27x18 bits signed; one wider operand takes two, both four."""
    wide, narrow = max(weight_bits, input_bits), min(weight_bits, input_bits)
    return (1 + (wide > _WIDE)) * (1 + (narrow > _NARROW))


def _latency(counts: Counts, reuse_factor: int, multiplier: Multiplier, clock_ns: float | None, fit: DenseFit) -> DenseEstimate:
    row = {**vars(counts), "reuse_factor": reuse_factor}
    limit = multiplier_limit(counts.n_in, counts.n_out, counts.nnz, reuse_factor)
    mine, waiting = multipliers(row)
    proven = counts.weight_bits == counts.input_bits == 8
    wide = (counts.weight_bits + counts.input_bits) / 16
    rest = float(fit.lut_of(counts.nnz, waiting, reuse_factor)) * wide
    made = fit.per_product * mine * counts.weight_bits * counts.input_bits / 64 if multiplier == "lut" else 0.0
    where = "HLS reports, 8x8 bit" + ("" if proven else ", scaled by width: unproven")
    reach = exp(fit.spread * of_few(counts.nnz))
    ff, low, high = (figure * wide for figure in fit.pipeline.ff(row, clock_ns))
    when = _when(row, clock_ns)
    cycles = Estimate(*fit.pipeline.cycles(row, multiplier == "lut", clock_ns), f"depth of sums, waits for a multiplier{when}")
    return DenseEstimate(
        dsp=_latency_dsp(counts, mine, limit, proven) if multiplier == "dsp" else exact(0, "multipliers in LUT"),
        lut=Estimate(rest + made, rest / reach + made, rest * reach + made, f"weights, waiting products, multipliers; {where}"),
        ff=Estimate(ff, low, high, f"adders, products; {where}" if reuse_factor > 1 else f"signed digits{when}; {where}"),
        bram18=exact(0, "weights are constants"),
        cycles=cycles,
        ii=_latency_ii(reuse_factor, cycles),
    )


def _when(row: Row, clock_ns: float | None) -> str:
    """Say what a rule knows of the clock, and where it was not seen to hold."""
    said = ", any clock of 3.3 to 5 ns" if clock_ns is None else f" at {clock_ns:g} ns"
    return said + ("" if known(clock_ns) else ": unproven") + ("; HLS may serialise such sums: unproven" if serial(row) else "")


def _latency_dsp(counts: Counts, mine: int, limit: int, proven: bool) -> Estimate:
    rule = "DSP = min(N3, ceil(n_in n_out / RF) - floor(zeros / RF))"
    each = dsp_each(counts.weight_bits, counts.input_bits)
    if proven:
        return exact(mine, rule)
    narrow = max(counts.weight_bits, counts.input_bits) <= 8  # where HLS may take LUT for products that would fit a DSP
    return Estimate(mine * each, 0, (mine if narrow else limit) * each, f"{rule}, {each} DSP each; unproven outside 8x8 bit")


def _latency_ii(reuse_factor: int, cycles: Estimate) -> Estimate:
    if reuse_factor <= 2:
        return exact(reuse_factor, "PIPELINE II = RF")
    value, least, most = (min(reuse_factor, figure + 1) for figure in (cycles.value, cycles.low, cycles.high))
    return Estimate(value, least, most, "PIPELINE II = RF, or less where the work runs out")


def _resource(counts: Counts, reuse_factor: int, multiplier: Multiplier) -> DenseEstimate:
    if not valid(counts.n_in, counts.n_out, reuse_factor):
        near = nearest_valid(counts.n_in, counts.n_out, reuse_factor)
        raise BadInput(f"reuse factor {reuse_factor} of {counts.n_in}x{counts.n_out} in Resource strategy: the nearest is {near}")
    weights = counts.nnz if reuse_factor == 1 else counts.n_in * counts.n_out
    parallel = ceil(weights / reuse_factor)
    each, rule = dsp_each(counts.weight_bits, counts.input_bits), "DSP = n_in n_out / RF"
    used = parallel * each if multiplier == "dsp" else 0
    narrow = counts.weight_bits < _NO_DSP_BITS
    dsp = Estimate(0, 0, used, f"{rule}, none below {_NO_DSP_BITS} bits in hls4ml") if narrow else exact(used, rule)
    fit = calibration.dense_fit()
    adds = fit.per_weight * (counts.weight_bits + counts.input_bits) / 16
    products = fit.per_product * counts.weight_bits * counts.input_bits / 64 * (narrow or multiplier == "lut")
    words = ceil(counts.n_in * counts.n_out * counts.weight_bits / (_WORD * reuse_factor)) * ceil(reuse_factor / _WORDS)
    depth = ceil(log2(counts.n_in)) + 1
    return DenseEstimate(
        dsp=dsp,
        lut=_around(parallel * (adds + products), log(2), "adders and multipliers that work at once: unproven"),
        ff=_around(parallel * adds, log(2), "a register per adder that works at once: unproven"),
        bram18=exact(words if reuse_factor > 1 else 0, "BRAM18 = ceil(weights bits / (36 RF)), 512 deep"),
        cycles=Estimate(reuse_factor + depth, reuse_factor + 1, reuse_factor + 2 * depth, "RF + adder tree: unproven"),
        ii=exact(reuse_factor, "II = RF"),
    )


def _distributed(counts: Counts) -> DenseEstimate:
    row = {name: getattr(counts, name) for name in ("n_in", "n_out", "nnz", "csd_digits_total", "weight_bits", "input_bits")}
    known, guess = counts.adder_cost is not None, calibration.cost_fit()
    cost = counts.adder_cost if counts.adder_cost is not None else float(guess.of(row)) if counts.nnz else 0.0
    lut = lut_of_adders(cost, 0)
    if not known and cost:
        low, high = (sqrt(guess.spread**2 + log(end / lut.value) ** 2) for end in (lut.low, lut.high))
        lut = Estimate(lut.value, lut.value * exp(-low), lut.value * exp(high), f"adder cost from signed digits; {lut.rule}")
    ff = calibration.adder_ff_fit()
    per_output = max(counts.csd_digits_total / counts.n_out, 1)
    depth = counts.adder_depth if counts.adder_depth is not None else ceil(log2(per_output)) + 1
    stages = max(ceil(depth / ADDERS_PER_STAGE), 1)
    return DenseEstimate(
        dsp=exact(0, "shifts and adds"),
        lut=lut,
        ff=Estimate(
            lut.value * ff.value, lut.low * ff.low, lut.high * ff.high, "FF / LUT of 10 routed networks and of circuits in yosys"
        ),
        bram18=exact(0, "weights are wires"),
        cycles=Estimate(stages, max(stages - 1, 1), stages + 1, f"{ADDERS_PER_STAGE} adders between registers"),
        ii=exact(1, "pipelined"),
    )


def _around(value: float, spread: float, rule: str) -> Estimate:
    return Estimate(value, value * exp(-spread), value * exp(spread), rule)


def _scaled(value: float, ratio: RatioFit, rule: str) -> Estimate:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0 <= value < float("inf"):
        raise BadInput(f"a cost of {value}: give a number from 0")
    value = float(value)
    return Estimate(value * ratio.value, value * ratio.low, value * ratio.high, rule)
