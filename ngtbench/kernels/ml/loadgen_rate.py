"""The largest rate of arrivals that a system bears: bracketed, halved to 5 %, confirmed; or one that is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from statistics import median

from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.kernels.ml import loadgen
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_serve import Null, System

STEP = 1.05  # between the rate that is given and one that did not do
RUNS = 3  # that must all meet the bound at the rate that is given
LOWEST = 1 / 1024  # of the rate the search begins at
NULLS = 3.0  # times the p99 of a system that does nothing, which a p99 must reach to say anything of the system
_LATE = 10  # queries beyond the percentile in a run whose percentile is known


Watched = Callable[[], AbstractContextManager[None]]  # what is opened around the runs that count


@dataclass(frozen=True)
class Borne:
    """A rate that was borne, its runs, and a run of a system that does nothing at that rate."""

    rate_hz: float
    runs: tuple[Result, ...]
    null: Result

    def middle(self, name: str) -> float:
        """Return the median over the runs of a number of a result."""
        return float(median(getattr(one, name) for one in self.runs))


def borne(system: System, load: Load, largest: int, factor: float = 4.0, watch: Watched = nullcontext) -> Borne:
    """Search from the rate of `load`, by steps of `factor` first; every run is another Poisson sequence.

    No rate is tried at which the queries that a run needs last longer than the limit of `load`.
    Raises Unavailable where no rate meets the bound, or where LoadGen itself is too slow to tell; what `loadgen.run` raises.
    """
    load, runs, seed = _known(load), list[Result](), load.seed
    queries = load.queries

    def probe(rate_hz: float, *, of: System = system) -> Result:
        nonlocal seed
        seed += 1
        return loadgen.run(of, replace(load, rate_hz=rate_hz, seed=seed), largest)

    def meets(rate_hz: float) -> bool:
        return not probe(rate_hz).invalid

    def confirmed(rate_hz: float) -> bool:
        runs.clear()
        with watch():
            while len(runs) < RUNS and not (runs and runs[-1].invalid):
                runs.append(probe(rate_hz))
        return not runs[-1].invalid

    lowest_hz = max(LOWEST * load.rate_hz, queries / load.limit_s)
    if load.rate_hz < lowest_hz:
        raise Unavailable(f"too slow to be known: {queries} queries at {load.rate_hz:.3g} a second last over {load.limit_s:g} s")
    rate_hz = search(meets, confirmed, load.rate_hz, lowest_hz, factor)
    if rate_hz is None:
        raise Unavailable(
            f"does not meet the bound: {100 * load.percentile:g} % of queries within {load.bound_s:g} s, "
            f"down to {lowest_hz:.3g} queries/s"
        )
    return _said(Borne(rate_hz, tuple(runs), probe(rate_hz, of=Null(system.samples))))


def held(system: System, load: Load, largest: int, watch: Watched = nullcontext) -> Borne:
    """Run once at the rate of `load`, and once without a system; latencies stand whatever they are.

    Raises Unavailable where the system is overloaded, so that latencies grow as long as it runs: where LoadGen does not find the
    bound of `load` met, which is to be a long one; and where LoadGen itself is too slow to tell.
    """
    load = _known(load)
    with watch():
        run = loadgen.run(system, load, largest)
    if run.invalid:
        raise Unavailable(f"overloaded at {load.rate_hz:.4g} queries/s: {run.invalid}")
    return _said(Borne(load.rate_hz, (run,), loadgen.run(Null(system.samples), load, largest)))


def _known(load: Load) -> Load:
    return replace(load, queries=max(load.queries, round(_LATE / (1 - load.percentile))))


def _said(found: Borne) -> Borne:
    if refused := below(found.middle("p99_s"), found.null.p99_s):
        raise Unavailable(f"{refused}, at {found.rate_hz:.4g} queries/s")
    return found


def below(p99_s: float, null_p99_s: float) -> str:
    """Return why a p99 says nothing of the system; empty where it does."""
    if p99_s >= NULLS * null_p99_s:
        return ""
    return f"below what LoadGen itself costs here: p99 {p99_s:.3g} s, without a system {null_p99_s:.3g} s, {NULLS:g} times asked"


def search(
    meets: Callable[[float], bool], confirmed: Callable[[float], bool], start: float, lowest: float, factor: float = 4.0
) -> float | None:
    """Return the largest rate within 5 % that meets and is confirmed; None where none down to the lowest does.

    Nothing beyond `start * factor` is tried: the start is a rate that the system cannot be expected to exceed.
    """
    low, high = start, start * factor
    while not meets(low):
        low, high = low / factor, low
        if low < lowest:
            return None
    while high > STEP * low:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if meets(middle) else (low, middle)
    while not confirmed(low):
        low /= STEP
        if low < lowest:
            return None
    return low


def checked(result: Result, what: str) -> Result:
    """Return a result that is valid.

    Raises NgtBenchError where it is not.
    """
    if result.invalid:
        raise NgtBenchError(f"{what}: {result.invalid}")
    return result
