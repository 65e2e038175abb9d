"""What happened when: each algorithm of each event, as replayed or modelled; its order, its latencies, its picture."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.scheduling.graph import Graph

_US = 1e6


@dataclass(frozen=True)
class History:
    """Seconds from the start of a run.

    `admitted_s`, `finished_s` of events; `begin_s`, `end_s`, `lane` (which thread or device) and `runs` (how often) of
    (event, algorithm).
    """

    admitted_s: Array
    finished_s: Array
    begin_s: Array
    end_s: Array
    lane: Array
    runs: Array

    @property
    def makespan_s(self) -> float:
        """Seconds until all events were done."""
        return float(self.finished_s.max())

    @property
    def latencies_s(self) -> Array:
        """Seconds of each event in its slot, (events,)."""
        found: Array = self.finished_s - self.admitted_s
        return found

    def ordered(self, graph: Graph) -> Array:
        """Return how many inputs of each algorithm had ended before it began, over all events."""
        before = self.end_s[:, graph.edges[:, 0]] <= self.begin_s[:, graph.edges[:, 1]]
        return np.bincount(graph.edges[:, 1], weights=before.sum(axis=0), minlength=graph.count).astype(np.int64)

    def spread(self, slots: int) -> int:
        """Return by how many events one slot was ahead of another at most, all slots busy."""
        done, most = np.zeros(slots, np.int64), 0
        slot_of = self._slots(slots)
        for event in np.argsort(self.finished_s, kind="stable"):
            if self.admitted_s.max() <= self.finished_s[event]:
                break  # no more events to give: slots run empty
            done[slot_of[event]] += 1
            most = max(most, int(done.max() - done.min()))
        return most

    def chrome(self, graph: Graph) -> str:
        """Return the run in Chrome's trace format, which ui.perfetto.dev opens; times in it are microseconds."""
        rows = [
            {
                "name": graph.names[a],
                "cat": "algorithm",
                "ph": "X",
                "ts": float(self.begin_s[event, a]) * _US,
                "dur": float(self.end_s[event, a] - self.begin_s[event, a]) * _US,
                "pid": 1,
                "tid": int(self.lane[event, a]),
                "args": {"event": int(event)},
            }
            for event, a in zip(*np.nonzero(self.runs), strict=True)
        ]
        return json.dumps({"traceEvents": rows, "displayTimeUnit": "ms"})

    def write(self, graph: Graph, path: Path) -> None:
        """Write the run in Chrome's trace format."""
        path.write_text(self.chrome(graph), encoding="utf-8")

    def _slots(self, slots: int) -> Array:
        """Return the slot of each event: an event takes the one of the event that was done last before it was admitted."""
        found, ended = np.arange(self.admitted_s.size), np.argsort(self.finished_s, kind="stable")
        for later in range(slots, self.admitted_s.size):  # the k-th to be admitted follows the k-th to be done
            found[later] = found[ended[later - slots]]
        return found
