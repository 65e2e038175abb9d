"""Measured limits of a device, and what share of them a case reached."""

from collections.abc import Iterable, Sequence

from ngtbench.model.comparison import Fraction, Limit, Limits, Result
from ngtbench.model.machine import Cpu, Device, HardwareProfile, Quantity

TRIAD = "system/triad"
GEMM = "system/gemm"
FMA = "system/fma"
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
    work = result.work
    if result.status != "done" or work is None or "wall_s" not in result.intervals:
        return Fraction(None, reason="no wall time per call")
    if work.flop <= 0 and work.bytes <= 0:
        return Fraction(None, reason="counts neither FLOP nor bytes")
    in_cache = limits.cache_b is not None and 0 < work.memory_b < limits.cache_b
    arithmetic = limits.flop.get(result.case.dtype)
    if work.flop > 0 and arithmetic is None:
        return Fraction(None, reason=f"{GEMM} or {FMA} {result.case.dtype} not measured on {limits.device}", in_cache=in_cache)
    if work.bytes > 0 and limits.bandwidth is None:
        return Fraction(None, reason=f"memory bandwidth not measured on {limits.device}", in_cache=in_cache)
    least_s = []
    if work.flop > 0 and arithmetic is not None:
        least_s.append(
            (work.flop / arithmetic.value, f"measured {result.case.dtype} {_ARITHMETIC[arithmetic.case.partition('@')[0]]}")
        )
    if work.bytes > 0 and limits.bandwidth is not None:
        least_s.append((work.bytes / limits.bandwidth.value, "measured bandwidth"))
    bound_s, name = max(least_s)
    return Fraction(bound_s / result.intervals["wall_s"].value, name, None, in_cache)


def datasheet(result: Result, profile: HardwareProfile | None) -> Fraction | None:
    """Return the share of the data sheet that a triad or a matrix product reached; None for every other workload."""
    if result.case.workload not in (TRIAD, GEMM) or result.status != "done":
        return None
    if profile is None:
        return Fraction(None, reason="no hardware profile")
    triad = result.case.workload == TRIAD
    rate = _rate(result, "bytes" if triad else "flop")
    peaks = [profile.bandwidth_b_per_s] if triad else dense_peaks(profile, result.case.dtype)
    known = [peak.value for peak in peaks if peak.value]
    if rate is None or not known:
        return Fraction(None, reason=f"the data sheet of {profile.label} gives no such peak")
    return Fraction(rate / max(known), f"data sheet, {profile.label}")


def dense_peaks(profile: HardwareProfile, dtype: str) -> list[Quantity]:
    """Return the dense peaks of a dtype, of vector and matrix units."""
    return [peak.flop_per_s for key, peak in profile.peaks.items() if key.partition("/")[0] == dtype]


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
