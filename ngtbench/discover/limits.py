"""What this process may use of the host: affinity, CPU quota and memory limits of cgroups v1 and v2."""

import math
from pathlib import PurePosixPath

from ngtbench.discover.answers import Unread
from ngtbench.discover.source import Source
from ngtbench.discover.topology import kib_b

# An unlimited v1 group says 2^63 rounded down to a page: larger than any memory, so `min` needs no special case.
_MEMORY_FILES = ("memory.max", "memory.limit_in_bytes")


def usable_threads(source: Source, quota_cpus: float | None) -> int:
    """Return how many threads can run at once: whole CPUs of affinity and quota, at least 1.

    `sched_getaffinity` already obeys cpusets, but knows nothing of quotas.
    """
    allowed = len(source.affinity)
    return max(1, min(allowed, math.floor(quota_cpus)) if quota_cpus is not None else allowed)


def quota_cpus(source: Source) -> float:
    """Return the CPUs' worth of time the tightest cgroup grants.

    Raises Unread: "no quota", or why none could be read.
    """
    found = []
    for folder in folders(source, "cpu"):
        limit = source.optional(f"{folder}/cpu.max")  # v2: "150000 100000" or "max 100000"
        if limit is not None and not limit.startswith("max"):
            quota_us, period_us = limit.split()
            found.append(int(quota_us) / int(period_us))
        limit = source.optional(f"{folder}/cpu.cfs_quota_us")  # v1: -1 for none
        if limit is not None and int(limit) > 0:
            found.append(int(limit) / source.integer(f"{folder}/cpu.cfs_period_us"))
    if not found:
        raise Unread("no quota")
    return min(found)


def memory_b(source: Source) -> int:
    """Return the memory of the host as its kernel reports it.

    Raises Unread where it does not.
    """
    return kib_b(source.text("/proc/meminfo"), "MemTotal")


def usable_memory_b(source: Source) -> int:
    """Return the memory of the host, or the tightest cgroup limit where that is less.

    Raises Unread where a limit exists and cannot be read.
    """
    found = [memory_b(source)]
    for folder in folders(source, "memory"):
        for name in _MEMORY_FILES:
            limit = source.optional(f"{folder}/{name}")
            if limit is not None and limit != "max":
                found.append(int(limit))
    return min(found)


def folders(source: Source, controller: str) -> list[str]:
    """Return our cgroup folders that may limit a controller, from our own up to each mount point."""
    paths: dict[str, str] = {}  # controller -> our group; "" for version 2
    for line in (source.optional("/proc/self/cgroup") or "").splitlines():
        _, controllers, group = line.split(":", 2)
        paths.update({name: group for name in controllers.split(",")})
    found = []
    for line in (source.optional("/proc/self/mountinfo") or "").splitlines():
        place, _, kind = line.partition(" - ")
        filesystem, *rest = kind.split()
        name = "" if filesystem == "cgroup2" else controller
        if filesystem not in ("cgroup", "cgroup2") or name not in paths:
            continue
        if filesystem == "cgroup" and controller not in rest[-1].split(","):
            continue
        group_root, mount = place.split()[3:5]
        found += _upwards(mount, _below(paths[name], group_root))
    return found


def _below(group: str, group_root: str) -> PurePosixPath:
    """Return our group relative to what is mounted.

    In a container the mount shows only our own group, whatever the host calls it; then the mount point itself is ours.
    """
    try:
        return PurePosixPath(group).relative_to(group_root)
    except ValueError:
        return PurePosixPath()


def _upwards(mount: str, below: PurePosixPath) -> list[str]:
    return [str(PurePosixPath(mount) / part) for part in (below, *below.parents)]
