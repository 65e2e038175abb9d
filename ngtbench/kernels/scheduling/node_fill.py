"""A node filled by jobs: one with all threads, and several with a part each, in turns."""

from collections.abc import Mapping

from ngtbench.errors import Unavailable
from ngtbench.kernels.sharing import rates
from ngtbench.kernels.sharing.rounds import Round, Trials, trials
from ngtbench.model.sharing import Program
from ngtbench.model.workload import Array, Setup


def native(setup: Setup, seed: Array) -> Trials:
    """Replay by our own engine."""
    return _trials(setup, seed, "native")


def threads(setup: Setup, seed: Array) -> Trials:
    """Replay by Python's concurrent.futures: more jobs share out its lock."""
    return _trials(setup, seed, "threads")


def offload(setup: Setup, seed: Array) -> Trials:
    """Replay by our own engine, the longest algorithms on a GPU that all jobs share, each from a process of its own."""
    return _trials(setup, seed, "offload-async")


def metrics(found: Round) -> Mapping[str, float]:
    """Return the figures of a round: one job, then the split.

    Raises Unavailable where the memory of a process cannot be read.
    """
    whole, split = rates.rates(found[0]), rates.rates(found[1])
    whole_b, memory_b = (rates.memory_b(served) for served in found)
    if not whole_b:
        raise Unavailable("/proc/self/smaps of a job cannot be read: its memory is not known", "mount /proc")
    return {
        "event_s": float(1 / split.sum()),
        "events_per_s": float(split.sum()),
        "gain_ratio": float(split.sum() / whole[0]),
        "fairness_ratio": rates.fairness(split),
        "memory_b": float(memory_b),
        "memory_ratio": memory_b / whole_b,
    }


def _trials(setup: Setup, seed: Array, engine: str) -> Trials:
    size, jobs = setup.size, setup.size.jobs or setup.threads
    each = max(1, setup.threads // jobs)
    if jobs * each != setup.threads and size.of != "XS":
        raise Unavailable(f"{setup.threads} threads are not shared out evenly to {jobs} jobs", "choose another size or --threads")
    setup.say(f"{jobs} jobs of {each} threads beside one of {setup.threads}")
    split = [Program(size.case(each, engine), each)] * jobs
    clients = setup.clients([Program(size.case(setup.threads, engine), setup.threads), *split], False)
    return trials(setup, clients, ([0], range(1, jobs + 1)), metrics, seed)
