"""`ngtbench run`: plan, run, record; ends cleanly however it is ended."""

import signal
import sys
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

from ngtbench import __version__, units
from ngtbench.analysis.results import identity
from ngtbench.discover.machine import discover
from ngtbench.errors import BadInput, RecordError
from ngtbench.harness.plan import plan
from ngtbench.harness.run import Ended, outcomes
from ngtbench.model.case import Plan, Selection
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord, PlanRecord, Provenance, RunRecord
from ngtbench.report import summary, wording
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import Reading, read

NOTHING_RAN = 3
INTERRUPTED = 130


def command(
    workloads: Annotated[list[str] | None, typer.Argument(help="Names, families or globs: system/triad lattice '*mlp'")] = None,
    suite: Annotated[str, typer.Option(help="quick, smoke (smallest sizes) or full (all that fit)")] = "quick",
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
    json: Annotated[bool, typer.Option("--json", help="Print the record lines instead of a table")] = False,
) -> int:
    """Run cases and append a record of each."""
    timeout_s = units.duration_s(timeout)
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
    )
    begun = _begun(resume, selection, output) if resume else None
    machine = discover()
    planned = plan(machine, begun.plans[0].selection if begun else selection)
    if begun:
        _same_machine(begun, machine)
    path = resume or output or _default(machine)
    with Writer(path, resume=resume is not None) as writer:
        interrupted = _run(planned, machine, writer, begun, timeout_s, json)
    reading = read(path)
    return _conclude(reading, interrupted)


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


def _run(planned: Plan, machine: Machine, writer: Writer, begun: Reading | None, timeout_s: float, json: bool) -> bool:
    """Append a record per case; return whether the run was interrupted."""
    digest = codec.digest(machine)
    if begun is None or digest not in begun.machines:
        writer.append(MachineRecord(digest, machine))
    keys = tuple(skip.key for skip in planned.skipped) + tuple(job.key for job in planned.jobs)
    if begun is None:
        writer.append(PlanRecord(planned.selection, planned.order_seed, keys, digest))
    done = {run.key for run in begun.runs} if begun else set[str]()
    out = Console(highlight=False, soft_wrap=True)
    ends = outcomes(planned, timeout_s=timeout_s, done=done)
    try:
        with _terminable(), _progress() as progress:
            task = progress.add_task("", total=len(keys), completed=sum(key in done for key in keys))
            for ended in ends:
                record = _record(ended, digest, machine)
                writer.append(record)
                if json:
                    sys.stdout.write(codec.to_json(record) + "\n")
                elif record.outcome.status != "skipped":
                    out.print(summary.line(record), markup=False)
                progress.update(task, advance=1, description=record.case.id)
    except KeyboardInterrupt:
        return True
    finally:
        ends.close()
    return False


def _record(ended: Ended, digest: str, machine: Machine) -> RunRecord:
    provenance = Provenance(
        started_at=ended.started_at,
        wall_s=ended.wall_s,
        suite=__version__,
        commit=machine.git.commit,
        dirty=machine.git.dirty,
        tier=ended.job.tier,
        environment=ended.environment,
        worker=ended.worker,
    )
    job = ended.job
    return RunRecord(job.case, job.resources, job.launch, job.seed, digest, ended.outcome, provenance)


def _conclude(reading: Reading, interrupted: bool) -> int:
    talk = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in summary.five_lines(reading):
        talk.print(line, markup=False)
    talk.print(f"records: {reading.path}", markup=False)
    if interrupted:
        talk.print(f"interrupted; finish it with: ngtbench run --resume {reading.path}", markup=False)
        return INTERRUPTED
    statuses = {run.outcome.status for run in reading.runs}
    if statuses & {"wrong", "failed"}:
        return 1
    return 0 if "done" in statuses else NOTHING_RAN


def _progress() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, which Slurm and Kubernetes send, end the run as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> Never:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
