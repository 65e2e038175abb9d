"""Affinity, quota and memory limits of cgroups v1 and v2, bare and in containers."""

from pathlib import Path

import pytest

from ngtbench.discover import limits
from ngtbench.discover.answers import Unread
from ngtbench.discover.cpu import cpu
from ngtbench.discover.source import Source
from tests.fakes.host import no_command, write

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU = "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"


def host(root: Path, files: dict[str, str], cpus: int = 8) -> Source:
    write(root, {"/proc/meminfo": "MemTotal: 1000000 kB", **files})
    return Source(root, {}, "x86_64", frozenset(range(cpus)), no_command)


def test_no_cgroup_is_no_limit(tmp_path: Path) -> None:
    source = host(tmp_path, {})
    with pytest.raises(Unread, match=r"^no quota$"):
        limits.quota_cpus(source)
    assert limits.usable_memory_b(source) == 1000000 * 1024


@pytest.mark.parametrize(("quota", "cpus", "threads"), [(1.5, 8, 1), (0.5, 8, 1), (4.0, 8, 4), (7.99, 8, 7), (16.0, 2, 2)])
def test_threads_are_whole_cpus_of_quota_and_affinity(tmp_path: Path, quota: float, cpus: int, threads: int) -> None:
    files = {"/proc/self/cgroup": "0::/", "/proc/self/mountinfo": V2, "/sys/fs/cgroup/cpu.max": f"{quota * 100_000:.0f} 100000"}
    found = cpu(host(tmp_path, files, cpus))
    assert (found.quota_cpus, found.usable_threads) == (quota, threads)
    assert "quota_cpus" not in found.missing


def test_the_tightest_group_up_the_tree_wins(tmp_path: Path) -> None:
    files = {
        "/proc/self/cgroup": "0::/kubepods.slice/pod1.slice/container",
        "/proc/self/mountinfo": V2,
        "/sys/fs/cgroup/kubepods.slice/cpu.max": "max 100000",
        "/sys/fs/cgroup/kubepods.slice/memory.max": "800000000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/cpu.max": "200000 100000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max": "500000000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/container/cpu.max": "600000 200000",
        "/sys/fs/cgroup/kubepods.slice/pod1.slice/container/memory.max": "max",
    }
    source = host(tmp_path, files)
    assert limits.quota_cpus(source) == 2.0
    assert limits.usable_memory_b(source) == 500000000


@pytest.mark.parametrize("group", ["/", "/../../elsewhere"])
def test_a_namespaced_root_carries_the_containers_limits(tmp_path: Path, group: str) -> None:
    files = {
        "/proc/self/cgroup": f"0::{group}",
        "/proc/self/mountinfo": V2,
        "/sys/fs/cgroup/cpu.max": "150000 100000",
        "/sys/fs/cgroup/memory.max": "268435456",
    }
    source = host(tmp_path, files)
    assert limits.quota_cpus(source) == 1.5
    assert limits.usable_memory_b(source) == 268435456


@pytest.mark.parametrize("root", ["/", "/docker/abc"])  # the host's view, and a container that sees only its own group
def test_version_1(tmp_path: Path, root: str) -> None:
    own = "/docker/abc" if root == "/" else ""
    files = {
        "/proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/",
        "/proc/self/mountinfo": "\n".join((V1_CPU.format(root=root), V1_MEMORY.format(root=root))),
        f"/sys/fs/cgroup/cpu,cpuacct{own}/cpu.cfs_quota_us": "250000",
        f"/sys/fs/cgroup/cpu,cpuacct{own}/cpu.cfs_period_us": "100000",
        f"/sys/fs/cgroup/memory{own}/memory.limit_in_bytes": "300000000",
    }
    source = host(tmp_path, files)
    assert limits.quota_cpus(source) == 2.5
    assert limits.usable_memory_b(source) == 300000000


def test_unlimited_version_1_is_no_limit(tmp_path: Path) -> None:
    files = {
        "/proc/self/cgroup": "4:memory:/\n2:cpu:/",
        "/proc/self/mountinfo": "\n".join((V1_CPU.format(root="/"), V1_MEMORY.format(root="/"))),
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    source = host(tmp_path, files)
    with pytest.raises(Unread, match="no quota"):
        limits.quota_cpus(source)
    assert limits.usable_memory_b(source) == 1000000 * 1024


def test_a_cpuset_narrows_the_affinity(tmp_path: Path) -> None:
    assert cpu(host(tmp_path, {}, cpus=3)).usable_threads == 3


@pytest.mark.parametrize("text", ["", "many", "1 2 3", "100000 0"])
def test_a_damaged_limit_is_a_reason_not_an_error(tmp_path: Path, text: str) -> None:
    files = {"/proc/self/cgroup": "0::/", "/proc/self/mountinfo": V2, "/sys/fs/cgroup/cpu.max": text}
    found = cpu(host(tmp_path, files))
    assert found.quota_cpus is None
    assert found.missing["quota_cpus"] != "no quota"
