"""An open loop: events that arrive at random, whether or not a node keeps up with them. Modelled, never measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling.graph import Graph
from ngtbench.physics.scheduling.simulate import Node, simulate

SHARES = (0.5, 0.8, 0.95, 1.05)


@dataclass(frozen=True)
class Backlog:
    """Events that arrive at a rate: how many wait for a slot as one arrives, and seconds from an arrival to its end."""

    arrivals_per_s: float
    waiting_mean: float
    waiting_most: int
    latency_p50_s: float
    latency_p99_s: float
    drain_s: float  # from the last arrival to the end of all


def backlog(graph: Graph, node: Node, events: int, arrivals_per_s: float, seed: int) -> Backlog:
    """Return what arrivals of a Poisson process lead to; the same seed draws the same arrivals, as fast as they are.

    Raises BadInput for a rate that is none, and what `simulate` does.
    """
    if not 0 < arrivals_per_s < np.inf:
        raise BadInput(f"{arrivals_per_s} arrivals per second: give a number above 0")
    arrivals_s = np.random.default_rng(seed).exponential(size=events).cumsum() / arrivals_per_s
    history = simulate(graph, events, node, arrivals_s)
    waiting = np.arange(events) - np.searchsorted(history.admitted_s, arrivals_s, side="right")
    waiting = np.maximum(waiting, 0)  # of those that came before; less where this one is admitted at once
    latencies_s = history.finished_s - arrivals_s
    p50_s, p99_s = (float(np.quantile(latencies_s, q)) for q in (0.5, 0.99))
    drain_s = history.makespan_s - float(arrivals_s[-1])
    return Backlog(arrivals_per_s, float(waiting.mean()), int(waiting.max()), p50_s, p99_s, drain_s)


def backlogs(graph: Graph, node: Node, events: int, seed: int, shares: Sequence[float] = SHARES) -> list[Backlog]:
    """Return that of arrivals at shares of the rate that the node reaches where events never lack."""
    rate_per_s = events / simulate(graph, events, node).makespan_s
    return [backlog(graph, node, events, share * rate_per_s, seed) for share in shares]
