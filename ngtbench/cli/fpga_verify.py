"""`ngtbench fpga verify`: circuits of a network, what they cost by synthesis, and whether their outputs are ours, bit for bit."""

import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ngtbench.cli.talk import say
from ngtbench.errors import Unavailable
from ngtbench.kernels.fpga import synthesis
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.model_file import read_model
from ngtbench.kernels.fpga.verify import LEAST_OUTPUTS, Verified, verify
from ngtbench.physics.fpga.fixed_point import parse

NOTHING_RAN = 3
MOST_OUTPUTS = 10**7  # lists of them fit in memory


def command(
    model: Annotated[Path, typer.Argument(help="A network: a .json file as docs/fpga.md describes, or an .onnx file")],
    input_type: Annotated[str | None, typer.Option(help="Of an .onnx file without Quant nodes, as ap_fixed<8,4>")] = None,
    weight_type: Annotated[str | None, typer.Option(help="Likewise")] = None,
    result_type: Annotated[str | None, typer.Option(help="Likewise; default: every bit of each sum")] = None,
    outputs: Annotated[int, typer.Option(min=1, max=MOST_OUTPUTS, help="Numbers to compare")] = LEAST_OUTPUTS,
    seed: Annotated[int, typer.Option(min=0, help="Of the random inputs")] = 1,
    stage_depth: Annotated[int, typer.Option(min=0, help="Adders between two registers; 0: no registers")] = 0,
    compiler: Annotated[str | None, typer.Option(help="da4ml or alkaid; default: the first that is installed")] = None,
    synthesise: Annotated[bool, typer.Option(help="Count cells by yosys, which takes longest")] = True,
    limit: Annotated[float, typer.Option(min=1, max=86400, help="Seconds that a tool may take for one circuit")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print what was found; exit 1 where an output differs, 3 where a tool is missing."""
    types = Types(*(parse(text) if text else None for text in (input_type, weight_type, result_type)))
    try:
        network = read_model(model, types)
        if lacking := synthesis.missing():
            raise Unavailable(f"{', '.join(lacking)} not installed", synthesis.REMEDY)
        found = verify(
            network,
            outputs=outputs,
            seed=seed,
            stage_depth=stage_depth,
            compiler=compiler,
            synthesis=synthesise,
            limit_s=limit,
        )
        tool = synthesis.version()
    except Unavailable as absent:
        sys.stderr.write(f"skipped: {absent}\n")
        return NOTHING_RAN
    if json:
        document = {"schema": "ngtbench.fpga-verify/1", "synthesis": tool, "circuits": [asdict(one) for one in found]}
        say(json_module.dumps(document, indent=1, allow_nan=False) + "\n")
    else:
        say("\n".join([*(line for one in found for line in _lines(one)), f"synthesis: {tool}, synth_xilinx -family xcup"]) + "\n")
    return 1 if any(one.unequal for one in found) else 0


def _lines(one: Verified) -> list[str]:
    equal = "all equal to fixed-point inference" if not one.unequal else f"{one.unequal} DIFFER from fixed-point inference"
    lines = [f"{one.part}, Verilog by {one.by}: {one.outputs} outputs simulated, {equal}"]
    if one.resources is not None:
        held, figure = one.resources, getattr(one.resources, one.estimated)
        lines.append(f"  LUT {held.lut}, FF {held.ff}, DSP {held.dsp}, BRAM18 {held.bram18}")
        inside = "inside" if one.estimate.low <= figure <= one.estimate.high else "OUTSIDE"
        band = f"{one.estimate.value:.0f} [{one.estimate.low:.0f} to {one.estimate.high:.0f}]"
        lines.append(f"  {one.estimated.upper()} estimated {band}: the circuit is {inside} the band ({one.estimate.rule})")
    if one.cost is not None:
        lines.append(f"  by {one.by}'s own count: LUT {one.cost:.0f}, FF {one.register_bits}")
    return lines
