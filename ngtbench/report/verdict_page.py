"""The gate's page: a row per benchmark with its pairs drawn; no script, no request, nothing from a record executed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ngtbench.model.gate import Decision

_WIDTH, _HEIGHT, _MARGIN = 300, 36, 8
_LEAST = 0.12  # log ratio at which the drawing ends at least
_HEADS = ("verdict", "case, and why", "every pair", "change (99 % interval)", "pairs", "noise of a pair", "baseline", "candidate")
_STYLE = """
td:first-child, td.change { white-space: nowrap; }
.error td:first-child, .fail td:first-child { color: var(--warn); font-weight: 700; }
.inconclusive td:first-child { font-weight: 700; }
svg { display: block; } svg text { font-size: 9px; fill: var(--quiet); }
svg .axis { stroke: var(--line); } svg .limit { stroke: var(--warn); stroke-dasharray: 3 2; }
svg .bar { stroke: var(--text); stroke-width: 2; } svg .pair { fill: var(--link); fill-opacity: .5; }
"""


@dataclass(frozen=True)
class Row:
    """One benchmark: its words, and what is drawn of it."""

    status: str
    name: str
    figures: tuple[str, ...]
    reasons: tuple[str, ...]
    decision: Decision | None
    log_ratios: tuple[float, ...]


def render(headline: str, context: Sequence[str], rows: Sequence[Row], notes: Sequence[str]) -> str:
    """Return the page."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8") + _STYLE
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in _HEADS)
    body = "".join(_row(row, _reach(rows)) for row in rows)
    said = "".join(f"<p>{escape(line)}</p>" for line in context)
    foot = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    key = "Dots: pairs of launches. Bar: the change with its 99 % interval. Dashed: the tolerance. Right of 0 is worse."
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>ngtbench gate: {escape(headline)}</title><style>{style}</style></head><body>"
        f"<h1>Performance gate: {escape(headline)}</h1>{said}"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p>{key}</p>{foot}</body></html>\n"
    )


def _row(row: Row, reach: float) -> str:
    reasons = "".join(f"<br><small>{escape(reason)}</small>" for reason in row.reasons)
    name = escape(row.name).replace("/", "/<wbr>")
    cells = [escape(row.status), f"{name}{reasons}", _drawn(row, reach), *map(escape, row.figures)]
    kinds = ("", "name", "", "change", "", "", "number", "number")
    return (
        f'<tr class="{escape(row.status)}">'
        + "".join(
            f'<td class="{kind}" data-label="{escape(head)}">{cell}</td>'
            for head, kind, cell in zip(_HEADS, kinds, cells, strict=True)
        )
        + "</tr>"
    )


def _reach(rows: Sequence[Row]) -> float:
    """Return the log ratio at which all drawings end, so that they can be compared; what lies beyond is put at the edge."""
    bounds = [abs(row.decision.estimate or 0) + (row.decision.half_width or 0) for row in rows if row.decision]
    return max([_LEAST, *(1.1 * bound for bound in bounds if math.isfinite(bound))])


def _drawn(row: Row, reach: float) -> str:
    if row.decision is None or not row.log_ratios:
        return "–"

    def x(value: float) -> float:
        inside = min(max(value, -reach), reach)
        return _WIDTH / 2 + (_WIDTH / 2 - _MARGIN) * inside / reach

    def line(kind: str, at: tuple[float, float, float, float]) -> str:
        return '<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(kind, *at)

    limit, middle = x(math.log1p(row.decision.tolerance)), _HEIGHT / 3
    parts = [line("axis", (x(0), 0, x(0), 24)), line("limit", (limit, 0, limit, 24))]
    parts += [f'<circle class="pair" cx="{x(ratio):.1f}" cy="{middle:.1f}" r="3"/>' for ratio in row.log_ratios]
    if row.decision.estimate is not None and row.decision.half_width is not None:
        low, high = (x(row.decision.estimate + sign * row.decision.half_width) for sign in (-1, 1))
        parts += [line("bar", (low, middle, high, middle))]
        parts += [line("bar", (x(row.decision.estimate), middle - 6, x(row.decision.estimate), middle + 6))]
    for value in (-reach, 0.0, reach):
        anchor = {-reach: "start", 0.0: "middle", reach: "end"}[value]
        parts.append(f'<text x="{x(value):.1f}" y="{_HEIGHT - 2}" text-anchor="{anchor}">{100 * math.expm1(value):+.0f} %</text>')
    said = f"{len(row.log_ratios)} pairs, {row.figures[0]}"
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg {box} role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'
