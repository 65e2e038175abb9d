"""What a machine is: host, devices, limits, software, and why anything is unknown."""

from dataclasses import dataclass, field
from typing import Literal

Missing = dict[str, str]  # field name -> why it is None


@dataclass(frozen=True)
class Quantity:
    """A number from a data sheet; value None needs a reason, any other value a source."""

    value: float | None
    unit: str
    source: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Cache:
    """One cache as the kernel reports it; `instances` of `size_b` each serve the CPUs this machine shows."""

    level: int
    kind: Literal["data", "instruction", "unified"]
    size_b: int
    instances: int
    line_b: int | None = None


@dataclass(frozen=True)
class NumaNode:
    """One NUMA node; memory_b None where the kernel hides it."""

    node: int
    cpus: tuple[int, ...]
    memory_b: int | None


@dataclass(frozen=True)
class Cpu:
    """The host's processors as one device, `cpu:0`."""

    id: str  # "cpu:0"
    name: str | None
    name_hidden: bool  # a guest shows a generic name such as "AMD EPYC"
    vendor: str | None
    arch: str  # x86_64, aarch64, riscv64
    family: int | None
    model: int | None
    stepping: int | None
    sockets: int | None
    cores: int | None  # physical, whole host as seen
    threads: int  # logical, whole host as seen
    smt: bool | None
    usable_threads: int  # min(affinity, cgroup quota), at least 1
    affinity: tuple[int, ...]  # logical CPUs this process may use
    quota_cpus: float | None  # cgroup CPU quota; None with reason "no quota" if unlimited
    caches: tuple[Cache, ...]
    numa: tuple[NumaNode, ...]
    flags: tuple[str, ...]  # SIMD and matrix flags only, sorted
    governor: str | None
    turbo: bool | None
    clock_hz: float | None  # now
    clock_max_hz: float | None
    hypervisor: str | None
    memory_b: int | None  # total, as the kernel reports it
    usable_memory_b: int | None  # min(total, cgroup limits)
    missing: Missing = field(default_factory=dict)
    kind: Literal["cpu"] = "cpu"


@dataclass(frozen=True)
class Gpu:
    """One GPU, MIG slice or GCD as its driver reports it."""

    id: str  # "cuda:0", "rocm:1"
    kind: Literal["cuda", "rocm"]
    name: str | None
    vendor: str
    pci_id: str | None  # "10de:2330"
    pci_subsystem: str | None
    pci_revision: str | None
    pci_address: str | None
    uuid: str | None
    units: int | None  # SMs or CUs
    memory_b: int | None
    memory_free_b: int | None
    clock_hz: float | None
    clock_max_hz: float | None
    memory_clock_hz: float | None
    memory_clock_max_hz: float | None
    power_limit_w: float | None
    power_limit_default_w: float | None
    power_limit_enforced_w: float | None
    power_limit_min_w: float | None
    power_limit_max_w: float | None
    ecc: bool | None
    mig: str | None  # "off", "on (no slice)", or the slice profile "1g.10gb"
    mps: bool | None
    partition: str | None  # AMD: compute partition and NPS, "SPX/NPS1"
    throttle: tuple[str, ...] | None  # active clock-event reasons
    pcie_gen: int | None
    pcie_gen_max: int | None
    pcie_width: int | None
    pcie_width_max: int | None
    links: int | None  # active NVLink or Infinity Fabric links
    compute_target: str | None  # "sm_90", "gfx942"
    driver: str | None
    runtime: str | None  # CUDA or ROCm version the driver supports
    processes: int | None  # other processes on the device
    temperature_c: float | None
    missing: Missing = field(default_factory=dict)


Device = Cpu | Gpu


@dataclass(frozen=True)
class Host:
    """The operating system and where in it we run."""

    hostname: str
    system: str
    kernel: str
    distribution: str | None
    container: str | None  # "docker", "kubernetes", "apptainer"... ; None with a reason
    scheduler: str | None  # "slurm job 4711"
    libc: str | None
    missing: Missing = field(default_factory=dict)


@dataclass(frozen=True)
class Git:
    """State of the checkout the suite runs from."""

    commit: str | None
    branch: str | None
    dirty: bool | None
    missing: Missing = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """Which profile a device got, and in what it falls short of it."""

    device: str  # Device.id
    profile: str | None  # HardwareProfile.id, "generic-cpu", "generic-gpu"
    deviations: tuple[str, ...] = ()  # empty: runs as its profile says
    reason: str | None = None  # why generic, or why the variant is unknown


@dataclass(frozen=True)
class Machine:
    """Everything discovered, at one moment."""

    taken_at: str  # ISO 8601, UTC
    suite: str  # ngtbench version
    git: Git
    host: Host
    cpu: Cpu
    gpus: tuple[Gpu, ...]
    matches: tuple[Match, ...]
    compilers: dict[str, str]  # "gcc": "gcc (Debian 12.2.0) 12.2.0"
    packages: dict[str, str]  # installed packages that matter, name -> version
    missing: Missing = field(default_factory=dict)  # "compilers.nvcc": "not on PATH", "gpus": "..."

    @property
    def devices(self) -> tuple[Device, ...]:
        """The CPU first, then every GPU."""
        return (self.cpu, *self.gpus)

    def device(self, device_id: str) -> Device:
        """Return the device of this id.

        Raises KeyError where the machine has none of that id.
        """
        return {device.id: device for device in self.devices}[device_id]

    def match(self, device_id: str) -> Match:
        """Return the profile match of a device.

        Raises KeyError where the machine has none of that id.
        """
        return {match.device: match for match in self.matches}[device_id]


@dataclass(frozen=True)
class Rule:
    """When a device is of this model: every rule given must hold; see `discover.profiles.match`."""

    names: tuple[str, ...] = ()
    pci_ids: tuple[str, ...] = ()
    pci_subsystems: tuple[str, ...] = ()
    pci_revisions: tuple[str, ...] = ()
    family_model: str | None = None  # CPUs: "25/1"
    memory_b: tuple[int, int] | None = None  # what the driver may report, inclusive
    units: int | None = None
    power_w: tuple[float, float] | None = None  # default power limit, inclusive


@dataclass(frozen=True)
class Peak:
    """Dense peak rate of one dtype on one kind of unit."""

    flop_per_s: Quantity
    flop_per_clock_per_unit: Quantity
    clock_hz: Quantity


@dataclass(frozen=True)
class HardwareProfile:
    """What a device model can do by its data sheets; one TOML in `hardware/`."""

    id: str
    label: str
    kind: Literal["cpu", "cuda", "rocm"]
    vendor: str
    architecture: str
    match: Rule
    units: Quantity  # SMs, CUs or cores
    peaks: dict[str, Peak]  # "float64/vector", "bfloat16/matrix"
    memory_b: Quantity
    bandwidth_b_per_s: Quantity
    last_level_cache_b: Quantity
    tdp_w: Quantity
    sources: dict[str, str]  # key -> title and where
    pcie_gen: Quantity | None = None
    pcie_width: Quantity | None = None
    caches_b: dict[str, Quantity] = field(default_factory=dict)  # "l1", "l2"
    notes: tuple[str, ...] = ()
