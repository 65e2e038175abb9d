"""Replays of an event graph by every engine of this machine beside oneTBB's task_group: interleaved rounds, raw samples kept.

    TBBROOT=... python benchmarks/peers/event_graph.py 0.02:1:4:16 0.02:2:1:12 [--rounds 21] [--engines native,task_group]
        [--workflow FILE.graphml] [--trace trace.json] [--output reports/peers/event-graph.json]

Engines host-async, host-blocking, host-batched and host-earliest are ours with a thread more, which stands for a device.
A case is scale:threads:slots:events. Each round replays every case once by every engine, engines taking turns at being first;
every result is judged. Prints a table, and ratios of ours over oneTBB's events per second with their 95 % intervals over
rounds. Runs are added to those that the output holds. --trace writes the last run of the first engine, for ui.perfetto.dev. Load
averages are kept: quote no run on a busy machine.
"""  # fmt: skip

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.analysis.statistics import student_t
from ngtbench.discover.machine import discover
from ngtbench.errors import Unavailable
from ngtbench.kernels.scheduling import event_graph
from ngtbench.kernels.scheduling.engine import Pace
from ngtbench.kernels.scheduling.job import Job
from ngtbench.kernels.scheduling.offload import Way
from ngtbench.physics.scheduling import bounds, graphml
from ngtbench.physics.scheduling.graph import Graph
from ngtbench.workloads.scheduling.event_graph import Size, inputs, reference

ENGINES = ("native", "serial", "task_group", "flow_graph", "taskflow", "threads", "asyncio")
WAYS = {"host-async": Way(), "host-blocking": Way(holds=True), "host-batched": Way(joins=True)}
WAYS |= {"host-earliest": Way(chooses=True)}
PEERS, SERIAL = ("task_group", "flow_graph"), "serial"
KEPT = (
    "event_s",
    "utilisation_ratio",
    "utilisation_paced_ratio",
    "task_cpu_s",
    "latency_p50_s",
    "latency_p90_s",
    "latency_p99_s",
    "latency_max_s",
    "progress_spread",
)
HEAD = "| engine | events/s | utilisation, median (least, most) | by the least step | of the round's serial loop "
HEAD += "| CPU us a task beyond it, median (beyond steps) | p50, p99 ms | p99/p50 | spread |"
Samples = dict[str, dict[str, list[float]]]  # of an engine, then of a metric


@dataclass(frozen=True)
class Ready:
    """An engine, its job, what must come out, and how fast steps are."""

    job: Job
    run: Callable[[], None]
    want: dict[str, Any]
    pace: Pace


def main() -> None:
    """Run the rounds, print the tables, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("cases", nargs="+", help="scale:threads:slots:events")
    words.add_argument("--rounds", type=int, default=21)
    words.add_argument("--engines", default=",".join(ENGINES))
    words.add_argument("--workflow", type=Path)
    words.add_argument("--trace", type=Path)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    graph = graphml.read(chosen.workflow) if chosen.workflow else None
    report: dict[str, Any] = {"cpu": discover().cpu.name, "graph": chosen.workflow.stem if chosen.workflow else "atlas_like(1)"}
    report |= {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": os.getloadavg(),
        "cases": {},
        "bound_of_serial": {},
    }
    for case in chosen.cases:
        ready = engines(case, graph, chosen.engines.split(","))
        report["cases"][case] = rounds(ready, chosen.rounds)
        report["bound_of_serial"][case] = bound(next(iter(ready.values())).job)
    report["load_after"] = os.getloadavg()
    if chosen.trace:
        first = next(iter(ready.values())).job
        first.history().write(first.graph, chosen.trace)
    if chosen.output:
        before = json.loads(chosen.output.read_text()) if chosen.output.exists() else []
        chosen.output.write_text(json.dumps([*before, report], indent=1) + "\n")
    show(report)


def engines(case: str, graph: Graph | None, names: list[str]) -> dict[str, Ready]:
    """Return the engines there are, each warm; those that lack something are said."""
    scale, threads, slots, events = (float(word) for word in case.split(":"))
    size = Size(int(events), int(slots), scale, graph)
    arrays = {name: np.asarray(array) for name, array in inputs(size, 1).items()}
    want, found, pace = reference(size, **arrays), {}, Pace()
    for name in names:
        offload = event_graph.offload_of(size, arrays, event_graph.host_port(), WAYS[name]) if name in WAYS else None
        job = event_graph.job_of(size, int(threads), arrays, offload=offload)
        try:
            made = event_graph.engine("native" if offload else name, job)
        except Unavailable as error:
            sys.stderr.write(f"{name}: {error}\n")
            continue
        found[name] = Ready(job, made.run, want, pace)
        sample(name, found[name])
    return found


def bound(job: Job) -> float:
    """Return the least time of an event as a share of that of the serial loop."""
    return bounds.makespan_s(job.graph, job.events, job.threads, job.slots) / (job.events * job.graph.work_s or 1.0)


def rounds(ready: dict[str, Ready], count: int) -> Samples:
    """Return what each round measured."""
    found: Samples = {name: {metric: [] for metric in KEPT} for name in ready}
    for turn in range(count):
        names = list(ready)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            metrics = sample(name, ready[name])
            for metric, values in found[name].items():
                values.append(metrics[metric])
    return found


def sample(name: str, one: Ready) -> dict[str, float]:
    """Replay once, and judge; stop where a result is wrong."""
    one.job.clear()
    cpu_s, start_s = time.process_time(), time.perf_counter()
    one.run()
    wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
    one.job.raise_failure()
    got = event_graph.outputs(one.job)
    if any(not np.array_equal(got[key], array) for key, array in one.want.items()):
        sys.exit(f"{name}: wrong")
    return event_graph.metrics(one.job, wall_s, cpu_s, one.pace.step_s())


def show(report: dict[str, Any]) -> None:
    """Print a table for each case."""
    load = f"load {report['load_before'][0]:.1f} to {report['load_after'][0]:.1f}"
    lines = [f"{report['cpu']}, {report['graph']}, {report['date']}, {load}"]
    for case, samples in report["cases"].items():
        lines += ["", f"scale:threads:slots:events {case}"]
        lines += [HEAD, "|---" * 9 + "|"]
        lines += [row(name, samples, report["bound_of_serial"][case]) for name in samples]
        for peer in PEERS:
            if {"native", peer} <= samples.keys():
                middle, low, high = ratio(samples[peer]["event_s"], samples["native"]["event_s"])
                lines.append(f"native over {peer}: {middle:.3f} ({low:.3f} to {high:.3f}) of events per second")
    print("\n".join(lines))  # noqa: T201 - a script


def row(name: str, samples: Samples, least: float) -> str:
    """Return medians over rounds; `least` is the bound as a share of the serial loop's time."""
    metrics, alone = samples[name], samples.get(SERIAL, {metric: [math.nan] * len(samples[name][metric]) for metric in KEPT})
    middle = {metric: statistics.median(values) for metric, values in metrics.items()}
    paced = metrics["utilisation_paced_ratio"]
    beside = [least * one / own for one, own in zip(alone["event_s"], metrics["event_s"], strict=True)]
    beyond_s = [own - one for one, own in zip(alone["task_cpu_s"], metrics["task_cpu_s"], strict=True)]
    tail = statistics.median(p99 / p50 for p99, p50 in zip(metrics["latency_p99_s"], metrics["latency_p50_s"], strict=True))
    cells = [
        f"`{name}`",
        f"{1 / middle['event_s']:.4g}",
        f"{middle['utilisation_paced_ratio']:.3f} ({min(paced):.3f}, {max(paced):.3f})",
        f"{middle['utilisation_ratio']:.3f} ({max(metrics['utilisation_ratio']):.3f})",
        f"{statistics.median(beside):.3f}",
        f"{statistics.median(beyond_s) * 1e6:.2f} ({middle['task_cpu_s'] * 1e6:.2f})",
        f"{middle['latency_p50_s'] * 1e3:.4g}, {middle['latency_p99_s'] * 1e3:.4g}",
        f"{tail:.2f}",
        f"{middle['progress_spread']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def ratio(peers: list[float], ours: list[float]) -> tuple[float, float, float]:
    """Return the geometric mean of the rounds' ratios with its 95 % interval, of Student's t; without end for one round."""
    logs = [math.log(peer / own) for peer, own in zip(peers, ours, strict=True)]
    middle = statistics.fmean(logs)
    half = student_t(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


if __name__ == "__main__":
    main()
