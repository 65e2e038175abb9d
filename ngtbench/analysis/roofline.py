"""Measured limits of a device, and what share of them a case reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ngtbench.model.comparison import Fraction, Limit, Limits, Result
from ngtbench.model.machine import Cpu, Device, HardwareProfile, Quantity

TRIAD = "system/triad"
GEMM = "system/gemm"
FMA = "system/fma"
LINK = "system/transfer"
BANDWIDTH = "measured bandwidth"  # name of the limit
_ARITHMETIC = {GEMM: "GEMM", FMA: "FMA"}  # the better of both is a dtype's limit
ONE_CORE = "-core1"  # how sizes end that are no measure of a whole processor
BEYOND_CACHE = 4  # a triad counts as the memory's when its arrays are this many times the last-level cache


def limits(results: Iterable[Result], device: Device, profile: HardwareProfile | None = None) -> Limits:
    """Return what this device was measured to do; `results` are of its machine, `profile` may tell a GPU's cache."""
    done = [result for result in results if result.status == "done" and result.profiler is None]
    here = [result for result in done if result.resources.device == device.id]
    cache_b, unknown = last_level_cache(device, profile)
    missing = {} if unknown is None else {"cache_b": unknown}
    bandwidth, reason = _bandwidth([result for result in here if result.case.workload == TRIAD], device.id, cache_b)
    if reason is not None:
        missing["bandwidth"] = reason
    flop: dict[str, Limit] = {}
    for result in here:
        rate, dtype = _rate(result, "flop"), result.case.dtype
        whole = result.case.workload in _ARITHMETIC and not result.case.size.endswith(ONE_CORE)
        if whole and rate is not None and (dtype not in flop or rate > flop[dtype].value):
            flop[dtype] = _limit(result, rate, "FLOP/s")
    return Limits(device.id, bandwidth, flop, cache_b, missing)


def last_level_cache(device: Device, profile: HardwareProfile | None) -> tuple[int | None, str | None]:
    """Return bytes of the last-level cache, all instances together, or None and why."""
    if isinstance(device, Cpu):
        levels = [cache for cache in device.caches if cache.level >= 3]
        if not levels:
            return None, "this processor shows no cache of level 3 or above"
        last = max(cache.level for cache in levels)
        return sum(cache.size_b * cache.instances for cache in levels if cache.level == last), None
    size = profile.last_level_cache_b.value if profile else None
    if size is None:
        return None, "no hardware profile tells this device's cache"
    return int(size), None


def fraction(result: Result, limits: Limits) -> Fraction:
    """Return the share a case reached of min(FLOP limit, intensity x bandwidth), by the work it counts and its wall time."""
    peak, memory, dtype = limits.flop.get(result.case.dtype), limits.bandwidth, result.case.dtype
    flop = f"{GEMM} or {FMA} {dtype} not measured on {limits.device}"
    if peak is not None:
        flop = f"measured {dtype} {_ARITHMETIC[peak.case.partition('@')[0]]}"
    bandwidth = f"memory bandwidth not measured on {limits.device}" if memory is None else BANDWIDTH
    return _share(
        result,
        _Roof(peak.value if peak else None, flop),
        _Roof(memory.value if memory else None, bandwidth),
        fits(result, limits),
    )


def arithmetic(result: Result, limits: Limits) -> Fraction:
    """Return the share a case reached of the FLOP limit alone: what binds where the data lie in caches."""
    only = replace(result, work=replace(result.work, bytes=0)) if result.work else result
    return fraction(only, limits)


def fits(result: Result, limits: Limits) -> bool:
    """Tell whether what is resident fits the last-level cache, so that the memory limit does not bind."""
    return limits.cache_b is not None and result.work is not None and 0 < result.work.memory_b < limits.cache_b


def datasheet(result: Result, profile: HardwareProfile | None) -> Fraction | None:
    """Return the share of the data sheet's roofline, by dense peaks and memory bandwidth; None for what counts no such work.

    Triads are measured against the bandwidth alone, products and multiply-adds against the peak alone: so sheets state them.
    """
    work = result.work
    if result.status != "done" or work is None or (work.flop <= 0 and work.bytes <= 0) or result.case.workload == LINK:
        return None
    if profile is None:
        return Fraction(None, reason="no hardware profile")
    if result.case.workload == TRIAD:
        result = replace(result, work=replace(work, flop=0))
    elif result.case.workload in _ARITHMETIC:
        result = replace(result, work=replace(work, bytes=0))
    known = {value: f"data sheet {key}, {profile.label}" for key, value in _peaks(profile, result.case.dtype)}
    peak, sheet = max(known, default=None), f"the data sheet of {profile.label} gives no"
    flop = f"{sheet} {result.case.dtype} peak" if peak is None else known[peak]
    speed = profile.bandwidth_b_per_s.value
    named = f"data sheet bandwidth, {profile.label}" if speed else f"{sheet} bandwidth"
    in_cache = 0 < work.memory_b < (profile.last_level_cache_b.value or 0)
    return _share(result, _Roof(peak, flop), _Roof(speed or None, named), in_cache)


def dense_peaks(profile: HardwareProfile, dtype: str) -> list[Quantity]:
    """Return the dense peaks of a dtype, of vector and matrix units."""
    return [peak.flop_per_s for key, peak in profile.peaks.items() if key.partition("/")[0] == dtype]


@dataclass(frozen=True)
class _Roof:
    """A limit per second and its name; None, and why it is not known."""

    value: float | None
    name: str


def _share(result: Result, flop: _Roof, bandwidth: _Roof, in_cache: bool) -> Fraction:
    work = result.work
    if result.status != "done" or work is None or "wall_s" not in result.intervals:
        return Fraction(None, reason="no wall time per call")
    if result.case.workload == LINK:
        return Fraction(None, reason="its bytes cross the link between host and device: no limit of the device's memory")
    needed = [(count, roof) for count, roof in ((work.flop, flop), (work.bytes, bandwidth)) if count > 0]
    if not needed:
        return Fraction(None, reason="counts neither FLOP nor bytes")
    least_s = []
    for count, roof in needed:
        if roof.value is None:
            return Fraction(None, reason=roof.name, in_cache=in_cache)
        least_s.append((count / roof.value, roof.name))
    bound_s, name = max(least_s)
    return Fraction(bound_s / result.intervals["wall_s"].value, name, None, in_cache)


def _peaks(profile: HardwareProfile, dtype: str) -> list[tuple[str, float]]:
    found = [(key, peak.flop_per_s.value) for key, peak in profile.peaks.items() if key.partition("/")[0] == dtype]
    return [(key, value) for key, value in found if value]


def _bandwidth(triads: Sequence[Result], device: str, cache_b: int | None) -> tuple[Limit | None, str | None]:
    sized = [(result.work.memory_b, rate, result) for result in triads if result.work and (rate := _rate(result, "bytes"))]
    if not sized:
        return None, f"{TRIAD} not measured on {device}"
    if cache_b is not None:
        beyond = [item for item in sized if item[0] >= BEYOND_CACHE * cache_b]
        if not beyond:
            return None, f"{TRIAD} not measured on {device} beyond {BEYOND_CACHE} times its last-level cache: run a larger size"
        note = ""
    else:
        largest = max(memory_b for memory_b, _, _ in sized)
        beyond = [item for item in sized if item[0] == largest]
        note = "cache size unknown: the largest size measured"
    _, rate, result = max(beyond, key=lambda item: item[1])
    return _limit(result, rate, "B/s", note), None


def _rate(result: Result, what: str) -> float | None:
    return None if result.work is None else result.rate(result.work.flop if what == "flop" else result.work.bytes)


def _limit(result: Result, rate: float, unit: str, note: str = "") -> Limit:
    return Limit(rate, unit, result.intervals["wall_s"], result.case.id, result.variant, note)
