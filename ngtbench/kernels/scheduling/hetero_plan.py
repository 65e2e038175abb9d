"""How many devices a node is worth: list schedules of an event graph on cores and devices, simulated. Modelled, never measured.

An algorithm that may be offloaded goes to whichever of core and device would end it first (the rule of HEFT), or always to a
device, where the core that launched it goes on (async) or waits (blocking). What is ready is taken by age of its event, upward
rank or turn.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.choice import longest as longest
from ngtbench.physics.scheduling.graph import Graph, shown
from ngtbench.physics.scheduling.simulate import Node, Offload, Order, simulate

_LEAST_S = 1e-9
EVENTS = 4  # per slot: what fills and empties the node is in every rate
ORDERS = {"oldest": "oldest event first", "rank": "upward rank", "fifo": "first come first served", "lifo": "last first"}
_WHERE = {"earliest": "earliest end", "async": "always on a device, async", "blocking": "always on a device, blocking"}


@dataclass(frozen=True)
class Rule:
    """What is taken first, and where an algorithm that may be offloaded goes."""

    order: Order
    offload: Offload

    @property
    def words(self) -> str:
        """Return the rule in words."""
        return f"{_WHERE[self.offload]}; {ORDERS[self.order]}"


PLANNED = Rule("oldest", "earliest")
RULES = (PLANNED, Rule("rank", "earliest"), Rule("fifo", "earliest"), Rule("oldest", "async"), Rule("oldest", "blocking"))


@dataclass(frozen=True, eq=False)
class Job:
    """Events of a graph, `slots` of them at once, on so many cores; `offloaded` algorithms may run on devices.

    Runtimes of the graph are those on one of the cores; `chosen` says by whom or what the offloaded were.
    Raises BadInput for a node without cores or slots, an algorithm that is not there, and a graph that takes no time.
    """

    graph: Graph
    offloaded: frozenset[int]
    cores: int
    slots: int
    chosen: str = "as named"

    def __post_init__(self) -> None:
        self.node(0, 1.0, PLANNED)
        self.graph.numbers(self.offloaded)
        if self.graph.work_s < _LEAST_S:
            raise BadInput(
                f"{self.graph.count} algorithms take {self.graph.work_s:g} s in all: there is no rate of what takes no time"
            )

    @property
    def events(self) -> int:
        """Events of a simulated run."""
        return EVENTS * self.slots

    @property
    def offloaded_s(self) -> float:
        """Runtime of what may be offloaded, W_off."""
        return float(self.graph.runtimes_s[sorted(self.offloaded)].sum())

    def node(self, devices: int, speedup: float, rule: Rule) -> Node:
        """Return the machine that is simulated."""
        return Node(self.cores, self.slots, rule.order, devices, speedup, self.offloaded, rule.offload)

    def events_per_s(self, devices: int, speedup: float, rule: Rule) -> float:
        """Return the rate of a simulated run from its first event to its last: what fills and empties the node is in it."""
        return self.events / simulate(self.graph, self.events, self.node(devices, speedup, rule)).makespan_s

    def bound_per_s(self, devices: int, speedup: float, rule: Rule) -> float:
        """Return the rate that no schedule passes which offloads by choice, or always."""
        choice = rule.offload == "earliest"
        return bounds.events_per_s(self.graph, self.cores, self.slots, devices, speedup, self.offloaded, choice)


@dataclass(frozen=True)
class Step:
    """A node with so many devices: `events_per_s` as planned, `simulated_per_s` with all of them in use, `gain` of the last."""

    devices: int
    events_per_s: float
    simulated_per_s: float
    bound_per_s: float
    gain: float | None  # over one device less: 0.05 is 5 %


def plan(job: Job, speedup: float, most: int, rule: Rule = PLANNED) -> Iterator[Step]:
    """Yield the node with no device, one, and so on up to `most`.

    A plan leaves devices idle with which the simulated schedule would be slower, so that it is never slower than with fewer.
    Raises BadInput for a speed-up that is none, and for more than can be simulated.
    """
    before: Step | None = None
    for devices in range(most + 1):
        simulated = job.events_per_s(devices, speedup, rule)
        planned = max(simulated, before.events_per_s) if before else simulated
        gain = planned / before.events_per_s - 1 if before else None
        before = Step(devices, planned, simulated, job.bound_per_s(devices, speedup, rule), gain)
        yield before


def enough(steps: Collection[Step], least_gain: float) -> int | None:
    """Return the number of devices after which one more brings less than a share of the rate; None where each brings it."""
    return next((step.devices - 1 for step in steps if step.gain is not None and step.gain < least_gain), None)


def used(steps: Sequence[Step], devices: int) -> int:
    """Return how many of so many devices the plan does not leave idle."""
    return next(step.devices for step in steps if step.events_per_s == steps[devices].events_per_s)


def utilisation(job: Job, order: Order) -> tuple[float, float]:
    """Return the share of the cores' time in which they work, without devices: simulated, and at most."""
    most = job.events * job.graph.work_s / job.cores
    simulated_s = simulate(job.graph, job.events, Node(job.cores, job.slots, order)).makespan_s
    return most / simulated_s, most / bounds.makespan_s(job.graph, job.events, job.cores, job.slots)


def named(graph: Graph, names: Collection[str]) -> frozenset[int]:
    """Return the algorithms of these names.

    Raises BadInput for a name that no algorithm has.
    """
    places = {name: a for a, name in enumerate(graph.names)}
    for name in names:
        if name not in places:
            raise BadInput(
                f"no algorithm {shown(name)} in this graph of {graph.count}: --offload takes names as the graph has them"
            )
    return frozenset(places[name] for name in names)


def trace(job: Job, devices: int, speedup: float, name: str) -> str:
    """Return one filling of the node, as planned, in Chrome's trace format; lanes are named."""
    history = simulate(job.graph, job.slots, job.node(devices, speedup, PLANNED))
    document = json.loads(history.chrome(job.graph))
    lanes = [f"core {k}" for k in range(job.cores)] + [f"device {k}" for k in range(devices)]
    rows = [{"ph": "M", "name": "process_name", "pid": 1, "args": {"name": f"modelled: {job.cores} cores, {devices} x {name}"}}]
    for lane, words in enumerate(lanes):
        rows.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": lane, "args": {"name": words}})
        rows.append({"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": lane, "args": {"sort_index": lane}})
    document["traceEvents"] = rows + document["traceEvents"]
    document["otherData"] = {"modelled": "simulated, not measured"}
    return json.dumps(document)
