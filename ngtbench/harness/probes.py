"""State and energy of a device around a case; what cannot be read is None with the reason."""

import os
import time
from pathlib import Path

from ngtbench.model.protocols import Probe
from ngtbench.model.record import Energy, Health

_RAPL = Path("/sys/class/powercap")


def open_probe(device: str) -> Probe:
    """Return a probe of a device ("cpu:0", "cuda:1"); open it before anything runs there, so that idle power is idle."""
    return HostProbe() if device.startswith("cpu") else BlindProbe("this version reads no GPU")


class BlindProbe:
    """A device that cannot be watched."""

    window_s = 0.0

    def __init__(self, reason: str) -> None:
        self._reason, self._start_s = reason, 0.0

    def health(self) -> Health:
        """Return the load, and the reason for everything else."""
        unread = ("clock_hz", "memory_clock_hz", "temperature_c", "power_w", "throttle", "ecc_errors", "processes")
        return Health(load1=os.getloadavg()[0], missing=dict.fromkeys(unread, self._reason))

    def start(self) -> None:
        """Note the time."""
        self._start_s = time.perf_counter()

    def stop(self) -> tuple[Energy, dict[str, float]]:
        """Return the window and the reason."""
        return Energy(None, time.perf_counter() - self._start_s, None, None, None, self._reason), {}


class HostProbe(BlindProbe):
    """The processors: clock by cpufreq, energy by RAPL."""

    def __init__(self) -> None:
        super().__init__("not read for CPUs" if rapl_j() is not None else _rapl_reason())
        self._start_j: float | None = None

    def health(self) -> Health:
        """Read clock and load."""
        missing = dict.fromkeys(("temperature_c", "power_w", "throttle"), "not read for CPUs")
        clock_hz = _cpu_clock_hz()
        if clock_hz is None:
            missing["clock_hz"] = "no cpufreq in /sys: hidden by the hypervisor or the container"
        return Health(clock_hz=clock_hz, load1=os.getloadavg()[0], missing=missing)

    def start(self) -> None:
        """Read the counter."""
        super().start()
        self._start_j = rapl_j()

    def stop(self) -> tuple[Energy, dict[str, float]]:
        """Read again; a counter that wrapped or vanished gives None with the reason."""
        end_j, window_s = rapl_j(), time.perf_counter() - self._start_s
        if end_j is None or self._start_j is None:
            return Energy(None, window_s, None, None, None, self._reason), {}
        if end_j <= self._start_j:
            return Energy(None, window_s, None, None, "RAPL package counters", "the counter wrapped or did not move"), {}
        said = "gross; idle power and sensor error not measured"
        return Energy(end_j - self._start_j, window_s, None, None, "RAPL package counters", said), {}


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
