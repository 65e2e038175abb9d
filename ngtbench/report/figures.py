"""Charts as plain plotly figures: what they are made of, and those of results. Colours and symbols are the page's."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ngtbench.model.comparison import Comparison
from ngtbench.report.findings import Findings, Pair
from ngtbench.report.shown import shown, slug
from ngtbench.report.steady import HEPSCORE, spreads
from ngtbench.report.systems import System
from ngtbench.units import percent

ROW_PX = 22
MOST = 20  # rows of a chart: more cannot be read, nor fit a printed page
_LABEL = 80  # characters of a label: more than any case of ours has
_NARROW = 20
Trace = dict[str, Any]
Rows = dict[str, dict[int, float]]  # label of a row -> number of a system -> value


@dataclass(frozen=True)
class Figure:
    """A chart: plotly's data and layout, and what a reader sees in words; `table` is the id of the table behind it.

    `slot` in a trace is the number of what it shows, from which the page takes colour and symbol.
    """

    id: str
    title: str
    words: str
    data: tuple[Trace, ...]
    layout: dict[str, Any]
    table: str = ""

    @property
    def wide(self) -> bool:
        """Tell whether its rows have names that leave no room on a narrow page, where it then scrolls."""
        return any(isinstance(name, str) and len(name) > _NARROW for trace in self.data for name in trace["y"])


def relative(family: str, findings: Findings) -> Figure | None:
    """Draw the speed of each system relative to the fastest of each problem of a family, where they differ most."""
    rows: Rows = {}
    for problem, shares in findings.relative.items():
        if next(iter(shares.values()))[0].family == family:
            rows[problem] = {n: shares[s.label][1] for n, s in enumerate(findings.systems) if s.label in shares}
    kept = dict(sorted(rows.items(), key=lambda row: min(row[1].values()))[:MOST])
    if not kept:
        return None
    cut = f" Shown are the {MOST} of {len(rows)} problems in which systems differ most." if len(rows) > MOST else ""
    words = f"Right is faster: 1 is the fastest system of the problem, best implementation of each.{cut}"
    title = f"Family {family}: speed relative to the fastest"
    layout = _dots(kept, "speed over the fastest system's, logarithmic")
    name = slug(family)
    return Figure(f"relative-{name}", title, words, _systems(kept, findings.systems), layout, f"best-{name}")


def energy(systems: Sequence[System]) -> Figure | None:
    """Draw the energy per unit of work of each system over the least of each case, where two systems or more have one."""
    joules: Rows = {}
    for number, system in enumerate(systems):
        for result in system.ended("done"):
            if result.event_j is not None and result.event_j > 0:
                joules.setdefault(result.case.id, {})[number] = result.event_j
    rows = {case: {n: j / min(row.values()) for n, j in row.items()} for case, row in joules.items() if len(row) > 1}
    kept = dict(sorted(rows.items(), key=lambda row: -max(row[1].values()))[:MOST])
    if not kept:
        return None
    cut = f" Shown are the {MOST} of {len(rows)} cases in which systems differ most." if len(rows) > MOST else ""
    words = f"Left is better: 1 is the least energy of a case. Only machines with a sensor.{cut}"
    layout = _dots(kept, "energy per unit of work over the least, logarithmic")
    return Figure("energy-relative", "Energy relative to the least", words, _systems(kept, systems), layout, "energy")


def ratios(pair: Pair, findings: Findings, table: str) -> Figure | None:
    """Draw ratios like for like with their intervals; those that cannot be told from equal are open."""
    found = [one for one in pair.tables["ported", False] if one.ratio is not None]
    kept = sorted(found, key=lambda one: -abs(math.log(one.ratio or 1.0)))[:MOST]
    if not kept:
        return None
    kept.sort(key=lambda one: one.ratio or 1.0, reverse=True)
    a, b = findings.reference.label, pair.system.label
    layout = {
        "height": 110 + ROW_PX * len(kept),
        "xaxis": {"type": "log", "title": {"text": "speed over the reference, logarithmic"}},
        "yaxis": _categories(),
        "shapes": [_line(1.0)],
        "showlegend": False,
    }
    cut = f" Shown are the {MOST} of {len(found)} furthest from 1." if len(found) > MOST else ""
    words = (
        f"Ratio with its 95 % interval, ported, like for like; right of 1, {b} is faster. Open marks cannot be told from 1.{cut}"
    )
    return Figure(f"ratios-{pair.number}", f"{b} over {a}", words, (_ratios(kept, pair.number),), layout, table)


def _ratios(kept: Sequence[Comparison], slot: int) -> Trace:
    middle = [one.ratio or 1.0 for one in kept]
    return {
        "type": "scatter",
        "mode": "markers",
        "y": [text(one.case.id) for one in kept],
        "x": _rounded(middle),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": _rounded([(one.high or x) - x for one, x in zip(kept, middle, strict=True)]),
            "arrayminus": _rounded([x - (one.low or x) for one, x in zip(kept, middle, strict=True)]),
        },
        "hoverinfo": "x+y",
        "slot": slot,
        "open": [one.distinct is not True for one in kept],
        "name": "B over A",
    }


def steadiness(systems: Sequence[System]) -> Figure | None:
    """Draw the repeatability of every case, a row per system."""
    data = []
    for number, system in enumerate(systems):
        found = [(spread, result) for spread, result in spreads(system) if spread > 0]
        if found:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": text(system.label),
                    "y": [text(system.label)] * len(found),
                    "x": _rounded([100 * spread for spread, _ in found]),
                    "hovertext": [text(result.case.id) for _, result in found],
                    "hovertemplate": "%{hovertext}: %{x} %<extra></extra>",
                    "slot": number,
                }
            )
    if not data:
        return None
    layout = {
        "height": 150 + ROW_PX * len(data),
        "xaxis": {"type": "log", "title": {"text": "(p95 − p5) / median of launch medians, %, logarithmic"}},
        "yaxis": _categories(),
        "shapes": [_line(100 * HEPSCORE)],
        "showlegend": False,
    }
    words = f"A mark per case; left is steadier. The line is HEPScore's published median, {percent(HEPSCORE)}."
    return Figure("steadiness", "Repeatability of every case", words, tuple(data), layout, "repeatability")


def synthetic(figure: Figure) -> Figure:
    """Return the chart with the word SYNTHETIC in its title and across it."""
    mark = {
        "text": "SYNTHETIC",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "showarrow": False,
        "textangle": -12,
        "opacity": 0.55,
        "font": {"size": 56, "color": "#8a8a8a"},
    }
    layout = figure.layout | {"annotations": [*figure.layout.get("annotations", []), mark]}
    return replace(figure, title=f"SYNTHETIC: {figure.title}", layout=layout)


def text(words: str, cut: int = _LABEL) -> str:
    """Escape for plotly, which reads tags and entities in every text it draws."""
    return html.escape(shown(words, cut))


def hover(words: str) -> str:
    """Escape what may be longer than a label."""
    return text(words, 2 * _LABEL)


def _systems(rows: Rows, systems: Sequence[System]) -> tuple[Trace, ...]:
    """Return a trace of marks for each system that has a value."""
    traces = []
    for number, system in enumerate(systems):
        mine = {label: values[number] for label, values in rows.items() if number in values}
        if mine:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": text(system.label),
                    "y": [text(label) for label in mine],
                    "x": _rounded(list(mine.values())),
                    "hoverinfo": "x+y+name",
                    "slot": number,
                }
            )
    return tuple(traces)


def _dots(rows: Rows, title: str) -> dict[str, Any]:
    order = {"categoryorder": "array", "categoryarray": [text(label) for label in rows]}
    return {
        "height": 130 + ROW_PX * len(rows),
        "xaxis": {"type": "log", "title": {"text": title}},
        "yaxis": _categories() | order,
        "shapes": [_line(1.0)],
        "showlegend": True,
    }


def _line(x: float) -> dict[str, Any]:
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "width": 1}}


def _categories() -> dict[str, Any]:
    return {"type": "category", "automargin": True, "autorange": "reversed"}


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
