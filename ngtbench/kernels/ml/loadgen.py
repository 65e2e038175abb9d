"""One run of MLPerf's LoadGen against a system: how it is asked, and what is believed of what it says."""

import json
import math
import tempfile
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

import mlperf_loadgen  # type: ignore[import-not-found, import-untyped, unused-ignore]

from ngtbench.errors import BadInput, NgtBenchError
from ngtbench.kernels.ml.loadgen_queue import Queued
from ngtbench.kernels.ml.loadgen_serve import Asked, Clients, Counted, Direct, System

Scenario = Literal["SingleStream", "MultiStream", "Offline", "Server"]
_CLOSE = 0.9  # of the stated duration that a run must have lasted by its own figures
_WAIT = 16  # queries that may be outstanding however low the rate
_NS = 1e-9


@dataclass(frozen=True)
class Load:
    """What LoadGen is to do: a scenario for at least so long, and at least so many queries.

    `rate_hz` is what arrives in Server (Poisson), and in the other scenarios more than will be answered, queries a second
    (Offline: samples), for LoadGen makes its queries before. `together` is samples per query of MultiStream. `bound_s` and
    `percentile` are what Server is judged by. No sample is answered `limit_s` after the start, or in Server after the end.
    Raises BadInput where there is no duration.
    """

    scenario: Scenario
    duration_s: float
    rate_hz: float
    seed: int
    queries: int = 1
    together: int = 1
    bound_s: float = 1.0
    percentile: float = 0.99
    limit_s: float = 60.0

    def __post_init__(self) -> None:
        if not (self.duration_s > 0 and self.rate_hz > 0 and self.queries > 0):
            raise BadInput(f"{self}: give a duration, a rate and queries; without a duration LoadGen runs one sample, as VALID")

    def asked(self, largest: int) -> Asked:
        """Return when a run is lost: in Server where twice as many queries are late as may be, or are sure to be.

        Where one has waited `late_s`, those that came in the last `late_s - bound_s` seconds are late as well.
        """
        if self.scenario != "Server":
            return Asked(largest, self.limit_s)
        lasts_s = max(self.duration_s, self.queries / self.rate_hz)
        late_s, late = 2 * (1 - self.percentile) * lasts_s, 2 * (1 - self.percentile) * lasts_s * self.rate_hz
        return Asked(largest, self.limit_s + lasts_s, self.bound_s, self.bound_s + late_s, round(late))


@dataclass(frozen=True)
class Result:
    """A run by LoadGen's word; `samples` and `queries` were counted by both sides.

    `invalid` says why it is not valid, in LoadGen's words or in ours; empty where it is. `own_s` is what we take per query
    besides the system, in the median (Offline: per sample). `samples_hz` is LoadGen's in Offline, else ours.
    """

    invalid: str
    queries: int
    samples: int
    samples_hz: float
    p50_s: float
    p90_s: float
    p99_s: float
    p999_s: float
    early_stopping: str
    own_s: float


def run(system: System, load: Load, largest: int) -> Result:
    """Answer one run of LoadGen in batches of at most `largest` samples, in Server of what waits.

    Raises what the system raised; NgtBenchError where it did not answer in time, or where LoadGen's count is not ours.
    """
    asked = load.asked(largest)
    serving = (Queued if load.scenario == "Server" else Direct)(system, _Loadgen(), asked)
    with serving, tempfile.TemporaryDirectory(prefix="ngtbench-loadgen-") as folder:
        _start(serving, system.samples, _settings(load, asked), folder)
        said = _read(Path(folder, "mlperf_log_detail.txt"))
    if serving.error is not None:
        raise serving.error
    return judged(load, said, serving.counted())


def judged(load: Load, said: dict[str, Any], counted: Counted) -> Result:
    """Make a result of what LoadGen said; a run that was stopped, or was shorter than asked for, is not valid.

    Raises NgtBenchError where it counts other samples than were answered, or leaves out what we need.
    """
    try:
        samples = int(said["result_query_count"]) * int(said["generated_samples_per_query"])
        latencies = [float(said[f"result_{at}_percentile_latency_ns"]) * _NS for at in ("50.00", "90.00", "99.00", "99.90")]
        valid, claimed = said["result_validity"] == "VALID", int(said["result_query_count"])
    except (KeyError, ValueError, TypeError) as error:
        raise NgtBenchError(f"LoadGen's log lacks {error}: {said.get('error_runtime', 'no result')}") from error
    if claimed != counted.queries or (samples != counted.samples and not counted.stopped):
        raise NgtBenchError(
            f"LoadGen counts {claimed} queries of {samples} samples; "
            f"{counted.queries} came, and {counted.samples} samples were answered"
        )
    reason = counted.stopped or ("" if valid else _why(said))
    if not reason and (counted.lasted_s < _CLOSE * load.duration_s or claimed < load.queries):
        reason = f"{claimed} queries in {counted.lasted_s:.3g} s: {load.queries} in {load.duration_s:g} s were asked for"
    samples_hz = counted.samples / counted.lasted_s if counted.lasted_s > 0 else 0.0
    if load.scenario == "Offline":
        samples_hz = float(said["result_samples_per_second"])
    stopping = " ".join(str(said.get("early_stopping_result", "")).split())
    p50_s, p90_s, p99_s, p999_s = latencies
    return Result(reason, claimed, counted.samples, samples_hz, p50_s, p90_s, p99_s, p999_s, stopping, counted.own_s)


def _why(said: dict[str, Any]) -> str:
    words = " ".join(str(said.get(key, "")) for key in ("result_invalid_reason", "early_stopping_result", "error_runtime"))
    return "LoadGen says INVALID: " + " ".join(words.split())


class _Loadgen(Clients):
    """LoadGen's own ears."""

    def __init__(self) -> None:
        self._response, self._complete = mlperf_loadgen.QuerySampleResponse, mlperf_loadgen.QuerySamplesComplete

    def complete(self, ids: list[int]) -> None:
        self._complete(list(map(self._response, ids, repeat(0), repeat(0))))  # no data: outputs are judged elsewhere


def _start(serving: Direct, samples: int, settings: Any, folder: str) -> None:
    logs = mlperf_loadgen.LogSettings()
    output = mlperf_loadgen.LogOutputSettings()
    output.outdir, output.copy_summary_to_stdout = folder, False
    logs.log_output, logs.enable_trace = output, False
    sut = mlperf_loadgen.ConstructFastSUT(serving.issue, serving.flush)
    library = mlperf_loadgen.ConstructQSL(samples, samples, _no_samples, _no_samples)
    try:
        mlperf_loadgen.StartTestWithLogSettings(sut, library, settings, logs, "")
    finally:
        mlperf_loadgen.DestroyQSL(library)
        mlperf_loadgen.DestroyFastSUT(sut)


def _settings(load: Load, asked: Asked) -> Any:
    made = mlperf_loadgen.TestSettings()
    made.scenario = getattr(mlperf_loadgen.TestScenario, load.scenario)
    made.mode = mlperf_loadgen.TestMode.PerformanceOnly
    made.min_duration_ms, made.min_query_count = math.ceil(1000 * load.duration_s), load.queries
    made.qsl_rng_seed = made.sample_index_rng_seed = made.schedule_rng_seed = load.seed
    expected_ns = max(1, round(1e9 / load.rate_hz))
    if load.scenario == "SingleStream":
        made.single_stream_expected_latency_ns = expected_ns
    elif load.scenario == "MultiStream":
        made.multi_stream_expected_latency_ns, made.multi_stream_samples_per_query = expected_ns, load.together
    elif load.scenario == "Offline":
        made.offline_expected_qps = load.rate_hz
    else:
        made.server_target_qps, made.server_target_latency_ns = load.rate_hz, round(1e9 * load.bound_s)
        made.server_target_latency_percentile = load.percentile
        made.server_max_async_queries = _WAIT + round(load.rate_hz * asked.late_s)  # more wait only where all is lost
    return made


def _read(path: Path) -> dict[str, Any]:
    """Return the values of LoadGen's log by key; of messages the last."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [json.loads(line.partition(":::MLLOG ")[2]) for line in lines if line.startswith(":::MLLOG ")]
    return {entry["key"]: entry["value"] for entry in said}


def _no_samples(indices: list[int]) -> None:
    """Take what to load: the pool lies in memory."""
