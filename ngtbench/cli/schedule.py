"""`ngtbench schedule`: how many devices a node is worth for a graph of algorithms, by simulated schedules. Modelled."""

import json as json_module
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ngtbench.cli.talk import say
from ngtbench.discover import profiles as hardware
from ngtbench.errors import BadInput
from ngtbench.kernels.scheduling import hetero_plan, speedup
from ngtbench.kernels.scheduling.hetero_plan import PLANNED, RULES, Job, Rule, Step
from ngtbench.kernels.scheduling.speedup import Speedup
from ngtbench.physics.scheduling import graphml
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.simulate import Order
from ngtbench.report import schedule_page
from ngtbench.report.schedule_page import Found, cells, context

_ORDERS: tuple[Order, ...] = ("oldest", "rank", "fifo")
_HEADS = ("devices", "events/s", "bound", "the last brings", "all used")
_DRAWN = "a drawn graph like ATLAS q449"


def command(
    workflow: Annotated[Path | None, typer.Option(help="A .graphml file; default: a graph like ATLAS's, drawn")] = None,
    cores: Annotated[int, typer.Option(min=1, max=1024, help="Cores of the node, as fast as those of the run times")] = 64,
    device: Annotated[list[str] | None, typer.Option(help="A GPU of hardware/; default: those of --speedup, or all")] = None,
    most: Annotated[int, typer.Option("--devices", min=1, max=64, help="Plan with 0 to so many of a device")] = 4,
    factor: Annotated[
        list[str] | None, typer.Option("--speedup", metavar="NAME=FACTOR", help="A device's speed over one core; else assumed")
    ] = None,
    core: Annotated[str, typer.Option(help="The processor of hardware/ whose core an assumed speed-up is over")] = "epyc-7763",
    offload: Annotated[list[str] | None, typer.Option(help="An algorithm that may run on a device; default: --share")] = None,
    share: Annotated[float, typer.Option(min=0, max=1, help="So much of the work may: the longest algorithms")] = 0.25,
    in_flight: Annotated[int | None, typer.Option(min=1, max=4096, help="Events in flight; default: as many as cores")] = None,
    least_gain: Annotated[float, typer.Option(min=0, help="What one more device must bring, of the rate")] = 0.05,
    html: Annotated[Path | None, typer.Option(help="Write a page, too: index.html in this folder")] = None,
    trace: Annotated[Path | None, typer.Option(help="Write the first device's schedule, for ui.perfetto.dev")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print modelled rates per number of devices, and after which one more brings too little."""
    if not 0 <= least_gain < float("inf"):
        raise BadInput(f"--least-gain {least_gain}: give a share of the rate from 0 on, such as 0.05")
    graph = graphml.read(workflow) if workflow else atlas_like(1)
    offloaded = hetero_plan.named(graph, offload) if offload else hetero_plan.longest(graph, share)
    if not offloaded or graph.work_s == 0:
        raise BadInput("no algorithm that takes time may run on a device: name one with --offload, or raise --share")
    job = Job(graph, offloaded, cores, in_flight or cores, "as named" if offload else "assumed: the longest")
    plans, rules = _simulated(job, _speedups(device or [], factor or [], core), most)
    answers = {one: _answer(one, steps, cores, least_gain) for one, steps in plans.items()}
    name = workflow.name if workflow else _DRAWN
    say(json_module.dumps(_document(name, job, plans, rules, least_gain)) + "\n" if json else _told(name, job, plans, answers))
    if html:
        points = {hetero_plan.ORDERS[order]: _points(job, order) for order in _ORDERS}
        _write(html / "index.html", schedule_page.render(Found(name, job, plans, answers, rules, points)))
    if trace:
        first, steps = next(iter(plans.items()))
        worth = hetero_plan.enough(steps, least_gain)
        devices = hetero_plan.used(steps, most if worth is None else worth)
        _write(trace, hetero_plan.trace(job, devices, first.factor, first.label))
    return 0


def _speedups(names: Sequence[str], factors: Sequence[str], core: str) -> list[Speedup]:
    profiles = hardware.load()
    told = dict[str, float]()
    for words in factors:
        name, _, number = words.partition("=")
        try:
            told[name] = float(number)
        except ValueError:
            raise BadInput(f"--speedup {words}: write NAME=FACTOR, such as h100-sxm5-80gb=10") from None
    every = [profile.id for profile in profiles.values() if profile.kind != "cpu"]
    devices = [speedup.device(name, profiles) for name in dict.fromkeys((*told, *names)) or every]
    over = speedup.processor(core, profiles)
    return [speedup.given(one, told[one.id]) if one.id in told else speedup.assumed(one, over) for one in devices]


def _simulated(job: Job, speedups: Sequence[Speedup], most: int) -> tuple[dict[Speedup, list[Step]], dict[Rule, list[Step]]]:
    """Simulate every device by the planned rule, and the first by the others; equal speed-ups once."""
    wanted = dict.fromkeys([(one.factor, PLANNED) for one in speedups] + [(speedups[0].factor, rule) for rule in RULES])
    console, found = Console(stderr=True), dict[tuple[float, Rule], list[Step]]()
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(wanted) * (most + 1))
        for factor, rule in wanted:
            found[factor, rule] = []
            for step in hetero_plan.plan(job, factor, most, rule):
                found[factor, rule].append(step)
                progress.advance(task)
    return {one: found[one.factor, PLANNED] for one in speedups}, {rule: found[speedups[0].factor, rule] for rule in RULES}


def _answer(one: Speedup, steps: Sequence[Step], cores: int, least_gain: float) -> str:
    worth, source = hetero_plan.enough(steps, least_gain), "assumed" if one.assumed else "given"
    said = f"{one.label}, {one.factor:g} times a core ({source})"
    if worth is None:
        return f"{said}: each of {len(steps) - 1} devices per {cores} cores brings {100 * least_gain:g} % or more; plan with more"
    more = 100 * (steps[worth + 1].gain or 0.0)
    return f"{said}: {worth} per {cores} cores; one more brings {more:.1f} %, less than {100 * least_gain:g} %"


def _points(job: Job, order: Order) -> list[tuple[int, float, float]]:
    slots = [2**k for k in range((job.cores - 1).bit_length() + 1)]
    return [(count, *hetero_plan.utilisation(Job(job.graph, job.offloaded, job.cores, count), order)) for count in slots]


def _told(name: str, job: Job, plans: dict[Speedup, list[Step]], answers: dict[Speedup, str]) -> str:
    lines = [f"Modelled, not measured: {name}, {job.cores} cores. {context(job)}"]
    for one, steps in plans.items():
        rows = [_HEADS, *(tuple(cells(step)) for step in steps)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", f"{answers[one]}", f"speed-up: {one.source}"]
        lines += ["  ".join(map(str.rjust, row, widths)) for row in rows]
    return "\n".join(lines) + "\n"


def _document(
    name: str, job: Job, plans: dict[Speedup, list[Step]], rules: dict[Rule, list[Step]], least_gain: float
) -> dict[str, Any]:
    return {
        "schema": "ngtbench.schedule/1",
        "modelled": True,
        "workflow": name,
        "cores": job.cores,
        "in_flight": job.slots,
        "events": job.events,
        "offloaded": [job.graph.names[a] for a in sorted(job.offloaded)],
        "chosen": job.chosen,
        "offloaded_s": job.offloaded_s,
        "work_s": job.graph.work_s,
        "critical_s": job.graph.critical_s,
        "least_gain": least_gain,
        "plans": [
            {**asdict(one), "enough": hetero_plan.enough(steps, least_gain), "steps": [asdict(step) for step in steps]}
            for one, steps in plans.items()
        ],
        "rules": [{**asdict(rule), "steps": [asdict(step) for step in steps]} for rule, steps in rules.items()],
    }


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}; choose another place") from error
