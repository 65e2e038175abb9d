"""Processors of replayed hosts, whole and damaged."""

import dataclasses
from pathlib import Path

import pytest

from ngtbench.discover import profiles
from ngtbench.discover.answers import unexplained
from ngtbench.discover.cpu import cpu
from ngtbench.discover.source import Source
from ngtbench.model.machine import Cache, Cpu
from tests.fakes.host import HOSTS, build, no_command, write


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> "Hosts":
    return Hosts(tmp_path_factory)


class Hosts:
    """Lays each host out once."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._built: dict[str, Source] = {}

    def __call__(self, name: str) -> Source:
        if name not in self._built:
            self._built[name] = build(name, self._folders.mktemp(name))
        return self._built[name]


def cache_of(found: Cpu, level: int, kind: str = "unified") -> Cache:
    return next(cache for cache in found.caches if (cache.level, cache.kind) == (level, kind))


@pytest.mark.parametrize("name", HOSTS)
def test_every_unknown_has_a_reason(hosts: Hosts, name: str) -> None:
    assert unexplained(cpu(hosts(name))) == []


def test_epyc_7763_bare_metal(hosts: Hosts) -> None:
    found = cpu(hosts("epyc-7763"))
    assert (found.name, found.vendor, found.name_hidden) == ("AMD EPYC 7763 64-Core Processor", "AMD", False)
    assert (found.family, found.model, found.stepping) == (25, 1, 1)
    assert (found.sockets, found.cores, found.threads, found.smt, found.usable_threads) == (1, 64, 128, True, 128)
    assert found.caches == (
        Cache(1, "data", 32 * 2**10, 64, 64),
        Cache(1, "instruction", 32 * 2**10, 64, 64),
        Cache(2, "unified", 512 * 2**10, 64, 64),
        Cache(3, "unified", 32 * 2**20, 8, 64),
    )
    assert [len(node.cpus) for node in found.numa] == [128]
    assert (found.governor, found.turbo, found.clock_hz, found.clock_max_hz) == ("performance", True, 2.45e9, 3.529052e9)
    assert found.hypervisor is None
    assert found.missing["hypervisor"].startswith("none")
    assert found.memory_b == found.usable_memory_b == 528280000 * 1024
    assert "avx2" in found.flags
    assert "smep" not in found.flags  # a protection, not SME


def test_epyc_9654_two_sockets_nps4_without_smt(hosts: Hosts) -> None:
    found = cpu(hosts("epyc-9654-nps4"))
    assert (found.sockets, found.cores, found.threads, found.smt) == (2, 192, 192, False)
    assert [node.cpus for node in found.numa] == [tuple(range(n * 24, n * 24 + 24)) for n in range(8)]
    assert cache_of(found, 3).instances == 24
    assert found.turbo is False
    assert {"avx512_bf16", "avx512f"} <= set(found.flags)


def test_a_guest_hides_name_and_clock(hosts: Hosts) -> None:
    found = cpu(hosts("amd-epyc-guest"))
    assert (found.name, found.name_hidden) == ("AMD EPYC", True)
    assert found.hypervisor == "QEMU Standard PC (Q35 + ICH9, 2009)"
    assert found.clock_hz is None
    assert "2445 MHz" in found.missing["clock_hz"]
    assert "scaling_governor" in found.missing["governor"]


def test_xeon_8480_pstate_turbo_and_amx(hosts: Hosts) -> None:
    found = cpu(hosts("xeon-8480"))
    assert (found.vendor, found.family, found.model, found.sockets, found.cores, found.threads) == ("Intel", 6, 143, 2, 112, 224)
    assert found.turbo is True
    assert {"amx_bf16", "amx_int8", "amx_tile"} <= set(found.flags)
    assert found.name_hidden is False
    assert cache_of(found, 3).instances == 2


def test_grace_is_known_by_implementer_and_part(hosts: Hosts) -> None:
    found = cpu(hosts("grace"))
    assert (found.name, found.vendor, found.family, found.model) == ("Neoverse V2", "Arm", 0x41, 0xD4F)
    assert found.name_hidden is False
    assert {"sve2", "bf16", "i8mm", "asimd"} <= set(found.flags)
    assert found.numa[1].cpus == ()  # the GPU's memory is a node without CPUs
    assert found.numa[1].memory_b == 97280 * 2**20


def test_riscv_shows_its_isa_and_no_sockets(hosts: Hosts) -> None:
    found = cpu(hosts("riscv-board"))
    assert (found.name, found.vendor, found.arch) == ("spacemit,x60", "SpacemiT", "riscv64")
    assert found.flags == ("rv64imafdcv", "zvfh", "zvkb")
    assert found.family is None
    assert found.sockets is None
    assert "-1" in found.missing["sockets"]
    assert found.numa == ()
    assert "/sys/devices/system/node" in found.missing["numa"]  # no NUMA folder at all
    assert cache_of(found, 2).instances == 2


def test_each_known_cpu_gets_its_profile(hosts: Hosts) -> None:
    known = profiles.load()
    found = {name: profiles.match(cpu(hosts(name)), known).profile for name in HOSTS}
    assert found == {
        "amd-epyc-guest": "generic-cpu",
        "epyc-7763": "epyc-7763",
        "epyc-9654-nps4": "epyc-9654",
        "grace": "grace-480gb",
        "riscv-board": "generic-cpu",
        "xeon-8480": "xeon-8480plus",
    }


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("AMD EPYC Processor", True),
        ("AMD EPYC-Genoa Processor", True),
        ("AMD EPYC Processor (with IBPB)", True),
        ("Intel(R) Xeon(R) Processor", True),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", True),
        ("Intel Xeon Processor (SapphireRapids)", True),
        ("QEMU Virtual CPU version 2.5+", True),
        ("Common KVM 64-bit processor 1234", True),
        ("Intel Xeon E312xx (Sandy Bridge)", True),
        ("AMD EPYC 7B12", False),
        ("AMD EPYC 9V74 80-Core Processor", False),
        ("Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz", False),
        ("Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", False),
        ("INTEL(R) XEON(R) PLATINUM 8592+", False),
    ],
)
def test_a_name_without_a_model_number_is_hidden(tmp_path: Path, name: str, hidden: bool) -> None:
    write(tmp_path, {"/proc/cpuinfo": f"processor: 0\nmodel name: {name}"})
    found = cpu(Source(tmp_path, {}, "x86_64", frozenset({0}), no_command))
    assert (found.name, found.name_hidden) == (name, hidden)


def test_offline_cpus_do_not_count(tmp_path: Path) -> None:
    source = build("amd-epyc-guest", tmp_path)
    write(tmp_path, {"/sys/devices/system/cpu/online": "0-2,4"})
    found = cpu(dataclasses.replace(source, affinity=frozenset({0, 1, 2, 4})))
    assert (found.threads, found.cores, found.smt, found.usable_threads) == (4, 3, True, 4)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64", "ppc64le"])
@pytest.mark.parametrize(
    "cpuinfo", ["", "complete : nonsense", "processor : x\nflags\nCPU part: banana\n\n\x00\xff::::", ":\n: \n\n:"]
)
def test_garbage_cpuinfo_leaves_reasons_not_errors(tmp_path: Path, arch: str, cpuinfo: str) -> None:
    write(tmp_path, {"/proc/cpuinfo": cpuinfo})
    found = cpu(Source(tmp_path, {}, arch, frozenset({0, 1, 2}), no_command))
    assert unexplained(found) == []
    assert (found.threads, found.usable_threads) == (3, 3)  # affinity is all there is
    assert found.name is None
    assert found.caches == ()
    assert found.missing["caches"]


def test_an_empty_host_is_all_reasons(tmp_path: Path) -> None:
    found = cpu(Source(tmp_path, {}, "x86_64", frozenset({0}), no_command))
    assert unexplained(found) == []
    assert found.missing["name"] == "/proc/cpuinfo has no 'model name'"
    assert found.missing["cpuinfo"] == "/proc/cpuinfo is absent"
    assert found.missing["memory_b"] == "/proc/meminfo is absent"


def test_damaged_sysfs_is_a_reason(tmp_path: Path) -> None:
    source = build("amd-epyc-guest", tmp_path)
    write(
        tmp_path,
        {
            "/sys/devices/system/cpu/cpu0/cache/index0/size": "large",
            "/sys/devices/system/cpu/cpu0/topology/physical_package_id": "zero",
            "/sys/devices/system/node/node0/meminfo": "Node 0 nothing",
        },
    )
    found = cpu(source)
    assert unexplained(found) == []
    assert "large" in found.missing["caches"]
    assert "zero" in found.missing["sockets"]
    assert "MemTotal" in found.missing["numa.0.memory_b"]


def test_permission_denied_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = build("amd-epyc-guest", tmp_path)
    real = Path.read_text

    def refuse(path: Path, *args: object, **kwargs: object) -> str:  # root may read everything, so chmod proves nothing
        if "node0/meminfo" in str(path) or path.name in ("physical_package_id", "memory.max"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", refuse)
    write(tmp_path, {"/proc/cpuinfo": "processor: 0\nmodel name: AMD EPYC 7763"})  # no "physical id" to fall back on
    found = cpu(source)
    assert unexplained(found) == []
    assert "permission denied" in found.missing["sockets"]
    assert found.missing["usable_memory_b"].endswith("memory.max: permission denied")
    assert str(tmp_path) not in str(found.missing)  # paths as the host names them
