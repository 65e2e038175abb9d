"""Charts of a measured number against how many there are of something: lines with bars, and what they are to be held to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ngtbench.report.figures import Figure, Trace, hover, text
from ngtbench.report.measured import Measured

_PLOT_PX, _KEY_PX = 320, 16  # of each line of the key, which a narrow page has one below the other

Bound = dict[str, Any]  # a line that measured ones are held to, as plotly draws it


@dataclass(frozen=True)
class Point:
    """A measured number at a place of the axis; `more`: what a reader is told besides."""

    x: int
    taken: Measured
    more: str = ""


@dataclass(frozen=True)
class Curve:
    """Points in any order. `slot` decides colour and mark; `second`: of two lines in one colour, the dotted with open marks."""

    name: str
    points: Sequence[Point]
    slot: int
    second: bool = False


@dataclass(frozen=True)
class Axes:
    """Titles, which say the unit or what a ratio is to; `ticks`: what stands at places in place of their number."""

    x: str
    y: str
    log: bool = False  # y
    unit: str = ""  # of y's numbers, which then have prefixes
    ticks: dict[int, str] | None = None


@dataclass(frozen=True)
class Part:
    """What a chart is called and says, and the table that holds its numbers."""

    id: str
    title: str
    words: str
    table: str


def chart(part: Part, curves: Sequence[Curve], axes: Axes, bounds: Sequence[Bound], spread: bool = False) -> Figure | None:
    """Draw lines with bars, of the samples' spread or the 95 % interval; None where nothing was measured. Places double."""
    drawn = [curve for curve in curves if curve.points]
    if not drawn:
        return None
    places = sorted({point.x for curve in drawn for point in curve.points})
    ticks = axes.ticks or {}
    y: dict[str, Any] = {"type": "log"} if axes.log else {"rangemode": "tozero"}
    y |= {"exponentformat": "SI", "ticksuffix": axes.unit} if axes.unit else {}
    layout = {
        "height": _PLOT_PX + _KEY_PX * (len(drawn) + len(bounds)),
        "xaxis": {
            "type": "log",
            "title": {"text": axes.x},
            "tickvals": places,
            "ticktext": [ticks.get(x, str(x)) for x in places],
        },
        "yaxis": {"title": {"text": axes.y}, "automargin": True, **y},
        "shapes": list(bounds),
        "showlegend": True,
    }
    bars = (
        "Bars: least and most of the samples." if spread else "Bars: 95 % interval, or where there is none the samples' spread."
    )
    return Figure(part.id, part.title, f"{part.words} {bars}", tuple(_trace(one, spread) for one in drawn), layout, part.table)


def level(y: float, name: str, dash: str = "dash") -> Bound:
    """Return a line across, with its name in the legend."""
    return _bound(name, dash) | {"xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y}


def upright(x: float, name: str, dash: str = "dot") -> Bound:
    """Return a line from bottom to top, with its name in the legend."""
    return _bound(name, dash) | {"yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1}


def equal(places: Sequence[int], name: str, dash: str = "dot") -> Bound:
    """Return the line on which y is x, straight where both axes are logarithmic."""
    first, last = min(places), max(places)
    return _bound(name, dash) | {"x0": first, "x1": last, "y0": first, "y1": last}


def upto(places: Sequence[int], most: int, name: str, dash: str = "dot") -> list[Bound]:
    """Return the line on which y is x up to a most, and the most from there on."""
    first, last = min(places), max(places)
    rising = equal([p for p in (*places, most) if p <= most], name, dash) if first < most else None
    flat = _bound(name, dash) | {"x0": max(first, most), "x1": last, "y0": most, "y1": most, "showlegend": rising is None}
    return [one for one in (rising, flat if last > most else None) if one]


def _bound(name: str, dash: str) -> Bound:
    return {"type": "line", "name": text(name), "showlegend": True, "line": {"dash": dash, "width": 1.5}}


def _trace(curve: Curve, spread: bool) -> Trace:
    points = _rising(curve.points)
    taken = [point.taken for point in points]
    ends = [one.spread if spread else one.interval for one in taken]
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": text(curve.name),
        "x": [point.x for point in points],
        "y": [_rounded(one.value) for one in taken],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [_rounded(high - one.value) for one, (_, high) in zip(taken, ends, strict=True)],
            "arrayminus": [_rounded(one.value - low) for one, (low, _) in zip(taken, ends, strict=True)],
            "thickness": 1.5,
        },
        "hovertext": [_said(curve, point) for point in points],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"dash": "dot" if curve.second else "solid"},
        "slot": curve.slot,
    }
    return trace | ({"open": [True] * len(taken)} if curve.second else {})


def _rising(points: Sequence[Point]) -> list[Point]:
    """Return points in order, of several at one place the first: sizes of two names may come to the same on a small machine."""
    return [one for _, one in sorted({point.x: point for point in reversed(points)}.items())]


def _said(curve: Curve, point: Point) -> str:
    lines = (f"{curve.name}, {point.x}: {point.taken.amount}", *point.taken.said, point.more)
    return "<br>".join(hover(line) for line in lines if line)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
