"""Discovers this machine: everything that was read, and the reason for everything that was not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ngtbench
from ngtbench.discover import amd, cpu, host, nvidia, profiles, software
from ngtbench.discover.source import Source
from ngtbench.model.machine import Device, HardwareProfile, Machine


def discover(
    source: Source | None = None,
    *,
    nvml: Any = None,
    amdsmi: Any = None,
    known: Mapping[str, HardwareProfile] | None = None,
) -> Machine:
    """Return what this machine is; `source`, `nvml` and `amdsmi` replay another one, `known` replaces our profiles.

    Raises ProfileError where a hardware file is faulty; nothing else that cannot be read raises.
    """
    source = source or Source()
    processors = cpu.cpu(source)
    cuda, cuda_missing = nvidia.gpus(source, nvml)
    rocm, rocm_missing = amd.gpus(source, amdsmi)
    compilers, compilers_missing = software.compilers(source)
    packages, packages_missing = software.packages()
    devices: tuple[Device, ...] = (processors, *cuda, *rocm)
    found = profiles.load() if known is None else known
    return Machine(
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        suite=ngtbench.__version__,
        git=software.git(source, Path(ngtbench.__file__).parent),
        host=host.host(source),
        cpu=processors,
        gpus=(*cuda, *rocm),
        matches=tuple(profiles.match(device, found) for device in devices),
        compilers=compilers,
        packages=packages,
        missing=cuda_missing | rocm_missing | compilers_missing | packages_missing,
    )
