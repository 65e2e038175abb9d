"""How many times as fast as a core a device runs what is offloaded to it: as given, or assumed from two hardware files."""

from collections.abc import Mapping
from dataclasses import dataclass

from ngtbench.errors import BadInput
from ngtbench.model.machine import HardwareProfile

_ARITHMETIC = "float32/vector"


@dataclass(frozen=True)
class Speedup:
    """A device of a hardware file, its speed over that of a core, and who says so."""

    device: str
    label: str
    factor: float
    source: str
    assumed: bool


def given(device: HardwareProfile, factor: float) -> Speedup:
    """Return a factor that somebody measured or supposes.

    Raises BadInput where it is not above 0.
    """
    if not 0 < factor < float("inf"):
        raise BadInput(f"--speedup {device.id}={factor}: a device is some number above 0 times as fast as a core")
    return Speedup(device.id, device.label, factor, "given", False)


def assumed(device: HardwareProfile, processor: HardwareProfile) -> Speedup:
    """Return the smaller of the ratios of bandwidth and of fp32 peaks, device over one core of a full processor; two digits.

    Both are of data sheets. An algorithm reaches it where it gets the same share of the limit on both, which few do.
    Raises BadInput where the files have neither of the figures in common.
    """
    mine, theirs, cores = _figures(device), _figures(processor), processor.units.value
    ratios = {name: mine[name] * cores / theirs[name] for name in mine if name in theirs} if cores else {}
    if not ratios:
        raise BadInput(f"{device.id} and {processor.id} have no figure in common: give --speedup {device.id}=FACTOR")
    name = min(ratios, key=lambda one: ratios[one])
    source = f"assumption: ratio of {name} of the data sheets, over a core of {processor.label}; real algorithms reach less"
    return Speedup(device.id, device.label, float(f"{ratios[name]:.2g}"), source, True)


def device(name: str, profiles: Mapping[str, HardwareProfile]) -> HardwareProfile:
    """Return the hardware file of a device that is no processor.

    Raises BadInput where there is none of this id.
    """
    devices = sorted(profile.id for profile in profiles.values() if profile.kind != "cpu")
    if name not in devices:
        raise BadInput(f"'{name}' is no GPU of a hardware file: there are {', '.join(devices)}")
    return profiles[name]


def processor(name: str, profiles: Mapping[str, HardwareProfile]) -> HardwareProfile:
    """Return the hardware file of a processor.

    Raises BadInput where there is none of this id.
    """
    found = sorted(profile.id for profile in profiles.values() if profile.kind == "cpu")
    if name not in found:
        raise BadInput(f"'{name}' is no processor of a hardware file: there are {', '.join(found)}")
    return profiles[name]


def _figures(profile: HardwareProfile) -> dict[str, float]:
    peak = profile.peaks.get(_ARITHMETIC)
    figures = {"bandwidth": profile.bandwidth_b_per_s.value, "fp32 peaks": peak.flop_per_s.value if peak else None}
    return {name: value for name, value in figures.items() if value}
