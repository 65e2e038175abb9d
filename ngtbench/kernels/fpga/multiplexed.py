"""A dense layer in Verilog that uses each multiplier several times: weights in a ROM, one product a cycle and multiplier."""

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.synthesis import Design
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

STAGES = 3  # edges from the last input of a sum to the sum: operands, product, sum


def multiplexed(weights: Array, bias: Array, *, weight: Fixed, given: Fixed, reuse_factor: int, name: str = "layer") -> Design:
    """Return the design of y = w^T x + b, exact: outputs have all bits of their sums.

    weights (inputs, outputs) are integers of the type `weight`, bias (outputs,) integers of the sum's fraction, x of the type
    `given`. Multiplier (j, o) takes inputs R j .. R j + R - 1 in turn, R the reuse factor, so that there are inputs * outputs / R
    multipliers, and a vector enters every R cycles.
    Raises BadInput for a reuse factor that does not divide the inputs, and for weights outside their type.
    """
    _check(name, weights, weight, reuse_factor)
    fan_in, fan_out = weights.shape
    far = 1 << (given.bits - given.signed)
    reach = int(np.max(np.sum(np.abs(weights.astype(object)), axis=0) * far + np.abs(bias.astype(object))))
    wide = reach.bit_length() + 1
    return Design(
        sources={"net.v": _text(weights, bias, weight, given, reuse_factor, wide)},
        input_bits=(given.bits,) * fan_in,
        output_bits=(wide,) * fan_out,
        output_signed=(True,) * fan_out,
        output_fraction=(weight.fraction + given.fraction,) * fan_out,
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


def _text(weights: Array, bias: Array, weight: Fixed, given: Fixed, reuse: int, wide: int) -> str:
    """Write the module: a counter chooses input and weight of each multiplier, then a register after each step."""
    fan_in, fan_out = weights.shape
    groups, step = fan_in // reuse, max(1, (reuse - 1).bit_length())
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
        lines.append(f"  assign model_out[{wide * (o + 1) - 1}:{wide * o}] = s{o};")
    return _module(given.bits * fan_in, wide * fan_out, step, reuse - 1, "\n".join(lines))


def _module(bits_in: int, bits_out: int, step: int, last: int, body: str) -> str:
    return f"""\
module net (input clk, input start, input [{bits_in - 1}:0] model_inp, output valid, output [{bits_out - 1}:0] model_out);
  reg [{bits_in - 1}:0] held;
  reg [{step - 1}:0] turn = 0;
  reg running = 0;
  reg [1:0] first = 0;
  reg [2:0] done = 0;
  always @(posedge clk) begin
    if (start) held <= model_inp;
    turn <= start || turn == {last} ? 0 : turn + 1;
    running <= start || (running && turn != {last});
    first <= {{first[0], running && turn == 0}};
    done <= {{done[1:0], running && turn == {last}}};
  end
  assign valid = done[2];
{body}
endmodule
"""


def _input(of: Fixed, index: int) -> str:
    bits = f"held[{of.bits * (index + 1) - 1}:{of.bits * index}]"
    return f"$signed({bits})" if of.signed else f"$signed({{1'b0, {bits}}})"


def _constant(wide: int, value: int) -> str:
    number = int(value)
    return f"-{wide}'sd{-number}" if number < 0 else f"{wide}'sd{number}"
