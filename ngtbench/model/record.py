"""What was measured: series, verdicts, outcomes, and the lines a record file holds."""

from dataclasses import dataclass, field
from typing import Literal

from ngtbench.model.case import Case, Metric, Resources, Selection, Work
from ngtbench.model.machine import Machine

Status = Literal["done", "skipped", "wrong", "failed"]


@dataclass(frozen=True)
class Health:
    """State of the device just before or after a case; None with a reason in `missing`."""

    clock_hz: float | None = None
    memory_clock_hz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    throttle: tuple[str, ...] | None = None
    ecc_errors: int | None = None  # uncorrected, since the driver was loaded
    processes: int | None = None  # others on the device
    load1: float | None = None
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Energy:
    """Energy over the timed window, gross; `idle_w` is reported, never subtracted."""

    j: float | None
    window_s: float
    idle_w: float | None
    error_j: float | None
    sensor: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Measurement:
    """Raw samples and the circumstances they were taken in; statistics happen on reading.

    Seconds per call: `wall_s` with warm caches, the device idle at both ends of a sample; `enqueue_s` until the host had asked
    for the work, `device_s` between two events on the device, `replay_s` of a captured graph, `cold_s` of single calls, each
    after writing `flush_b` bytes. What was not taken stands in `missing` with the reason.
    """

    series: dict[str, tuple[float, ...]]  # metric -> a float per sample
    at_s: tuple[float, ...]  # start of each sample, from the first one's start
    calls: int  # calls per sample
    warmup_s: float
    warmup_calls: int
    build_s: float
    timer: str
    timer_resolution_s: float
    overhead_s: float  # an empty call, timed the same way: reported, not subtracted
    energy: Energy
    before: Health
    after: Health
    flags: dict[str, float] = field(default_factory=dict)  # "not_converged": half-width reached...
    timed_s: float = 0.0  # under the clock in all: batching, warm-up, samples; whole trials
    compile_s: float | None = None  # of what compilers made, now or earlier: `build_s` is less where it was kept
    flush_b: int | None = None
    batch_s: dict[int, tuple[float, ...]] = field(default_factory=dict)  # events of a call -> seconds per call, a few samples
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a result is right, and how that was checked."""

    passed: bool
    check: Literal["full", "spot", "invariants"]
    error: float | None  # worst component over rms of the wanted field; None if not a number
    tolerance: float | None
    worst: str | None  # output and index of the worst component
    invariants: dict[str, tuple[float | None, float]]  # name -> (value, bound)
    inputs_digest: str
    reason: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How one job ended."""

    status: Status
    reason: str | None = None
    remedy: str | None = None
    measurement: Measurement | None = None
    verdict: Verdict | None = None
    work: Work | None = None
    metrics: tuple[Metric, ...] = ()
    variant: str | None = None  # what the implementation says of itself, e.g. "openmp, 2 MB pages by numpy"


@dataclass(frozen=True)
class Provenance:
    """When and by what a record was made."""

    started_at: str  # ISO 8601, UTC
    wall_s: float  # whole case, validation included
    suite: str
    commit: str | None
    dirty: bool | None
    tier: str
    environment: dict[str, str]  # variables that set threads and binding
    worker: str | None = None  # package path the worker measured
    redone: tuple[str, ...] = ()  # why earlier tries of this launch were thrown away
    profiler: str | None = None  # what watched the worker: such a record is never compared
    start_s: float = 0.0  # of wall_s: starting and warming the worker
    job: str | None = None  # batch job, or one run of the suite
    synthetic: bool = False  # made up to show a page, never measured


@dataclass(frozen=True)
class MachineRecord:
    """First line of a run: the machine; later lines name it by digest."""

    digest: str
    machine: Machine
    schema: Literal["ngtbench.machine/1"] = "ngtbench.machine/1"


@dataclass(frozen=True)
class PlanRecord:
    """Second line of a run: what was asked for, so that a run can be resumed and its gaps seen."""

    selection: Selection
    order_seed: int
    keys: tuple[str, ...]
    machine: str  # digest
    schema: Literal["ngtbench.plan/2"] = "ngtbench.plan/2"


@dataclass(frozen=True)
class RunRecord:
    """One case on one device in one launch, as it ended."""

    case: Case
    resources: Resources
    launch: int
    seed: int
    machine: str  # digest of the machine line
    outcome: Outcome
    provenance: Provenance
    schema: Literal["ngtbench.run/2"] = "ngtbench.run/2"

    @property
    def key(self) -> str:
        """What makes a record unique in a file."""
        return f"{self.case.id} on {self.resources.device} x{self.resources.threads} #{self.launch}"


Record = MachineRecord | PlanRecord | RunRecord
