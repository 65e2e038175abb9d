"""Names that the suite does not declare never reach an anonymised report; what is computed from records stays the same."""

import re
import types
import zipfile
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from ngtbench.analysis import amdahl
from ngtbench.analysis.audit import FLAG
from ngtbench.model.case import Metric, Selection
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import Machine
from ngtbench.model.record import PlanRecord, RunRecord
from ngtbench.report import bundle, html, wording
from ngtbench.report.anonymise import anonymised
from ngtbench.report.anonymous_machine import Machines
from ngtbench.report.anonymous_names import Names
from ngtbench.report.anonymous_record import Records
from ngtbench.report.bundle import named
from ngtbench.report.declared import declared
from ngtbench.report.findings import find
from ngtbench.report.html import Report
from ngtbench.report.systems import systems
from ngtbench.report.withheld import StandIns, telling
from ngtbench.store import codec
from tests.machines import gpu, machine
from tests.records import STEADY, VERDICT, WORK, case, done, measurement, run, written
from tests.unit.report import anonymous

IDS = {"id", "device", "digest", "machine"}
FORMS = (
    "secret<{}>", "jqxsmith", "rocblas-mi300x-huawei", "0.1.0+fujitsu", "ascend910_boost", "wall_s_jqxsmith", "cublaslt_per_s",
    "S-jqxsmith-chain", "S~huawei", "groq~seed", "system/sm90a", "fujitsu/triad", "user/onemkl", "numpy-rtx6000", "float64 nvhpc",
    "system/triad@1/S/groq/float64", "2026-11-01T01:00:00+02:00 jqxsmith", "huawei, median", "cpu:fujitsu",
)  # fmt: skip


def marked(value: Any, hint: Any, path: str, form: str = "secret<{}>") -> Any:
    """Return a value whose every text is of this form, in which a place in braces says where it stands."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value))
        kept = [field.name for field in fields(value) if field.name not in IDS]
        dotted = f"{path}." if path else ""
        return replace(value, **{name: marked(getattr(value, name), hints[name], f"{dotted}{name}", form) for name in kept})
    options = get_args(hint) if get_origin(hint) is types.UnionType else (hint,)
    if any(get_origin(option) is Literal for option in options):
        return value
    if str in options:
        return form.format(path)
    for option in options:
        inner = get_args(option)
        if get_origin(option) is dict and inner[0] is str and (value or inner[1] is str):
            return {form.format(path): marked(next(iter((value or {"": ""}).values())), inner[1], path, form)}
        if get_origin(option) is tuple and inner and (inner[0] is str or value):
            return tuple(marked(one, inner[0], path, form) for one in value or ("",))
    return value


@pytest.mark.parametrize("form", FORMS)
def test_no_text_is_shown_that_the_suite_did_not_write(tmp_path: Path, form: str) -> None:
    one = replace(machine(gpu()), compilers={"a": "b"}, packages={"a": "b"})
    record = run()
    assert record.outcome.measurement is not None
    record = replace(
        record,
        outcome=replace(
            record.outcome,
            measurement=replace(record.outcome.measurement, flags={"drift": 0.1}),
            verdict=replace(VERDICT, invariants={"norm": (0.0, 1.0)}),
        ),
    )
    reading = written(tmp_path / "a.jsonl", one, record)
    (digest,) = reading.machines
    made: Machine = marked(one, Machine, "", form)
    said: RunRecord = marked(reading.runs[0], RunRecord, "", form)
    asked: Selection = marked(Selection(), Selection, "", form)
    keys = (form, f"{form} on cpu:0 x1 #0", f"system/triad@1/S/{form}/float64 on {form} x1 #0", said.key)
    plan = PlanRecord(asked, 1, keys, digest)
    assert form.format("host.hostname") in codec.to_json(made)
    for path in ("case.impl", "case.size", "outcome.measurement.flags", "outcome.verdict.inputs_digest", "provenance.suite"):
        assert form.format(path) in codec.to_json(said)
    given, marks = StandIns(), replace(reading, machines={digest: made}, runs=(said,), plans=(plan,))
    names = Names(given, [marks])
    machines = Machines(given, names, {})
    new = machines.machine(made)
    records = Records(given, names, machines, marks, {digest: codec.digest(new)})
    run_, planned = records.run(said), records.plan(plan)
    assert planned.keys[-1] == run_.key, "a planned run is no longer that run"
    shown = "".join(map(codec.to_json, (new, run_, planned))).lower()
    assert [word for word in (*anonymous.WORDS, "secret", "+02:00") if word in shown] == []


def user_run(workload: str, size: str, samples: float, hour: int, job: str | None) -> RunRecord:
    """Return a run of a user's own workload, in names of people and vendors that a vendor's list need not hold."""
    timed = measurement([samples * one for one in STEADY], cublaslt_per_s=[one * 1e9 for one in STEADY])
    timed = replace(timed, flags={"ascend910_boost": 0.1, "drift": 0.01}, missing={"jqxsmith_s": "said jqxsmith"})
    outcome = replace(
        done(work=replace(WORK, event="huawei event")),
        measurement=timed,
        verdict=replace(VERDICT, inputs_digest="fujitsu", invariants={"groq norm": (0.5, 1.0)}),
        metrics=(Metric("wall_s"), Metric("cublaslt_per_s", "higher")),
    )
    one = run(outcome, case(workload, "rocblas-mi300x-huawei", size=size))
    when = f"2026-11-0{1 + hour // 24}T{hour % 24:02}:00:00+02:00"
    resources = replace(one.resources, neighbour="jqxsmith/load@1/S/groq/float64")
    made = replace(one.provenance, started_at=when, suite="0.1.0+fujitsu", commit="jqxsmith" * 3, job=job)
    return replace(one, resources=resources, provenance=made)


@pytest.fixture
def users(tmp_path: Path) -> Report:
    """Return a report of three systems on a user's workloads, none of which is the fastest at everything."""
    workloads_ = (
        ("fujitsu/a", "S"), ("jqxsmith/b", "S-jqxsmith"), ("jqxsmith/b", "S-jqxsmith~0"), ("zgroq/c", "S-rtx6000-chain"),
        ("zgroq/c", "S-rtx6000"), ("zgroq/d", "huawei"), ("system/triad", "M"),
    )  # fmt: skip
    readings = []
    for number in range(3):
        runs = [
            user_run(*name, 1 + 0.3 * ((3 * place + number * 5) % 7), 22 + place, "jqxsmith 1" if number else None)
            for place, name in enumerate(workloads_)
        ]
        one = machine(gpu() if number == 2 else gpu(0), hostname=f"h{number}")
        one = replace(one, taken_at="2026-11-01T23:30:00-02:00", suite="0.1.0+fujitsu")
        readings.append(written(tmp_path / f"{number}.jsonl", one, *runs))
    asked = Weights("jqxsmith's", "for Huawei", "Kimsmith", {"jqxsmith": 2.0, "zgroq": 3.0, "absent by groq": 1.0}, 1.0)
    return Report(named(readings), ["A", "B", "C"], {}, (), [asked, anonymous.EQUAL], "A")


def figures(value: Any) -> list[float | None]:
    """Return every number in a value, in order, without its texts."""
    if is_dataclass(value):
        return [one for field in fields(value) for one in figures(getattr(value, field.name))]
    if isinstance(value, dict):
        return figures(tuple(value.values()))
    if isinstance(value, tuple):
        return [one for part in value for one in figures(part)]
    return [] if isinstance(value, str) else [value]


def numbers(report: Report) -> tuple[Any, ...]:
    """Return every number of a report's rankings and comparisons."""
    found = find(systems(report.readings, report.profiles, report.labels), report.reference, report.weights, report.accept)
    ranked = [figures((one.standings, one.flips)) for one in found.rankings]
    tables = [table for pair in found.pairs for table in pair.tables.values()]
    compared = [sorted(repr((one.ratio, one.low, one.high, one.distinct, len(one.notes))) for one in table) for table in tables]
    shares = sorted(tuple(share for _, share in row.values()) for row in found.relative.values())
    parts = [sorted((part.share, part.low, part.high) for part in amdahl.parts(one.results)) for one in found.systems]
    audits = [sorted(result.flags.get(FLAG, 0.0) for result in one.results) for one in found.systems]
    return ranked, compared, shares, parts, audits


def test_rankings_and_comparisons_are_numerically_identical(users: Report) -> None:
    before, after = numbers(users), numbers(anonymised(users))
    ranked, compared, shares, parts, audits = before
    assert len(ranked[0]) > 20
    assert {len(rows) for rows in compared} == {0, 6}
    assert len(shares) == 6
    assert [len(one) for one in parts] == [2, 2, 2]
    assert max(map(max, audits)) > 0
    assert after == before


def test_a_users_names_are_on_no_page_and_in_no_bundle(users: Report, tmp_path: Path) -> None:
    report = anonymised(users)
    page = html.render(report)
    assert "rocblas-mi300x-huawei" in html.render(users)
    bundle.write(report, page, [], tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        texts = [page, *archive.namelist(), *(archive.read(name).decode() for name in archive.namelist())]
    shown = re.sub(r"[A-Za-z0-9+/=]{1000,}|<script>.*?</script>", "", "\n".join(texts), flags=re.DOTALL).lower()
    assert [word for word in (*anonymous.WORDS, "+02:00", *(one.sha256[:12] for one in users.readings)) if word in shown] == []
    for words in ("implementation-1", "flag-1", "metric-1_per_s", "invariant-1", "event-1", "version-1", "weights-1"):
        assert words in shown


def test_days_are_told_and_moments_keep_their_order(users: Report) -> None:
    pairs = {
        (datetime.fromisoformat(old.provenance.started_at), new.provenance.started_at)
        for a, b in zip(users.readings, anonymised(users).readings, strict=True)
        for old, new in zip(a.runs, b.runs, strict=True)
    }
    made = [new for _, new in sorted(pairs)]
    assert made == sorted(made)
    assert len(set(made)) == len(pairs) == 7
    assert made[0] == "2026-11-01T00:00:00.000000+00:00"
    assert {new[:10] for new in made} == {"2026-11-01", "2026-11-02"}
    for old, new in pairs:
        assert old.astimezone(UTC).date().isoformat() == new[:10]


def test_names_keep_what_the_suite_reads_in_them() -> None:
    names = Names(StandIns(), [])
    for old, new in (
        ("S", "S"), ("XS-chain", "XS-chain"), ("S~seed", "S~seed"), ("M~1", "M~1"), ("S-jqx", "S-variant1"),
        ("S-jqx-chain", "S-variant1-chain"), ("S-jqx~0", "S-variant1~0"), ("jqx", "size1"), ("S~jqx", "S~other1"),
        ("jqx~seed", "size1~seed"),
    ):  # fmt: skip
        assert names.size(old) == new
    assert names.metric("jqx_flop_per_s") == "metric-1_flop_per_s"
    assert (names.metric("jqx"), names.metric("wall_s"), names.metric("replay_s")) == ("metric-2", "wall_s", "replay_s")
    assert (names.implementation("cupy"), names.implementation("native")) == ("implementation-1", "native")
    assert [names.version(one) for one in ("0.1.0", "0.1.0+fujitsu", "0.1.0rc1", "1.2", "0.1.4711", "0.1.0\n")] == [
        "0.1.0", "version-1", "version-2", "version-3", "version-4", "version-5",
    ]  # fmt: skip
    assert names.commit("c0ffeec0ffee" + "a") == names.commit("c0ffeec0ffee" + "b") != names.commit("c0ffeec0ffe1")
    assert (names.commit(None), names.commit("")) == (None, "")
    assert names.workload("user/jqx") == "user/workload-1"


def test_unknown_families_sort_as_they_did() -> None:
    families = ["abc", "generators", "jqx", "kin", "lattice", "zoo", *"mnopqrst"]
    names = Names(StandIns(), [], [replace(anonymous.EQUAL, families=dict.fromkeys(families, 1.0))])
    made = [names.family(one) for one in sorted(families)]
    assert made == sorted(set(made))
    assert made[:3] == ["family-01", "generators", "generators-then-family-02"]


def test_jobs_sort_as_they_did(users: Report) -> None:
    jobs = [f"jqxsmith {n}" for n in range(12)]
    names = Names(StandIns(), [replace(users.readings[0], runs=tuple(user_run("user/a", "S", 1.0, 0, job) for job in jobs))])
    made = [names.job(users.readings[0], job) for job in sorted(jobs)]
    assert made == sorted(set(made))


def test_the_suite_declares_what_its_workloads_and_its_harness_write() -> None:
    known = declared()
    assert {"user", "lattice", "system", "sharing"} <= known.families
    assert {"numpy", "native", "rtc", "torch"} <= known.implementations
    assert not {"cupy", "cupy-mixed"} & known.implementations
    assert {"residual", "random_signs", "relative error, median", "relative error of weights"} <= known.invariants
    assert {"matrix element", "element", "product"} <= known.events
    assert {"wall_s", "iterations", "cold_s", "device_s"} <= known.metrics
    assert {"not_converged", "slowed_down", "other_streams"} <= known.flags == set(wording.FLAGS)
    assert [name for name in known.invariants | known.events if telling(name)] == []
