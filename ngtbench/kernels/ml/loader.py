"""Loading from a file in shuffled batches, ahead by threads, beside a network; and from a NumPy memory map."""

import mmap
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.ml.loader_cache import Cache
from ngtbench.kernels.ml.loader_file import FEATURES, RECORD, Open, Reader, Samples, Write, stored
from ngtbench.model.workload import Array, Setup, Trial, Watch

Build = Callable[[int, Watch], Trial]


def memmap(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Keep jets as records of 80 bytes in a .npy file, mapped into memory."""
    return trial(setup, write_records, Records, x, label, weights, "NumPy memory map")


def trial(setup: Setup, write: Write, opened: Open, x: Array, label: Array, weights: dict[str, Array], what: str) -> Build:
    """Write the file, open and prove it, and return a trial: an epoch of loading alone, of computing alone, and of both."""
    size, clock = setup.size, setup.backend.clock
    readers, cache = stored(size, write, opened, Samples(x, label, np.arange(len(x))), Cache)
    state = "cold" if size.cold else "warm"
    setup.say(f"{what}, {cache.size_b / len(x):.1f} bytes a jet, {size.ahead} threads ahead, page cache {state}")
    payload_b, n = RECORD.itemsize * size.samples, size.samples

    def chill() -> None:
        if size.cold:
            cache.drop(readers)

    def one(k: int, watch: Watch) -> Trial:
        network = Network(size, weights)
        window = next(windows(size, readers, (setup.seed, k)))
        chill()
        load_s = clock.time(lambda: deque(windows(size, readers, (setup.seed, k)), maxlen=0), 1).wall_s
        compute_s = clock.time(lambda: network.take(repeated(window, n)), 1).wall_s
        chill()
        with watch():
            network.take(windows(size, readers, (setup.seed, k)))
        both_s = watch.spent_s
        metrics = {"wall_per_sample_s": both_s / n, "wall_s": both_s, "load_per_sample_s": load_s / n}
        metrics |= {"compute_per_sample_s": compute_s / n, "overlap_ratio": overlap(load_s, compute_s, both_s)}
        return Trial(network.outputs, metrics | {"read_b_per_s": payload_b / load_s})

    return one


def overlap(load_s: float, compute_s: float, both_s: float) -> float:
    """Return what of the shorter of the two was hidden behind the other, from 0 to 1."""
    return min(1.0, max(0.0, (load_s + compute_s - both_s) / min(load_s, compute_s)))


def windows(size: Any, readers: list[Reader], seeds: tuple[int, int]) -> Iterator[Samples]:
    """Yield the jets of an epoch, some blocks at a time, shuffled; `size.ahead` threads load the next ones meanwhile."""
    random = np.random.default_rng(seeds)
    blocks = random.permutation(size.blocks)
    plan = [(blocks[i : i + size.together], int(random.integers(1 << 62))) for i in range(0, len(blocks), size.together)]
    free: SimpleQueue[Reader] = SimpleQueue()
    for reader in readers:
        free.put(reader)

    def load(these: Array, seed: int) -> Samples:
        reader = free.get()
        try:
            return shuffled(size, reader, these, seed)
        finally:
            free.put(reader)

    if size.ahead == 0:
        for part in plan:
            yield load(*part)
        return
    with ThreadPoolExecutor(size.ahead) as pool:
        waiting = deque(pool.submit(load, *part) for part in plan[: size.ahead])
        for part in plan[size.ahead :]:
            ready = waiting.popleft().result()
            waiting.append(pool.submit(load, *part))
            yield ready
        while waiting:
            yield waiting.popleft().result()


def shuffled(size: Any, reader: Reader, blocks: Array, seed: int) -> Samples:
    """Read blocks, and return their jets in random order."""
    starts = [int(block) * size.block for block in blocks]
    counts = [min(size.block, size.samples - start) for start in starts]
    read, end = Samples.empty(sum(counts)), 0
    for start, count in zip(starts, counts, strict=True):
        reader.read(start, read[end : end + count])
        end += count
    return read[np.random.default_rng(seed).permutation(end)]


def repeated(window: Samples, count: int) -> Iterator[Samples]:
    """Yield the same jets again and again, so many in all."""
    for start in range(0, count, len(window)):
        yield window[: count - start]


class Network:
    """The tagger of ml/jet_mlp, and what it has been given and has found in an epoch."""

    def __init__(self, size: Any, weights: dict[str, Array]) -> None:
        self._batch, self._weights, self._layers = size.batch, weights, len(weights) // 2
        n = size.samples
        logits = np.empty((n, weights[f"b{self._layers}"].size), np.float32)
        self.outputs = {"event": np.empty(n, np.int64), "label": np.empty(n, np.int64), "logits": logits}
        self.outputs["sums"] = np.empty(FEATURES, np.uint64)

    def take(self, epoch: Iterator[Samples]) -> None:
        """Classify jets batch by batch, and note which they were; the jets left over by a window make a short batch."""
        done, sums = 0, np.zeros(FEATURES, np.uint64)
        for window in epoch:
            for start in range(0, len(window), self._batch):
                batch = window[start : start + self._batch]
                rows = slice(done, done + len(batch))
                self.outputs["event"][rows], self.outputs["label"][rows] = batch.event, batch.label
                self.outputs["logits"][rows] = self._forward(batch.x)
                sums += np.sum(batch.x.view(np.uint32), axis=0, dtype=np.uint64)
                done += len(batch)
        self.outputs["sums"][:] = sums

    def _forward(self, h: Array) -> Array:
        for layer in range(1, self._layers + 1):
            h = h @ self._weights[f"w{layer}"] + self._weights[f"b{layer}"]
            if layer < self._layers:
                np.maximum(h, 0, out=h)
        return h


def write_records(path: Path, samples: Samples, block: int) -> None:
    """Write a .npy file of records."""
    records = np.empty(len(samples), RECORD)
    records["x"], records["label"], records["event"] = samples.x, samples.label, samples.event
    with path.open("wb") as file:
        np.save(file, records)


class Records(Reader):
    """A .npy file of records, mapped into memory."""

    def __init__(self, path: Path, size: Any) -> None:
        self._records = np.load(path, mmap_mode="r")
        if self._records.dtype != RECORD or self._records.shape != (size.samples,):
            raise BadInput(f"{path}: holds {self._records.dtype} of shape {self._records.shape}, not {size.samples} jets")

    def forget(self) -> None:
        """Unmap pages; they are mapped again when they are read."""
        mapped: Any = self._records.base  # the map itself
        mapped.madvise(mmap.MADV_DONTNEED)

    def read(self, start: int, into: Samples) -> None:
        """Copy records out of the map."""
        part = self._records[start : start + len(into)]
        into.x[:], into.label[:], into.event[:] = part["x"], part["label"], part["event"]
