"""Bars with bands on one scale, for the page of an FPGA estimate: lines that stretch with the page, words that do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from ngtbench.kernels.fpga.estimate import Estimate

STYLE = """
.bars { margin: .5rem 0 1rem; max-width: 70rem; font-size: .93rem; }
.bars > div { display: grid; grid-template-columns: 14rem 1fr 17rem; column-gap: 2.5rem; align-items: center; }
.bars span:first-child { text-align: right; overflow-wrap: anywhere; } .bars span { line-height: 1.2; }
.bars svg { display: block; width: 100%; height: 26px; overflow: visible; }
.bars .scale svg { height: 20px; } .bars text { font-size: 12px; fill: var(--quiet); }
.bars .tick { stroke: var(--line); } .bars .band { fill: var(--link); fill-opacity: .35; }
.bars .value { stroke: var(--link); stroke-width: 3; }
.bars .limit { stroke: var(--warn); stroke-width: 2; stroke-dasharray: 4 3; }
@media (max-width: 45rem) {
  .bars > div { grid-template-columns: 1fr; padding: .2rem 1.5rem .2rem 0; }
  .bars span:first-child { text-align: left; font-weight: 600; }
}
"""
_STEPS = (1, 2, 2.5, 5, 10)
_TICKS = 5  # at most, zero aside: they fit on a narrow page


@dataclass(frozen=True)
class Bar:
    """A figure in the unit of the scale, and what is said of it."""

    name: str
    figure: Estimate
    said: str


def drawn(bars: Sequence[Bar], unit: str, limit: float | None = None) -> str:
    """Return bars from zero: the band as a block, the value as a line; the limit as a dashed one where the scale reaches it."""
    reach = max(bar.figure.high for bar in bars)
    step = _step(reach if limit is None or reach < limit / 2 else max(reach, limit))
    end = step * max(1, -(-max(reach, 0) // step))
    if limit is not None and reach >= limit / 2:
        end = max(end, limit + step / 2)
    ticks = [step * k for k in range(floor(end / step) + 1)]

    def at(number: float) -> str:
        return f"{100 * number / end:.2f}%"

    lines = "".join(f'<line class="tick" x1="{at(tick)}" x2="{at(tick)}" y1="0" y2="100%"/>' for tick in ticks)
    if limit is not None and limit <= end:
        lines += f'<line class="limit" x1="{at(limit)}" x2="{at(limit)}" y1="0" y2="100%"/>'
    rows = "".join(
        f'<div><span>{escape(bar.name)}</span><svg aria-hidden="true">{lines}'
        f'<rect class="band" x="{at(bar.figure.low)}" y="8" width="{at(bar.figure.high - bar.figure.low)}" height="10"/>'
        f'<line class="value" x1="{at(bar.figure.value)}" x2="{at(bar.figure.value)}" y1="5" y2="21"/></svg>'
        f"<span>{escape(bar.said)}</span></div>"
        for bar in bars
    )
    words = "".join(f'<text x="{at(tick)}" y="14" text-anchor="middle">{tick:,.10g}</text>' for tick in ticks)
    scale = f'<div class="scale"><span></span><svg aria-hidden="true">{words}</svg><span>{escape(unit)}</span></div>'
    return f'<div class="bars">{rows}{scale}</div>'


def _step(reach: float) -> float:
    """Return the distance of ticks: 1, 2, 2.5 or 5 times a power of ten."""
    if reach <= 0:
        return 1.0
    least = reach / _TICKS
    power = 10.0 ** floor(log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))
