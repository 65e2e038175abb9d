"""`ngtbench fpga estimate`: what a network takes of a part, layer by layer, with bands, and what small changes would do."""

import json as json_module
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ngtbench.cli.talk import say
from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.fit import RESOURCES, TIMES, Check, checks, tightest, together
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.model_file import read_model
from ngtbench.kernels.fpga.network import Style
from ngtbench.kernels.fpga.network_estimate import NetworkEstimate, estimate_network
from ngtbench.kernels.fpga.parts import Constraints, Part, find_part, find_preset
from ngtbench.kernels.fpga.variants import VARIANTS, styled
from ngtbench.physics.fpga.fixed_point import parse
from ngtbench.report import fpga_page
from ngtbench.report.fpga_page import ANSWERS, between

FIGURES = (*RESOURCES, *TIMES)


def command(
    model: Annotated[Path, typer.Argument(help="A network: a .json file as docs/fpga.md describes, or an .onnx file")],
    part: Annotated[str, typer.Option(help="A part of hardware/fpga, by id or alias")],
    preset: Annotated[str | None, typer.Option(help="Constraints of hardware/fpga/presets: cms-l1, atlas-l0")] = None,
    style: Annotated[Style | None, typer.Option(help="Build every layer so, whatever the file says")] = None,
    input_type: Annotated[str | None, typer.Option(help="Of an .onnx file without Quant nodes, as ap_fixed<8,4>")] = None,
    weight_type: Annotated[str | None, typer.Option(help="Likewise")] = None,
    result_type: Annotated[str | None, typer.Option(help="Likewise; default: every bit of each sum")] = None,
    clock_mhz: Annotated[float | None, typer.Option(min=0, max=1e5, help="Another clock than the preset's")] = None,
    latency_ns: Annotated[float | None, typer.Option(min=0, max=1e12, help="Another latency than the preset's")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page, too: index.html in this folder")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print the estimate; exit 1 where the network does not fit."""
    device, limits = find_part(part), _limits(preset, clock_mhz, latency_ns)
    network = read_model(model, Types(*(parse(text) if text else None for text in (input_type, weight_type, result_type))))
    if style:
        network = styled(network, style)
    clock_ns = 1e9 / limits.clock_hz if limits else None
    found = estimate_network(network, clock_ns)
    held = checks(found.total, device, limits)
    changed = {words: estimate_network(change(network), clock_ns) for words, change in VARIANTS.items()}
    if json:
        say(json_module.dumps(_document(found, device, limits, held, changed), indent=1, allow_nan=False) + "\n")
    else:
        _print(found, device, limits, held, changed)
    if html:
        _write(fpga_page.render(model.name, found, device, limits, held, changed), html)
    return 1 if together(held) == "no" else 0


def _write(page: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder}: no page can be written there: {error.strerror}; choose another folder with --html") from error


def _limits(preset: str | None, clock_mhz: float | None, latency_ns: float | None) -> Constraints | None:
    if preset is None:
        if clock_mhz is not None or latency_ns is not None:
            raise BadInput("--clock-mhz, --latency-ns change a preset's constraints: name one with --preset")
        return None
    limits = find_preset(preset)
    return replace(
        limits,
        clock_hz=limits.clock_hz if clock_mhz is None else clock_mhz * 1e6,
        latency_s=limits.latency_s if latency_ns is None else latency_ns * 1e-9,
    )


def _document(
    found: NetworkEstimate,
    part: Part,
    limits: Constraints | None,
    held: tuple[Check, ...],
    changed: dict[str, NetworkEstimate],
) -> dict[str, Any]:
    return {
        "schema": "ngtbench.fpga-estimate/1",
        "part": asdict(part),
        "constraints": asdict(limits) if limits else None,
        "fits": together(held),
        "checks": [{"what": c.what, "answer": c.answer, "limit": c.limit, "used": c.used} for c in held],
        "layers": {name: asdict(layer) for name, layer in found.layers.items()},
        "total": asdict(found.total),
        "variants": {words: asdict(other.total) for words, other in changed.items()},
    }


def _print(
    found: NetworkEstimate,
    part: Part,
    limits: Constraints | None,
    held: tuple[Check, ...],
    changed: dict[str, NetworkEstimate],
) -> None:
    lines = [
        f"{part.label}{f', {limits.label}' if limits else ''}: {ANSWERS[together(held)]}; the tightest is {tightest(held).what}"
    ]
    lines += [f"{check.what}: {check.answer}, {check.used:.1%} of {check.limit:,.0f}" for check in held]
    rows: list[tuple[str, ...]] = [("layer", *FIGURES)]
    for name, one in (*found.layers.items(), ("total", found.total)):
        rows.append((name, *(between(getattr(one, what)) for what in FIGURES)))
    lines += ["", *_aligned(rows), "", "In brackets: the band that should hold the figure in 90 % of cases. Rules:"]
    lines += [f"  {what}: {getattr(found.total, what).rule}" for what in FIGURES]
    rows = [("what would change", *FIGURES)]
    for words, other in changed.items():
        moved = (getattr(other.total, what).value - getattr(found.total, what).value for what in FIGURES)
        rows.append((words, *(f"{one:+,.0f}" for one in moved)))
    say("\n".join((*lines, "", *_aligned(rows))) + "\n")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, the first column to the left, others to the right: a terminal cuts nothing off."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:]))) for row in rows]
