"""What reading records yields: intervals, results of cases, measured limits, ratios or why there is none."""

from dataclasses import dataclass, field

from ngtbench.model.case import Case, Metric, Resources, Work
from ngtbench.model.gate import Modes
from ngtbench.model.record import Status, Verdict


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; low and high None where there are too few samples for one.

    `method` says how both were found, `lacks` what the interval does not contain, as "short: long".
    """

    value: float
    low: float | None
    high: float | None
    launches: int
    samples: int
    method: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """One case on one device, all its launches together; one launch that is wrong or failed makes it so."""

    case: Case
    resources: Resources
    status: Status
    launches: int
    tier: str
    suite: str  # version, commit
    reason: str | None = None
    remedy: str | None = None
    metric: Metric | None = None  # figure of merit; None unless done
    intervals: dict[str, Interval] = field(default_factory=dict)  # metric -> its interval
    quantiles: tuple[float, ...] = ()  # 5, 25, 50, 75, 95 % of the samples of the figure of merit
    work: Work | None = None
    verdict: Verdict | None = None  # the worst of the launches
    inputs: tuple[tuple[int, str], ...] = ()  # (seed, digest) per launch
    flags: dict[str, float] = field(default_factory=dict)  # the worst of the launches
    throttle: tuple[str, ...] = ()  # reasons seen before or after
    power_w: float | None = None  # mean over the timed windows, gross
    power_said: str = ""  # sensor, or why not measured
    event_j: float | None = None  # per event that the workload counts, gross
    event_error: float | None = None  # of event_j, as a share of it
    idle_w: float | None = None
    seeds: tuple[int, ...] = ()  # of the launches
    modes: Modes | None = None  # figures of the launches, where they fall into two groups
    redone: tuple[str, ...] = ()  # why tries were thrown away
    profiler: str | None = None  # what watched: such a result is never compared or ranked
    saturation: tuple[int, bool] | None = None  # events of a call from which on the rate grows no more; False: the most tried
    near: tuple[str, ...] = ()  # sizes that an audit judged it beside
    variant: str | None = None

    @property
    def family(self) -> str:
        """`lattice` of `lattice/wilson_dslash`."""
        return self.case.workload.partition("/")[0]

    @property
    def figure(self) -> Interval | None:
        """Interval of the figure of merit."""
        return self.intervals[self.metric.name] if self.metric else None

    def rate(self, per_call: int) -> float | None:
        """Return this many per call as a rate by the wall time; None where no wall time was taken, or nothing counted."""
        wall = self.intervals.get("wall_s")
        return per_call / wall.value if wall and per_call > 0 and wall.value > 0 else None


@dataclass(frozen=True)
class Limit:
    """A rate that a validated case reached, as the limit of others."""

    value: float
    unit: str  # "B/s", "FLOP/s"
    interval: Interval  # of the wall time
    case: str
    variant: str | None
    note: str = ""


@dataclass(frozen=True)
class Limits:
    """What one device was measured to do; what is None or absent has its reason in `missing`."""

    device: str
    bandwidth: Limit | None
    flop: dict[str, Limit]  # dtype -> limit
    cache_b: int | None  # last-level cache, all instances
    missing: dict[str, str]  # "bandwidth" or "cache_b" -> why


@dataclass(frozen=True)
class Fraction:
    """Share of a limit that a case reached; value None with a reason."""

    value: float | None
    limit: str = ""  # which limit binds
    reason: str | None = None
    in_cache: bool = False  # resident data fits the last-level cache, so the memory limit does not bind it


@dataclass(frozen=True)
class Comparison:
    """Speed of B over speed of A for one case: above 1, B is better. Ratio None: `reason` says why not comparable."""

    case: Case
    a: Result | None
    b: Result | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """Geometric means of comparable ratios: per family, and over families by weight; None where nothing is comparable."""

    families: dict[str, tuple[float, int]]  # family -> mean, number of cases
    overall: float | None
    cases: int  # comparable
    incomparable: int
    distinct: int  # comparable cases whose interval excludes 1
    weights: str  # name of the weights
