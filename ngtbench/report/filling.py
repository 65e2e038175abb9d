"""What a node gives that many jobs of few threads fill, or few jobs of many: events, gain and memory against jobs."""

from collections.abc import Sequence

from ngtbench.model.comparison import Result
from ngtbench.report.curves import Axes, Curve, Part, Point, chart, level
from ngtbench.report.figures import Figure
from ngtbench.report.measured import BELOW, Place, cells, declared, measured, place
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell

WORKLOAD = "scheduling/node_fill"
_METRICS = ("events_per_s", "gain_ratio", "fairness_ratio", "memory_b", "memory_ratio")
_COLUMNS = (
    "Jobs × threads of each",
    "Implementation",
    "Events per second, whole node",
    "Gain over one job of all threads",
    "Fairness: least over most rate of a job",
    "Memory of all jobs",
    "Memory over that of one job",
)
_GAIN = "Over one job of all threads, in the same round; higher is better."
Filled = tuple[int, Result]  # jobs, what came of it


def parts(systems: Sequence[System]) -> list[Figure | Table]:
    """Return the charts and the table of each place where jobs filled a node."""
    found: dict[Place, list[Filled]] = {}
    for number, system in enumerate(systems):
        for result in system.ended("done"):
            if result.case.workload == WORKLOAD and (size := declared(WORKLOAD, result.case.size)):
                jobs = size.jobs or result.resources.threads
                found.setdefault(place(number, system, result, size.of), []).append((jobs, result))
    made: list[Figure | Table] = []
    for where, filled in sorted(found.items()):
        filled.sort(key=lambda one: (one[0], one[1].case.impl, one[1].case.size))
        table = _table(where, systems[where.number], filled)
        made += [*_charts(where, systems[where.number], filled, table.id), table]
    return made


def _split(where: Place, jobs: int) -> str:
    return f"{jobs} × {max(1, where.threads // jobs)}"


def _charts(where: Place, system: System, filled: Sequence[Filled], table: str) -> list[Figure]:
    ticks = {jobs: _split(where, jobs) for jobs, _ in filled}
    made = []
    for kind, metric, title, y, unit, words, bounds in (
        ("events", "events_per_s", "Events of a full node", "events per second", "", "All jobs together; higher is better.", []),
        (
            "gain",
            "gain_ratio",
            "Gain over one job",
            "events/s over one job's",
            "",
            _GAIN,
            [level(1, "one job of all threads: 1")],
        ),
        (
            "memory",
            "memory_b",
            "Memory of a full node",
            "memory of all jobs",
            "B",
            "Resident host memory; what jobs share counts once.",
            [],
        ),
    ):
        part = Part(f"filling-{kind}-{where.id}", f"{title}, measured: {where.words}", words, table)
        axes = Axes("jobs × threads of each", y, unit=unit, ticks=ticks)
        drawn = chart(part, _curves(system, filled, metric), axes, bounds)
        made += [drawn] if drawn else []
    return made


def _curves(system: System, filled: Sequence[Filled], metric: str) -> list[Curve]:
    curves = []
    for slot, impl in enumerate(sorted({result.case.impl for _, result in filled})):
        taken = [(jobs, measured(system, result, metric)) for jobs, result in filled if result.case.impl == impl]
        curves.append(Curve(impl, [Point(jobs, one) for jobs, one in taken if one], slot))
    return curves


def _table(where: Place, system: System, filled: Sequence[Filled]) -> Table:
    rows = []
    for jobs, result in filled:
        figures = cells([measured(system, result, metric) for metric in _METRICS])
        names = (cell(_split(where, jobs), result.case.size), cell(result.case.impl, result.variant or ""))
        rows.append(Row((*names, *figures), result.case, (where.number,)))
    note = "Measured. Gain: events per second over those of one job of all threads in the same round; a sample is a round. "
    note += BELOW
    return Table(f"filling-{where.id}", f"Jobs that fill a node: {where.words}", _COLUMNS, tuple(rows), note)
