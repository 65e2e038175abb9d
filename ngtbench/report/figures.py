"""Charts as plain plotly figures: share of limit, roofline, spread of samples, ratios. Colours are the page's."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ngtbench.model.comparison import Comparison, Limits, Result
from ngtbench.report import wording
from ngtbench.report.systems import System, rank
from ngtbench.units import percent, si

ROW_PX = 26
Point = tuple[Result, float, float]  # case, FLOP per byte, FLOP per second
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


@dataclass(frozen=True)
class Figure:
    """A chart: plotly's data and layout, and what a reader sees in words."""

    id: str
    title: str
    words: str
    data: tuple[dict[str, Any], ...]
    layout: dict[str, Any]


def shares(family: str, systems: Sequence[System]) -> Figure | None:
    """Draw the share of the measured limit of every case of a family, a bar each, hatched where data fit the cache."""
    data: list[dict[str, Any]] = []
    rows, longest = 0, 0.0
    for number, system in enumerate(systems):
        mine = sorted((result for result in system.ended("done") if result.family == family), key=rank)
        bars = [(result, system.fraction(result)) for result in mine]
        bars = [(result, found) for result, found in bars if found.value is not None]
        rows += len(bars)
        longest = max([longest, *(100 * (found.value or 0.0) for _, found in bars)])
        if bars:
            data.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": _text(system.label),
                    "y": [_label(result) for result, _ in bars],
                    "x": [100 * (found.value or 0.0) for _, found in bars],
                    "text": [percent(found.value) for _, found in bars],
                    "hovertext": [_text(f"{result.case.id}: {' '.join(wording.share(found))}") for result, found in bars],
                    "hoverinfo": "text",
                    "textposition": "outside",
                    "cliponaxis": False,
                    "slot": number,
                    "marker": {"pattern": {"shape": ["/" if found.in_cache else "" for _, found in bars], "fillmode": "overlay"}},
                }
            )
    if not data:
        return None
    layout = {
        "height": 110 + ROW_PX * rows,
        "xaxis": {
            "title": {"text": "% of min(FLOP limit, intensity × bandwidth), both measured here"},
            "range": [0, 1.1 * longest],
        },
        "yaxis": _categories(),
        "showlegend": len(systems) > 1,
    }
    words = "Share of the measured limit. Hatched: the data fit the last-level cache, so that memory does not bind."
    return Figure(f"shares-{family}", f"Family {family}: share of the measured limit", words, tuple(data), layout)


def rooflines(system: System) -> list[Figure]:
    """Draw the roofline of every device with a measured bandwidth, and every case that counts FLOP and bytes on it."""
    return [found for limits in system.limits.values() if (found := _roofline(system, limits)) is not None]


def _roofline(system: System, limits: Limits) -> Figure | None:
    points = [
        (result, result.work.flop / result.work.bytes, rate)
        for result in system.ended("done")
        if result.resources.device == limits.device and result.work and result.work.flop > 0 and result.work.bytes > 0
        if (rate := result.rate(result.work.flop)) is not None
    ]
    if limits.bandwidth is None or not limits.flop or not points:
        return None
    ridges = [limit.value / limits.bandwidth.value for limit in limits.flop.values()]
    left = 0.5 * min([*ridges, *(x for _, x, _ in points)])
    right = 2.0 * max([*ridges, *(x for _, x, _ in points)])
    dtypes = sorted({result.case.dtype for result, _, _ in points} | set(limits.flop))
    data = [_roof(limits, dtype, left, right, dtypes.index(dtype)) for dtype in limits.flop]
    for number, dtype in enumerate(dtypes):
        mine = [point for point in points if point[0].case.dtype == dtype]
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "textposition": "top center",
                "text": [_text(_name(one[0])) if one == _best(one, mine) else "" for one in mine],
                "name": _text(dtype),
                "x": [x for _, x, _ in mine],
                "y": [y for _, _, y in mine],
                "hovertext": [_text(f"{result.case.id}: {si(y, 'FLOP/s')} at {x:.3g} FLOP/B") for result, x, y in mine],
                "hoverinfo": "text",
                "slot": number,
                "marker": {"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 10},
            }
        )
    axes = {
        "xaxis": {"type": "log", "title": {"text": "intensity by counted work, FLOP/B"}, "dtick": 1, "exponentformat": "power"},
        "yaxis": {"type": "log", "title": {"text": "FLOP/s"}, "dtick": 1, "exponentformat": "power"},
    }
    name = f"{system.label}, {limits.device}"
    words = "Lines are what system/triad and system/gemm reached here; points above a line hold data that fit a cache."
    return Figure(f"roofline-{_slug(name)}", f"Roofline of {name}", words, tuple(data), {"height": 440, **axes})


def _roof(limits: Limits, dtype: str, left: float, right: float, slot: int) -> dict[str, Any]:
    assert limits.bandwidth is not None  # no roof is drawn without
    bandwidth, top = limits.bandwidth.value, limits.flop[dtype].value
    xs = sorted({left, top / bandwidth, right})
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _text(f"limit {dtype}"),
        "x": xs,
        "y": [min(top, x * bandwidth) for x in xs],
        "hovertext": _text(f"{dtype}: {si(bandwidth, 'B/s')}, {si(top, 'FLOP/s')}"),
        "hoverinfo": "text",
        "slot": slot,
        "line": {"dash": "dot" if slot % 2 else "solid"},
    }


def spread(system: System) -> Figure | None:
    """Draw how far samples of each case lie from their median: box 25 to 75 %, whiskers 5 to 95 %."""
    drawn = [
        result for result in sorted(system.ended("done"), key=rank) if len(result.quantiles) == 5 and result.quantiles[2] > 0
    ]
    if not drawn:
        return None
    scaled = [[100 * (value / result.quantiles[2] - 1) for value in result.quantiles] for result in drawn]
    keys = ("lowerfence", "q1", "median", "q3", "upperfence")
    box = {
        "type": "box",
        "orientation": "h",
        "y": [_label(result) for result in drawn],
        **{key: [values[place] for values in scaled] for place, key in enumerate(keys)},
        "slot": 0,
        "name": _text(system.label),
        "hoverinfo": "x",
    }
    layout = {
        "height": 110 + ROW_PX * len(drawn),
        "xaxis": {"title": {"text": "sample over the case's median, % off"}, "zeroline": True},
        "yaxis": _categories(),
        "showlegend": False,
    }
    words = "Boxes hold the middle half of the samples of the figure of merit, whiskers 90 %: how steady the machine was."
    return Figure(f"spread-{_slug(system.label)}", f"Spread of samples on {system.label}", words, (box,), layout)


def ratios(comparisons: Iterable[Comparison], number: int, a: str, b: str) -> Figure | None:
    """Draw ratios with their intervals, on a logarithmic axis."""
    drawn = [one for one in comparisons if one.ratio is not None and one.a is not None]
    drawn.sort(key=lambda one: (one.case.problem, one.case.impl))
    if not drawn:
        return None
    middle = [one.ratio or 1.0 for one in drawn]
    points = {
        "type": "scatter",
        "mode": "markers",
        "y": [_label(one.a) for one in drawn if one.a],
        "x": middle,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [(one.high or x) - x for one, x in zip(drawn, middle, strict=True)],
            "arrayminus": [x - (one.low or x) for one, x in zip(drawn, middle, strict=True)],
        },
        "hovertext": [_text(f"{one.case.id}: {x:.3f}") for one, x in zip(drawn, middle, strict=True)],
        "hoverinfo": "text",
        "slot": 0,
        "marker": {"size": 9},
        "name": "B over A",
    }
    ends = [x for one, middle_x in zip(drawn, middle, strict=True) for x in (one.low or middle_x, one.high or middle_x)]
    reach = 1.1 * max(abs(math.log10(x)) for x in (*ends, 1.1))
    layout = {
        "height": 110 + ROW_PX * len(drawn),
        "xaxis": {
            "type": "log",
            "range": [-reach, reach],
            "title": {"text": _text(f"speed of {b} over {a}; right of 1, {b} is better")},
        },
        "yaxis": _categories(),
        "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "width": 1}}],
        "showlegend": False,
    }
    words = "Ratio with its 95 % interval; only comparable cases."
    return Figure(f"ratios-{number}", f"{b} over {a}", words, (points,), layout)


def _categories() -> dict[str, Any]:
    return {"type": "category", "automargin": True, "autorange": "reversed"}


def _label(result: Result) -> str:
    case = result.case
    return _text(f"{_name(result)} {case.size} {case.impl} {case.dtype} {result.resources.device} ×{result.resources.threads}")


def _name(result: Result) -> str:
    return result.case.workload.partition("/")[2] or result.case.workload


def _best(one: Point, points: Sequence[Point]) -> Point:
    """Return the fastest point of the same workload and intensity, the one that is named."""
    return max((p for p in points if (p[0].case.workload, p[1]) == (one[0].case.workload, one[1])), key=lambda p: p[2])


def _text(words: str) -> str:
    """Escape for plotly, which reads tags and entities in every text it draws."""
    return html.escape(words)


def _slug(words: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in words)
