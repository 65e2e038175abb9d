"""Run the open tools on Verilog: yosys for what a design costs, Icarus Verilog for what it computes."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ngtbench.codegen import process
from ngtbench.errors import CompileError, Unavailable

REMEDY = "apt-get install yosys iverilog"
_SYNTHESIS = "synth_xilinx -family xcup -flatten -noiopad -noclkbuf"  # pads and clock buffers are no part of a layer
_WORDS = 2000  # of a tool's last words


@dataclass(frozen=True)
class Design:
    """Verilog whose module `net` has model_inp, model_out and perhaps clk, start and valid.

    The bits of input i lie above those of input i - 1, each in two's complement if signed; outputs likewise. Fractions are bits
    behind the point. Without a clock it is combinational. With one but no `start` a vector enters and leaves at every edge,
    `cycles` edges later; with `start` one enters every `interval` cycles, and leaves where `valid` is high.
    """

    sources: Mapping[str, str]  # file name -> text: Verilog, and memory that it names
    input_bits: tuple[int, ...]
    input_fraction: tuple[int, ...]
    output_bits: tuple[int, ...]
    output_signed: tuple[bool, ...]
    output_fraction: tuple[int, ...]
    cycles: int = 0
    interval: int = 1
    started: bool = False


@dataclass(frozen=True)
class Resources:
    """What yosys maps a design to; shift registers count as LUT, a BRAM36 as two BRAM18."""

    lut: int
    ff: int
    dsp: int
    bram18: int


def missing() -> tuple[str, ...]:
    """Return the tools that are not on the path."""
    return tuple(tool for tool in ("yosys", "iverilog", "vvp") if shutil.which(tool) is None)


def version() -> str:
    """Return what yosys calls itself: another one maps to other numbers."""
    return process.run([_tool("yosys"), "-V"], 10).output.strip()


def synthesise(design: Design, limit_s: float) -> Resources:
    """Map a design to UltraScale+ and count its cells.

    Raises Unavailable without yosys or where the time is not enough, CompileError where yosys rejects the Verilog.
    """
    with tempfile.TemporaryDirectory(prefix="ngtbench-") as folder:
        files = _write(design, Path(folder))
        count = Path(folder) / "count.json"
        script = f"read_verilog -defer {' '.join(files)}; {_SYNTHESIS} -top net; tee -q -o {count} stat -json"
        _run([_tool("yosys"), "-q", "-p", script], limit_s, folder)
        cells = json.loads(count.read_text())["design"]["num_cells_by_type"]
    return Resources(
        lut=_count(cells, r"LUT\d|SRL.*|RAM\d+.*"),
        ff=_count(cells, r"FD.*"),
        dsp=_count(cells, r"DSP.*"),
        bram18=_count(cells, r"RAMB18.*") + 2 * _count(cells, r"RAMB36.*"),
    )


def simulate(design: Design, vectors: Sequence[Sequence[int]], limit_s: float) -> list[list[int]]:
    """Return the outputs, as integers, of each vector of integers.

    Raises Unavailable without Icarus Verilog or where the time is not enough, CompileError where it rejects the Verilog or gives
    unknown bits.
    """
    if not sum(design.output_bits):  # all outputs are always zero, and Verilog has no wire of no bits
        return [[0] * len(design.output_bits) for _ in vectors]
    with tempfile.TemporaryDirectory(prefix="ngtbench-") as folder:
        place = Path(folder)
        files = _write(design, place)
        (place / "vectors.hex").write_text("".join(f"{_packed(one, design.input_bits):x}\n" for one in vectors))
        (place / "bench.v").write_text(_bench(design, len(vectors), place / "vectors.hex"))
        program = str(place / "bench.vvp")
        _run([_tool("iverilog"), "-g2005-sv", "-s", "bench", "-o", program, str(place / "bench.v"), *files], limit_s, folder)
        said = _run([_tool("vvp"), "-n", program], limit_s, folder)
    lines = [line[2:] for line in said.splitlines() if line.startswith("y ")]
    unknown = next((line for line in lines if not re.fullmatch("[0-9a-f]+", line)), None)
    if unknown is not None or len(lines) != len(vectors):
        raise CompileError(f"the simulation gave {len(lines)} of {len(vectors)} outputs, one of them {unknown}")
    return [_unpacked(int(line, 16), design.output_bits, design.output_signed) for line in lines]


def _bench(design: Design, vectors: int, file: Path) -> str:
    """Write a test bench that prints the output of each vector."""
    wide, out = max(1, sum(design.input_bits)), max(1, sum(design.output_bits))
    clocked = design.cycles > 0
    ports = (".clk(clk), " if clocked else "") + (".start(start), .valid(valid), " if design.started else "")
    if design.started:  # asked after the edge has settled, so that what is printed is what the edge stored
        body = f"""\
      start = 1; x = memory[k]; @(posedge clk); #1 start = 0;
      for (i = 1; i < {design.interval}; i = i + 1) begin if (valid) show; @(posedge clk); #1; end
      if (valid) show;"""
        tail = f"for (i = 0; i < {design.cycles + 2}; i = i + 1) begin @(posedge clk); #1 if (valid) show; end"
    elif clocked:
        body = f"      x = memory[k < {vectors} ? k : 0]; if (k >= {design.cycles}) show; @(posedge clk); #1;"
        tail = ""
    else:
        body, tail = "      x = memory[k]; #1 show;", ""
    return f"""`timescale 1ns/1ps
module bench;
  reg clk = 0, start = 0;
  reg [{wide - 1}:0] x = 0, memory [0:{vectors - 1}];
  wire valid;
  wire [{out - 1}:0] y;
  integer k, i;
  net dut ({ports}.model_inp(x), .model_out(y));
  always #5 clk = ~clk;
  task show; $display("y %h", y); endtask
  initial begin
    $readmemh("{file}", memory);
    for (k = 0; k < {vectors + (design.cycles if clocked and not design.started else 0)}; k = k + 1) begin
{body}
    end
    {tail}
    $finish;
  end
endmodule
"""


def _packed(numbers: Sequence[int], bits: Sequence[int]) -> int:
    made = at = 0
    for number, wide in zip(numbers, bits, strict=True):
        made |= (int(number) & ((1 << wide) - 1)) << at
        at += wide
    return made


def _unpacked(word: int, bits: Sequence[int], signed: Sequence[bool]) -> list[int]:
    made = []
    for wide, negative in zip(bits, signed, strict=True):
        part = word & ((1 << wide) - 1)
        made.append(part - (1 << wide) if negative and part >> (wide - 1) else part)
        word >>= wide
    return made


def _write(design: Design, folder: Path) -> list[str]:
    """Write all files, and return those of Verilog, which call memory by its whole path."""
    memory = [name for name in design.sources if not name.endswith(".v")]
    for name, text in design.sources.items():
        for one in memory:
            text = text.replace(f'"{one}"', f'"{folder / one}"')
        (folder / name).write_text(text)
    return [str(folder / name) for name in design.sources if name.endswith(".v")]


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} is not installed", REMEDY)
    return path


def _run(command: list[str], limit_s: float, folder: str) -> str:
    """Run a tool that ends with us, and return what it said."""
    ended = process.run(command, limit_s, folder)
    name = Path(command[0]).name
    if ended.late:
        raise Unavailable(f"{name} did not end within {limit_s:g} s", "give more with --limit, or take a smaller layer")
    if ended.code:
        raise CompileError(f"{name} rejects the Verilog (code {ended.code}): {ended.output[-_WORDS:]}")
    return ended.output


def _count(cells: dict[str, int], pattern: str) -> int:
    return sum(int(number) for name, number in cells.items() if re.fullmatch(pattern, name))
