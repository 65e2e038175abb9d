"""What a pytest session that times doors keeps: the machine, our records, how every benchmark ended."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import ngtbench
from ngtbench.adapters import inline
from ngtbench.adapters.asv import where
from ngtbench.adapters.baseline import End, Timed, judge
from ngtbench.adapters.identity import machine_info
from ngtbench.discover.machine import discover
from ngtbench.errors import NgtBenchError
from ngtbench.harness import ceiling
from ngtbench.harness.probes import open_probe
from ngtbench.model.case import Job, Skip
from ngtbench.model.machine import Machine
from ngtbench.model.protocols import Probe
from ngtbench.model.record import MachineRecord, Outcome, Provenance, RunRecord
from ngtbench.store import codec
from ngtbench.store.append import Writer
from ngtbench.units import percent


class Session:
    """State of one pytest session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.baseline: dict[str, Timed] = {}
        self._ended: dict[str, End] = {}
        self._records: list[RunRecord] = []
        self._probes: dict[str, Probe] = {}
        self._faults: list[str] = []
        self._judged: list[str] = []
        self._said: list[str] = []

    @cached_property
    def machine(self) -> Machine:
        """This machine, discovered when first needed."""
        return discover()

    @cached_property
    def machine_info(self) -> dict[str, str]:
        """What pytest-benchmark keeps of it."""
        return machine_info(self.machine)

    def time(self, case: str, benchmark: Any) -> None:
        """Time a case; skips where it cannot run here, fails where it is wrong."""
        found = where(case, self.machine)
        if isinstance(found, Skip):
            outcome = Outcome("skipped", reason=found.reason, remedy=found.remedy or None)
            self._keep(found, outcome, _now(), 0.0)
        else:
            outcome = self._measure(found, benchmark)
        if outcome.status == "skipped":
            pytest.skip(outcome.reason or "no reason given")
        if outcome.status != "done":
            pytest.fail(f"{case}: {outcome.status}: {outcome.reason}", pytrace=False)

    def _measure(self, planned: Job, benchmark: Any) -> Outcome:
        job = replace(planned, resources=inline.as_found(planned.resources, self.machine))
        device = job.resources.device
        if device not in self._probes:
            self._probes[device] = open_probe(device)
        benchmark.extra_info |= {"case": job.case.id, "resources": f"{device}, {job.resources.threads} threads"}
        most_s, least = (float(self._config.getoption(f"benchmark_{word}")) for word in ("max_time", "min_rounds"))
        started_at, start = _now(), time.monotonic()
        try:
            outcome = ceiling.of(self.machine)(job, inline.timed(benchmark, job, self._probes[device], most_s, int(least)))
        except NgtBenchError as error:
            outcome = Outcome("failed", reason=str(error))
        except Exception as error:  # the case boundary: recorded, then shown by pytest
            self._keep(job, Outcome("failed", reason=f"{type(error).__name__}: {error}"), started_at, time.monotonic() - start)
            raise
        if outcome.status != "done" or outcome.measurement is not None:
            self._keep(job, outcome, started_at, time.monotonic() - start)
        return outcome

    def _keep(self, job: Job | Skip, outcome: Outcome, started_at: str, wall_s: float) -> None:
        git = self.machine.git
        provenance = Provenance(
            started_at, wall_s, ngtbench.__version__, git.commit, git.dirty, job.tier, inline.environment(), worker=None
        )
        digest = codec.digest(self.machine)
        self._records.append(RunRecord(job.case, job.resources, job.launch, job.seed, digest, outcome, provenance))

    def note(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Note how an item ended, with its median if it was timed."""
        benchmark = getattr(item, "funcargs", {}).get("benchmark")
        if benchmark is None or (report.passed and report.when != "call"):
            return
        stats = benchmark.stats
        known = stats is not None and bool(stats) and not benchmark.has_error
        timed = Timed(stats.stats.median, benchmark.extra_info.get("resources", "")) if known else None
        self._ended[item.nodeid] = End(report.outcome, timed)

    def judge(self) -> bool:
        """Judge against the baseline; return whether the session must fail."""
        self._judged = judge(self.baseline, self._ended, self._config.getoption("ngtbench_tolerance"))
        return bool(self._judged or self._faults)

    def write(self) -> None:
        """Write our records beside every file that pytest-benchmark wrote."""
        for path in self._written():
            beside = path.with_suffix(".jsonl") if path.suffix != ".jsonl" else path.with_suffix(".records.jsonl")
            try:
                beside.unlink(missing_ok=True)  # of the file that pytest-benchmark has just replaced
                with Writer(beside) as writer:
                    writer.append(MachineRecord(codec.digest(self.machine), self.machine))
                    for record in self._records:
                        writer.append(record)
                self._said.append(f"records: {beside}")
            except (OSError, NgtBenchError) as error:
                self._faults.append(f"records: {error}")

    def _written(self) -> list[Path]:
        theirs = getattr(self._config, "_benchmarksession", None)  # the only place that knows the number of a saved file
        if theirs is None or not theirs.benchmarks or not self._records:
            return []
        option = self._config.getoption
        paths = [Path(option("benchmark_json"))] if option("benchmark_json") else []
        if (option("benchmark_save") or option("benchmark_autosave")) and hasattr(theirs.storage, "path"):
            paths += theirs.storage.query("[0-9][0-9][0-9][0-9]_*")[-1:]
        return paths

    def print(self, reporter: pytest.TerminalReporter) -> None:
        """Print what the baseline found, and where the records are."""
        if not (self._faults or self._said or self.baseline):
            return
        reporter.section("ngtbench")
        for line in self._said:
            reporter.write_line(line)
        if self.baseline:
            tolerance = self._config.getoption("ngtbench_tolerance")
            fresh = len(self._ended.keys() - self.baseline.keys())
            reporter.write_line(
                f"baseline of {len(self.baseline)}: {len(self._judged)} missing, failed or over {percent(tolerance)} longer; "
                f"{fresh} here are not in it. One process each side: a first look; the statistical gate is `ngtbench gate`."
            )
        for line in self._judged + self._faults:
            reporter.write_line(line, red=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
