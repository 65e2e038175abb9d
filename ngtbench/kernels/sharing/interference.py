"""Two programs on one device: what each loses by the other."""

from collections.abc import Mapping

import numpy as np

from ngtbench.kernels.sharing import rates
from ngtbench.kernels.sharing.rounds import Round, Trials, started, trials
from ngtbench.model.workload import Array, Setup


def processes(setup: Setup, seed: Array) -> Trials:
    """Run each program in a process of its own."""
    return _trials(setup, seed, together=False)


def streams(setup: Setup, seed: Array) -> Trials:
    """Run both programs in one process, each in a thread and a stream of its own."""
    return _trials(setup, seed, together=True)


def metrics(found: Round) -> Mapping[str, float]:
    """Return the figures of a round: the first alone, the second alone, then both."""
    alone = np.array([rates.rates(one)[0] for one in found[:2]])
    beside = rates.rates(found[2])
    kept = beside / alone
    tails = [rates.tail_s(one) for served in found for one in rates.whole(served)]  # first, second; both beside
    return {
        "first_event_s": float(1 / beside[0]),
        "second_event_s": float(1 / beside[1]),
        "first_slowdown_ratio": float(1 / kept[0]),
        "second_slowdown_ratio": float(1 / kept[1]),
        "throughput_ratio": float(kept.sum()),
        "fairness_ratio": rates.fairness(kept),
        "first_latency_p99_ratio": tails[2] / tails[0],
        "second_latency_p99_ratio": tails[3] / tails[1],
    }


def _trials(setup: Setup, seed: Array, *, together: bool) -> Trials:
    clients = started(setup, setup.size.cases(setup.device), together)
    return trials(setup, clients, ([0], [1], [0, 1]), metrics, seed)
