"""The processors while something runs on them: state, and what held this process back or took its share."""

import os

from ngtbench.discover import limits, rapl
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.load import Load, hot, load, stat
from ngtbench.discover.sensors import Counter
from ngtbench.discover.source import Source
from ngtbench.model.record import Health

NOTICED = 0.05  # share below which others are not worth a flag: daemons, interrupts
_SEEN = 1e-3  # share below which throttling is a rounding of the clock
_RESTING = 0.1  # share of all processors' time below which a host counts as idle
_MONITORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")  # names of hwmon drivers that read a processor
_EDAC = "/sys/devices/system/edac/mc"


class HostEye:
    """Watches the processors, and this process on behalf of every other device."""

    def __init__(self, source: Source) -> None:
        self._source = source
        quota = Answers()("quota", limits.quota_cpus, source)
        self._usable = min(len(source.affinity), quota or len(source.affinity))
        self._start = load(source)
        self._counted = self._throttlers()

    def sensor(self) -> Counter:
        """Return RAPL.

        Raises Unread where it cannot be read.
        """
        return rapl.counter(self._source, self._usable)

    def health(self) -> Health:
        """Read state now, and under `throttle` what held us back since the last look."""
        answers = Answers()
        answers.missing = {
            "memory_clock_hz": "not read for processors",
            "power_w": "RAPL counts energy, not power",
            "processes": "not counted for processors: see the flag shared_device",
        }
        return Health(
            clock_hz=answers("clock_hz", self._clock_hz),
            temperature_c=answers("temperature_c", self._temperature_c),
            throttle=answers("throttle", self.throttle),
            ecc_errors=answers("ecc_errors", self._ecc_errors),
            load1=os.getloadavg()[0],
            missing=answers.missing,
        )

    def mark(self) -> None:
        """Begin a window."""
        self._start = load(self._source)

    def flags(self, window_s: float) -> dict[str, float]:
        """Return what disturbed the window that ends now."""
        end = load(self._source)
        return self._held(end, window_s) | self._shared(end, window_s)

    def held(self, window_s: float) -> dict[str, float]:
        """Return what disturbed this process, whatever device it drives: `throttled` by quota, `swapping`."""
        return self._held(load(self._source), window_s)

    def unrest(self, window_s: float) -> str | None:
        """Return why the host was not idle since `mark`; of all processors, for RAPL counts them all."""
        end = load(self._source)
        busy = [end.busy_s[cpu] - self._start.busy_s.get(cpu, 0.0) for cpu in end.busy_s]
        if not busy:
            return "nobody tells whether the processors were idle"
        share = sum(busy) / (window_s * len(busy))
        return f"the processors were {share:.0%} busy" if share > _RESTING else None

    def throttle(self) -> tuple[str, ...]:
        """Return what held us back since the last look: `cpu_quota` of the cgroup, `hot` processors.

        Raises Unread where neither is counted.
        """
        before, self._counted = self._counted, self._throttlers()
        if not self._counted:
            raise Unread("no CPU quota, and no thermal_throttle in /sys")
        return tuple(name for name, count in self._counted.items() if count > before.get(name, count))

    def _throttlers(self) -> dict[str, float]:
        counts = {"cpu_quota": load(self._source).throttled_s, "hot": Answers()("hot", hot, self._source)}
        return {name: count for name, count in counts.items() if count is not None}

    def _held(self, end: Load, window_s: float) -> dict[str, float]:
        found: dict[str, float] = {}
        if end.throttled_s is not None and self._start.throttled_s is not None:
            # The kernel adds up over processors, and threads wait for the one held back: the sum bounds the share from above.
            share = min(1.0, (end.throttled_s - self._start.throttled_s) / window_s)
            found |= {"throttled": share} if share > _SEEN else {}
        if end.swapped is not None and self._start.swapped is not None and end.swapped > self._start.swapped:
            found["swapping"] = float(end.swapped - self._start.swapped)
        return found

    def _shared(self, end: Load, window_s: float) -> dict[str, float]:
        """Return the share of the time usable here that others or the hypervisor took, if it is worth a flag.

        Under a quota below the number of processors, the scheduler moves us to idle ones: others disturb us by what they use
        beyond the processors that the quota leaves idle.
        """
        start = self._start
        cpus = [cpu for cpu in self._source.affinity if cpu in end.busy_s and cpu in start.busy_s]
        if not cpus or end.own_s is None or start.own_s is None:
            return {}
        busy_s = sum(end.busy_s[cpu] - start.busy_s[cpu] for cpu in cpus)
        rounding_s = len(cpus) / os.sysconf("SC_CLK_TCK")  # counts are whole ticks: a tick of ours may be booked late
        others = (busy_s - (end.own_s - start.own_s) - rounding_s) / window_s
        share = (others - max(0.0, len(cpus) - self._usable)) / min(len(cpus), self._usable)
        return {"shared_device": min(1.0, share)} if share > NOTICED else {}

    def _clock_hz(self) -> float:
        """Return the clock of the processor that this process ran on last: others may sleep, and their clocks say nothing."""
        cpu = stat(self._source)[36]
        return 1e3 * self._source.integer(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq")

    def _temperature_c(self) -> float:
        folder = "/sys/class/hwmon"
        monitors = [f"{folder}/{name}" for name in self._source.entries(folder, "hwmon")]
        found = [monitor for monitor in monitors if self._source.optional(f"{monitor}/name") in _MONITORS]
        if not found:
            raise Unread(f"{folder} shows no processor")
        return max(self._source.integer(f"{monitor}/temp1_input") for monitor in found) / 1e3

    def _ecc_errors(self) -> int:
        controllers = self._source.entries(_EDAC, "mc")
        if not controllers:
            raise Unread(f"{_EDAC} shows no memory controller")
        return sum(self._source.integer(f"{_EDAC}/{controller}/ue_count") for controller in controllers)
