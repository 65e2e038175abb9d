"""`ngtbench kernels`: every traced kernel and block, what compilers make of it, and the text they are given."""

import difflib
import json as json_module
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ngtbench.cli.talk import Talk, say
from ngtbench.codegen import cpp, cubin, find, survey
from ngtbench.codegen.cubin import ARCHITECTURES, Cubin
from ngtbench.codegen.entries import Entry
from ngtbench.codegen.survey import HOST, Library, Made, Place, Toolchains
from ngtbench.errors import BadInput, CompileError, NgtBenchError, Unavailable

NOTHING_RAN = 3
_ABSENT = {HOST: "no C++ compiler here", "nvcc": "no nvcc here"}
_LEGEND = """\
FLOP, bytes and moves: {dtype}, per site and right-hand side; of amplitudes per event, with one term of each sort
bytes: if every neighbour is still in cache; move: a number from where a neighbour was computed to the own site, on a processor
perhaps to another lane
host: seconds to compile, and registers; sm_80 (A100), sm_89 (L40S), sm_90 (H100): registers per thread, and bytes that spill
–: not compiled yet (ngtbench kernels --compile){absent}
"""


def command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME... | show NAME]", help="Kernels to list, default all; show prints a text")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float64 or float32")] = "float64",
    compiling: Annotated[bool, typer.Option("--compile", help="Compile for this processor and, by nvcc, three GPUs")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
    target: Annotated[
        str | None, typer.Option(help="Of show: cpp, cuda (also HIP), or of lattices numba (which is imported)")
    ] = None,
    lanes: Annotated[
        int | None, typer.Option(min=1, help="Of show: sites or events at once; default one register, cuda 32")
    ] = None,
) -> int:
    """List kernels, compile them, or print the text of one."""
    if dtype not in cpp.TYPES:
        raise BadInput(f"no dtype '{dtype}': kernels are written in {', '.join(cpp.TYPES)}")
    names = list(words or ())
    if names[:1] == ["show"]:
        if len(names) != 2 or compiling or json:
            raise BadInput("show takes the name of one kernel, --dtype, --target and --lanes: ngtbench kernels show wilson")
        return _show(_chosen(names[1:])[0], dtype, target or "cpp", lanes)
    if target is not None or lanes is not None:
        raise BadInput("--target and --lanes say which text to show: ngtbench kernels show NAME")
    return _list(_chosen(names), dtype, compiling, json)


def _chosen(names: Sequence[str]) -> list[Entry]:
    """Return the entries of these names, or all."""
    known = {entry.name: entry for entry in find.listing()}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 5)
            raise BadInput(f"no kernel '{name}': {'near are' if near else 'there are'} {', '.join(near or known)}")
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())


def _show(entry: Entry, dtype: str, target: str, lanes: int | None) -> int:
    tools = _toolchains()
    try:
        say(entry.text(target, dtype, lanes or survey.lanes(target, dtype, tools)))
    except Unavailable as error:
        sys.stderr.write(f"ngtbench: {error}\n")
        return NOTHING_RAN
    return 0


def _toolchains() -> Toolchains:
    """Look for compilers; say on stderr what they are, or why there is none."""
    tools = survey.toolchains()
    host = tools.host and f"{tools.host.description}: {shlex.join([tools.host.path, *tools.host.flags])}"
    nvcc = tools.nvcc and f"nvcc: {tools.nvcc}, {cubin.version(tools.nvcc)}"
    sys.stderr.write(f"{host or tools.absent[HOST]}\n{nvcc or tools.absent['nvcc']}\n")
    return tools


def _list(entries: list[Entry], dtype: str, compiling: bool, json: bool) -> int:
    tools = _toolchains()
    made, errors = _compiled(entries, dtype, tools) if compiling else (survey.kept(entries, dtype, tools), {})
    for said in dict.fromkeys([str(error) for error in errors.values()] + [one.said for one in _libraries(made) if one.said]):
        sys.stderr.write(f"ngtbench: {said}\n")
    if json:
        rows = [_plain(entry, dtype, made, errors) for entry in entries]
        document = {"schema": "ngtbench.kernels/1", "dtype": dtype, "unavailable": tools.absent, "kernels": rows}
        say(json_module.dumps(document, indent=1, ensure_ascii=False) + "\n")
    else:
        _print(entries, dtype, made, errors)
        absent = "".join(f"; {_ABSENT[name]}" for name in tools.absent)
        say(_LEGEND.format(dtype=dtype, absent=absent))
    if any(isinstance(error, CompileError) for error in errors.values()):
        return 1
    return NOTHING_RAN if compiling and not made else 0


def _compiled(entries: list[Entry], dtype: str, tools: Toolchains) -> tuple[dict[Place, Made], dict[Place, NgtBenchError]]:
    made, errors = dict[Place, Made](), dict[Place, NgtBenchError]()
    total = len(entries) * ((tools.host is not None) + len(ARCHITECTURES) * (tools.nvcc is not None))
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        closing(survey.compiled(entries, dtype, tools)) as results,
    ):
        task = progress.add_task("", total=total)
        for place, found in results:
            if isinstance(found, NgtBenchError):
                errors[place] = found
            else:
                made[place] = found
            progress.update(task, advance=1, description=" ".join(place))
    return made, errors


def _libraries(made: Mapping[Place, Made]) -> list[Library]:
    return [one for one in made.values() if isinstance(one, Library)]


def _plain(entry: Entry, dtype: str, made: Mapping[Place, Made], errors: Mapping[Place, NgtBenchError]) -> dict[str, Any]:
    host = made.get((entry.name, HOST))
    reports = {arch: made.get((entry.name, arch)) for arch in ARCHITECTURES}
    return {
        "kernel": entry.name,
        "module": entry.module,
        "per": entry.per,
        "flop": entry.flop,
        "bytes": entry.moved_b(dtype),
        "flop_per_byte": entry.intensity(dtype),
        "operations": dict(sorted(entry.operations().items())),
        "host": asdict(host) if host else None,
        "gpu": {
            arch: asdict(one) | {"spill_b": one.spill_b} if isinstance(one, Cubin) else None for arch, one in reports.items()
        },
        "errors": {where: str(error) for (name, where), error in errors.items() if name == entry.name},
    }


def _print(entries: list[Entry], dtype: str, made: Mapping[Place, Made], errors: Mapping[Place, NgtBenchError]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("kernel", no_wrap=True)
    for heading in ("FLOP", "bytes", "FLOP/B", "moves", HOST, *ARCHITECTURES):
        table.add_column(heading, justify="right", overflow="fold")
    module = ""
    for entry in entries:
        if entry.module != module:
            module = entry.module
            table.add_row(module, style="bold")
        known = [_cell(made.get((entry.name, where)), errors.get((entry.name, where))) for where in (HOST, *ARCHITECTURES)]
        numbers = (entry.flop, entry.moved_b(dtype), f"{entry.intensity(dtype):.2f}", entry.operations()["move"])
        table.add_row(entry.name, *map(str, numbers), *known)
    Talk(highlight=False).print(table)


def _cell(made: Made | None, error: NgtBenchError | None) -> str:
    if error is not None:
        return "rejected" if isinstance(error, CompileError) else "–"
    if isinstance(made, Library):
        return f"{made.compile_s:.1f} s {made.isa}"
    return "–" if made is None else f"{made.registers}" + f", {made.spill_b} B" * (made.spill_b > 0)
