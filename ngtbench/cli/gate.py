"""`ngtbench gate`: is the candidate slower than the baseline? Pass, fail or inconclusive, and everything that rests on."""

import fnmatch
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from ngtbench import __version__, units
from ngtbench.cli.run import terminable
from ngtbench.discover.machine import discover
from ngtbench.errors import BadInput
from ngtbench.harness import gate, rules, sides, stored
from ngtbench.harness.run import Ended, record
from ngtbench.model.case import Selection
from ngtbench.model.gate import Decision, GateRecord, Judged, Rule, Side
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord
from ngtbench.report import verdict, wording
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import read

SELF_TEST_CASE = "ml/jet_mlp@1/M/numpy/float32"
SELF_TEST_SLOWER = 0.10


def command(
    cases: Annotated[
        list[str] | None, typer.Argument(help="Globs of case ids, or workloads; default: those of pyproject")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Revision, tree, environment (folder or Python), or record file")] = None,
    candidate: Annotated[str, typer.Option(help="The same; '.' is the working tree")] = ".",
    output: Annotated[Path, typer.Option(help="Folder for gate.json, .xml, .md, .html and the records; replaced")] = Path("gate"),
    pairs: Annotated[int | None, typer.Option(min=6, max=1000, help="Pairs at most, instead of the rules'")] = None,
    budget: Annotated[str, typer.Option(help="Measuring time per launch")] = "1s",
    timeout: Annotated[str, typer.Option(help="Silence after which a launch counts as hung")] = "10m",
    time_limit: Annotated[str, typer.Option(help="What is undecided then is inconclusive")] = "30m",
    seed: Annotated[int, typer.Option(min=0, help="Seed of inputs and order")] = 1,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Unchanged code must pass, 10 % slower must fail, here, now")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print gate.json")] = False,
) -> int:
    """Judge, write the reports, and return 0 pass, 1 regression, 2 error, 3 inconclusive."""
    asked = gate.Asked(seed, units.duration_s(budget), units.duration_s(timeout), time.monotonic() + units.duration_s(time_limit))
    if self_test:
        return _self_test(tuple(cases or (SELF_TEST_CASE,)), candidate, output, asked, pairs)
    if baseline is None:
        raise BadInput("--baseline is missing: a revision, a tree, an environment or a record file; or --self-test")
    recorded = [Path(side).suffix == ".jsonl" for side in (baseline, candidate)]
    if any(recorded):
        if not all(recorded):
            raise BadInput(f"--baseline {baseline} --candidate {candidate}: records can be gated against records only")
        found = _stored(Path(baseline), Path(candidate), tuple(cases or ()))
    else:
        found = _interleaved({"baseline": baseline, "candidate": candidate}, tuple(cases or ()), output, asked, pairs)
    return _conclude(found, output, json)


def _interleaved(
    asked_for: Mapping[str, str], cases: tuple[str, ...], output: Path, asked: gate.Asked, pairs: int | None
) -> GateRecord:
    started_at, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    machine = discover()
    places = {name: sides.place(asked_for[name]) for name in gate.NAMES}
    known = rules.load(places["candidate"].root / "pyproject.toml")
    wanted = cases or known.cases
    listings = {name: sides.listed(at, _selections(wanted)) for name, at in places.items()}
    keys = dict.fromkeys(key for found in listings.values() for key in (*found.jobs, *found.skipped) if _matches(key, wanted))
    if not keys:
        raise BadInput(f"no case of either side matches {', '.join(wanted)}: see `ngtbench list`")
    _exclusive(machine, keys)
    judged = _judge(places, listings, _ruled(known, keys, pairs), asked, output, machine)
    return GateRecord(
        started_at=started_at,
        wall_s=time.monotonic() - start,
        suite=__version__,
        seed=asked.seed,
        budget_s=asked.budget_s,
        machine=wording.machine_line(machine),
        machine_digest=codec.digest(machine),
        method="interleaved launches",
        baseline=places["baseline"].side,
        candidate=places["candidate"].side,
        cases=judged,
        exit_code=gate.exit_code(judged),
        notes=_dependencies(places),
    )


def _judge(
    places: Mapping[str, sides.Place],
    listings: Mapping[str, sides.Listed],
    ruled: Mapping[str, Rule],
    asked: gate.Asked,
    output: Path,
    machine: Machine,
) -> tuple[Judged, ...]:
    """Judge every benchmark; records of both sides go to the output folder as they come."""
    talk, digest = Console(stderr=True, highlight=False, soft_wrap=True), codec.digest(machine)
    made: list[Judged] = []

    def tell(key: str, decision: Decision) -> None:
        if decision.estimate is not None and decision.half_width is not None:
            talk.print(f"{key}: {decision.pairs} pairs, {_change(decision)}", markup=False)

    with ExitStack() as stack, terminable():
        writers = {}
        for name in gate.NAMES:
            path = output / f"{name}.jsonl"
            path.unlink(missing_ok=True)
            writers[name] = stack.enter_context(Writer(path))
            writers[name].append(MachineRecord(digest, machine))

        def keep(name: str, ended: Ended) -> None:
            side = places[name].side
            line = record(ended, machine, digest)
            own = replace(line.provenance, commit=side.commit, dirty=side.dirty)
            writers[name].append(replace(line, provenance=own))

        for judged in gate.judge(places, listings, ruled, asked, keep, tell):
            talk.print(f"{judged.status.upper()}  {judged.case} on {judged.device}: {judged.reason}", markup=False)
            made.append(judged)
    return tuple(made)


def _stored(baseline: Path, candidate: Path, cases: tuple[str, ...]) -> GateRecord:
    started_at, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    readings = read(baseline), read(candidate)
    machine = stored.machine(*readings)
    known = rules.load(Path("pyproject.toml"))
    keys = dict.fromkeys(key for reading in readings for key in stored.launches(reading) if _matches(key, cases))
    if not keys:
        raise BadInput(f"{baseline}, {candidate}: hold no case{f' that matches {cases}' if cases else ''}")
    judged = tuple(stored.judge(*readings, _ruled(known, keys, None)))
    made: list[Side] = []
    for path, reading in zip((baseline, candidate), readings, strict=True):
        commits = {(run.provenance.commit, run.provenance.dirty) for run in reading.runs}
        commit, dirty = commits.pop() if len(commits) == 1 else (None, None)
        made.append(Side(str(path), "records", commit, dirty, None))
    return GateRecord(
        started_at=started_at,
        wall_s=time.monotonic() - start,
        suite=__version__,
        seed=0,
        budget_s=0.0,
        machine=wording.machine_line(machine),
        machine_digest=codec.digest(machine),
        method="stored records",
        baseline=made[0],
        candidate=made[1],
        cases=judged,
        exit_code=gate.exit_code(judged),
        notes=(stored.WEAKER, *(note for reading in readings for note in reading.notes)),
    )


def _self_test(cases: tuple[str, ...], tree: str, output: Path, asked: gate.Asked, pairs: int | None) -> int:
    """Gate the candidate against itself, unchanged and slowed down; say what this machine can resolve."""
    codes = []
    for name, slower, wanted in (("unchanged", 0.0, 0), ("slower", SELF_TEST_SLOWER, 1)):
        found = _interleaved({"baseline": tree, "candidate": tree}, cases, output / name, replace(asked, slower=slower), pairs)
        verdict.write(found, output / name)
        for judged in found.cases:
            decision = judged.decision
            noise = f"; noise of a pair {decision.sd:.1%}" if decision and decision.sd is not None else ""
            change = f", {_change(decision)}" if decision and decision.half_width is not None else ""
            sys.stdout.write(f"{name} ({slower:.0%} injected): {judged.case}: {judged.status}{change}{noise}\n")
        codes.append(0 if found.exit_code == wanted else 3 if found.exit_code == 3 else 2 if found.exit_code == 2 else 1)
    said = {0: "this machine can be gated", 1: "the gate is wrong here", 2: "it could not be tried", 3: "too noisy to decide"}
    code = next(code for code in (2, 1, 3, 0) if code in codes)
    sys.stdout.write(f"self-test: {said[code]}\n")
    return code


def _conclude(found: GateRecord, output: Path, json: bool) -> int:
    paths = verdict.write(found, output)
    if json:
        sys.stdout.write((output / "gate.json").read_text(encoding="utf-8"))
    else:
        words: dict[int, Literal["pass", "regression", "error", "inconclusive"]]
        words = {0: "pass", 1: "regression", 2: "error", 3: "inconclusive"}
        counts: dict[str, int] = {}
        for judged in found.cases:
            counts[judged.status] = counts.get(judged.status, 0) + 1
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        sys.stdout.write(f"{words[found.exit_code]}: {said}\n" + "".join(f"{path}\n" for path in paths))
    return found.exit_code


def _selections(wanted: tuple[str, ...]) -> list[Selection]:
    """Return what a side must list for these globs: all sizes where one names cases, the quick suite for workloads."""
    names = [one for one in wanted if "@" not in one]
    full = {one.partition("@")[0] for one in wanted if "@" in one}
    made = [Selection(workloads=(name,), suite="quick") for name in names or (() if full else ("*",))]
    return made + [Selection(workloads=(name,), suite="full") for name in sorted(full)]


def _matches(key: str, wanted: tuple[str, ...]) -> bool:
    case = key.partition(" on ")[0]
    return not wanted or any(
        fnmatch.fnmatchcase(case, one)
        if "@" in one
        else fnmatch.fnmatchcase(case.partition("@")[0], one) or case.startswith(f"{one}/")
        for one in wanted
    )


def _ruled(known: rules.Rules, keys: Mapping[str, None], pairs: int | None) -> dict[str, Rule]:
    found = {key: known.rule(key.partition(" on ")[0]) for key in keys}
    return {key: replace(rule, max_pairs=pairs) for key, rule in found.items()} if pairs else found


def _exclusive(machine: Machine, keys: Mapping[str, None]) -> None:
    """Raise BadInput where a GPU that is to be gated on is in use: a stranger's work would be taken for ours."""
    used = {key.partition(" on ")[2] for key in keys}
    for gpu in machine.gpus:
        if gpu.id in used and gpu.processes:
            raise BadInput(f"{gpu.id} is in use by {gpu.processes} other processes: gate on a device of its own, or leave it out")


def _dependencies(places: Mapping[str, sides.Place]) -> tuple[str, ...]:
    """Say where both sides run over one stack that one of them does not ask for."""
    files = [places[name].root / "constraints.txt" for name in gate.NAMES]
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in files]
    shared = len({places[name].python for name in gate.NAMES}) == 1
    if shared and texts[0] != texts[1]:
        return (
            "constraints.txt differs between the sides, and both ran over the installed stack: gate two environments instead",
        )
    return ()


def _change(decision: Decision) -> str:
    assert decision.estimate is not None and decision.half_width is not None
    return f"{100 * decision.estimate:+.1f} ± {100 * decision.half_width:.1f} % (log ratio, above 0 is worse)"
