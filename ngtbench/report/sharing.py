"""What copies of one program get of a device that they share: throughput, latency and fairness against their number."""

from collections.abc import Sequence

from ngtbench.model.comparison import Result
from ngtbench.report.curves import Axes, Bound, Curve, Part, Point, chart, equal, level, upto
from ngtbench.report.figures import Figure
from ngtbench.report.measured import BELOW, Place, cells, declared, measured, place
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell

WORKLOAD = "sharing/clients"
_METRICS = ("throughput_ratio", "slowdown_ratio", "latency_p99_ratio", "fairness_ratio")
_COLUMNS = (
    "Program",
    "Clients, K",
    "Implementation",
    "Throughput: rate of all over one alone",
    "Slowdown: one alone over the median client",
    "Latency p99 over alone",
    "Fairness: least over most rate",
    "What ran, and how",
)
_CPU = "Each has its share of the T threads, alone too, so that K of them at best do K times as much, each as fast as alone."
_GPU = "One that fills the device alone leaves nothing: the rate stays 1 and each waits for K calls. What leaves some can gain."
Shared = tuple[str, int, Result]  # program, clients, what came of it


def parts(systems: Sequence[System]) -> list[Figure | Table]:
    """Return the charts and the table of each place where copies of a program shared a device."""
    found: dict[Place, list[Shared]] = {}
    for number, system in enumerate(systems):
        for result in system.ended("done"):
            if result.case.workload == WORKLOAD and (size := declared(WORKLOAD, result.case.size)):
                found.setdefault(place(number, system, result, size.scale), []).append((size.program, size.clients, result))
    made: list[Figure | Table] = []
    for where, shared in sorted(found.items()):
        mine = sorted(shared, key=lambda one: (one[0], one[1], one[2].case.impl, one[2].case.size))
        table = _table(where, systems[where.number], mine)
        made += [figure for figure in _charts(where, systems[where.number], mine, table.id) if figure]
        made.append(table)
    return made


def _charts(where: Place, system: System, shared: Sequence[Shared], table: str) -> list[Figure | None]:
    clients, on = "clients, K", _CPU if where.device.startswith("cpu") else _GPU
    throughput, latency, fairness = (
        Part(f"clients-{kind}-{where.id}", f"{title} of K clients, measured: {where.words}", words, table)
        for kind, title, words in (
            ("throughput", "Throughput", f"Rate of all together over that of one alone, in the same round. {on}"),
            ("latency", "Latency", f"99th percentile of a call's time, beside the others over alone; lower is better. {on}"),
            ("fairness", "Fairness", "Rate of the client that got least over that of the one that got most: 1 is all alike."),
        )
    )
    rates, waits = _bounds(where, [clients for _, clients, _ in shared])
    return [
        chart(throughput, _curves(system, shared, "throughput_ratio"), Axes(clients, "rate over one alone", log=True), rates),
        chart(latency, _curves(system, shared, "latency_p99_ratio"), Axes(clients, "latency p99 over alone", log=True), waits),
        chart(
            fairness, _curves(system, shared, "fairness_ratio"), Axes(clients, "least over most rate"), [level(1, "all alike: 1")]
        ),
    ]


def _bounds(where: Place, places: Sequence[int]) -> tuple[list[Bound], list[Bound]]:
    """Return the lines of throughput and of latency. On a CPU clients share out the threads, alone too."""
    if where.device.startswith("cpu"):
        most = f"perfect sharing: K, T = {where.threads} at most"
        return [level(1, "no more than one alone: 1"), *upto(places, where.threads, most)], [level(1, "undisturbed: 1")]
    turns = level(1, "perfect sharing of a device that one fills: 1")
    return [turns, equal(places, "as if each were alone: K")], [level(1, "undisturbed: 1"), equal(places, "turns of a call: K")]


def _curves(system: System, shared: Sequence[Shared], metric: str) -> list[Curve]:
    programs = sorted({program for program, _, _ in shared})
    impls = sorted({result.case.impl for _, _, result in shared})
    curves = []
    for program in programs:
        for impl in impls:
            mine = [(k, result) for name, k, result in shared if (name, result.case.impl) == (program, impl)]
            taken = [(k, measured(system, result, metric), result.variant or "") for k, result in mine]
            points = [Point(k, one, variant) for k, one, variant in taken if one]
            curves.append(Curve(f"{program}, {impl}", points, programs.index(program), impls.index(impl) > 0))
    return curves


def _table(where: Place, system: System, shared: Sequence[Shared]) -> Table:
    rows = []
    for program, clients, result in shared:
        names = (cell(program, result.case.size), cell(str(clients), kind="number"), cell(result.case.impl))
        figures = cells([measured(system, result, metric) for metric in _METRICS])
        rows.append(Row((*names, *figures, cell(result.variant or "not said")), result.case, (where.number,)))
    note = f"Measured. Every ratio is to one client alone in the same round; a sample is a round. {BELOW}"
    return Table(f"clients-{where.id}", f"K clients of one device: {where.words}", _COLUMNS, tuple(rows), note)
