"""What else goes on in a host and what holds this process back, as the kernel counts it."""

import os
from dataclasses import dataclass, field

from ngtbench.discover import limits
from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source

_BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal; guests are part of user; idle and iowait are not work


@dataclass(frozen=True)
class Load:
    """Counts since the host or the cgroup began; None where the kernel does not count or show."""

    busy_s: dict[int, float] = field(default_factory=dict)  # processor -> time not idle, the hypervisor's share included
    own_s: float | None = None  # of this process and its children
    throttled_s: float | None = None  # by CPU quotas, added over processors and cgroups
    swapped: int | None = None  # pages moved to or from swap


def load(source: Source) -> Load:
    """Read all counts; raises nothing."""
    answers = Answers()
    return Load(
        busy_s=answers("busy", _busy_s, source) or {},
        own_s=answers("own", _own_s, source),
        throttled_s=answers("throttled", _throttled_s, source),
        swapped=answers("swapped", _swapped, source),
    )


def stat(source: Source, process: int | str = "self") -> list[str]:
    """Return the fields of /proc/<process>/stat from the third on; a name with spaces or brackets stands before them.

    Raises Unread.
    """
    return source.text(f"/proc/{process}/stat").rpartition(")")[2].split()


def sister(source: Source, process: int | str) -> bool:
    """Tell whether a process has our parent: then it is another worker, which waits while this one measures."""
    fields = Answers()("stat", stat, source, process)
    return fields is not None and fields[1] == str(os.getppid())


def _busy_s(source: Source) -> dict[int, float]:
    found = {}
    for line in source.text("/proc/stat").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            found[int(name[3:])] = sum(int(ticks[kind]) for kind in _BUSY if kind < len(ticks)) / _ticks_hz()
    return found


def children(source: Source) -> list[str]:
    """Return the processes that this one's main thread started and that still run: clients that share a device, as a rule.

    A kernel without CONFIG_PROC_CHILDREN shows none.
    """
    return (source.optional(f"/proc/self/task/{os.getpid()}/children") or "").split()


def _own_s(source: Source) -> float:
    ticks = [int(count) for count in stat(source)[11:15]]  # utime, stime, cutime, cstime
    for child in children(source):
        fields = Answers()("stat", stat, source, child)  # one that ended meanwhile is in cutime and cstime from then on
        ticks += [int(count) for count in fields[11:15]] if fields else []
    return sum(ticks) / _ticks_hz()


def hot(source: Source) -> int:
    """Return how often one of our processors, or its package, was too hot.

    Raises Unread where the kernel does not count: it does for Intel.
    """
    folders = [f"/sys/devices/system/cpu/cpu{cpu}/thermal_throttle" for cpu in sorted(source.affinity)]
    return sum(source.integer(f"{folder}/{kind}_throttle_count") for folder in folders for kind in ("core", "package"))


def _throttled_s(source: Source) -> float:
    """Return the time of our cgroup and all above it: each one's cpu.stat counts its own quota only."""
    found = []
    for folder in limits.folders(source, "cpu"):
        counts = _keyed(source.optional(f"{folder}/cpu.stat"))
        found += [counts[key] / unit for key, unit in (("throttled_usec", 1e6), ("throttled_time", 1e9)) if key in counts]
    if not found:
        raise Unread("no CPU quota")
    return sum(found)


def _swapped(source: Source) -> int:
    """Return our cgroup's pages where it counts them, else the host's: there a stranger's swapping slows the disk for all."""
    for name in (*(f"{folder}/memory.stat" for folder in limits.folders(source, "memory")), "/proc/vmstat"):
        counts = _keyed(source.optional(name))
        if "pswpin" in counts and "pswpout" in counts:
            return counts["pswpin"] + counts["pswpout"]
    raise Unread("/proc/vmstat counts no swapping")


def _keyed(text: str | None) -> dict[str, int]:
    """Return the lines "key value" whose value is a number."""
    pairs = (line.split() for line in (text or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _ticks_hz() -> int:
    return os.sysconf("SC_CLK_TCK")
