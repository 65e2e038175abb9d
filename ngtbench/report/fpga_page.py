"""The page of an FPGA estimate: figures per layer with their bands against the part; no script, no request."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ngtbench.kernels.fpga.estimate import Estimate
from ngtbench.kernels.fpga.fit import RESOURCES, TIMES, Check, tightest, together
from ngtbench.kernels.fpga.network_estimate import NetworkEstimate
from ngtbench.kernels.fpga.parts import Constraints, Part

_WIDTH, _ROW, _LABEL = 640, 22, 150
_NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "cycles": "latency, cycles", "ii": "II, cycles"}
_ANSWERS = {"yes": "fits", "no": "does not fit", "undecided": "undecided: a band crosses a limit"}
_STYLE = """
th.number, td.number { white-space: nowrap; text-align: right; } tr.total td { font-weight: 700; }
tr.no td:first-child { color: var(--warn); font-weight: 700; } tr.undecided td:first-child { font-weight: 700; }
svg { display: block; max-width: 100%; } svg text { font-size: 12px; fill: var(--text); }
svg .band { stroke: var(--link); stroke-opacity: .35; stroke-width: 10; } svg .value { stroke: var(--link); stroke-width: 3; }
svg .limit { stroke: var(--warn); stroke-dasharray: 4 3; } svg .axis { stroke: var(--line); }
"""


def between(figure: Estimate) -> str:
    """Return a figure with its band, in words."""
    value = f"{figure.value:,.0f}"
    return value if figure.low == figure.high else f"{value} ({figure.low:,.0f} to {figure.high:,.0f})"


def render(
    model: str,
    found: NetworkEstimate,
    part: Part,
    limits: Constraints | None,
    held: tuple[Check, ...],
    changed: Mapping[str, NetworkEstimate],
) -> str:
    """Return the page."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8") + _STYLE
    headline = f"{model} on {part.label}: {_ANSWERS[together(held)]}"
    parts = (
        f"<p>{escape(_context(limits, held))}</p>",
        _checks(held),
        "<h2>Against the part</h2>",
        _drawn([(_NAMES[check.what], check.figure, check.limit) for check in held if check.what in RESOURCES]),
        "<p>Bar: the band. Line: the estimate. Dashed: the limit; what lies beyond 1.2 times of it is drawn at the edge.</p>",
        "<h2>Layer by layer</h2>",
        _layers(found),
        "".join(f"<h3>{_NAMES[what]}</h3>{_share(found, what)}" for what in RESOURCES if getattr(found.total, what).high),
        "<h2>What small changes would do</h2>",
        _changes(found, changed),
        "<h2>Rules</h2>",
        "".join(f"<p>{_NAMES[what]}: {escape(getattr(found.total, what).rule)}.</p>" for what in (*RESOURCES, *TIMES)),
        '<p class="note">A band should hold the figure in 90 % of cases; a rule that says "unproven" claims no coverage. '
        "Whether a clock is met is known after place and route only.</p>",
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>ngtbench fpga: {escape(headline)}</title><style>{style}</style></head><body>"
        f"<h1>{escape(headline)}</h1>{''.join(parts)}</body></html>\n"
    )


def _context(limits: Constraints | None, held: tuple[Check, ...]) -> str:
    near = tightest(held)
    said = f"The tightest is {_NAMES[near.what]}: {near.used:.1%} of {near.limit:,.0f}."
    if limits is None:
        return f"{said} No constraints on time; the whole part may be used."
    return (
        f"{said} {limits.label}: {limits.clock_hz / 1e6:g} MHz, {limits.budget_cycles} cycles of latency, an input every "
        f"{limits.most_ii} cycles, {limits.share:.0%} of the part."
    )


def _checks(held: tuple[Check, ...]) -> str:
    rows = [
        (check.answer, [_NAMES[check.what], check.answer, between(check.figure), f"{check.limit:,.0f}", f"{check.used:.1%}"])
        for check in held
    ]
    return _table(("figure", "within the limit", "estimate (band)", "limit", "used"), rows)


def _layers(found: NetworkEstimate) -> str:
    figures = (*RESOURCES, *TIMES)
    rows = [
        ("total" if name == "total" else "", [name, *(between(getattr(one, what)) for what in figures)])
        for name, one in (*found.layers.items(), ("total", found.total))
    ]
    return _table(("layer", *(_NAMES[what] for what in figures)), rows)


def _share(found: NetworkEstimate, what: str) -> str:
    rows = [(name, getattr(layer, what)) for name, layer in found.layers.items() if getattr(layer, what).high > 0]
    rows.sort(key=lambda row: -row[1].value)
    total = max(getattr(found.total, what).value, 1)
    first = rows[0]
    said = f"{first[0]} dominates: {first[1].value / total:.0%}." if rows else ""
    reach = max(figure.high for _, figure in rows)
    return f"<p>{escape(said)}</p>" + _drawn([(name, figure, None) for name, figure in rows], reach)


def _changes(found: NetworkEstimate, changed: Mapping[str, NetworkEstimate]) -> str:
    figures = (*RESOURCES, *TIMES)
    rows = []
    for words, other in changed.items():
        pairs = [(getattr(found.total, what).value, getattr(other.total, what).value) for what in figures]
        rows.append(("", [words, *(f"{after:,.0f} ({after - before:+,.0f})" for before, after in pairs)]))
    return _table(("change", *(_NAMES[what] for what in figures)), rows)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, list[str]]]) -> str:
    head = "".join(f'<th scope="col" class="{"number" if place else ""}">{escape(word)}</th>' for place, word in enumerate(heads))
    body = "".join(
        f'<tr class="{kind}">'
        + "".join(
            f'<td class="{"number" if place else ""}" data-label="{escape(heads[place])}">{escape(cell)}</td>'
            for place, cell in enumerate(cells)
        )
        + "</tr>"
        for kind, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _drawn(rows: list[tuple[str, Estimate, float | None]], reach: float | None = None) -> str:
    """Draw a bar per row: band, value, limit. With limits, each row ends at 1.2 times its own; else all at `reach`."""
    height = _ROW * len(rows) + 4
    parts = [f'<line class="axis" x1="{_LABEL}" y1="0" x2="{_LABEL}" y2="{height}"/>']
    for place, (name, figure, limit) in enumerate(rows):
        y, most = _ROW * (place + 0.5), 1.2 * max(limit or 0, 1) if reach is None else max(reach, 1)

        def x(value: float, most: float = most) -> float:
            return _LABEL + (_WIDTH - _LABEL - 8) * min(value / most, 1)

        parts.append(f'<text x="{_LABEL - 8}" y="{y + 4}" text-anchor="end">{escape(name[:20])}</text>')
        parts.append(f'<line class="band" x1="{x(figure.low):.1f}" y1="{y}" x2="{x(figure.high):.1f}" y2="{y}"/>')
        at = x(figure.value)
        parts.append(f'<line class="value" x1="{at:.1f}" y1="{y - 6}" x2="{at:.1f}" y2="{y + 6}"/>')
        if limit is not None:
            parts.append(f'<line class="limit" x1="{x(limit):.1f}" y1="{y - 9}" x2="{x(limit):.1f}" y2="{y + 9}"/>')
    said = "; ".join(f"{name} {between(figure)}" for name, figure, _ in rows)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>"
    )
