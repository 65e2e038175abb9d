"""A chart of a few lines as plain SVG, with a key in HTML: no script, no request."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 360, 56, 16, 12, 48
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito's, as the report's
MOST = len(_COLOURS)  # lines that can be told apart
_MARKS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "M-4-4h8v8h-8z",
    "M0-5 5 4H-5z",
    "M0-5 5 0 0 5-5 0z",
    "M0 5 5-4H-5z",
    "M-4-4 4 4M-4 4 4-4",
)
STYLE = """
svg.lines { display: block; width: 100%; min-width: 32rem; max-width: 720px; height: auto; }
svg.lines text { font-size: 12px; fill: var(--text); }
svg.lines .grid { stroke: var(--line); } svg.lines .axis { stroke: var(--quiet); }
svg.lines path { stroke-width: 2; } svg .none { fill: none; } .key { list-style: none; margin: 0; padding: 0; max-width: 80ch; }
.key li { padding: .1rem 0 .1rem 2.5rem; } svg.sample { min-width: 0; width: 32px; float: left; margin: .3rem 0 0 -2.5rem; }
"""


@dataclass(frozen=True)
class Line:
    """Points (x, y) of rising x. `slot` decides colour and mark; None: the text's, no mark. `dash`: a bound, no mark.

    Without a name a line is not in the key.
    """

    name: str
    points: Sequence[tuple[float, float]]
    slot: int | None
    dash: str = ""


def drawn(lines: Sequence[Line], x_title: str, y_title: str, said: str, log_x: bool = False) -> str:
    """Return the figure; y begins at 0, x ticks are the values that occur; `log_x`: powers of two lie at equal distances."""
    places = sorted({x for line in lines for x, _ in line.points})
    step = _step(max(y for line in lines for _, y in line.points))
    top = step * math.ceil(max(y for line in lines for _, y in line.points) / step)
    first, last = (math.log2(end) if log_x else end for end in (places[0], places[-1]))

    def at(x: float, y: float) -> tuple[float, float]:
        share = ((math.log2(x) if log_x else x) - first) / ((last - first) or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - y / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for k in range(round(top / step) + 1):
        _, y = at(places[0], k * step)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{k * step:g}</text>')
    for place in places:
        x, y = at(place, 0)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 5:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle">{place:g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(f'<text x="{middle[0]}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_title)}</text>')
    parts.append(f'<text transform="translate(14 {middle[1]}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>')
    for line in lines:
        points = [at(x, y) for x, y in line.points]
        parts.append(_line(line, points, points))
    keys = "".join(f"<li>{_sample(line)}{escape(line.name)}</li>" for line in lines if line.name)
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(said)}"'
    chart = f'<div class="scroll"><svg class="lines" {box}>{"".join(parts)}</svg></div>'
    return f'<figure>{chart}<figcaption><ul class="key">{keys}</ul></figcaption></figure>'


def _line(line: Line, places: Sequence[tuple[float, float]], marked: Sequence[tuple[float, float]]) -> str:
    colour = "var(--text)" if line.slot is None else _COLOURS[line.slot % MOST]
    through = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    path = f'<path class="none" stroke="{colour}" stroke-dasharray="{line.dash or "none"}" d="M{through}"/>'
    if line.dash or line.slot is None:
        return path
    mark = f'stroke="{colour}" fill="{colour}" d="{_MARKS[line.slot % MOST]}"'
    return path + "".join(f'<path transform="translate({x:.1f} {y:.1f})" {mark}/>' for x, y in marked)


def _sample(line: Line) -> str:
    drawn_line = _line(line, [(1, 6), (31, 6)], [(16, 6)])
    return f'<svg class="lines sample" viewBox="0 0 32 12" aria-hidden="true">{drawn_line}</svg>'


def _step(most: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that some five steps reach what is to be shown."""
    power = 10 ** math.floor(math.log10(most / 5))
    return float(next(power * k for k in (1, 2, 5, 10) if power * k >= most / 5))
