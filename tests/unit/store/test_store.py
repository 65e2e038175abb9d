"""Record files: what goes in comes out, and every fault is named with file, line and key."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ngtbench import shipped
from ngtbench.errors import RecordError
from ngtbench.model.case import Case, Metric, Resources, Selection, Work
from ngtbench.model.record import (
    Energy,
    Health,
    MachineRecord,
    Measurement,
    Outcome,
    PlanRecord,
    Provenance,
    RunRecord,
    Verdict,
)
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.store.read import examine, read
from tests.machines import gpu, machine

GOLDEN = Path(__file__).parents[2] / "golden"
MACHINE = MachineRecord(codec.digest(machine(gpu())), machine(gpu()))
CASE = Case("system/triad", 1, "S", "numpy", "float64")
TAKEN = Measurement(
    series={"wall_s": (1.5e-3, 1.25e-3)},
    at_s=(0.0, 0.002),
    calls=1,
    warmup_s=0.5,
    warmup_calls=300,
    build_s=0.25,
    timer="perf_counter_ns",
    timer_resolution_s=1e-7,
    overhead_s=5e-8,
    energy=Energy(None, 0.004, None, None, None, "no counter"),
    before=Health(load1=0.5, missing={"clock_hz": "hidden"}),
    after=Health(load1=0.5, missing={"clock_hz": "hidden"}),
    flags={"not_converged": 0.1},
)
RUN = RunRecord(
    case=CASE,
    resources=Resources("cpu:0", 8, True),
    launch=0,
    seed=1,
    machine=MACHINE.digest,
    outcome=Outcome(
        status="done",
        measurement=TAKEN,
        verdict=Verdict(True, "full", 1e-17, 1e-15, "a[3]", {"norm": (0.0, 1.0)}, "00ff"),
        work=Work(2, 24, 24, 1, "element"),
        metrics=(Metric("wall_s"),),
        variant="two passes",
    ),
    provenance=Provenance("2026-11-01T00:00:00+00:00", 1.0, "0.1.0", None, None, "ported", {"OMP_NUM_THREADS": "8"}, "pkg"),
)
LATER = replace(  # what version 2 added
    RUN,
    launch=1,
    outcome=replace(
        RUN.outcome,
        measurement=replace(
            TAKEN,
            series={"wall_s": (1.5e-3, 1.25e-3), "cold_s": (2e-3, 2.5e-3, 2e-3), "device_s": (1e-3, 1e-3)},
            timed_s=0.25,
            flush_b=2**26,
            missing={"replay_s": "the work cannot be captured as a graph"},
            before=Health(clock_hz=1e9, memory_clock_hz=2e9, ecc_errors=0, processes=0, throttle=("heat",)),
        ),
    ),
    provenance=replace(RUN.provenance, redone=("throttled for 40 % of the window",), profiler="perf", start_s=0.5),
)
AUDIT = PlanRecord(Selection(workloads=("system/triad",), audit=True), 1, (RUN.key, LATER.key), MACHINE.digest)
PLAN = PlanRecord(Selection(workloads=("system/triad",)), 1, (RUN.key,), MACHINE.digest)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "records.jsonl"
    with Writer(path) as writer:
        for record in (MACHINE, PLAN, RUN):
            writer.append(record)
    return path


def changed(file: Path, line: int, change: Any) -> Path:
    lines = file.read_text().splitlines()
    plain = json.loads(lines[line - 1])
    change(plain)
    lines[line - 1] = json.dumps(plain)
    file.write_text("\n".join(lines) + "\n")
    return file


def test_what_goes_in_comes_out(file: Path) -> None:
    reading = read(file)
    assert reading.machines == {MACHINE.digest: MACHINE.machine}
    assert reading.plans == (PLAN,)
    assert reading.runs == (RUN,)
    assert (reading.notes, reading.missing) == ((), ())
    assert all(line.startswith('{"schema":"ngtbench.') for line in file.read_text().splitlines())


def test_the_golden_file_of_version_1_is_read() -> None:
    reading = read(GOLDEN / "version-1.jsonl")
    (run,), (plan,) = reading.runs, reading.plans
    assert run == replace(RUN, machine=run.machine)
    assert plan == replace(PLAN, machine=run.machine)


def test_the_golden_file_of_version_2_is_read() -> None:
    reading = read(GOLDEN / "version-2.jsonl")
    (machine_digest,), (plan,) = reading.machines, reading.plans
    assert reading.runs == tuple(replace(run, machine=machine_digest) for run in (RUN, LATER))
    assert plan == replace(AUDIT, machine=machine_digest)


def test_every_version_that_is_read_has_a_golden_file() -> None:
    text = "".join(path.read_text() for path in GOLDEN.glob("*.jsonl"))
    assert all(f'"schema":"{schema}"' in text for schema in codec._READ)


def test_the_shipped_schema_is_the_models() -> None:
    shipped_schema = json.loads((shipped.folder("schema") / "record.json").read_text())
    assert shipped_schema == codec.schema_document(), "regenerate it: see docs/methodology.md"


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        (3, lambda plain: plain.update(launch="0"), "3: launch: Input should be a valid integer, found '0'"),
        (3, lambda plain: plain.pop("seed"), "3: seed: Field required"),
        (3, lambda plain: plain.update(extra=1), "3: extra: Unexpected"),
        (3, lambda plain: plain["case"].update(version="one"), "3: case.version: "),
        (
            3,
            lambda plain: plain["outcome"]["measurement"]["series"]["wall_s"].__setitem__(1, None),
            "3: outcome.measurement.series.wall_s[1]: ",
        ),
        (3, lambda plain: plain["outcome"].update(status="fine"), "3: outcome.status: "),
        (3, lambda plain: plain.update(schema="ngtbench.run/7"), "'ngtbench.run/7' is of another version"),
        (3, lambda plain: plain.update(schema=None), "no record line"),
        (3, lambda plain: plain.update(machine="ffff"), "3: machine: no line above describes machine ffff"),
        (1, lambda plain: plain["machine"]["cpu"].update(threads=64), "1: digest: does not match the machine"),
    ],
)
def test_a_fault_is_named_with_file_line_and_key(file: Path, line: int, change: Any, words: str) -> None:
    with pytest.raises(RecordError) as caught:
        read(changed(file, line, change))
    assert str(caught.value).startswith(f"{file}:")
    assert words in str(caught.value)


def test_all_faults_are_found(file: Path) -> None:
    changed(file, 3, lambda plain: (plain.update(launch="0"), plain.pop("seed"), plain.update(extra=1)))
    _, faults = examine(file)
    assert len(faults) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1: holds no record"),
        (b"\n\n", ":1: holds no record"),
        (b"\x7fELF\x00\xff\xfe\n", ":1: not UTF-8 text (byte 5)"),
        (b"{\n", ":1: not JSON"),
        (b"[1]\n", ":1: schema: there is none"),
        (b'{"schema":"ngtbench.run/1","seed":NaN}\n', ":1: not JSON: NaN is not a JSON number"),
        (b'{"schema":"ngtbench.run/1","schema":"ngtbench.run/1"}\n', "stands twice"),
        (b"[" * 100_000 + b"\n", ":1: "),
    ],
)
def test_what_is_no_record_file(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read(path)
    assert f"{path}{words}" in str(caught.value) or words in str(caught.value)


def test_a_doubled_record_is_a_fault(file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[2]]) + "\n")
    with pytest.raises(RecordError, match="stands already in line 3"):
        read(file)


def test_half_a_last_line_is_skipped_and_said(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    reading = read(file)
    assert reading.runs == ()
    assert reading.missing == (RUN.key,)
    assert ":3: half a line" in reading.notes[0]


def test_resuming_drops_half_a_line_and_keeps_a_whole_one(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with Writer(file, resume=True) as writer:
        writer.append(RUN)
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-1])  # only the newline was lost
    with Writer(file, resume=True) as writer:
        writer.append(replace(RUN, launch=1))
    assert len(read(file).runs) == 2


def test_numbers_that_json_lacks_are_refused(file: Path) -> None:
    before = file.read_bytes()
    bad = replace(RUN, provenance=replace(RUN.provenance, wall_s=float("nan")), launch=1)
    with Writer(file, resume=True) as writer, pytest.raises(RecordError, match="NaN or an infinity"):
        writer.append(bad)
    assert file.read_bytes() == before


def test_an_existing_file_is_not_overwritten(file: Path) -> None:
    with pytest.raises(RecordError, match="exists already"):
        Writer(file)


def test_an_unwritable_place_is_named() -> None:
    with pytest.raises(RecordError, match="cannot be written: No such file or directory; choose another"):
        Writer(Path("/proc/ngtbench/records.jsonl"))


def test_a_file_where_a_folder_is_wanted_is_named(file: Path) -> None:
    with pytest.raises(RecordError, match=r"records\.jsonl is a file"):
        Writer(file / "records.jsonl")
