"""Proving one hardware profile: units, sources, and peaks that agree with units x rate x clock."""

import re
from collections.abc import Iterator

from ngtbench.model.machine import HardwareProfile, Quantity

Fault = tuple[tuple[str, ...], str]  # path of the key; what is wrong and the remedy

_AGREEMENT = 0.03  # of a peak with units x rate x clock
_COUNTED = {"cuda": "SM", "rocm": "CU", "cpu": "core"}
_SIZES = {  # unit -> what a value in it may be; outside, it was not scaled to SI units
    "B": (1e3, 1e15),
    "B/s": (1e9, 1e15),
    "Hz": (1e8, 1e11),
    "W": (1.0, 1e5),
    "FLOP/s": (1e9, 1e18),
    "OP/s": (1e9, 1e18),
    "FLOP": (1.0, 1e6),
    "OP": (1.0, 1e6),
}
_PEAK = re.compile(r"(float\d+|bfloat16|tf32|int\d+)/(vector|matrix|packed)")
_PATTERNS = {
    "pci_ids": ("10de:2330", r"[0-9a-f]{4}:[0-9a-f]{4}"),
    "pci_subsystems": ("10de:16c1", r"[0-9a-f]{4}:[0-9a-f]{4}"),
    "pci_revisions": ("c8", r"[0-9a-f]{2}"),
}


def faults(profile: HardwareProfile, stem: str) -> list[Fault]:
    """Return every fault of a well-formed profile read from a file of this name."""
    return [*_texts(profile, stem), *_rule(profile), *_quantities(profile), *_peaks(profile), *_sources(profile)]


def _texts(profile: HardwareProfile, stem: str) -> Iterator[Fault]:
    if profile.id != stem:
        yield ("id",), f"'{profile.id}' is not the name of the file: write '{stem}', or rename the file"
    for name in ("label", "vendor", "architecture"):
        if not getattr(profile, name).strip():
            yield (name,), "empty: name it"


def _rule(profile: HardwareProfile) -> Iterator[Fault]:
    rule = profile.match
    if not rule.names and not rule.pci_ids:
        yield ("match",), "neither names nor pci_ids: give one, else no device matches"
    for name, (example, pattern) in _PATTERNS.items():
        for text in getattr(rule, name):
            if not re.fullmatch(pattern, text):
                yield ("match", name), f"'{text}' does not read like '{example}': write it in lower-case hexadecimal"
    if rule.family_model is not None and not re.fullmatch(r"\d+/\d+", rule.family_model):
        yield ("match", "family_model"), f"'{rule.family_model}' does not read like '25/1': write both numbers in decimal"
    if rule.units is not None and rule.units != profile.units.value:
        yield ("match", "units"), f"{rule.units} differs from units ({profile.units.value}): make them equal"
    inside = {"memory_b": profile.memory_b.value, "power_w": profile.tdp_w.value}
    for name, value in inside.items():
        bounds = getattr(rule, name)
        if bounds and not 0 < bounds[0] <= bounds[1]:
            yield ("match", name), f"{list(bounds)} is no range: write [lowest, highest], both positive"
        elif bounds and value is not None and profile.kind != "cpu" and not bounds[0] <= value <= bounds[1]:
            yield ("match", name), f"{list(bounds)} leaves out the profile's own {value:g}: widen it"


def _all(profile: HardwareProfile) -> Iterator[tuple[tuple[str, ...], Quantity, str]]:
    """Return every quantity with its path and the unit it must have."""
    yield ("units",), profile.units, _COUNTED[profile.kind]
    yield ("memory_b",), profile.memory_b, "B"
    yield ("bandwidth_b_per_s",), profile.bandwidth_b_per_s, "B/s"
    yield ("last_level_cache_b",), profile.last_level_cache_b, "B"
    yield ("tdp_w",), profile.tdp_w, "W"
    if profile.pcie_gen:
        yield ("pcie_gen",), profile.pcie_gen, "generation"
    if profile.pcie_width:
        yield ("pcie_width",), profile.pcie_width, "lane"
    for name, size in profile.caches_b.items():
        yield ("caches_b", name), size, "B"
    for name, peak in profile.peaks.items():
        operation = "OP" if name.startswith("int") else "FLOP"
        yield ("peaks", name, "flop_per_s"), peak.flop_per_s, f"{operation}/s"
        yield ("peaks", name, "flop_per_clock_per_unit"), peak.flop_per_clock_per_unit, operation
        yield ("peaks", name, "clock_hz"), peak.clock_hz, "Hz"


def _quantities(profile: HardwareProfile) -> Iterator[Fault]:
    for path, quantity, unit in _all(profile):
        value, reason = quantity.value, (quantity.reason or "").strip()
        low, high = _SIZES.get(unit, (1.0, 1e6))
        if quantity.unit != unit:
            yield path, f"unit '{quantity.unit}', expected '{unit}': convert the value and write that unit"
        elif value is not None and not low <= value <= high:
            yield path, f"{value:g} {unit} is not between {low:g} and {high:g}: write it unscaled, in {unit}"
        if value is None and not reason:
            yield path, "no value and no reason: give value and source, or say in reason why there is none"
        elif value is None and quantity.source:
            yield path, "a source without a value: add the value, or remove the source"
        elif value is not None and reason:
            yield path, "a value and a reason for having none: remove one"
        elif value is not None and not quantity.source:
            yield path, "no source: name at least one key of [sources]"
        for name in quantity.source:
            if name not in profile.sources:
                yield path, f"source '{name}' does not stand in [sources]: add it there"


def _peaks(profile: HardwareProfile) -> Iterator[Fault]:
    if not profile.peaks:
        yield ("peaks",), 'no peak: add at least one, such as [peaks."float64/vector"]'
    for name, peak in profile.peaks.items():
        if not _PEAK.fullmatch(name):
            yield ("peaks", name), "no dtype and kind of unit: write it like float64/vector or bfloat16/matrix"
        stated, units = peak.flop_per_s.value, profile.units.value
        rate, clock_hz = peak.flop_per_clock_per_unit.value, peak.clock_hz.value
        if stated is None or units is None or rate is None or clock_hz is None:
            continue
        product = units * rate * clock_hz
        if abs(stated - product) > _AGREEMENT * product:
            what = (
                f"{stated:g} is {abs(stated / product - 1):.1%} off units x rate x clock = {product:g}"
                if product
                else "rate or clock is 0"
            )
            yield ("peaks", name, "flop_per_s"), f"{what} (3 % allowed): correct the wrong one of the four"


def _sources(profile: HardwareProfile) -> Iterator[Fault]:
    used = {name for _, quantity, _ in _all(profile) for name in quantity.source}
    for name, title in profile.sources.items():
        if name not in used:
            yield ("sources", name), "no number names this source: remove it"
        elif not title.strip():
            yield ("sources", name), "empty: write title and where it is found"
