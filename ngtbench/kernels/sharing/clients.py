"""K clients of one device that all run the same program."""

from collections.abc import Mapping

import numpy as np

from ngtbench.kernels.sharing import rates
from ngtbench.kernels.sharing.rounds import Round, Trials, started, trials
from ngtbench.model.workload import Array, Setup


def processes(setup: Setup, seed: Array) -> Trials:
    """Run each client in a process of its own: a GPU is shared in time, or as MPS or MIG were found to share it."""
    return _trials(setup, seed, together=False)


def streams(setup: Setup, seed: Array) -> Trials:
    """Run all clients in one process, each in a thread of its own, on a GPU with a stream of its own."""
    return _trials(setup, seed, together=True)


def metrics(found: Round) -> Mapping[str, float]:
    """Return the figures of a round: the first client alone, then all."""
    alone, shared = rates.rates(found[0]), rates.rates(found[1])
    latencies_s, alone_s = np.concatenate(rates.whole(found[1])), rates.whole(found[0])[0]
    p99_s = rates.tail_s(latencies_s)
    return {
        "event_s": float(1 / shared.sum()),
        "throughput_ratio": float(shared.sum() / alone[0]),
        "slowdown_ratio": float(alone[0] / np.median(shared)),
        "fairness_ratio": rates.fairness(shared),
        "jain_ratio": rates.jain(shared),
        "latency_p50_s": float(np.median(latencies_s)),
        "latency_p99_s": p99_s,
        "latency_p99_ratio": p99_s / rates.tail_s(alone_s),
    }


def _trials(setup: Setup, seed: Array, *, together: bool) -> Trials:
    count = setup.size.clients
    clients = started(setup, [setup.size.case(setup.device)] * count, together)
    return trials(setup, clients, ([0], range(count)), metrics, seed)
