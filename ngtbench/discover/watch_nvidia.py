"""An NVIDIA GPU or MIG slice while something runs on it, by NVML; a card that is lost is an error, not a gap in a record."""

import importlib
import os
from dataclasses import dataclass
from typing import Any

from ngtbench.discover import nvidia, nvml_energy
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.load import children, sister
from ngtbench.discover.nvml import Driver, seats
from ngtbench.discover.sensors import Counter, Gauge
from ngtbench.discover.source import Source
from ngtbench.discover.visible import Seat, visible
from ngtbench.discover.watch_host import NOTICED, HostEye
from ngtbench.errors import NgtBenchError
from ngtbench.model.record import Health

_GONE = {9: "driver not loaded", 15: "GPU is lost", 16: "GPU needs a reset", 28: "GPU not found"}  # nvmlReturn_t
_SM, _MEMORY, _SENSOR, _UNCORRECTED, _VOLATILE = 1, 2, 0, 1, 0  # NVML's numbers of clocks, sensors, error and counter kinds
_POWER, _THERMAL, _BOARD = 0, 1, 3  # nvmlPerfPolicyType_t
_HARMFUL = {"sw_thermal", "hw_thermal", "hw_power_brake"}
_BUSY_PERCENT = 5


@dataclass(frozen=True)
class _Watched(Driver):
    """NVML, asked about one device: a card that is gone ends the case."""

    device: str

    def ask(self, call: str, *words: Any) -> Any:
        try:
            return super().ask(call, *words)
        except Unread as error:
            why = _GONE.get(getattr(error.__cause__, "value", None) or 0)
            if why is None:
                raise
            raise NgtBenchError(
                f"{self.device} was lost while it was watched (NVML: {why}): see the kernel's log for an Xid, reset or reboot"
            ) from error


@dataclass(frozen=True)
class _Mark:
    """What a window began with."""

    violated_ns: dict[int, int]
    reasons: frozenset[str]
    seen_us: int  # of the newest utilisation sample


def opened(device: str, source: Source, host: HostEye, nvml: Any = None) -> "NvidiaEye":
    """Return what watches "cuda:N", counted as discovery counts; `nvml` replays a driver.

    Raises Unread where the driver does not answer or shows no such device.
    """
    try:
        driver = Driver(nvml or importlib.import_module("pynvml"))
    except ImportError as error:
        raise Unread(str(error)) from error
    driver.ask("nvmlInit")
    version = Answers()("version", driver.ask, "nvmlSystemGetDriverVersion") or ""
    chosen, _ = visible(seats(driver, Answers()), source.env, version)
    number = int(device.partition(":")[2])
    if number >= len(chosen):
        raise Unread(f"NVML shows {len(chosen)} usable GPUs, and no {device}")
    return NvidiaEye(_Watched(driver.nvml, device), chosen[number], source, host)


class NvidiaEye:
    """Watches one card or slice."""

    def __init__(self, driver: _Watched, seat: Seat, source: Source, host: HostEye) -> None:
        self._driver, self._seat, self._source, self._host = driver, seat, source, host
        self._strangers = {process.pid for process in Answers()("processes", self._processes) or ()}  # we have no context yet
        self._start = _Mark({}, frozenset(), 0)

    def sensor(self) -> Counter | Gauge:
        """Return the energy counter, or power to be integrated where there is none.

        Raises Unread for a slice, and where there is neither.
        """
        return nvml_energy.sensor(self._driver, self._seat)

    def health(self) -> Health:
        """Read state now, of the card where a slice has none of its own."""
        answers, card = Answers(), self._seat.card
        ask = self._driver.ask
        return Health(
            clock_hz=answers("clock_hz", lambda: ask("nvmlDeviceGetClockInfo", card, _SM) * 1e6),
            memory_clock_hz=answers("memory_clock_hz", lambda: ask("nvmlDeviceGetClockInfo", card, _MEMORY) * 1e6),
            temperature_c=answers("temperature_c", lambda: float(ask("nvmlDeviceGetTemperature", card, _SENSOR))),
            power_w=answers("power_w", nvml_energy.power_w, self._driver, self._seat),
            throttle=answers("throttle", self._throttle),
            ecc_errors=answers(
                "ecc_errors", lambda: int(ask("nvmlDeviceGetTotalEccErrors", self._seat.handle, _UNCORRECTED, _VOLATILE))
            ),
            processes=answers("processes", self._others),
            load1=os.getloadavg()[0],
            missing=answers.missing,
        )

    def mark(self) -> None:
        """Begin a window."""
        self._host.mark()
        samples = self._utilisation(0)
        self._start = _Mark(self._violated_ns(), self._reasons(), max((sample.timeStamp for sample in samples), default=0))

    def flags(self, window_s: float) -> dict[str, float]:
        """Return what disturbed the window that ends now.

        A card at its power limit is no fault: heavy kernels bring any card there, and again in every repetition. It is said as
        `power_capped`, beside `sw_power_cap` in the health, and only heat and emergencies count as `throttled`.
        """
        found = self._host.held(window_s)
        violated_ns, reasons = self._violated_ns(), self._reasons()
        shares = {
            policy: (violated_ns[policy] - before) / 1e9 / window_s
            for policy, before in self._start.violated_ns.items()
            if policy in violated_ns
        }
        lasting = self._start.reasons & reasons & {"hw_slowdown"}  # drivers also report it while a clock changes
        throttled = self._share(max(shares.get(_THERMAL, 0.0), shares.get(_BOARD, 0.0)), reasons, _HARMFUL | lasting)
        capped = self._share(shares.get(_POWER, 0.0), reasons, {"sw_power_cap"})
        others = self._others_share()
        found |= {"throttled": max(throttled, found.get("throttled", 0.0))} if throttled > 1e-3 else {}
        found |= {"power_capped": capped} if capped > NOTICED else {}
        return found | ({"shared_device": others} if others > NOTICED else {})

    def unrest(self, window_s: float) -> str | None:
        """Return why the card was not at rest: by its utilisation of the last second, where that can be read."""
        rates = Answers()("rates", self._driver.ask, "nvmlDeviceGetUtilizationRates", self._seat.card)
        return f"the GPU was {rates.gpu} % busy" if rates is not None and rates.gpu > _BUSY_PERCENT else None

    def _share(self, counted: float, reasons: frozenset[str], names: set[str]) -> float:
        """Return the share that was counted; where nothing was, the mean of the two ends, at which reasons were read."""
        if counted > 0:
            return min(1.0, counted)
        return (bool(self._start.reasons & names) + bool(reasons & names)) / 2

    def _throttle(self) -> tuple[str, ...]:
        return nvidia.throttle(self._driver, self._seat.card) + (Answers()("host", self._host.throttle) or ())

    def _reasons(self) -> frozenset[str]:
        return frozenset(Answers()("throttle", nvidia.throttle, self._driver, self._seat.card) or ())

    def _violated_ns(self) -> dict[int, int]:
        found = {}
        for policy in (_POWER, _THERMAL, _BOARD):
            status = Answers()("status", self._driver.ask, "nvmlDeviceGetViolationStatus", self._seat.card, policy)
            if status is not None:
                found[policy] = int(status.violationTime)
        return found

    def _processes(self) -> Any:
        return self._driver.ask("nvmlDeviceGetComputeRunningProcesses", self._seat.handle)

    def _others(self) -> int:
        """Count the processes beside ours, our clients', and our sister workers', which wait while we measure.

        In a container NVML gives the host's numbers, or none: then a number that was not there when we began is ours, and where
        we have clients all such are.
        """
        pids, ours = {process.pid for process in self._processes()}, self._ours()
        if not pids:
            raise Unread("NVML lists no process, not even ours: the container or virtual machine hides them")
        if ours & pids:
            return sum(not sister(self._source, pid) for pid in pids - ours)
        return len(pids & self._strangers) if len(ours) > 1 else len(pids) - bool(pids - self._strangers)

    def _ours(self) -> set[int]:
        return {os.getpid(), *map(int, children(self._source))}

    def _others_share(self) -> float:
        """Return the share of the SMs' time that others used, in the newest samples.

        Ours is the busiest that came after us, or all that did, where we have clients.
        """
        busy = {sample.pid: sample.smUtil for sample in self._utilisation(self._start.seen_us) if sample.smUtil <= 100}
        ours, new = self._ours(), busy.keys() - self._strangers
        if not ours & busy.keys():
            ours = new if len(ours) > 1 else {max(new, key=lambda pid: busy[pid], default=0)}
        return float(min(1.0, sum(share for pid, share in busy.items() if pid not in ours) / 100))

    def _utilisation(self, since_us: int) -> Any:
        return Answers()("samples", self._driver.ask, "nvmlDeviceGetProcessUtilization", self._seat.card, since_us) or []
