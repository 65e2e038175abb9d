"""What a device cannot exceed by its data sheet: a result above it is an error, never a record speed."""

from collections.abc import Callable
from dataclasses import replace

from ngtbench.analysis.roofline import BEYOND_CACHE, last_level_cache
from ngtbench.discover import profiles
from ngtbench.model.case import Job, Resources
from ngtbench.model.machine import Cpu, Device, HardwareProfile, Machine, Peak
from ngtbench.model.record import Outcome
from ngtbench.units import percent, si

_BOOSTS = 1.02  # a highest clock below this many times the base clock leaves out boost: old drivers report so


def sheets(machine: Machine) -> dict[str, HardwareProfile]:
    """Return the profile of every device that matched one, by device id.

    Raises ProfileError where a hardware file is faulty.
    """
    matched = {match.device: match.profile for match in machine.matches if match.profile}
    known = profiles.load() if any(not name.startswith("generic") for name in matched.values()) else {}
    return {device: known[name] for device, name in matched.items() if name in known}


def of(machine: Machine) -> Callable[[Job, Outcome], Outcome]:
    """Return what judges outcomes of this machine.

    Raises ProfileError where a hardware file is faulty.
    """
    known = sheets(machine)

    def held(job: Job, outcome: Outcome) -> Outcome:
        device = job.resources.device
        return judged(outcome, job, machine.device(device), known.get(device))

    return held


def judged(outcome: Outcome, job: Job, device: Device, sheet: HardwareProfile | None) -> Outcome:
    """Return the outcome, or a failed one, measurement and all, where its fastest sample is above the data sheet."""
    reason = excess(outcome, job, device, sheet) if sheet else None
    return outcome if reason is None else replace(outcome, status="failed", reason=reason)


def excess(outcome: Outcome, job: Job, device: Device, sheet: HardwareProfile) -> str | None:
    """Say by how much the fastest sample exceeds what the data sheet allows; None where it does not, or cannot be judged."""
    measured, work = outcome.measurement, outcome.work
    if outcome.status != "done" or measured is None or work is None or not measured.series.get("wall_s"):
        return None
    fastest_s = min(measured.series["wall_s"]) + measured.timer_resolution_s / measured.calls  # it may have taken a step more
    if fastest_s <= 0:
        return None
    dtype = job.case.dtype
    peak, bandwidth = flop_ceiling(sheet, dtype, device, job.resources), _bandwidth(sheet, device, job.resources)
    cache_b, _ = last_level_cache(device, sheet)
    beyond = cache_b is not None and work.memory_b > BEYOND_CACHE * cache_b  # else caches may deliver the bytes
    for rate, ceiling, name, unit in (
        (work.flop / fastest_s, peak, f"{dtype} peak", "FLOP/s"),
        (work.bytes * job.traffic / fastest_s, bandwidth if beyond else None, "memory bandwidth", "B/s"),
    ):
        if ceiling is not None and rate > ceiling:
            return (
                f"reaches {percent(rate / ceiling)} of the data sheet's {name} of {si(ceiling, unit)}: "
                f"the work was not done, the clock is wrong, or hardware/{sheet.id}.toml is"
            )
    return None


def flop_ceiling(sheet: HardwareProfile, dtype: str, device: Device, resources: Resources) -> float | None:
    """Return FLOP/s of this dtype that what the job was given cannot exceed, vector or matrix, whichever is higher.

    Peaks are scaled to the highest clock the device reports. None where a peak of the dtype is unknown; for processors, whose
    peaks are at base clock, also where the highest clock is.
    """
    peaks = [peak for key, peak in sheet.peaks.items() if key.partition("/")[0] == dtype]
    found = [_on_cores(peak, sheet, device, resources) if isinstance(device, Cpu) else _on_card(peak, device) for peak in peaks]
    known = [rate for rate in found if rate is not None]
    if not known or len(known) < len(found):
        return None
    return max(known) * (1 if isinstance(device, Cpu) else resources.ranks)


def _on_card(peak: Peak, device: Device) -> float | None:
    rate, clock, top = peak.flop_per_s.value, peak.clock_hz.value, device.clock_max_hz
    return rate * max(1.0, top / clock) if rate and clock and top else rate


def _on_cores(peak: Peak, sheet: HardwareProfile, cpu: Cpu, resources: Resources) -> float | None:
    """Scale from the socket at base clock to the cores that were given, at the highest clock."""
    rate, clock, top, units = peak.flop_per_s.value, peak.clock_hz.value, cpu.clock_max_hz, sheet.units.value
    if not rate or not clock or not top or not units or (top < _BOOSTS * clock and cpu.turbo is not False):
        return None
    asked = resources.threads * resources.ranks
    return rate / units * min(asked, cpu.cores or asked) * max(1.0, top / clock)


def _bandwidth(sheet: HardwareProfile, device: Device, resources: Resources) -> float | None:
    value = sheet.bandwidth_b_per_s.value
    count = (device.sockets or 1) if isinstance(device, Cpu) else resources.ranks
    return None if value is None else value * count
