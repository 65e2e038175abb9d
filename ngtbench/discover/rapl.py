"""The processors' own energy counters, RAPL, as the kernel's powercap shows them on Intel and AMD."""

from ngtbench.discover.answers import Unread
from ngtbench.discover.sensors import Counter
from ngtbench.discover.source import Source, numbers

_POWERCAP = "/sys/class/powercap"
_UPDATED_S = 1e-3  # Linux, Documentation/hwmon/amd_energy.rst; Hähnel et al. 2012 measured the same on Intel


def counter(source: Source, usable: float) -> Counter:
    """Return the sum of the packages' counters; `usable` is how many processors this process may use.

    Core and uncore are parts of their package; psys is the whole platform, packages included; dram is apart and not added.
    Raises Unread where there are none, or we may not read them.
    """
    try:
        zones = [f"{_POWERCAP}/{name}" for name in source.entries(_POWERCAP, "intel-rapl:")]
    except Unread as error:
        raise Unread(f"no RAPL: {error}: a virtual machine, a container or a processor without it") from error
    packages = [zone for zone in zones if source.text(f"{zone}/name").startswith("package")]
    if not packages:
        raise Unread(f"no RAPL: {_POWERCAP} shows no processor package")

    def counts() -> tuple[int, ...]:
        return tuple(source.integer(f"{package}/energy_uj") for package in packages)

    try:
        counts()
    except Unread as error:
        raise Unread(f"RAPL: {error}: mostly readable by root only") from error
    return Counter(
        name="RAPL package counters",
        counts=counts,
        unit_j=1e-6,
        ranges=tuple(source.integer(f"{package}/max_energy_range_uj") for package in packages),
        late_s=_UPDATED_S,
        tolerance=None,
        window_s=0.5,
        rest_s=0.5,
        remark="; ".join(filter(None, (_part(source, usable), _memory(source, packages)))),
    )


def _part(source: Source, usable: float) -> str:
    try:
        online = len(numbers(source.text("/sys/devices/system/cpu/online")))
    except (Unread, ValueError):
        return ""
    return f"counts whole packages, and {usable:g} of their {online} processors may be used here" if usable < online else ""


def _memory(source: Source, packages: list[str]) -> str:
    for package in packages:
        for zone in source.entries(package, f"{package.rpartition('/')[2]}:"):
            if source.optional(f"{package}/{zone}/name") == "dram":
                return "memory is counted apart and not included"
    return ""
