"""Inference under load: a pool of samples, an engine per batch, trials by LoadGen, and what they cost besides."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from ngtbench.kernels.ml import loadgen
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_rate import borne, checked, held
from ngtbench.kernels.ml.loadgen_serve import Null, System
from ngtbench.model.workload import Array, Arrays, Setup, Trial, Watch

_GUESS_S = 0.05  # of answering, to learn how many queries LoadGen must make
_GUESS_MOST_HZ = 300e3  # what Python answers anyhow: more queries than are needed take memory and time to make
_TRIES = 6  # to make queries enough, twice as many each
_MORE = 1.25  # queries that are made over those that were answered the last time
_LIMIT = 10.0  # durations after which nothing is answered any more
_NEAR = 1.1  # first step of a search that begins where the last one ended
_QUERIES = {"SingleStream": 100, "MultiStream": 1000, "Offline": 1, "Server": 1}  # ten beyond the percentile that counts


@dataclass(frozen=True)
class Engine:
    """A network for batches of one size: `run` reads `inputs` where they lie, host arrays, samples first, and returns such."""

    inputs: Mapping[str, Array]
    run: Callable[[], Arrays]


class Pooled(System):
    """Answers samples of a pool through the smallest engine that takes them all; the rest of its batch are left-overs."""

    def __init__(self, engines: Mapping[int, Engine], pool: Mapping[str, Array]) -> None:
        self.samples = len(next(iter(pool.values())))
        sizes = sorted(engines)
        self.largest = sizes[-1]
        self._pool = pool
        self._engines = [engines[min(size for size in sizes if size >= n)] for n in range(self.largest + 1)]
        shapes = self._engines[0].run()
        self.outputs = {
            name: np.empty((self.samples, *array.shape[1:]), np.asarray(array).dtype) for name, array in shapes.items()
        }
        self._asked = np.zeros(self.samples, bool)
        self.forget()

    def answer(self, index: Array) -> None:
        """Gather, compute, scatter."""
        n = len(index)
        engine = self._engines[n]
        self.gather(index, engine)
        for name, array in engine.run().items():
            self.outputs[name][index] = array[:n]
        self._asked[index] = True

    def gather(self, index: Array, engine: Engine) -> None:
        """Bring samples to where an engine reads them, whatever the layout of the pool."""
        for name, array in self._pool.items():
            engine.inputs[name][: len(index)] = array[index]

    def forget(self) -> None:
        """Make outputs unlike any answer."""
        for array in self.outputs.values():
            array.fill(np.nan)
        self._asked.fill(False)

    def rest(self) -> None:
        """Answer what nobody has asked for, so that outputs are whole."""
        left = np.flatnonzero(~self._asked)
        for at in range(0, len(left), self.largest):
            self.answer(left[at : at + self.largest])

    def convert_s(self) -> float:
        """Return seconds per sample to gather the whole pool, in largest batches, into the engine's layout."""
        engine, start = self._engines[self.largest], time.perf_counter()
        for at in range(0, self.samples, self.largest):
            self.gather(np.arange(at, min(at + self.largest, self.samples)), engine)
        return (time.perf_counter() - start) / self.samples


def system(setup: Setup, engine_of_batch: Callable[[int], Engine], pool: Mapping[str, Array]) -> Pooled:
    """Build the engines that a size's batches need, for a pool whose arrays have samples first, or last where it is SoA."""
    sizes = setup.size.batches
    made = Pooled({size: engine_of_batch(size) for size in sizes}, _first(setup, pool))
    setup.say(f"LoadGen {version('mlcommons-loadgen')}, {setup.size.layout}, batches of {', '.join(map(str, sizes))}")
    return made


def buffers(setup: Setup, batch: int, pool: Mapping[str, Array]) -> dict[str, Array]:
    """Return what an engine of a batch reads, samples first, for a pool as `system` is given it: at first samples of the pool.

    A network may have no answer to zeros, as to a list without objects.
    """
    return {name: np.ascontiguousarray(array[np.arange(batch) % len(array)]) for name, array in _first(setup, pool).items()}


def _first(setup: Setup, pool: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.moveaxis(array, -1, 0) if setup.size.layout == "soa" else array for name, array in pool.items()}


class Trials:
    """A trial is one run of LoadGen, or in Server the search of a rate, beside a run of a system that does nothing.

    The watch is open during the runs whose latencies and samples are given, and then alone.
    """

    def __init__(self, setup: Setup, pooled: Pooled) -> None:
        self._size, self._seed, self._pooled = setup.size, setup.seed, pooled
        self._rate_hz = 0.0  # of the last trial

    def __call__(self, k: int, watch: Watch) -> Trial:
        """Run, judge by LoadGen's word and ours, complete the outputs."""
        size = self._size
        load = Load(
            size.scenario, size.duration_s, 1.0, 1000 * self._seed + 100 * k, _QUERIES[size.scenario], size.together,
            bound_s=size.bound_s, percentile=size.percentile, limit_s=_LIMIT * size.duration_s,
        )  # fmt: skip
        self._pooled.forget()
        metrics = self._served(load, watch) if size.scenario == "Server" else self._asked(load, watch)
        self._pooled.rest()
        return Trial(self._pooled.outputs, metrics | {"convert_s": self._pooled.convert_s()})

    def _asked(self, load: Load, watch: Watch) -> dict[str, float]:
        rate_hz = self._rate_hz or self._guess_hz()
        load, result = self._whole(replace(load, rate_hz=rate_hz), watch)
        self._rate_hz = _MORE * result.samples_hz / load.together
        null = loadgen.run(Null(self._pooled.samples), load, self._pooled.largest)
        per_sample_s = {
            "SingleStream": result.p90_s, "MultiStream": result.p99_s / load.together, "Offline": 1 / result.samples_hz,
        }  # fmt: skip
        return _metrics(per_sample_s[load.scenario], result, null, result.samples)

    def _served(self, load: Load, watch: Watch) -> dict[str, float]:
        largest, first, size = self._pooled.largest, not self._rate_hz, self._size
        if first:
            offline = replace(load, scenario="Offline", rate_hz=self._guess_hz(), queries=1)
            self._rate_hz = (size.share or 1.0) * self._whole(offline, watch)[1].samples_hz
        load = replace(load, rate_hz=self._rate_hz)
        if size.share:
            found = held(self._pooled, replace(load, bound_s=size.duration_s), largest, watch)
        else:
            found = borne(self._pooled, load, largest, 4.0 if first else _NEAR, watch)
            self._rate_hz = found.rate_hz
        middle = found.middle
        medians = replace(
            found.runs[0], p50_s=middle("p50_s"), p90_s=middle("p90_s"), p99_s=middle("p99_s"), p999_s=middle("p999_s"),
            own_s=middle("own_s"),
        )  # fmt: skip
        merit_s = medians.p99_s if size.share else 1 / found.rate_hz
        return _metrics(merit_s, medians, found.null, sum(one.samples for one in found.runs))

    def _guess_hz(self) -> float:
        """Return queries a second that are more than will be answered, by a look at the system alone."""
        calls, start, index = 0, time.perf_counter(), np.arange(min(self._pooled.largest, self._pooled.samples))
        while (spent_s := time.perf_counter() - start) < _GUESS_S:
            self._pooled.answer(index)
            calls += 1
        samples = len(index) if self._size.scenario in ("Offline", "Server") else 1
        return min(_MORE * calls * samples / spent_s, _GUESS_MOST_HZ)

    def _whole(self, load: Load, watch: Watch) -> tuple[Load, Result]:
        """Run until LoadGen had queries enough for its duration; return what it was asked in the end, and the result.

        Raises NgtBenchError where the run is not valid.
        """
        for _ in range(_TRIES):
            with watch():
                result = loadgen.run(self._pooled, load, self._pooled.largest)
            if not result.invalid or result.queries * load.together / max(result.samples_hz, 1e-9) > load.duration_s:
                break
            load = replace(load, rate_hz=2 * load.rate_hz)
        return load, checked(result, load.scenario)


def trials(setup: Setup, engine_of_batch: Callable[[int], Engine], pool: Mapping[str, Array]) -> Trials:
    """Return the trial of a size; see `system`."""
    return Trials(setup, system(setup, engine_of_batch, pool))


def _metrics(per_sample_s: float, result: Result, null: Result, samples: int) -> dict[str, float]:
    return {
        "per_sample_s": per_sample_s,
        "latency_p50_s": result.p50_s,
        "latency_p90_s": result.p90_s,
        "latency_p99_s": result.p99_s,
        "latency_p999_s": result.p999_s,
        "null_p99_s": null.p99_s,
        "overhead_s": result.own_s,
        "samples": float(samples),
    }
