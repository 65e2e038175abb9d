"""How much of the bound events reach that are scheduled on threads, against the events in flight: measured."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ngtbench.model.case import Case
from ngtbench.model.comparison import Result
from ngtbench.report.curves import Axes, Curve, Part, Point, chart, level, upright
from ngtbench.report.figures import Figure
from ngtbench.report.measured import BELOW, Place, cells, declared, measured, place
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell

WORKLOAD = "scheduling/event_graph"
_OF_FILE = re.compile(r"-[0-9a-f]{8}$")  # what the sizes of a user's workflow end with
_PACED, _PLAIN = "utilisation_paced_ratio", "utilisation_ratio"
_METRICS = (_PACED, _PLAIN, "events_per_s", "latency_p50_s", "latency_p99_s")
_COLUMNS = (
    "Events in flight",
    "Implementation",
    "Utilisation at the pace of the run",
    "Utilisation by the least time of a step",
    "Events per second",
    "Latency p50",
    "Latency p99",
)
Flown = tuple[int, Result]  # events in flight, what came of it


def parts(systems: Sequence[System]) -> list[Figure | Table]:
    """Return the chart and the table of each place where a graph ran with several numbers of events in flight."""
    found: dict[Place, list[Flown]] = {}
    for number, system in enumerate(systems):
        for result in system.ended("done"):
            if _PLAIN in result.intervals and (known := _size(result.case)):
                found.setdefault(place(number, system, result, _group(result.case.size, known)), []).append((known.slots, result))
    made: list[Figure | Table] = []
    for where, flown in sorted(found.items()):
        if len({slots for slots, _ in flown}) > 1:
            flown.sort(key=lambda one: (one[0], one[1].case.impl, one[1].case.size))
            table = _table(where, systems[where.number], flown)
            drawn = _chart(where, systems[where.number], flown, table.id)
            made += [drawn, table] if drawn else [table]
    return made


def _size(case: Case) -> Any:
    """Return the declared size of a case, of a user's graph that of the name before the digest; None where there is none."""
    graph = _OF_FILE.search(case.size)
    if case.workload == WORKLOAD:
        return declared(WORKLOAD, case.size)
    return declared(WORKLOAD, case.size[: graph.start()]) if graph else None


def _group(name: str, known: Any) -> str:
    """Return in words what a size has beside its numbers of events: scale, graph of a user, and what is not as usual."""
    graph = _OF_FILE.search(name)
    usual = {one.name: one.default for one in fields(known) if one.name not in ("events", "slots", "scale", "workflow")}
    others = [f"{field} {getattr(known, field)}" for field, value in usual.items() if getattr(known, field) != value]
    return ", ".join([f"scale {known.scale:g}", *([f"graph {graph[0][1:]}"] if graph else []), *others])


def _needed(where: Place, flown: Sequence[Flown]) -> float | None:
    """Return from how many events in flight on threads can all be busy, T C / W; not known of a user's graph, or of a GPU."""
    known = declared(WORKLOAD, flown[0][1].case.size) if where.device.startswith("cpu") else None
    return where.threads * known.graph.critical_s / known.graph.work_s if known else None


def _chart(where: Place, system: System, flown: Sequence[Flown], table: str) -> Figure | None:
    curves = []
    for slot, impl in enumerate(sorted({result.case.impl for _, result in flown})):
        taken = [(slots, measured(system, result, _PACED)) for slots, result in flown if result.case.impl == impl]
        curves.append(Curve(impl, [Point(slots, one) for slots, one in taken if one], slot))
    needed, bounds = _needed(where, flown), [level(1, "bound: 1")]
    words = (
        "Bound over time taken, median: the bound is all threads busy, or in each slot one event's longest path after another's, "
        "at the pace at which steps went during the run."
    )
    if needed is not None and needed > 1:
        bounds.append(upright(needed, f"T C / W = {needed:.3g}"))
        words += (
            f" With fewer than T C / W = {needed:.3g} events in flight longest paths C bind, with more the work W on T threads."
        )
    elif needed is not None:
        words += f" T C / W = {needed:.2g}: one event in flight could keep all T threads busy; C is its longest path, W its work."
    part = Part(f"in-flight-{where.id}", f"Utilisation against events in flight, measured: {where.words}", words, table)
    return chart(part, curves, Axes("events in flight", "share of the bound"), bounds, spread=True)


def _table(where: Place, system: System, flown: Sequence[Flown]) -> Table:
    rows = []
    for slots, result in flown:
        figures = cells([measured(system, result, metric) for metric in _METRICS])
        names = (cell(str(slots), result.case.size), cell(result.case.impl, result.variant or ""))
        rows.append(Row((*names, *figures), result.case, (where.number,)))
    note = (
        "Measured, not modelled. Utilisation is the bound over the time taken: by the least time that a step ever took here, or "
    )
    note += "by what steps took during the run. Latency is from an event's admission to its end. "
    note += BELOW
    return Table(f"in-flight-{where.id}-table", f"Events in flight: {where.words}", _COLUMNS, tuple(rows), note)
