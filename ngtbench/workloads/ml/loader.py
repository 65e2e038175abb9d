"""Loading jets from a file as training does, shuffled and in batches, beside the network that takes them: what loading costs.

A file holds, of each jet, 16 features in float32, its class and its number, 80 bytes, in blocks that are read whole. An epoch
takes the blocks in random order, some at a time, shuffles the jets of these, and gives them out in batches to the network of
ml/jet_mlp. Loading ahead is done by threads. Whatever the order, every jet must arrive once, with the bits that were written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics.samples import jets
from ngtbench.workloads.ml import jet_mlp

RECORD_B = 4 * jets.FEATURES + 8 + 8  # features, class, number
_FLOP = jet_mlp.work(jet_mlp.Size(1), 4).flop
_JUDGED = 1 << 16  # logits looked at: all of XS and S, a sample of M and L
_PART = 1 << 16  # jets looked at at once
_IN_ORDER = 0.1  # of jets that may follow their neighbour in the file; shuffled ones do so once in a window


@dataclass(frozen=True)
class Size:
    """Jets of the file, of a block, of a batch; blocks shuffled together; and threads that load ahead, 0: the caller loads.

    Where it is `cold`, the file is dropped from the page cache before each epoch.
    """

    samples: int
    block: int = 4096
    batch: int = 1024
    together: int = 4
    ahead: int = 1
    cold: bool = False

    def __post_init__(self) -> None:
        if min(self.samples, self.block, self.batch, self.together, self.ahead + 1) < 1:
            raise WorkloadError(f"{self}: all must be counts from 1, ahead from 0")

    @property
    def blocks(self) -> int:
        """Count the blocks; the last may be short."""
        return -(-self.samples // self.block)


def inputs(size: Size, seed: int) -> Inputs:
    """Return what the file is to hold, x (samples, 16) and label (samples,), and the weights of ml/jet_mlp."""
    x, label = jets.draw(jets.Size(), size.samples, seed)
    weights = jet_mlp.inputs(jet_mlp.Size(1), seed)
    return {"x": x, "label": label} | {name: weights[name] for name in weights if name != "x"}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Compare what arrived with what was to be stored, all but the logits exactly; infinite where outputs are not all there.

    `event` has the numbers of jets in the order they came, `label` and `logits` theirs; `sums` those of the bits of each feature.
    """
    names = ("not_once", "wrong_labels", "wrong_sums", "logits", "in_file_order")
    try:
        found = _compared(size, inputs, outputs)
    except (KeyError, IndexError):
        found = (np.inf,) * len(names)
    return dict(zip(names, zip(found, (0, 0, 0, WORKLOAD.tolerance[dtype], _IN_ORDER), strict=True), strict=True))


def _compared(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[float, ...]:
    every = np.arange(size.samples)
    event = outputs["event"][every]
    there = np.clip(event, 0, size.samples - 1)
    once = np.bincount(there[event == there], minlength=size.samples) == 1
    labels = outputs["label"][every] != inputs["label"][there]
    sums = outputs["sums"][np.arange(jets.FEATURES)] != bit_sums(size, inputs["x"])
    follows = np.count_nonzero(np.diff(event) == 1) / size.samples
    return float(np.sum(~once)), float(np.sum(labels)), float(np.sum(sums)), _off(size, inputs, outputs, there), follows


def bit_sums(size: Size, x: Any) -> Array:
    """Return the sums of the bits of each feature as whole numbers, modulo 2^64: they change with any bit, not with the order."""
    total = np.zeros(jets.FEATURES, np.uint64)
    for start in range(0, size.samples, _PART):
        total += bits(_rows(x, np.arange(start, min(start + _PART, size.samples))).astype(np.float32))
    return total


def bits(x: Array) -> Array:
    """Return the same sums of float32 in memory, shape (jets, 16)."""
    return np.asarray(np.sum(x.view(np.uint32), axis=0, dtype=np.uint64))


def _off(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], event: Array) -> float:
    """Return the largest error of a logit over their rms, of evenly spread jets in the order they came."""
    places = np.unique(np.linspace(0, size.samples - 1, min(size.samples, _JUDGED)).astype(np.int64))
    shapes = {name: spec.shape for name, spec in jet_mlp.inputs(jet_mlp.Size(1), 0).items() if name != "x"}
    weights = {name: inputs[name][np.arange(np.prod(shape))].reshape(shape) for name, shape in shapes.items()}
    want = jet_mlp.reference(jet_mlp.Size(len(places)), _rows(inputs["x"], event[places]), **weights)["logits"]
    got = _rows(outputs["logits"], places, want.shape[1])
    return float(np.max(np.abs(got - want)) / np.sqrt(np.mean(np.square(want))))


def _rows(array: Any, rows: Array, columns: int = jets.FEATURES) -> Array:
    found: Array = array[(rows[:, None] * columns + np.arange(columns)).reshape(-1)].reshape(len(rows), columns)
    return found


def work(size: Size, item_b: int) -> Work:
    """Count the network's FLOP, and of bytes what is stored of each jet.

    Resident: that twice, the file, at first as two copies in memory too, and the outputs.
    """
    stored_b = RECORD_B * size.samples
    outputs_b = (item_b * jets.CLASSES + 16) * size.samples
    ahead_b = 2 * RECORD_B * (size.ahead + 1) * size.block * size.together
    return Work(
        flop=_FLOP * size.samples,
        bytes=stored_b,
        memory_b=5 * stored_b + outputs_b + ahead_b,
        events=size.samples,
        event="sample",
    )


def nearby(size: Size, k: int) -> Size:
    """Return a few per cent more jets, or fewer, in blocks of other sizes: the last block and batch are short."""
    change: Callable[[int], int] = (lambda n: n + n // 50 + 1) if k == 0 else (lambda n: max(1, n - n // 50 - 1))
    return replace(size, samples=change(size.samples), block=change(size.block), batch=change(size.batch))


WORKLOAD = Workload(
    version=1,
    title="Loading jets beside the tagger",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size(1 << 12, block=256, batch=128),
        "S": Size(1 << 16),
        "M": Size(1 << 20),
        "L": Size(1 << 22),
        "XS-ahead0": Size(1 << 12, block=256, batch=128, ahead=0),
        "S-ahead0": Size(1 << 16, ahead=0),
        "S-ahead4": Size(1 << 16, ahead=4),
        "M-ahead0": Size(1 << 20, ahead=0),
        "M-ahead4": Size(1 << 20, ahead=4),
        "M-cold": Size(1 << 20, cold=True),
        "M-cold-ahead4": Size(1 << 20, ahead=4, cold=True),
    },
    tolerance={"float32": 5e-6},
    impls=(
        Impl("memmap", "ml.loader:memmap", "numpy"),
        Impl("hdf5", "ml.loader_hdf5:plain", "numpy", needs=("h5py",)),
        Impl("hdf5-gzip", "ml.loader_hdf5:gzip", "numpy", needs=("h5py",)),
        Impl("hdf5-lzf", "ml.loader_hdf5:lzf", "numpy", needs=("h5py",)),
        Impl("parquet", "ml.loader_parquet:lists", "numpy", needs=("pyarrow",)),
        Impl("parquet-binary", "ml.loader_parquet:binary", "numpy", needs=("pyarrow",)),
    ),
    repeat="trials",
    quick=("XS",),  # it compares formats and libraries, not machines
    metrics=(
        Metric("wall_per_sample_s"),
        Metric("wall_s"),
        Metric("load_per_sample_s"),
        Metric("compute_per_sample_s"),
        Metric("overlap_ratio", "higher"),
        Metric("read_b_per_s", "higher"),
    ),
    notes=(
        "An epoch: blocks in random order, 4 at a time shuffled together, batches of 1024 (XS: blocks of 256, batches of 128).",
        "wall_per_sample_s: loading and computing together; load_ and compute_per_sample_s: each alone, in the same trial. "
        "overlap_ratio = (load + compute - both) / the smaller of the two, held within 0 and 1: what of it was hidden.",
        "read_b_per_s: 80 bytes a jet, however they are stored, over the time to load alone.",
        "The page cache is warm: the file was written, and read once to prove it, just before. -cold: before each epoch the file "
        "is dropped from it, which mincore proves; caches of the disk, and of a host below, may still hold it.",
        "-aheadN: N threads load ahead, 0 none; others 1. Threads of the case are those of NumPy's matrix products.",
        "The file lies in the folder that TMPDIR names, and has no name any more once it is open: it is gone with the process.",
    ),
)
