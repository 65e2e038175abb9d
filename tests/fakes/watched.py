"""Devices that can be watched without a clock: time that passes only in `sleep`, counters that follow it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ngtbench.discover.source import Source
from ngtbench.harness.probes import open_probe
from ngtbench.model.protocols import Probe
from tests.fakes.drivers import Nvml, _answered, _shaped, nvml
from tests.fakes.host import no_command, write

TICKS = os.sysconf("SC_CLK_TCK")


class Time:
    """A clock that stands until somebody sleeps; `then` runs after each sleep."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()
        self.then: Callable[[], None] = lambda: None

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if seconds:
            self.slept.append(seconds)
            self.then()


class Power:
    """Energy used so far by a device whose watts may be changed at any time."""

    def __init__(self, time: Time, watts: float) -> None:
        self._time, self._watts, self._since, self._j = time, watts, time.now, 5000.0

    @property
    def watts(self) -> float:
        """Return the power now."""
        return self._watts

    @watts.setter
    def watts(self, watts: float) -> None:
        self._j, self._since, self._watts = self.j, self._time.now, watts

    @property
    def j(self) -> float:
        """Return the energy so far."""
        return self._j + self._watts * (self._time.now - self._since)


class Watched(Nvml):
    """NVML with answers that may be functions, and the calls whose words are not one index."""

    def nvmlDeviceGetFieldValues(self, card: dict[str, Any], fields: list[int]) -> list[Any]:  # noqa: N802 - NVML's name
        answers = self._now(card, "nvmlDeviceGetFieldValues")
        return [
            SimpleNamespace(nvmlReturn=0 if str(field) in answers else 3, value=SimpleNamespace(uiVal=answers.get(str(field))))
            for field in fields
        ]

    def nvmlDeviceGetTotalEccErrors(self, handle: dict[str, Any], kind: int, counter: int) -> Any:  # noqa: N802
        assert (kind, counter) == (1, 0)  # uncorrected, since the driver was loaded
        return self._now(handle, "nvmlDeviceGetTotalEccErrors")

    def nvmlDeviceGetViolationStatus(self, card: dict[str, Any], policy: int) -> Any:  # noqa: N802
        return SimpleNamespace(violationTime=self._now(card, "nvmlDeviceGetViolationStatus")[str(policy)])

    def nvmlDeviceGetProcessUtilization(self, card: dict[str, Any], since_us: int) -> Any:  # noqa: N802
        samples = self._now(card, "nvmlDeviceGetProcessUtilization")
        return [_shaped(sample) for sample in samples if sample["timeStamp"] > since_us]

    def _answer(self, call: str, holder: dict[str, Any] | None = None, index: int | None = None) -> Any:
        answers = self.answers if holder is None else holder
        if callable(answers.get(call)):
            answers = answers | {call: self._now(answers, call)}
        return super()._answer(call, answers, index)

    def _now(self, holder: dict[str, Any], call: str) -> Any:
        assert call in holder, f"the fake describes no {call}"
        answer = holder[call]
        return _answered(answer() if callable(answer) else answer)


def card(name: str, power: Power | None = None) -> tuple[Watched, dict[str, Any]]:
    """Return a driver of tests/fakes/nvidia and its first card, whose counter and power follow `power`."""
    driver = Watched(nvml(name).answers)
    first: dict[str, Any] = driver.answers["devices"][0]
    if power is not None:
        first["nvmlDeviceGetTotalEnergyConsumption"] = lambda: round(power.j * 1e3)
        first["nvmlDeviceGetFieldValues"] = lambda: {"186": round(power.watts * 1e3)}
        first["nvmlDeviceGetPowerUsage"] = lambda: round(power.watts * 1e3)
    return driver, first


class Machine:
    """A Linux host of constructed /proc and /sys files, whose counters tests move."""

    def __init__(self, root: Path, cpus: int = 4, affinity: frozenset[int] | None = None) -> None:
        self.source = Source(root, {}, "x86_64", affinity or frozenset(range(cpus)), no_command)
        self.busy_s = [100.0] * cpus
        self.own_s = self.children_s = 50.0
        self.clients_s: dict[int, float] = {}  # children that still run
        self.steal_s = 0.0
        self._resting = 1000  # ticks: idle, waiting and of guests; they are nobody's work
        self.files({"/sys/devices/system/cpu/online": f"0-{cpus - 1}"})
        self.tick()

    def files(self, files: Mapping[str, str]) -> None:
        """Write files."""
        write(self.source.root, files)

    def tick(self) -> None:
        """Show the times as the kernel would."""
        self._resting += 500
        rest, lines = self._resting, ["cpu 0 0 0 0 0 0 0 0 0 0"]
        for cpu, busy_s in enumerate(self.busy_s):
            third = round(busy_s * TICKS / 3)
            ticks = [third, 0, third, rest, rest, 0, round(busy_s * TICKS) - 2 * third, round(self.steal_s * TICKS), rest, rest]
            lines.append(f"cpu{cpu} {' '.join(map(str, ticks))}")
        self.files({"/proc/stat": "\n".join(lines), "/proc/self/stat": self._process(self.own_s, self.children_s)})
        if self.clients_s:
            self.files({f"/proc/self/task/{os.getpid()}/children": " ".join(map(str, self.clients_s))})
            self.files({f"/proc/{pid}/stat": self._process(seconds, 0.0) for pid, seconds in self.clients_s.items()})

    def _process(self, own_s: float, ended_s: float) -> str:
        own = f"{round(own_s * TICKS)} 0 {round(ended_s * TICKS)} 0"
        last = len(self.busy_s) - 1
        return f"7 (a (b) c) S {os.getpid()} 1 1 0 -1 0 0 0 0 0 {own} 20 0 1 0 9 0 0" + " 0" * 13 + f" 17 {last} 0"

    def cgroup(self, files: Mapping[str, str], group: str = "/pod/box") -> None:
        """Put this process into a cgroup v2, with files by their path below the mount point."""
        self.files({"/proc/self/cgroup": f"0::{group}", "/proc/self/mountinfo": "1 2 0:1 / /sys/fs/cgroup rw - cgroup2 c rw"})
        self.files({f"/sys/fs/cgroup/{name}": text for name, text in files.items()})

    def rapl(self, package: int, uj: int, zone: str = "package", size_uj: int = 262_143_328_850, sub: str = "") -> None:
        """Show a powercap zone."""
        folder = f"/sys/class/powercap/intel-rapl:{package}"
        folder += f"/intel-rapl:{package}:{sub}" if sub else ""
        name = f"{zone}-{package}" if zone == "package" else zone
        self.files({f"{folder}/name": name, f"{folder}/energy_uj": str(uj), f"{folder}/max_energy_range_uj": str(size_uj)})


class NvidiaRig:
    """A card at 70 W, its time, and a probe of it."""

    def __init__(self, machine: Machine, name: str = "h100-sxm", **answers: Any) -> None:
        self.time = Time()
        self.power = Power(self.time, 70.0)
        self.driver, self.card = card(name, self.power)
        self.card |= answers
        self.machine = machine

    def probe(self, device: str = "cuda:0") -> Probe:
        """Open a probe."""
        return open_probe(device, self.machine.source, nvml=self.driver, clock=self.time.clock, sleep=self.time.sleep)

    def window(self, probe: Probe, seconds: float = 10.0, watts: float = 500.0, **after: Any) -> Any:
        """Return energy and flags of a window at whose end the driver answers otherwise."""
        probe.start()
        self.power.watts = watts
        self.time.now += seconds
        self.card |= after
        return probe.stop()
