"""`ngtbench run`: plan, run, record; ends cleanly however it is ended."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ngtbench import units
from ngtbench.analysis.audit import FLAG
from ngtbench.analysis.results import identity
from ngtbench.discover.machine import discover
from ngtbench.errors import BadInput, RecordError, Unavailable
from ngtbench.harness import estimate
from ngtbench.harness import profile as profiling
from ngtbench.harness.plan import plan
from ngtbench.harness.run import outcomes, record
from ngtbench.model.case import Plan, Selection
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord, PlanRecord
from ngtbench.report import summary, wording
from ngtbench.report.systems import systems
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import Reading, read
from ngtbench.workloads import name_of

NOTHING_RAN = 3
INTERRUPTED = 130


def command(
    workloads: Annotated[list[str] | None, typer.Argument(help="Names, families or globs: system/triad lattice '*mlp'")] = None,
    suite: Annotated[str, typer.Option(help="quick, smoke (smallest), full (what compares machines) or all sizes")] = "quick",
    size: Annotated[list[str] | None, typer.Option(help="Sizes instead of the suite's: XS S M L ...")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float64 float32 tf32 bfloat16 float16")] = None,
    impl: Annotated[list[str] | None, typer.Option(help="Implementations by name")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Devices as `discover` names them: cpu:0 cuda:0")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: one per usable core")] = None,
    launches: Annotated[int, typer.Option(min=1, max=1000, help="Fresh processes per case")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of inputs and order")] = 1,
    budget: Annotated[str, typer.Option(help="Measuring time per case: 2s, 1m")] = "2s",
    timeout: Annotated[str, typer.Option(help="Silence after which a case counts as hung")] = "10m",
    output: Annotated[Path | None, typer.Option(help="Record file; default out/<host>-<time>.jsonl")] = None,
    resume: Annotated[Path | None, typer.Option(help="Finish this record file; its own selection is used")] = None,
    workload_dir: Annotated[Path | None, typer.Option("--workloads", help="Folder with your own workload files")] = None,
    workflow: Annotated[Path | None, typer.Option(help="Event graph of your own, GraphML, in place of workloads")] = None,
    audit: Annotated[bool, typer.Option(help="Hunt what is right or fast only at the exact sizes and seeds")] = False,
    profile: Annotated[str | None, typer.Option(metavar="CASE", help="Run one case id under perf, nsys or rocprof")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record lines instead of a table")] = False,
) -> int:
    """Run cases and append a record of each."""
    timeout_s = units.duration_s(timeout)
    if workflow is not None:
        workloads, workload_dir = _workflow(workflow, workloads, workload_dir)
    selection = Selection(
        workloads=tuple(workloads or ()),
        sizes=tuple(size or ()),
        dtypes=tuple(dtype or ()),
        impls=tuple(impl or ()),
        devices=tuple(device or ()),
        suite=suite,
        threads=threads,
        launches=launches,
        seed=seed,
        budget_s=units.duration_s(budget),
        workload_dir=str(workload_dir.resolve()) if workload_dir else None,
        audit=audit,
    )
    if profile is not None:
        selection = profiling.narrow(profile, selection)
    begun = _begun(resume, selection, output) if resume else None
    machine = discover()
    planned = plan(machine, begun.plans[0].selection if begun else selection)
    if begun:
        _same_machine(begun, machine)
    path = resume or output or _default(machine)
    try:
        profiler = None if profile is None else profiling.find(profiling.only(planned, profile), path.with_suffix(""))
    except Unavailable as error:
        sys.stderr.write(f"ngtbench: {error}\n")
        return NOTHING_RAN
    start = time.monotonic()
    with Writer(path, resume=resume is not None) as writer:
        interrupted = _run(planned, machine, writer, begun, timeout_s, json, profiler)
    return _conclude(read(path), begun, time.monotonic() - start, profiler, interrupted)


def _workflow(file: Path, workloads: list[str] | None, folder: Path | None) -> tuple[list[str], Path]:
    """Return the workload that a user's workflow is, and where it comes from.

    Raises BadInput where workloads are chosen too, or the file is no workflow by its name.
    """
    if workloads or folder:
        raise BadInput(f"--workflow {file} is a workload itself: name no other, and no --workloads")
    if file.suffix != ".graphml":
        raise BadInput(f"--workflow {file}: give a GraphML file, NAME.graphml")
    return [name_of(file)], file


def _begun(path: Path, selection: Selection, output: Path | None) -> Reading:
    """Return what a run to be resumed has done.

    Raises BadInput where a selection is given too, RecordError where the file holds no plan.
    """
    if output is not None or replace(selection, budget_s=Selection.budget_s) != Selection():
        raise BadInput(f"--resume {path} finishes that run's own selection: leave out every other choice but --timeout")
    reading = read(path)
    if not reading.plans:
        raise RecordError(f"{path}: holds no plan line, so what is missing cannot be told: run again into a new file")
    return reading


def _same_machine(begun: Reading, machine: Machine) -> None:
    """Raise RecordError where a run would be finished on another machine than it was begun on."""
    first = next(iter(begun.machines.values()))
    if identity(first) != identity(machine):
        was, now = wording.machine_line(first), wording.machine_line(machine)
        raise RecordError(f"{begun.path}:1: begun on {was}; this is {now}: finish it there, or run here into a new file")


def _default(machine: Machine) -> Path:
    host = "".join(c if c.isalnum() or c in "-_" else "-" for c in machine.host.hostname)
    return Path("out") / f"{host}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"


def _run(
    planned: Plan,
    machine: Machine,
    writer: Writer,
    begun: Reading | None,
    timeout_s: float,
    json: bool,
    profiler: profiling.Profiler | None,
) -> bool:
    """Append a record per case; return whether the run was interrupted."""
    digest = codec.digest(machine)
    if begun is None or digest not in begun.machines:
        writer.append(MachineRecord(digest, machine))
    keys = tuple(skip.key for skip in planned.skipped) + tuple(job.key for job in planned.jobs)
    if begun is None:
        writer.append(PlanRecord(planned.selection, planned.order_seed, keys, digest))
    done = {run.key for run in begun.runs} if begun else set[str]()
    out = Console(highlight=False, soft_wrap=True)
    Console(stderr=True, highlight=False, soft_wrap=True).print(summary.planned(planned, estimate.seconds(planned)), markup=False)
    ends = outcomes(planned, machine, timeout_s=timeout_s, done=done, profiler=profiler)
    batch = machine.host.scheduler or f"{machine.host.hostname} {machine.taken_at}"
    try:
        with terminable(), _progress() as progress:
            task = progress.add_task("", total=len(keys), completed=sum(key in done for key in keys))
            for ended in ends:
                line = record(ended, machine, digest, batch)
                writer.append(line)
                if json:
                    sys.stdout.write(codec.to_json(line) + "\n")
                elif line.outcome.status != "skipped":
                    out.print(summary.line(line), markup=False)
                progress.update(task, advance=1, description=line.case.id)
    except KeyboardInterrupt:
        return True
    finally:
        ends.close()
    return False


def _conclude(
    reading: Reading, begun: Reading | None, wall_s: float, profiler: profiling.Profiler | None, interrupted: bool
) -> int:
    """Say on stderr what matters, and return the exit code."""
    before = {run.key for run in begun.runs} if begun else set[str]()
    mine = [run for run in reading.runs if run.key not in before]
    results = [result for system in systems([reading], {}) for result in system.results]
    lines = summary.five_lines(reading)
    lines += summary.audit(results) if any(plan.selection.audit for plan in reading.plans) else []
    lines += [summary.overhead(mine, wall_s)] if any(run.outcome.measurement for run in mine) else []
    lines += _profiled(profiler) if profiler else []
    lines += [f"records: {reading.path}"]
    lines += [f"interrupted; finish it with: ngtbench run --resume {reading.path}"] if interrupted else []
    talk = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        talk.print(line, markup=False)
    if interrupted:
        return INTERRUPTED
    statuses = {run.outcome.status for run in reading.runs}
    if statuses & {"wrong", "failed"} or any(FLAG in result.flags for result in results):
        return 1
    return 0 if "done" in statuses else NOTHING_RAN


def _profiled(profiler: profiling.Profiler) -> list[str]:
    """Return where the profile lies and how to look at it; its hottest lines, where it is perf's."""
    if not profiler.file.exists():
        return [f"profile    {profiler.name} wrote no {profiler.file}"]
    said = [f"profile    {profiler.file}; open it with: {profiler.opens}", profiler.more, *profiling.hottest(profiler)]
    return [line for line in said if line]


def _progress() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True)


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, which Slurm and Kubernetes send, end the run as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> Never:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
