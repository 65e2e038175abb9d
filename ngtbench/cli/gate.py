"""`ngtbench gate`: is the candidate slower than the baseline? Pass, fail or inconclusive, and everything that rests on."""

import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ngtbench import __version__, units
from ngtbench.cli.run import INTERRUPTED, terminable
from ngtbench.cli.talk import Talk, say
from ngtbench.discover.machine import discover
from ngtbench.errors import BadInput
from ngtbench.harness import ceiling, gate, rules, sides, stored
from ngtbench.harness.pairs import NAMES, Asked
from ngtbench.harness.run import Ended, record
from ngtbench.model.gate import Decision, GateRecord, Judged, Rule, Side, SideName
from ngtbench.model.machine import Machine
from ngtbench.model.record import MachineRecord, RunRecord
from ngtbench.report import verdict, wording
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import read

SELF_TEST_CASE = "ml/jet_mlp@1/M/numpy/float32"
SELF_TEST_GPU = "ml/jet_mlp@1/M/torch/float32"
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
    globs = tuple(cases or ())
    recorded = [Path(side or "").suffix == ".jsonl" for side in (baseline, candidate)]
    try:
        with terminable(), verdict.held(output):
            verdict.clear(output, records=not any(recorded))
            limits = units.duration_s(budget), units.duration_s(timeout), time.monotonic() + units.duration_s(time_limit)
            asked = Asked(seed, *limits)
            if self_test:
                return _self_test(globs, candidate, output, asked, pairs)
            if baseline is None:
                raise BadInput("--baseline is missing: a revision, a tree, an environment or a record file; or --self-test")
            if any(recorded) and not all(recorded):
                raise BadInput(f"--baseline {baseline} --candidate {candidate}: records can be gated against records only")
            if all(recorded):
                found = _stored(Path(baseline), Path(candidate), globs)
            else:
                found = _interleaved({"baseline": baseline, "candidate": candidate}, globs, output, asked, pairs)
            return _conclude(found, output, json)
    except KeyboardInterrupt:
        sys.stderr.write(f"ngtbench: interrupted before every case was judged: no verdict; launches are in {output}\n")
        return INTERRUPTED


def _interleaved(
    asked_for: Mapping[SideName, str], globs: tuple[str, ...], output: Path, asked: Asked, pairs: int | None
) -> GateRecord:
    started_at, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    machine = discover()
    places = {name: sides.place(asked_for[name]) for name in NAMES}
    known = rules.load(places["candidate"].root / "pyproject.toml")
    chosen = globs or known.cases
    listings = {name: sides.listed(at, rules.selections(chosen)) for name, at in places.items()}
    keys = rules.chosen((key for found in listings.values() for key in (*found.jobs, *found.skipped)), chosen)
    _exclusive(machine, keys)
    notes = (*_differences(places, known), *([] if globs else rules.idle(known, keys)))
    before = {name: sides.fingerprint(at) for name, at in places.items()}
    judged = _judge(
        places, listings, rules.ruled(known, keys, pairs), replace(asked, ceiling=ceiling.of(machine)), output, machine
    )
    for name, at in places.items():
        if sides.fingerprint(at) != before[name]:
            judged = tuple(
                replace(one, status="error", reason=f"the {name}'s files changed while it was gated") for one in judged
            )
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
        notes=notes,
    )


def _judge(
    places: Mapping[SideName, sides.Place],
    listings: Mapping[SideName, sides.Listed],
    ruled: Mapping[str, Rule],
    asked: Asked,
    output: Path,
    machine: Machine,
) -> tuple[Judged, ...]:
    """Judge every benchmark; records of both sides go to the output folder as they come."""
    talk, digest = Talk(stderr=True, highlight=False, soft_wrap=True), codec.digest(machine)
    made: list[Judged] = []

    def tell(key: str, decision: Decision) -> None:
        talk.print(f"{key}: {decision.pairs} pairs, {verdict.change(decision)}", markup=False)

    with ExitStack() as stack:
        writers = {}
        for name in NAMES:
            writers[name] = stack.enter_context(Writer(output / f"{name}.jsonl"))
            writers[name].append(MachineRecord(digest, machine))

        def keep(name: SideName, ended: Ended) -> None:
            side = places[name].side
            line = record(ended, machine, digest)
            own = replace(line.provenance, commit=side.commit, dirty=side.dirty)
            writers[name].append(replace(line, provenance=own))

        for judged in gate.judge(places, listings, ruled, asked, keep, tell):
            talk.print(f"{judged.status.upper()}  {judged.case} on {judged.device}: {judged.reason}", markup=False)
            made.append(judged)
    return tuple(made)


def _stored(baseline: Path, candidate: Path, globs: tuple[str, ...]) -> GateRecord:
    started_at, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    readings = read(baseline), read(candidate)
    machine = stored.machine(*readings)
    keys = rules.chosen((key for reading in readings for key in stored.keys(reading)), globs)
    judged = tuple(stored.judge(*readings, rules.ruled(rules.load(Path("pyproject.toml")), keys, None)))
    return GateRecord(
        started_at=started_at,
        wall_s=time.monotonic() - start,
        suite=__version__,
        seed=0,
        budget_s=0.0,
        machine=wording.machine_line(machine),
        machine_digest=codec.digest(machine),
        method="stored records",
        baseline=_file(baseline, readings[0].runs),
        candidate=_file(candidate, readings[1].runs),
        cases=judged,
        exit_code=gate.exit_code(judged),
        notes=(stored.WEAKER, *(note for reading in readings for note in reading.notes)),
    )


def _file(path: Path, runs: Iterable[RunRecord]) -> Side:
    commits = {(run.provenance.commit, run.provenance.dirty) for run in runs}
    commit, dirty = commits.pop() if len(commits) == 1 else (None, None)
    return Side(str(path), "records", commit, dirty, None)


def _self_test(globs: tuple[str, ...], tree: str, output: Path, asked: Asked, pairs: int | None) -> int:
    """Gate the candidate against itself, unchanged and slowed down; say what this machine can resolve."""
    if tree == "." and not Path("ngtbench", "__init__.py").is_file():
        tree = sys.executable  # not in a checkout: what is installed
    globs = globs or (SELF_TEST_CASE, *([SELF_TEST_GPU] if discover().gpus else []))
    codes = set()
    for name, slower, wanted in (("unchanged", 0.0, "pass"), ("slower", SELF_TEST_SLOWER, "fail")):
        both: dict[SideName, str] = {"baseline": tree, "candidate": tree}
        with verdict.held(output / name):
            verdict.clear(output / name)
            found = _interleaved(both, globs, output / name, replace(asked, slower=slower), pairs)
            verdict.write(found, output / name)
        for judged in found.cases:
            said = f"{judged.status}, {verdict.change(judged.decision)} in {verdict.pairs(judged)} pairs"
            say(f"{slower:.0%} injected: {judged.case} on {judged.device}: {said}; noise of a pair {verdict.noise(judged)}\n")
        seen = {judged.status for judged in found.cases} - {"skipped", wanted}
        codes |= {2} if "error" in seen or found.exit_code == 2 else {1} if seen & {"pass", "fail"} else {3} if seen else {0}
    words = {0: "this machine can be gated", 1: "the gate is wrong here", 2: "it could not be tried", 3: "too noisy to decide"}
    code = next(code for code in (2, 1, 3, 0) if code in codes)
    say(f"self-test: {words[code]}\n")
    return code


def _conclude(found: GateRecord, output: Path, json: bool) -> int:
    paths = verdict.write(found, output)
    said = f"{verdict.headline(found)}\n" + "".join(f"{path}\n" for path in paths)
    say((output / "gate.json").read_text(encoding="utf-8") if json else said)
    return found.exit_code


def _exclusive(machine: Machine, keys: Iterable[str]) -> None:
    """Raise BadInput where a GPU that is to be gated on is in use: a stranger's work would be taken for ours."""
    used = {key.partition(" on ")[2] for key in keys}
    for gpu in machine.gpus:
        if gpu.id in used and gpu.processes:
            raise BadInput(f"{gpu.id} is in use by {gpu.processes} other processes: gate on a device of its own, or leave it out")


def _differences(places: Mapping[SideName, sides.Place], known: rules.Rules) -> list[str]:
    """Say what the sides do not share, and ran as one of them has it."""
    said, baseline = [], places["baseline"]
    if baseline.python == places["candidate"].python and len({_text(at, "constraints.txt") for at in places.values()}) > 1:
        said.append(
            "constraints.txt differs between the sides, and both ran over the installed stack: gate two environments instead"
        )
    try:
        same = rules.load(baseline.root / "pyproject.toml") == known
    except BadInput:
        same = False
    said += [] if same else ["the gate's rules differ between the sides: the candidate's were used"]
    if baseline.package == places["candidate"].package and baseline.python == places["candidate"].python:
        said.append("both sides are the same files: whatever differs is noise")
    return said


def _text(at: sides.Place, name: str) -> str:
    path = at.root / name
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
