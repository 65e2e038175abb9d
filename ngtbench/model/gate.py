"""What the gate decides, and what it tells of it."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["continue", "pass", "fail", "inconclusive"]
SideName = Literal["baseline", "candidate"]
GateStatus = Literal["pass", "fail", "inconclusive", "error", "skipped"]


@dataclass(frozen=True)
class Decision:
    """What pairs of launches say so far; log ratios are of the candidate over the baseline, above 0 is worse."""

    state: State
    pairs: int
    estimate: float | None  # trimmed mean of the log ratios
    half_width: float | None  # of its 99 % interval
    p: float | None  # chance of an estimate as far from 0 if there were no difference, two-sided
    sd: float | None  # of one pair's log ratio, winsorised
    pairs_needed: int | None  # for a half-width of 2 % at this sd
    tolerance: float
    reason: str


@dataclass(frozen=True)
class Modes:
    """Launches that fall into two groups, far apart against the distances inside them."""

    fast: tuple[float, ...]
    slow: tuple[float, ...]


@dataclass(frozen=True)
class Rule:
    """How one benchmark is judged; `[tool.ngtbench.gate]` of pyproject.toml sets it."""

    tolerance: float = 0.05  # half the slowdown that must be caught
    max_pairs: int = 40
    metric: str | None = None  # None: the workload's figure of merit
    better: Literal["lower", "higher"] | None = None  # None: as the workload declares
    floor: float | None = None  # smaller differences never fail, in the metric's unit; None: 2 us, or 3 empty calls if more


@dataclass(frozen=True)
class Pair:
    """One launch of each side, one after the other."""

    first: SideName
    baseline: float  # median of the launch's samples
    candidate: float
    log_ratio: float  # above 0: the candidate is worse


@dataclass(frozen=True)
class Side:
    """One of the two things compared."""

    asked: str  # what the user wrote: "main", ".", "/envs/old", "A.jsonl"
    kind: Literal["revision", "tree", "environment", "records"]
    commit: str | None  # None: not a checkout
    dirty: bool | None
    package: str | None  # folder of the package its workers measured; None: records


@dataclass(frozen=True)
class Judged:
    """One benchmark: the verdict, and all it rests on."""

    case: str  # case id
    device: str
    threads: int
    status: GateStatus
    reason: str
    rule: Rule
    metric: str | None = None
    decision: Decision | None = None
    confirmation: Decision | None = None  # of a failure, on fresh pairs
    pairs: tuple[Pair, ...] = ()
    fresh_pairs: tuple[Pair, ...] = ()
    discarded: tuple[str, ...] = ()  # launches thrown away and redone, each with the reason
    modes: dict[SideName, Modes] = field(default_factory=dict)  # side -> its two groups, where it has two
    fastest_ratio: float | None = None  # candidate's fastest launch over the baseline's, oriented: a second opinion
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateRecord:
    """One run of the gate: `gate.json`."""

    started_at: str  # ISO 8601, UTC
    wall_s: float
    suite: str
    seed: int
    budget_s: float  # measuring time per launch
    machine: str  # one line
    machine_digest: str
    method: Literal["interleaved launches", "stored records"]
    baseline: Side
    candidate: Side
    cases: tuple[Judged, ...]
    exit_code: int
    notes: tuple[str, ...] = ()
    schema: Literal["ngtbench.gate/1"] = "ngtbench.gate/1"
