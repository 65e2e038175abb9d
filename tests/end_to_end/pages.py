"""Pages that browser tests open, and what those look for in them: text that is cut or faint."""

from dataclasses import replace

from ngtbench.model.case import Case
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import Git, Host, Machine, Match
from ngtbench.model.record import Energy, Outcome, RunRecord
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from tests.machines import cpu, gpu, machine
from tests.records import STEADY, VERDICT, case, done, measurement, run
from tests.systems import BIG, PRODUCT, Made, endings, readings

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)><a href='http://evil.example/'>x</a>\"'&{{7*7}}\x07\u202e"
LQFT = Weights("LQFT", "lattice field theory", "the lattice group", {"lattice": 3.0, "ml": 0.0})
EQUAL = Weights("equal", "no family preferred", "nobody", {})

# Boxes whose text does not fit them, where what sticks out is hidden or outside the window; what scrolls is not cut.
CUT = """
const bad = [];
for (const one of document.querySelectorAll("main *, header *")) {
  if (one.closest("svg, .js-plotly-plot") || !one.innerText || one.tagName === "CAPTION" || one.tagName === "OPTION") continue;
  const style = getComputedStyle(one);
  if (style.position === "absolute" || one.closest("thead, caption")) continue;
  const scrolls = one.closest(".scroll");
  const box = one.getBoundingClientRect();
  if (box.width === 0) continue;
  if (style.overflowX === "hidden" && one.scrollWidth > one.clientWidth + 1) bad.push(one.outerHTML.slice(0, 200));
  const inside = scrolls && getComputedStyle(scrolls).overflowX === "auto";
  if (!inside && box.right > document.documentElement.clientWidth + 1) bad.push(one.outerHTML.slice(0, 200));
}
for (const chart of document.querySelectorAll(".chart")) {
  const outer = chart.getBoundingClientRect();
  for (const one of chart.querySelectorAll("svg text")) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.left < outer.left - 1 || box.right > outer.right + 1)) bad.push(one.textContent);
  }
}
return bad;
"""

# Text, of charts too, whose contrast with what is behind it is below 4.5 (WCAG AA); the mark across a chart stands in its title.
FAINT = """
const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const lum = (rgb) => light(rgb).reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
function behind(one) {
  for (let at = one; at; at = at.parentElement) {
    const found = parts(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
}
const bad = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || one.closest("script, style, noscript, .annotation, .hoverlayer")) continue;
  const style = getComputedStyle(one);
  const ink = lum(parts(one instanceof SVGElement ? style.fill : style.color).slice(0, 3));
  const ground = lum(behind(one).slice(0, 3));
  const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  if (ratio < 4.5) bad.push([ratio, one.outerHTML.slice(0, 150)]);
}
return bad;
"""


def hostile() -> tuple[RunRecord, ...]:
    taken = replace(
        measurement(STEADY, **{HOSTILE: STEADY}),
        flags={HOSTILE: 0.5},
        timer=HOSTILE,
        energy=Energy(None, 1.0, None, None, HOSTILE, HOSTILE),
    )
    verdict = replace(VERDICT, worst=HOSTILE, invariants={HOSTILE: (0.1, 1.0)}, inputs_digest=HOSTILE)
    good = replace(done(), measurement=taken, verdict=verdict, variant=HOSTILE, work=replace(PRODUCT, event=HOSTILE))
    of = Case(f"{HOSTILE}/{HOSTILE}", 1, HOSTILE, HOSTILE, "float64")
    runs = [run(good, of=of), run(done(work=PRODUCT), of=case("system/gemm")), run(done(work=BIG))]
    for status in ("wrong", "failed", "skipped"):
        bad = Outcome(status, reason=HOSTILE, remedy=HOSTILE, verdict=replace(verdict, passed=False, reason=HOSTILE))
        runs.append(run(bad, of=replace(of, impl=status)))
    runs.append(run(Outcome("failed", reason="x" * 10_000_000), of=replace(of, impl="long")))
    origin = replace(
        runs[0].provenance, suite=HOSTILE, commit=HOSTILE, environment={HOSTILE: HOSTILE}, job=HOSTILE, profiler=None
    )
    return tuple(replace(one, provenance=origin) for one in runs)


def hostile_machine() -> Machine:
    host = Host(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return replace(
        machine(replace(gpu(), name=HOSTILE), processor=replace(cpu(), name=HOSTILE, flags=(HOSTILE,))),
        host=host,
        git=Git(HOSTILE, HOSTILE, True),
        matches=(Match("cpu:0", HOSTILE, (HOSTILE,), HOSTILE),),
        compilers={HOSTILE: HOSTILE},
        packages={HOSTILE: HOSTILE},
        missing={HOSTILE: HOSTILE},
    )


def report(synthetic: bool = False) -> Report:
    """Three systems: the second is faster and has few sensors, the third lacks cases and has one job."""
    made = [
        Made("Alpha", {}, energy=True),
        Made("Beta", {"lattice": 1.5, "system": 0.8}, energy=True),
        Made("Gamma", {}, jobs=1, change=endings),
    ]
    files, labels = readings(made, synthetic=synthetic)
    prices = [Price("Alpha", 10_000.0, "CHF", "2026-11-01", 8, "a list", "list")]
    return Report(files, labels, {}, (), [LQFT, EQUAL], prices=prices, command="ngtbench report a b")
