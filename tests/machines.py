"""Machines for tests that need one but do not care which."""

from dataclasses import fields

from ngtbench.model.machine import Cache, Cpu, Git, Gpu, Host, Machine, Match


def cpu(threads: int = 8, memory_b: int = 2**36, smt: bool = False) -> Cpu:
    """Return a plain CPU of this many logical processors."""
    return Cpu(
        id="cpu:0",
        name="Test CPU",
        name_hidden=False,
        vendor="Test",
        arch="x86_64",
        family=1,
        model=2,
        stepping=0,
        sockets=1,
        cores=threads // 2 if smt else threads,
        threads=threads,
        smt=smt,
        usable_threads=threads,
        affinity=tuple(range(threads)),
        quota_cpus=None,
        caches=(Cache(3, "unified", 2**25, 1, 64),),
        numa=(),
        flags=("avx2",),
        governor=None,
        turbo=None,
        clock_hz=None,
        clock_max_hz=None,
        hypervisor=None,
        memory_b=memory_b,
        usable_memory_b=memory_b,
        missing=dict.fromkeys(("quota_cpus", "governor", "turbo", "clock_hz", "clock_max_hz", "hypervisor"), "a test"),
    )


KNOWN = ("id", "kind", "name", "vendor", "pci_id", "uuid", "units", "memory_b", "missing")


def gpu(number: int = 0, memory_b: int = 80 * 10**9) -> Gpu:
    """Return a GPU of which only identity and memory are known."""
    unknown = [field.name for field in fields(Gpu) if field.name not in KNOWN]
    return Gpu(
        id=f"cuda:{number}",
        kind="cuda",
        name="Test GPU",
        vendor="NVIDIA",
        pci_id="10de:ffff",
        uuid=f"GPU-{number}",
        units=100,
        memory_b=memory_b,
        missing=dict.fromkeys(unknown, "a test"),
        **dict.fromkeys(unknown),
    )


def machine(*gpus: Gpu, processor: Cpu | None = None, hostname: str = "testhost") -> Machine:
    """Return a machine with these GPUs."""
    found = processor or cpu()
    return Machine(
        taken_at="2026-11-01T00:00:00+00:00",
        suite="0",
        git=Git("0" * 40, "main", False),
        host=Host(hostname, "Linux", "6.1", "Debian 12", None, None, "glibc 2.36", {"container": "none", "scheduler": "none"}),
        cpu=found,
        gpus=gpus,
        matches=tuple(Match(name, None, (), "a test") for name in (found.id, *(card.id for card in gpus))),
        compilers={},
        packages={},
        missing={} if gpus else {"gpus.cuda": "no NVIDIA driver"},
    )
