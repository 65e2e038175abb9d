"""The page of an FPGA estimate: figures with their bands against the part and layer by layer; no script, no request."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ngtbench.kernels.fpga.estimate import Estimate
from ngtbench.kernels.fpga.fit import RESOURCES, TIMES, Check, checks, tightest, together
from ngtbench.kernels.fpga.network_estimate import NetworkEstimate
from ngtbench.kernels.fpga.parts import Constraints, Part
from ngtbench.report.fpga_bars import STYLE, Bar, drawn

_NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "cycles": "latency, cycles", "ii": "II, cycles"}
ANSWERS = {"yes": "fits", "no": "does not fit", "undecided": "undecided: a band crosses a limit"}
_STYLE = """
th.number, td.number { white-space: nowrap; text-align: right; } tr.total td { font-weight: 700; }
@media (max-width: 45rem) { td.number { text-align: left; } }
tr.no td:first-child { color: var(--warn); font-weight: 700; } tr.undecided td:first-child { font-weight: 700; }
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
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8") + _STYLE + STYLE
    headline = f"{model} on {part.label}: {ANSWERS[together(held)]}"
    parts = (
        f"<p>{escape(_context(limits, held))}</p>",
        f"<p>{escape(_dominating(found))}</p>",
        "<h2>Against the part</h2>",
        _checks(held),
        _against(held),
        "<p>Block: the band. Line: the estimate. Dashed: the limit, where the scale reaches it.</p>",
        "<h2>Layer by layer</h2>",
        _layers(found),
        "".join(f"<h3>{_NAMES[what]}</h3>{_share(found, what)}" for what in RESOURCES if getattr(found.total, what).high),
        "<h2>What small changes would do</h2>",
        _changes(found, changed, part, limits),
        _changed(found, changed, tightest(held)),
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


def _dominating(found: NetworkEstimate) -> str:
    """Say which layer takes most of every resource."""
    said = dict[str, list[str]]()
    for what in RESOURCES:
        name, most = max(((name, getattr(layer, what).value) for name, layer in found.layers.items()), key=lambda one: one[1])
        if most:
            said.setdefault(name, []).append(f"{most / getattr(found.total, what).value:.0%} of {_NAMES[what]}")
    return " ".join(f"{name} dominates: {', '.join(shares)}." for name, shares in said.items())


def _against(held: tuple[Check, ...]) -> str:
    """Draw the share of every limit that is used; a limit of zero has none."""
    bars = []
    for check in held:
        if check.limit:
            value, low, high = (100 * one / check.limit for one in (check.figure.value, check.figure.low, check.figure.high))
            bars.append(Bar(_NAMES[check.what], Estimate(value, low, high, check.figure.rule), f"{check.used:.1%}"))
    return drawn(bars, "% of the limit", 100.0)


def _share(found: NetworkEstimate, what: str) -> str:
    """Draw the layers that take some of a resource, the largest first."""
    total = max(getattr(found.total, what).value, 1)
    rows = [(name, getattr(layer, what)) for name, layer in found.layers.items() if getattr(layer, what).high > 0]
    rows.sort(key=lambda row: -row[1].value)
    return drawn([Bar(name, one, f"{between(one)}: {one.value / total:.0%}") for name, one in rows], _NAMES[what])


def _changes(found: NetworkEstimate, changed: Mapping[str, NetworkEstimate], part: Part, limits: Constraints | None) -> str:
    figures = (*RESOURCES, *TIMES)
    rows = []
    for words, other in changed.items():
        pairs = [(getattr(found.total, what).value, getattr(other.total, what).value) for what in figures]
        answer = together(checks(other.total, part, limits))
        rows.append((answer, [words, *(_moved(before, after) for before, after in pairs), ANSWERS[answer].partition(":")[0]]))
    return _table(("change", *(_NAMES[what] for what in figures), "verdict"), rows)


def _changed(found: NetworkEstimate, changed: Mapping[str, NetworkEstimate], near: Check) -> str:
    """Draw the figure that is nearest its limit, as it is and after each change."""
    rows = [(words, getattr(one.total, near.what)) for words, one in (("as it is", found), *changed.items())]
    return f"<h3>The tightest: {_NAMES[near.what]}</h3>" + drawn(
        [Bar(words, figure, between(figure)) for words, figure in rows], _NAMES[near.what], near.limit or None
    )


def _moved(before: float, after: float) -> str:
    """Return a figure after a change, and by how much it moved."""
    if round(after) == round(before):
        return "as before"
    return f"{after:,.0f} ({after - before:+,.0f}{f', {after / before - 1:+.0%}' if before else ''})"


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
