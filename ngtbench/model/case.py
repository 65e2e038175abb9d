"""What can be run: implementations, cases, resources, jobs, and the work a case stands for."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal

DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")
Tier = Literal["ported", "optimised"]


@dataclass(frozen=True)
class Impl:
    """One implementation of a workload: where its code is and what it needs.

    `entry` is "module:function" below `ngtbench.kernels` (or beside a user's own workload file). `devices` holds "cpu",
    "cuda", "rocm" or "gpu" (both). `dtypes` empty means every dtype of the workload. `tolerance` is given, as (dtype, error over
    rms) pairs, where an implementation stores less than the dtype holds: its own, derived in the workload's notes. `traffic` is
    the share of the work's bytes that one which stores less must still move, at any size. `needs` names packages it imports
    besides those of its backend.
    """

    name: str
    entry: str
    backend: str
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ()
    tier: Tier = "ported"
    tolerance: tuple[tuple[str, float], ...] = ()
    traffic: float = 1.0
    needs: tuple[str, ...] = ()

    def runs_on(self, kind: str) -> bool:
        """Tell whether this runs on a device of this kind ("cpu", "cuda", "rocm")."""
        return kind in self.devices or (kind != "cpu" and "gpu" in self.devices)


@dataclass(frozen=True)
class Case:
    """One implementation at one size and dtype; names no hardware."""

    workload: str  # "lattice/wilson_dslash"
    version: int
    size: str
    impl: str
    dtype: str

    @property
    def id(self) -> str:
        """`lattice/wilson_dslash@1/M/native/float32`."""
        return f"{self.workload}@{self.version}/{self.size}/{self.impl}/{self.dtype}"

    @property
    def problem(self) -> str:
        """The id without the implementation: same inputs, same oracle, same work."""
        return f"{self.workload}@{self.version}/{self.size}/{self.dtype}"


@dataclass(frozen=True)
class Resources:
    """What a case was given to run on: not in its id, always compared."""

    device: str  # "cpu:0", "cuda:1"
    threads: int
    bind: bool
    ranks: int = 1
    clients: int = 1
    neighbour: str | None = None  # case id of a background load


@dataclass(frozen=True)
class Job:
    """One case to run once, in a fresh launch."""

    case: Case
    resources: Resources
    backend: str
    tier: Tier
    launch: int
    seed: int
    traffic: float = 1.0  # share of the work's bytes that this implementation must move
    flush_b: int | None = None  # written before each call with cold caches; None: no cache size is known

    @property
    def key(self) -> str:
        """What makes a record unique in a file."""
        return f"{self.case.id} on {self.resources.device} x{self.resources.threads} #{self.launch}"


@dataclass(frozen=True)
class Skip:
    """A case that cannot run here, and why."""

    case: Case
    resources: Resources
    reason: str
    remedy: str = ""
    tier: Tier = "ported"
    launch: int = 0
    seed: int = 0

    @property
    def key(self) -> str:
        """What makes a record unique in a file."""
        return f"{self.case.id} on {self.resources.device} x{self.resources.threads} #{self.launch}"


@dataclass(frozen=True)
class Selection:
    """What the user asked for; empty tuples mean "all"."""

    workloads: tuple[str, ...] = ()  # names or globs: "system/triad", "lattice", "*dslash*"
    sizes: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    impls: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    suite: str = "quick"
    threads: int | None = None
    launches: int = 1
    seed: int = 1
    budget_s: float = 2.0  # measuring time per case
    workload_dir: str | None = None
    audit: bool = False  # every case at nearby sizes and with other seeds too


@dataclass(frozen=True)
class Plan:
    """Every job in the order it will run, and what will not run."""

    selection: Selection
    jobs: tuple[Job, ...]
    skipped: tuple[Skip, ...]
    order_seed: int


@dataclass(frozen=True)
class Work:
    """What one call (or trial) does, equal for every implementation.

    `bytes` is the least that must move to and from memory, `memory_b` what is resident at once.
    """

    flop: int
    bytes: int
    memory_b: int
    events: int
    event: str


@dataclass(frozen=True)
class Metric:
    """A number per sample; the first of a workload is its figure of merit."""

    name: str
    better: Literal["lower", "higher"] = "lower"


def plain(one: "Case | Resources | Selection") -> dict[str, Any]:
    """Return the fields that are not at their defaults: what another version of ngtbench is asked, which may lack newer ones."""
    values = {field.name: (getattr(one, field.name), field.default) for field in fields(one)}
    return {name: value for name, (value, default) in values.items() if default is MISSING or value != default}
