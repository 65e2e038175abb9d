"""State and energy of a device around a case; what cannot be read is None with the reason."""

import os
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Protocol

from ngtbench.discover import watch_amd, watch_nvidia
from ngtbench.discover.answers import Unread
from ngtbench.discover.sensors import Counter, Gauge
from ngtbench.discover.source import Source
from ngtbench.discover.watch_host import HostEye
from ngtbench.harness.energy import Clock, Meter, NoMeter, at_rest, meter
from ngtbench.model.protocols import Probe
from ngtbench.model.record import Energy, Health


class Eye(Protocol):
    """What reads one device; a device that is lost raises NgtBenchError from any of these."""

    def sensor(self) -> Counter | Gauge:
        """Return what measures energy, or raise Unread."""
        ...

    def health(self) -> Health:
        """Read state now."""
        ...

    def mark(self) -> None:
        """Begin a window."""
        ...

    def flags(self, window_s: float) -> dict[str, float]:
        """Return what disturbed the window that ends now."""
        ...

    def unrest(self, window_s: float) -> str | None:
        """Return why the device was not at rest since `mark`."""
        ...


def open_probe(
    device: str,
    source: Source | None = None,
    *,
    nvml: Any = None,
    amdsmi: Any = None,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Probe:
    """Return a probe of a device ("cpu:0", "cuda:1"); open it before anything runs there, so that idle power is idle.

    It waits half a second for the idle power of processors and a second for a GPU's, three times that where the device is
    still busy, and not at all where no sensor can be read. `nvml`, `amdsmi`, `clock` and `sleep` replay the world.
    """
    source = source or Source()
    eye = _eye(device, source, HostEye(source), nvml, amdsmi)
    try:
        sensor = eye.sensor()
    except Unread as error:
        return DeviceProbe(eye, NoMeter(str(error), clock))
    rest = at_rest(sensor, eye, clock, sleep)
    return DeviceProbe(eye, NoMeter(rest.broken, clock) if rest.broken else meter(sensor, rest, clock))


class DeviceProbe:
    """Watches windows: the meter innermost, so that reading the rest costs no energy."""

    def __init__(self, eye: Eye, meter: Meter) -> None:
        self._eye, self._meter = eye, meter
        self.window_s = meter.window_s

    def health(self) -> Health:
        """Read state now."""
        return self._eye.health()

    def start(self) -> None:
        """Open a window."""
        self._eye.mark()
        self._meter.start()

    def stop(self) -> tuple[Energy, dict[str, float]]:
        """Close it; return its energy and what disturbed it."""
        energy = self._meter.stop()
        return energy, self._eye.flags(energy.window_s) if energy.window_s > 0 else {}


class BlindEye:
    """A device that cannot be read; the process that drives it can."""

    def __init__(self, reason: str, host: HostEye) -> None:
        self._reason, self._host = reason, host

    def sensor(self) -> Counter | Gauge:
        """Raise Unread."""
        raise Unread(self._reason)

    def health(self) -> Health:
        """Return the load, and the reason for everything else."""
        unread = [field.name for field in fields(Health) if field.name not in ("load1", "missing")]
        return Health(load1=os.getloadavg()[0], missing=dict.fromkeys(unread, self._reason))

    def mark(self) -> None:
        """Begin a window."""
        self._host.mark()

    def flags(self, window_s: float) -> dict[str, float]:
        """Return what disturbed the process."""
        return self._host.held(window_s)

    def unrest(self, window_s: float) -> str | None:
        """Return the reason."""
        return self._reason


def _eye(device: str, source: Source, host: HostEye, nvml: Any, amdsmi: Any) -> Eye:
    kind = device.partition(":")[0]
    try:
        if kind == "cpu":
            return host
        if kind == "cuda":
            return watch_nvidia.opened(device, source, host, nvml)
        if kind == "rocm":
            return watch_amd.opened(device, source, host, amdsmi)
    except Unread as error:
        return BlindEye(str(error), host)
    return BlindEye(f"{device} is of a kind that is not watched", host)
