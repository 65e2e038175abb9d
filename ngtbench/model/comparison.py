"""What reading records yields: intervals, results of cases, measured limits, ratios or why there is none."""

from dataclasses import dataclass, field
from typing import Literal

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
    jobs: int = 1


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
    event_net_j: float | None = None  # per event, above what the device draws at rest in that time
    target_j: float | None = None  # until a training reached its target, gross; median of trainings
    idle_w: float | None = None
    seeds: tuple[int, ...] = ()  # of the launches
    modes: Modes | None = None  # figures of the launches, where they fall into two groups
    redone: tuple[str, ...] = ()  # why tries were thrown away
    profiler: str | None = None  # what watched: such a result is never compared or ranked
    saturation: tuple[int, bool] | None = None  # events of a call from which on the rate grows no more; False: the most tried
    near: tuple[str, ...] = ()  # sizes that an audit judged it beside
    variant: str | None = None
    jobs: tuple[tuple[str, float], ...] = ()  # job, geometric mean of its launches' medians of the figure of merit; sorted
    launch_medians: tuple[float, ...] = ()  # of the figure of merit
    deviations: tuple[str, ...] = ()  # of the device from its data sheet
    whole: bool = False  # has every thread that its machine lets it use, or one of each core
    synthetic: bool = False  # made up, never measured

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


Basis = Literal["between jobs", "within one job", "within one launch"]


@dataclass(frozen=True)
class Comparison:
    """Speed of B over speed of A for one case: above 1, B is better. Ratio None: `reason` says why not comparable.

    `distinct` is None where nothing can be said: no interval. Else it holds over all comparisons of the same table together
    (Holm, 5 %), and within one job only beyond three times the stated spread between jobs.
    """

    case: Case  # A's; of the best implementations, B's may differ in `impl`
    a: Result | None
    b: Result | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    basis: Basis = "within one launch"
    distinct: bool | None = None
    p: float | None = None  # two-sided, of this comparison by itself; None but between jobs


@dataclass(frozen=True)
class Score:
    """Geometric means of comparable ratios: per family, and over families by weight; None where nothing is comparable."""

    families: dict[str, tuple[float, int]]  # family -> mean, number of cases
    overall: float | None
    cases: int  # comparable
    incomparable: int
    distinct: int  # comparable cases that can be told from equal
    weights: str  # name of the weights


@dataclass(frozen=True)
class Weights:
    """Weights of families and who asks for them; a family that is not named weighs `other`."""

    name: str
    use_case: str
    requester: str
    families: dict[str, float]
    other: float = 1.0


@dataclass(frozen=True)
class Standing:
    """A system's place: geometric means of its speed over the reference's, over every required problem, or why there is none."""

    system: str
    families: dict[str, float | None]  # None: a required problem of it is missing
    overall: float | None  # None: not ranked
    low: float | None
    high: float | None
    basis: Basis
    lacks: tuple[tuple[str, str], ...]  # required problem, why it has no ratio
    first: float | None  # probability of being first, by the data
    first_of_weightings: float | None  # share of random weightings in which it is first, by the values
    behind: float | None = None  # the first's overall score over this one's, with its 95 % interval; None of the first
    behind_low: float | None = None
    behind_high: float | None = None
    told: bool | None = None  # from the first: at 5 % over all rivals together, and within one job only beyond the stated spread


@dataclass(frozen=True)
class Flip:
    """The weight of a family, as a share of all, at which another system would be first."""

    family: str
    share: float  # now
    at: float
    then: str  # who is first beyond it


@dataclass(frozen=True)
class Ranking:
    """Systems by their overall score, the ranked before the others; what was required, and what would change the order."""

    reference: str
    weights: Weights
    required: dict[str, tuple[str, ...]]  # family -> problems
    standings: tuple[Standing, ...]
    flips: tuple[Flip, ...]
    weightings: int  # random ones tried
    notes: tuple[str, ...] = ()
    present: float = 1.0  # share of the weights asked for that lies on families which the reference has
