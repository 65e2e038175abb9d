"""The page of a plan: modelled rates per number of devices, what other rules give, how many events must be in flight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ngtbench.kernels.scheduling.hetero_plan import PLANNED, Job, Rule, Step
from ngtbench.kernels.scheduling.speedup import Speedup
from ngtbench.report.line_chart import MOST, STYLE, Line, drawn
from ngtbench.units import percent

Plans = Mapping[Speedup, Sequence[Step]]
_STYLE = """
table { width: auto; min-width: min(44rem, 100%); }
@media (min-width: 45.01rem), print { td.number, th.number { text-align: right; white-space: nowrap; } }
"""
_MODELLED = "Modelled, not measured: every figure of this page is of a simulation, from run times of algorithms and a speed-up."
_ASSUMED = "An assumed speed-up is about the most that data sheets allow. The answer hangs on it: give yours by --speedup."


@dataclass(frozen=True)
class Found:
    """What a page shows. `rules`: of the first device; `in_flight`: order -> (events in flight, cores at work, at most)."""

    workflow: str
    job: Job
    plans: Plans
    answers: Mapping[Speedup, str]
    rules: Mapping[Rule, Sequence[Step]]
    in_flight: Mapping[str, Sequence[tuple[int, float, float]]]


def render(found: Found) -> str:
    """Return the page."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8") + STYLE + _STYLE
    title = f"How many devices per node? {found.workflow} on {found.job.cores} cores, modelled"
    parts = (
        f'<p class="warning">{_MODELLED}</p>',
        f"<p>{escape(context(found.job))}</p>",
        "<ul>" + "".join(f"<li>{escape(words)}</li>" for words in found.answers.values()) + "</ul>",
        f"<p>{_ASSUMED}</p>" if any(one.assumed for one in found.plans) else "",
        "<h2>Events per second against devices (modelled)</h2>",
        _rates(found),
        _table(found.plans),
        "<h2>What another rule would give (modelled)</h2>",
        _rules(found),
        "<h2>Cores at work against events in flight (modelled)</h2>",
        _in_flight(found),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>ngtbench schedule: {escape(title)}</title><style>{style}</style></head><body>"
        f"<h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def context(job: Job) -> str:
    """Return in words what is planned."""
    longest = sorted(job.offloaded, key=lambda a: -float(job.graph.runtimes_s[a]))
    names = ", ".join(job.graph.names[a] for a in longest[:10]) + (", ..." if len(longest) > 10 else "")
    share = job.offloaded_s / job.graph.work_s if job.graph.work_s else 0.0
    return (
        f"{job.graph.count} algorithms, {job.graph.work_s:.4g} s of one core per event; {len(longest)} may run on a device, "
        f"{job.offloaded_s:.4g} s ({percent(share)}), {job.chosen}: {names}. {job.slots} events in flight, "
        f"{job.events} simulated; what fills and empties the node is in every rate. Nothing but the algorithms and 10 us per "
        "launch costs anything: no copies, no shared memory bandwidth."
    )


def _rates(found: Found) -> str:
    shown = sorted(found.plans.items(), key=lambda plan: plan[0].factor)[:MOST]
    lines = []
    for slot, (speedup, steps) in enumerate(shown):
        name = f"{speedup.label}, {speedup.factor:g} times a core ({'assumed' if speedup.assumed else 'given'})"
        lines.append(Line(name, [(step.devices, step.events_per_s) for step in steps], slot))
        bound = "" if slot else "dashed: the bound of each, in its colour"
        lines.append(Line(bound, [(step.devices, step.bound_per_s) for step in steps], slot, "6 4"))
    left = len(found.plans) - len(shown)
    cut = f"<p>Drawn are the {MOST} of the lowest speed-up; the table has {left} more.</p>" if left else ""
    return drawn(lines, "devices per node", "events per second, modelled", _said(lines)) + cut


def _rules(found: Found) -> str:
    first = next(iter(found.plans))
    lines = [
        Line(rule.words + (" (planned)" if rule == PLANNED else ""), [(s.devices, s.simulated_per_s) for s in steps], slot)
        for slot, (rule, steps) in enumerate(found.rules.items())
    ]
    for words, kind, dash in (("bound of earliest end", "earliest", "6 4"), ("bound of always on a device", "async", "2 3")):
        steps = next(steps for rule, steps in found.rules.items() if rule.offload == kind)
        lines.append(Line(words, [(step.devices, step.bound_per_s) for step in steps], None, dash))
    words = (
        f"{first.label}, {first.factor:g} times a core. All devices are used, even where that is slower: work that always goes "
        "to too few devices waits for them, and the node may fall below what its cores alone give."
    )
    return f"<p>{escape(words)}</p>" + drawn(lines, "devices per node", "events per second, modelled", _said(lines))


def _in_flight(found: Found) -> str:
    lines = [
        Line(order, [(slots, share) for slots, share, _ in points], slot)
        for slot, (order, points) in enumerate(found.in_flight.items())
    ]
    bound = [(slots, most) for slots, _, most in next(iter(found.in_flight.values()))]
    lines.append(Line("bound: all cores busy, or one event after the other in each slot", bound, None, "6 4"))
    words = f"{found.job.cores} cores, no device. With few events in flight algorithms wait for each other, and cores for work."
    return f"<p>{words}</p>" + drawn(lines, "events in flight", "share of the cores' time, modelled", _said(lines), log_x=True)


def _said(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.name}: {', '.join(f'{x:g}: {y:.3g}' for x, y in line.points)}" for line in lines)


def _table(plans: Plans) -> str:
    heads = ("device", "speed-up", "devices", "events/s, modelled", "bound", "the last one brings", "all used")
    head = "".join(f'<th scope="col" class="{"number" if place else ""}">{word}</th>' for place, word in enumerate(heads))
    rows = []
    for speedup, steps in plans.items():
        for step in steps:
            rows.append([speedup.label, f"{speedup.factor:g}", *cells(step)])
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"number" if place else ""}" data-label="{heads[place]}">{escape(cell)}</td>'
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    notes = "".join(f"<li>{escape(one.label)}: {one.factor:g}, {escape(one.source)}.</li>" for one in plans)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p>All used: where that is below events/s, the plan leaves devices idle. Speed-ups over one core:</p><ul>{notes}</ul>"
    )


def cells(step: Step) -> list[str]:
    """Return a step as a row: devices, rate, bound, gain, rate with all devices used."""
    gain = "" if step.gain is None else f"{100 * step.gain:+.1f} %"
    return [str(step.devices), f"{step.events_per_s:.2f}", f"{step.bound_per_s:.2f}", gain, f"{step.simulated_per_s:.2f}"]
