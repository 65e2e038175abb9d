"""What the summary of a page says beside the ranking: counts, warnings, the reference machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from ngtbench.analysis.statistics import MIN_JOBS
from ngtbench.report import summary, wording
from ngtbench.report.findings import Findings
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell

EQUAL = "equal"  # the shipped weights of who names none


@dataclass(frozen=True)
class Overview:
    """Sentences that a reader must not miss, and a row per system."""

    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    reference: str
    table: Table


def overview(findings: Findings, accept: frozenset[str], left_out: Sequence[str] = ()) -> Overview:
    """Return what stands under the ranking in the summary; `left_out` are files with their faults."""
    base = findings.reference
    words = f"Speeds are relative to the reference machine, {base.label}: {wording.machine_line(base.machine)}."
    synthetic = any(system.synthetic for system in findings.systems)
    missing = [f"A faulty file was left out, and nothing of it is on this page: {fault}." for fault in left_out]
    return Overview(tuple(missing), _warnings(findings, accept), words, _table(findings, synthetic))


def _warnings(findings: Findings, accept: frozenset[str]) -> tuple[str, ...]:
    few = [f"{system.label} ({len(system.jobs)})" for system in findings.systems if len(system.jobs) < MIN_JOBS]
    words = []
    if findings.rankings and findings.rankings[0].weights.name == EQUAL:
        said = "Every family counts the same in the first ranking, because no use case was chosen: --weights NAME chooses a "
        words.append(f"{said}shipped one, --weights FILE yours.")
    if few:
        said = f"Fewer than {MIN_JOBS} jobs: {', '.join(few)}. What rests on them is marked “within one job”: it cannot see "
        words.append(f"{said}how much a machine differs from job to job, so small differences are not told apart.")
    if accept:
        words.append(f"Accepted on request, and compared in spite of it: {', '.join(sorted(accept))}.")
    if len(findings.systems) == 1:
        words.append("One system only: there is nothing to rank or compare. Give records of another to compare it.")
    return tuple(words)


def _table(findings: Findings, synthetic: bool) -> Table:
    rows = [_row(number, system) for number, system in enumerate(findings.systems)]
    columns = ("System", "Jobs", "Done", "Wrong", "Failed", "Skipped", "What to know")
    title = "The systems, and how their cases ended"
    return Table("glance", f"SYNTHETIC: {title}" if synthetic else title, columns, tuple(rows))


def _row(number: int, system: System) -> Row:
    counts = {status: len(system.ended(status)) for status in ("done", "wrong", "failed", "skipped")}
    facts = dict(summary.facts(system))
    cells = [
        cell(str(count), kind="warn" if count and status in ("wrong", "failed") else "number") for status, count in counts.items()
    ]
    jobs = cell(str(len(system.jobs)), kind="number" if len(system.jobs) >= MIN_JOBS else "warn")
    return Row((cell(system.label, kind="name"), jobs, *cells, cell(facts["note"])), systems=(number,))
