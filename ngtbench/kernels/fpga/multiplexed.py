"""A dense layer in Verilog that uses each multiplier several times: weights in a ROM, one product a cycle and multiplier."""

from collections.abc import Sequence

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.synthesis import Design
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

STAGES = 4  # edges from the last input of a sum to its result: operands, product, sum, result
_SIGN = "sign"
_ROUNDINGS = {  # what is added before bits are cut off: where this bit is set, else; of half the last bit that stays
    "TRN": (_SIGN, "0", "0"),
    "TRN_ZERO": (_SIGN, "all", "0"),
    "RND": (_SIGN, "half", "half"),
    "RND_MIN_INF": (_SIGN, "below", "below"),
    "RND_ZERO": (_SIGN, "half", "below"),
    "RND_INF": (_SIGN, "below", "half"),
    "RND_CONV": ("last", "half", "below"),
}


def multiplexed(
    weights: Array,
    bias: Array,
    *,
    weight: Fixed,
    given: Fixed,
    results: Sequence[Fixed | None],
    reuse_factor: int,
    name: str = "layer",
) -> Design:
    """Return the design of y = w^T x + b, the exact sums brought to a type for each output, zero where it is None.

    weights (inputs, outputs) are integers of the type `weight`, x of the type `given`, bias (outputs,) of the sum's fraction:
    that of the weights and, where it is positive, of x. Multiplier (j, o) takes inputs R j .. R j + R - 1 in turn, R the reuse
    factor, so that there are inputs * outputs / R multipliers, and a vector enters every R cycles.
    Raises BadInput for a reuse factor that does not divide the inputs, and for weights outside their type.
    """
    _check(name, weights, weight, reuse_factor)
    fan_in = len(weights)
    far = 1 << (given.bits - given.signed)
    reach = int(np.max(np.sum(np.abs(weights.astype(object)), axis=0) * far + np.abs(bias.astype(object))))
    kept = [to or Fixed(False, 1, 1) for to in results]
    sums = _sums(weights, bias, weight, given, reuse_factor, wide := reach.bit_length() + 1)
    fraction = weight.fraction + max(0, given.fraction)
    ends = [_result(o, wide, fraction, to) if to else f"  wire y{o} = 0;" for o, to in enumerate(results)]
    outputs = ", ".join(f"y{o}" for o in reversed(range(len(kept))))
    bits = given.bits * fan_in, sum(to.bits for to in kept)
    return Design(
        sources={"net.v": _module(*bits, reuse_factor, "\n".join([*sums, *ends, f"  assign model_out = {{{outputs}}};"]))},
        input_bits=(given.bits,) * fan_in,
        input_fraction=(given.fraction,) * fan_in,
        output_bits=tuple(to.bits for to in kept),
        output_signed=tuple(to.signed for to in kept),
        output_fraction=tuple(to.fraction for to in kept),
        cycles=reuse_factor + STAGES,
        interval=reuse_factor,
        started=True,
    )


def _check(name: str, weights: Array, weight: Fixed, reuse_factor: int) -> None:
    if weights.ndim != 2 or weights.dtype.kind not in "iu":
        raise BadInput(f"layer {name!r}: weights of shape {weights.shape}, {weights.dtype}: give integers (inputs, outputs)")
    if reuse_factor < 2 or weights.shape[0] % reuse_factor:
        raise BadInput(f"layer {name!r}: reuse factor {reuse_factor} does not divide {weights.shape[0]} inputs, or is below 2")
    if not weight.lowest <= int(weights.min()) <= int(weights.max()) <= weight.highest:
        raise BadInput(f"layer {name!r}: weights from {weights.min()} to {weights.max()} are not all in {weight}")


def _sums(weights: Array, bias: Array, weight: Fixed, given: Fixed, reuse: int, wide: int) -> list[str]:
    """Write the products and sums: a counter chooses input and weight of each multiplier, then a register after each step."""
    fan_in, fan_out = weights.shape
    groups, step = fan_in // reuse, _step(reuse)
    x_wide, w_wide = given.bits + (not given.signed), weight.bits + (not weight.signed)  # an unsigned number gets a sign
    lines = []
    for j in range(groups):
        inputs = " ".join(f"{step}'d{t}: x{j} <= {_input(given, reuse * j + t)};" for t in range(reuse))
        lines.append(f"  reg signed [{x_wide - 1}:0] x{j}; always @(posedge clk) case (turn) {inputs} endcase")
        for o in range(fan_out):
            at = f"{j}_{o}"
            rom = " ".join(f"{step}'d{t}: w{at} <= {_constant(w_wide, weights[reuse * j + t, o])};" for t in range(reuse))
            lines.append(f"  reg signed [{w_wide - 1}:0] w{at}; always @(posedge clk) case (turn) {rom} endcase")
            lines.append(f"  reg signed [{x_wide + w_wide - 1}:0] p{at}; always @(posedge clk) p{at} <= x{j} * w{at};")
    for o in range(fan_out):
        total = " + ".join(f"p{j}_{o}" for j in range(groups))
        lines.append(f"  reg signed [{wide - 1}:0] s{o};")
        lines.append(f"  always @(posedge clk) s{o} <= (first[1] ? {_constant(wide, bias[o])} : s{o}) + {total};")
    return lines


def _result(o: int, wide: int, fraction: int, to: Fixed) -> str:
    """Write the register of a result: the sum s with what rounding adds, bits cut off, then brought into the type."""
    drop = fraction - to.fraction
    room = max(wide, drop, to.bits) + 2 + max(0, -drop)
    bit, where, other = _ROUNDINGS[to.rounding]
    drops = max(drop, 1)
    added = {"0": 0, "half": 1 << (drops - 1), "below": (1 << (drops - 1)) - 1, "all": (1 << drops) - 1}
    more = f"(e{o}[{room - 1 if bit == _SIGN else drop}] ? {_constant(room, added[where])} : {_constant(room, added[other])})"
    rounded = f"(e{o} + {more}) >>> {drop}" if drop > 0 else f"e{o} <<< {-drop}"
    low, high = (_constant(room, end) for end in (to.lowest, to.highest))
    over, under = ("0", "0") if to.overflow == "SAT_ZERO" else (high, low)
    fitted = f"r{o}" if to.overflow == "WRAP" else f"r{o} > {high} ? {over} : r{o} < {low} ? {under} : r{o}"
    return f"""\
  wire signed [{room - 1}:0] e{o} = s{o}, r{o} = {rounded};
  reg [{to.bits - 1}:0] y{o}; always @(posedge clk) y{o} <= {fitted};"""


def _step(reuse: int) -> int:
    """Return the bits of the counter."""
    return max(1, (reuse - 1).bit_length())


def _module(bits_in: int, bits_out: int, reuse: int, body: str) -> str:
    return f"""\
module net (input clk, input start, input [{bits_in - 1}:0] model_inp, output valid, output [{bits_out - 1}:0] model_out);
  reg [{bits_in - 1}:0] held;
  reg [{_step(reuse) - 1}:0] turn = 0;
  reg running = 0;
  reg [1:0] first = 0;
  reg [{STAGES - 1}:0] done = 0;
  always @(posedge clk) begin
    if (start) held <= model_inp;
    turn <= start || turn == {reuse - 1} ? 0 : turn + 1;
    running <= start || (running && turn != {reuse - 1});
    first <= {{first[0], running && turn == 0}};
    done <= {{done[{STAGES - 2}:0], running && turn == {reuse - 1}}};
  end
  assign valid = done[{STAGES - 1}];
{body}
endmodule
"""


def _input(of: Fixed, index: int) -> str:
    bits = f"held[{of.bits * (index + 1) - 1}:{of.bits * index}]"
    return f"$signed({bits})" if of.signed else f"$signed({{1'b0, {bits}}})"


def _constant(wide: int, value: int) -> str:
    number = int(value)
    return f"-{wide}'sd{-number}" if number < 0 else f"{wide}'sd{number}"
