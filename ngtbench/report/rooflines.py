"""Rooflines, which limit binds each case, and what would help it."""

from collections.abc import Sequence

from ngtbench.analysis.explain import Explanation
from ngtbench.model.comparison import Limits, Result
from ngtbench.report import wording
from ngtbench.report.figures import Figure, Trace, hover, text
from ngtbench.report.shown import slug
from ngtbench.report.systems import System
from ngtbench.report.tables import Row, Table, cell
from ngtbench.units import si

Point = tuple[Result, float, float]  # case, FLOP per byte, FLOP per second


def figures(number: int, system: System) -> list[Figure]:
    """Draw the roofline of every device with a measured bandwidth, and every case that counts FLOP and bytes on it."""
    return [found for limits in system.limits.values() if (found := _roofline(number, system, limits)) is not None]


def _roofline(number: int, system: System, limits: Limits) -> Figure | None:
    points = [
        (result, result.work.flop / result.work.bytes, found)
        for result in system.ended("done")
        if result.resources.device == limits.device and result.work and result.work.flop > 0 and result.work.bytes > 0
        if (found := result.rate(result.work.flop)) is not None
    ]
    if limits.bandwidth is None or not limits.flop or not points:
        return None
    ridges = [limit.value / limits.bandwidth.value for limit in limits.flop.values()]
    left = 0.5 * min([*ridges, *(x for _, x, _ in points)])
    right = 2.0 * max([*ridges, *(x for _, x, _ in points)])
    dtypes = sorted({result.case.dtype for result, _, _ in points} | set(limits.flop))
    data = [_roof(limits, dtype, left, right, dtypes.index(dtype)) for dtype in limits.flop]
    data += [_cloud(dtype, [p for p in points if p[0].case.dtype == dtype], slot) for slot, dtype in enumerate(dtypes)]
    power = {"type": "log", "dtick": 1, "exponentformat": "power"}
    axes = {
        "xaxis": power | {"title": {"text": "FLOP per byte, by counted work"}},
        "yaxis": power | {"title": {"text": "FLOP/s"}},
        "showlegend": True,
    }
    name = f"{system.label}, {limits.device}"
    words = "Lines are what system/triad and system/gemm or fma reached here; points above a line hold data that fit a cache."
    data = [trace for trace in data if trace["x"]]
    return Figure(
        f"roofline-{number}-{slug(limits.device)}", f"Roofline of {name}", words, tuple(data), {"height": 440, **axes}, "helps"
    )


def _cloud(dtype: str, mine: Sequence[Point], slot: int) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(dtype),
        "x": [float(f"{x:.4g}") for _, x, _ in mine],
        "y": [float(f"{y:.4g}") for _, _, y in mine],
        "hovertext": [text(result.case.id) for result, _, _ in mine],
        "hovertemplate": "%{hovertext}: %{y:.3s}FLOP/s<extra></extra>",
        "slot": slot,
    }


def _roof(limits: Limits, dtype: str, left: float, right: float, slot: int) -> Trace:
    assert limits.bandwidth is not None  # no roof is drawn without
    bandwidth, top = limits.bandwidth.value, limits.flop[dtype].value
    xs = sorted({left, top / bandwidth, right})
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text(f"limit {dtype}"),
        "x": xs,
        "y": [min(top, x * bandwidth) for x in xs],
        "hovertext": hover(f"{dtype}: {si(bandwidth, 'B/s')}, {si(top, 'FLOP/s')}"),
        "hoverinfo": "text",
        "slot": slot,
        "line": {"dash": "dot" if slot % 2 else "solid"},
    }


def helps(systems: Sequence[System], explained: Sequence[Sequence[Explanation]]) -> Table:
    """Return what would make the fastest implementation of each problem faster on each device, and why."""
    found: dict[tuple[str, int, str], Explanation] = {}
    for number, explanations in enumerate(explained):
        for one in explanations:
            key = (one.result.case.problem, number, one.result.resources.device)
            if key not in found or _faster(one.result, found[key].result):
                found[key] = one
    by_case = sorted(found.items(), key=lambda item: (item[0][0], item[1].result.case.impl, item[0]))
    rows = [_row(systems, number, one) for (_, number, _), one in by_case]
    note = (
        "Of the fastest implementation of each problem on each device. “Itself”: it measures that very property of the machine. "
    )
    note += "“Implementation”: no limit of the machine is near, so a better code would help first."
    columns = ("System", "Share of the limit that binds", "Would help", "Because")
    empty = "Nothing was measured."
    return Table("helps", "Which limit binds, and what would help", columns, tuple(rows), note, empty, by_case=True)


def _faster(one: Result, other: Result) -> bool:
    if one.figure is None or other.figure is None or one.metric is None:
        return False
    return (one.figure.value < other.figure.value) == (one.metric.better == "lower")


def _row(systems: Sequence[System], number: int, one: Explanation) -> Row:
    said = " ".join(wording.share(one.measured)[:2])
    cells = (
        cell(systems[number].label, one.result.resources.device),
        cell(*wording.share(one.measured)),
        cell(", ".join(one.helps)),
        cell(*[words for words in one.evidence if words != said] or ["–"]),
    )
    return Row(cells, one.result.case, (number,))
