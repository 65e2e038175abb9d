"""Inference under load: MLPerf's LoadGen asks, one query after the other, all at once, or as events arrive; latency counts.

The network is that of a task. Every answer to a sample of the pool is judged by the task's oracle.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload
from ngtbench.physics.networks.parameters import Network
from ngtbench.workloads.ml import _task, calo_ae, deepsets, gpt, jet_mlp, part, particle_net, tagger
from ngtbench.workloads.ml._task import Task

_NEEDS = ("mlperf_loadgen",)
_TOGETHER = 8  # samples of a query of MultiStream, as MLPerf has it
_FLOP_PER_S = 2e10  # of a thread, about
_AT_ONCE = 32  # samples that the oracle computes: of pairs of constituents each is megabytes


@dataclass(frozen=True)
class Size:
    """A scenario, the pool that samples are drawn from, how long each run lasts at least, and the largest batch.

    In Server `percentile` of the queries are to be answered within `bound_s`, at the largest rate that is found; or, where there
    is a `share`, that share of the rate of Offline arrives. Layout "soa": the pool holds features first.
    Raises WorkloadError for a size that is not to be run.
    """

    scenario: Literal["SingleStream", "MultiStream", "Offline", "Server"]
    samples: int
    duration_s: float = 1.0
    largest: int = 1
    layout: Literal["aos", "soa"] = "aos"
    bound_s: float = 0.01
    percentile: float = 0.99
    share: float = 0.0
    task: Task = jet_mlp.TASK

    def __post_init__(self) -> None:
        if self.duration_s < 1 or self.largest < 1 or self.largest > self.samples:
            raise WorkloadError(f"{self}: a run lasts a second or more, and batches are between 1 and the samples of the pool")
        if not (0 < self.percentile < 1 and self.bound_s > 0):
            raise WorkloadError(f"{self}: a bound is a time, and the share of queries within it is below 1")
        if not 0 <= self.share < 1 or (self.share and self.scenario != "Server"):
            raise WorkloadError(f"{self}: a share of the rate of Offline arrives in Server, and is below 1")

    @property
    def network(self) -> Network:
        """Return the network."""
        return self.task.network

    @property
    def together(self) -> int:
        """Samples of a query."""
        return _TOGETHER if self.scenario == "MultiStream" else 1

    @property
    def batches(self) -> tuple[int, ...]:
        """What engines are built for: in Server the powers of two up to the largest batch, else that alone."""
        if self.scenario != "Server":
            return (self.largest,)
        return (*(1 << k for k in range(self.largest.bit_length()) if 1 << k < self.largest), self.largest)


def inputs(size: Size, seed: int) -> Inputs:
    """Return the inputs of the network for the whole pool as one batch; samples are the last axis where the layout is SoA."""
    if size.task is jet_mlp.TASK:
        made = dict(jet_mlp.inputs(jet_mlp.Size(size.samples), seed))
    else:
        made = dict(_task.inputs(_task.Size(size.samples, size.task), seed))
    for name in made.keys() - size.network.shapes() if size.layout == "soa" else ():
        array = made[name]
        if isinstance(array, Uniform):
            made[name] = replace(array, shape=(*array.shape[1:], array.shape[0]))
        else:
            made[name] = np.ascontiguousarray(np.moveaxis(array, 0, -1))
    return made


def reference(size: Size, **arrays: Array) -> dict[str, Array]:
    """Return the outputs of every sample of the pool."""
    last = -1 if size.layout == "soa" else 0
    weights = {name: arrays[name] for name in size.network.shapes()}
    pool = {name: np.moveaxis(array, last, 0) for name, array in arrays.items() if name not in weights}
    parts = [
        _task.reference(_task.Size(_AT_ONCE, size.task), **weights, **{name: a[at : at + _AT_ONCE] for name, a in pool.items()})
        for at in range(0, size.samples, _AT_ONCE)
    ]
    return {"outputs": np.concatenate([part["outputs"] for part in parts])}


def work(size: Size, item_b: int) -> Work:
    """Count each sample of the pool once: how many LoadGen asks for depends on how fast it is answered."""
    return _task.work(_task.Size(size.samples, size.task), item_b)


def nearby(size: Size, k: int) -> Size:
    """Return a pool a little larger, or a little smaller."""
    change = 1 + size.samples // 50
    return replace(size, samples=size.samples + change if k == 0 else max(size.largest, size.samples - change))


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a trial: a run and one of nothing; in Server a search, and three runs that confirm it.

    At a share of Offline's rate a thousand queries come, ten beyond the percentile.
    """
    if size.share:
        return 2 * max(size.duration_s, 1000 * size.network.flop() / (size.share * _FLOP_PER_S)) + 1
    return 12 * size.duration_s if size.scenario == "Server" else 2 * size.duration_s + 1


_SERVED = Size("Server", 1024, largest=64, bound_s=0.05, task=deepsets.JETS)
_WAITING = Size("Server", 256, largest=64, task=part.SMALL)
_SHARES = (50, 80, 95)  # per cent of the rate of Offline
WORKLOAD = Workload(
    version=1,
    title="Inference under load",
    inputs=inputs,
    reference=reference,
    work=work,
    takes_s=takes_s,
    nearby=nearby,
    sizes={
        "XS": Size("SingleStream", 256),
        "S": Size("Offline", 4096, largest=1024),
        "M": Size("Offline", 1 << 16, largest=1024, duration_s=2.0),
        "L": Size("Offline", 1 << 20, largest=4096, duration_s=2.0),
        "S-jet_mlp-single": Size("SingleStream", 4096),
        "S-jet_mlp-multi": Size("MultiStream", 4096, largest=_TOGETHER),
        "S-jet_mlp-soa": Size("Offline", 4096, largest=1024, layout="soa"),
        "S-jet_mlp-server": Size("Server", 4096, largest=64),
        "S-jet_mlp-server1": Size("Server", 4096),
        "S-deepsets-single": Size("SingleStream", 1024, task=deepsets.JETS),
        "S-deepsets-offline": Size("Offline", 1024, largest=64, task=deepsets.JETS),
        "S-deepsets-server": _SERVED,
        **{f"S-deepsets-server{at}": replace(_SERVED, share=at / 100) for at in _SHARES},
        "S-tagger-single": Size("SingleStream", 1024, task=tagger.GRU),
        "S-calo_ae-offline": Size("Offline", 1024, largest=64, task=calo_ae.SHOWERS),
        "M-part-offline": Size("Offline", 256, largest=64, task=part.SMALL),
        **{f"M-part-server{at}": replace(_WAITING, share=at / 100) for at in _SHARES},
        "M-particle_net-offline": Size("Offline", 64, largest=16, task=particle_net.JETS),
        "M-gpt-offline": Size("Offline", 16, largest=4, task=gpt.MIDDLE),
    },
    full=(
        *("S", "M", "S-jet_mlp-single", "S-jet_mlp-multi", "S-jet_mlp-server1", "S-deepsets-single", "S-deepsets-offline"),
        *("S-deepsets-server", "S-deepsets-server80", "S-tagger-single", "S-calo_ae-offline"),
        *("M-part-offline", "M-particle_net-offline", "M-gpt-offline"),
    ),
    tolerance={"float32": _task.TOLERANCE["float32"]},
    impls=(
        Impl("numpy", "ml.infer_numpy:numpy", "numpy", needs=_NEEDS),
        Impl("native", "ml.infer_native:native", "native", needs=_NEEDS),
        Impl("onnx", "ml.infer_onnx:onnx", "onnx", needs=(*_NEEDS, "torch", "onnxscript")),
        Impl("torch", "ml.infer_torch:eager", "torch", needs=_NEEDS),
        Impl("torch-compile", "ml.infer_torch:compiled", "torch", needs=_NEEDS),
        Impl("torch-script", "ml.infer_torch:scripted", "torch", needs=_NEEDS),
        Impl("torch-aoti", "ml.infer_torch:exported", "torch", needs=_NEEDS),
    ),
    repeat="trials",
    energy_of="watch",
    metrics=(
        Metric("per_sample_s"),
        Metric("latency_p50_s"),
        Metric("latency_p90_s"),
        Metric("latency_p99_s"),
        Metric("latency_p999_s"),
        Metric("null_p99_s"),
        Metric("overhead_s"),
        Metric("convert_s"),
        Metric("samples", "higher"),
    ),
    quick=("XS",),
    quick_gpu=(),
    notes=(
        "numpy and native serve the jet tagger alone; the others any network of a task. part is part_small of ml/part.",
        "Sizes without a scenario in their name: XS SingleStream, S, M and L Offline. -server batches up to 64, -server1 not.",
        "per_sample_s: SingleStream p90 of the latency, MultiStream p99 over its 8 samples, as MLPerf has them; Offline time "
        "over samples; Server 1 over the largest rate at which 99 % of queries are answered within 10 ms (deepsets: 50 ms).",
        "Server: one sample a query, Poisson arrivals; halved to 5 % from the rate of Offline, the rate that is given has met "
        "the bound in three more runs, whose medians the latencies are. A p99 below three times that of a system that does "
        "nothing is refused. -server50, 80, 95: that share of the rate of Offline arrives, measured once before; latencies stand "
        "whatever the bound, and per_sample_s is their p99; where a query waits for a second it is overloaded, and skipped.",
        "Latency begins where LoadGen asks, in Server where it should have; it includes bringing samples from the pool into the "
        "engine's batch. convert_s is that alone, per sample, timed apart in batches as large as they get.",
        "overhead_s: what our own code takes per query besides the engine (Offline: per sample), in the median. null_p99_s: p99 "
        "of the same load on a system that does nothing.",
        "Batches: SingleStream 1, MultiStream 8; Offline all that are left, up to the largest; Server what waits, filled up to a "
        "power of two.",
        "Energy per sample: of the runs whose latencies and samples are given, alone; in Server those that confirm the rate.",
        "Answers: the last one to each sample is judged, after the run; samples that were not asked for are computed then.",
        "Work: each sample of the pool once.",
    ),
)
