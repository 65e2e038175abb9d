"""How numbers of results are written: units by suffix, intervals, rates, flags."""

import math
from statistics import median

from ngtbench.model.comparison import Fraction, Interval, Result
from ngtbench.model.machine import Device, Machine
from ngtbench.units import binary_bytes, percent, si

_UNITS = (  # the first suffix that fits
    ("_flop_per_s", "FLOP/s"),
    ("_b_per_s", "B/s"),
    ("_per_s", "/s"),
    ("_s", "s"),
    ("_b", "B"),
    ("_w", "W"),
    ("_hz", "Hz"),
    ("_j", "J"),
)
FLAGS = {  # flag -> how its figure reads
    "not_converged": "not converged: half-width {}",
    "drift": "drift {} over the run",
    "timer_coarse": "timer coarse: a step is {} of a sample",
    "autocorrelated": "autocorrelated: a sample resembles the one before by {}",
    "throttled": "throttled for {} of the window",
    "power_capped": "at its power limit for {} of the window",
    "clock_moved": "clock moved by {}",
    "timer_stepped": "timer stepped by {} of the window",
    "other_streams": "worked on other streams for {} of the time",
    "overhead": "an empty call takes {} of it",
    "slowed_down": "slowed down by {} on purpose",
    "shared_device": "shared device: others used {}",
    "tuned_to_shape": "tuned to its shape: {} faster per unit of work than at sizes near it",
}
NAMES = {
    "wall_s": "time per call",
    "cold_s": "one call, cold caches",
    "enqueue_s": "host asks",
    "device_s": "device, events",
    "replay_s": "device, graph replay",
}


def change(log_ratio: float) -> str:
    """Write the logarithm of a ratio as a change with its sign: +5.0 % for a ratio of 1.05."""
    return f"{100 * math.expm1(log_ratio):+.1f} %"


def unit(metric: str) -> str:
    """Return the unit a metric's suffix names; empty for a plain number."""
    return next((unit for suffix, unit in _UNITS if metric.endswith(suffix)), "")


def amount(metric: str, value: float | None) -> str:
    """Write a value of a metric with its unit, four digits."""
    return si(value, unit(metric), 4)


def spread(metric: str, found: Interval) -> str:
    """Write the 95 % interval of a metric, or that there is none."""
    if found.low is None or found.high is None:
        return "none"
    return f"{amount(metric, found.low)} to {amount(metric, found.high)}"


def basis(found: Interval) -> list[str]:
    """Write what an interval rests on, and what it lacks."""
    launches = f"{found.jobs} jobs, " if found.jobs > 1 else ""
    launches += f"{found.launches} launches, " if found.launches > 1 else ""
    samples = f"{found.samples} sample{'' if found.samples == 1 else 's'}"
    return [launches + samples, *(words.partition(":")[0] for words in found.lacks)]


def rates(result: Result) -> list[str]:
    """Write FLOP, bytes and events per second, those that the workload counts."""
    if result.work is None:
        return []
    counted = ((result.work.flop, "FLOP/s"), (result.work.bytes, "B/s"), (result.work.events, f"{result.work.event}/s"))
    return [si(rate, unit, 4) for count, unit in counted if (rate := result.rate(count)) is not None]


def saturation(result: Result) -> list[str]:
    """Write from how many events of a call on the rate grows no more, where calls of other numbers of events were timed."""
    if result.saturation is None:
        return []
    events, settled = result.saturation
    return [f"{'saturates' if settled else 'not yet saturated'} at {events} a call"]


def share(found: Fraction) -> list[str]:
    """Write a fraction of a limit, which limit, and what to know about it."""
    if found.value is None:
        words = [found.reason or ""] if "not measured" in (found.reason or "") else [f"none: {found.reason}"]
    else:
        words = [percent(found.value), f"of {found.limit}"]
    return [*words, "data fit the cache"] if found.in_cache else words


def flags(result: Result) -> list[str]:
    """Write every flag with its figure, every throttle reason, two groups of launches, tries thrown away."""
    words = []
    for name, figure in result.flags.items():
        form = FLAGS.get(name)
        counted = {"swapping": f"{figure:.0f} pages swapped", "copied": f"{figure:.0f} copies of its records, counted once"}
        other = counted[name] if name in counted else f"{name.replace('_', ' ')} {figure:.3g}"
        words.append(form.format(percent(figure)) if form else other)
    words += [f"throttled: {reason}" for reason in result.throttle]
    words += groups(result)
    tries = dict.fromkeys(result.redone)
    return words + ([f"{len(result.redone)} tries thrown away: {'; '.join(tries)}"] if tries else [])


def groups(result: Result) -> list[str]:
    """Write the two groups that launches fall into, where they do."""
    if result.modes is None or result.metric is None:
        return []
    name = result.metric.name
    both = [f"{amount(name, median(group))} ({len(group)})" for group in (result.modes.fast, result.modes.slow)]
    return [f"launches fall into two groups: {' and '.join(both)}"]


def energy(result: Result) -> list[str]:
    """Write joules per event with their error, and idle power; nothing of what was not measured."""
    words = []
    if result.event_j is not None and result.work is not None:
        error = "" if result.event_error is None else f" ± {percent(result.event_error)}"
        net = "" if result.event_net_j is None else f", {si(result.event_net_j, 'J')} of it above idle"
        words.append(f"{si(result.event_j, 'J')} per {result.work.event}{error}{net}")
    words += [] if result.target_j is None else [f"{si(result.target_j, 'J')} to the target"]
    return words + ([] if result.idle_w is None else [f"idle {si(result.idle_w, 'W')}"])


def error(result: Result) -> list[str]:
    """Write the error against the oracle, the tolerance and the kind of check, and every invariant."""
    verdict = result.verdict
    if verdict is None:
        return ["not checked"]
    kinds = {"full": "in full", "spot": "in a sample", "invariants": "by invariants"}
    words = [] if verdict.error is None else [f"error {verdict.error:.2g}", f"tolerance {verdict.tolerance or 0:.2g}"]
    words += [f"checked {kinds[verdict.check]}"]
    return words + [
        f"{name} {'–' if value is None else f'{value:.3g}'}, bound {bound:.3g}"
        for name, (value, bound) in verdict.invariants.items()
    ]


def place(result: Result) -> str:
    """Write where a case ran and with how many threads."""
    resources = result.resources
    words = [f"{resources.device} × {resources.threads}" + (" bound" if resources.bind else "")]
    if resources.ranks != 1:
        words.append(f"{resources.ranks} ranks")
    if resources.clients != 1:
        words.append(f"{resources.clients} clients")
    if resources.neighbour:
        words.append(f"beside {resources.neighbour}")
    return ", ".join(words)


def device_name(device: Device) -> str:
    """Write a device's name and memory."""
    return f"{device.name or 'name unknown'}, {binary_bytes(device.memory_b)}"


def machine_line(machine: Machine) -> str:
    """Write what a machine is, in one line."""
    cpu = machine.cpu
    cores = f"{cpu.usable_threads} of {cpu.threads} threads usable"
    gpus: dict[str, int] = {}
    for gpu in machine.gpus:
        gpus[device_name(gpu)] = gpus.get(device_name(gpu), 0) + 1
    parts = [f"{cpu.name or 'CPU name unknown'}, {cores}, {binary_bytes(cpu.usable_memory_b)}"]
    parts += [f"{count} × {name}" for name, count in gpus.items()] or ["no GPU"]
    return f"{machine.host.hostname}: {'; '.join(parts)}"
