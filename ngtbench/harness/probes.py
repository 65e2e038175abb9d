"""State and energy of a device around a case; what cannot be read is None with the reason."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from ngtbench.model.protocols import EnergyProbe
from ngtbench.model.record import Energy, Health

_RAPL = Path("/sys/class/powercap")


def health(device: str) -> Health:
    """Read the device's state now."""
    load1 = os.getloadavg()[0]
    if not device.startswith("cpu"):
        unread = ("clock_hz", "temperature_c", "power_w", "throttle")
        return Health(load1=load1, missing=dict.fromkeys(unread, "this version reads no state of a GPU around a case"))
    missing = dict.fromkeys(("temperature_c", "power_w", "throttle"), "not read for CPUs")
    clock_hz = _cpu_clock_hz()
    if clock_hz is None:
        missing["clock_hz"] = "no cpufreq in /sys: hidden by the hypervisor or the container"
    return Health(clock_hz=clock_hz, load1=load1, missing=missing)


def energy(device: str) -> EnergyProbe:
    """Return a probe for the device's energy counter, or one that says why there is none."""
    if device.startswith("cpu"):
        return CounterProbe("RAPL package counters", rapl_j) if rapl_j() is not None else NoProbe(_rapl_reason())
    return NoProbe("this version reads no energy counter of a GPU")


class NoProbe:
    """A device whose energy cannot be read."""

    def __init__(self, reason: str) -> None:
        self._reason, self._start = reason, 0.0

    def start(self) -> None:
        """Note the time."""
        self._start = time.perf_counter()

    def stop(self) -> Energy:
        """Return the window and the reason."""
        return Energy(None, time.perf_counter() - self._start, None, None, None, self._reason)


class CounterProbe:
    """A cumulative counter in joules, read at both ends of the window."""

    def __init__(self, sensor: str, read: Callable[[], float | None]) -> None:
        self._sensor, self._read = sensor, read
        self._start_s, self._start_j = 0.0, 0.0

    def start(self) -> None:
        """Read the counter."""
        self._start_s, self._start_j = time.perf_counter(), self._read() or 0.0

    def stop(self) -> Energy:
        """Read again; a counter that wrapped or vanished gives None with the reason."""
        spent_j, window_s = (self._read() or 0.0) - self._start_j, time.perf_counter() - self._start_s
        if spent_j <= 0:
            return Energy(None, window_s, None, None, self._sensor, "the counter wrapped or did not move in this window")
        return Energy(spent_j, window_s, None, None, self._sensor, "gross; idle power and sensor error not measured")


def rapl_j() -> float | None:
    """Return the sum of the packages' counters in joules; None where the kernel does not let us."""
    total_uj = 0
    domains = sorted(_RAPL.glob("intel-rapl:[0-9]*")) if _RAPL.is_dir() else []
    packages = [domain for domain in domains if domain.name.count(":") == 1]
    try:
        for package in packages:
            total_uj += int((package / "energy_uj").read_text())
    except (OSError, ValueError):
        return None
    return total_uj * 1e-6 if packages else None


def _rapl_reason() -> str:
    if not any(_RAPL.glob("intel-rapl:*")):
        return "no RAPL counters in /sys/class/powercap: a virtual machine, a container or an unsupported CPU"
    return "RAPL counters are readable by root only"


def _cpu_clock_hz() -> float | None:
    try:
        return 1e3 * int(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").read_text())
    except (OSError, ValueError):
        return None
