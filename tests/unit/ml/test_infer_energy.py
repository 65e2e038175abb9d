"""Energy per inference: that of the run which counts alone, on a fake sensor; where there is none, the reason."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.analysis.results import results
from ngtbench.harness.measure import measure
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.harness.probes import open_probe
from ngtbench.model.case import Case, Resources
from ngtbench.model.record import Measurement
from tests.fakes.watched import Machine, Time
from tests.records import done, run

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import infer, loadgen
from ngtbench.kernels.ml.infer import Pooled
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_serve import System
from tests.unit.ml.serving import asks

RUN_S, NULL_S, IDLE_W, BUSY_W = 2.0, 5.0, 20.0, 50.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    """Return the time that LoadGen's runs take; that of a system that does nothing is longer."""
    time, quick = Time(), asks()

    def slow(system: System, load: Load, largest: int) -> Result:
        found = quick(system, load, largest)
        time.sleep(RUN_S if isinstance(system, Pooled) else NULL_S)
        return found

    monkeypatch.setattr(loadgen, "run", slow)
    monkeypatch.setattr(infer, "_GUESS_S", 1e-4)
    yield time


def measured(machine: Machine, time: Time) -> tuple[Prepared, Measurement]:
    probe = open_probe("cpu:0", machine.source, clock=time.clock, sleep=time.sleep)
    ready = prepare(Case("ml/infer", 1, "XS", "numpy", "float32"), Resources("cpu:0", 1, False), 1)
    found, verdict = measure(ready, 0.01, probe)
    assert verdict.passed, verdict.reason
    return ready, found


def test_energy_per_sample_is_that_of_the_run_alone(tmp_path: Path, time: Time) -> None:
    machine, spent_j, last = Machine(tmp_path), [0.0], [time.now]

    def draw() -> None:
        step_s = time.now - last[0]
        spent_j[0] += step_s * (IDLE_W if step_s == 0.5 else BUSY_W)  # the window at rest is half a second
        last[0] = time.now
        machine.rapl(0, 1_000_000 + round(1e6 * spent_j[0]))

    time.then = draw
    draw()
    ready, found = measured(machine, time)
    number = len(found.at_s)
    assert number >= 3
    assert found.series["energy_j"] == pytest.approx((RUN_S * BUSY_W,) * number), "no null run, no conversion"
    assert set(found.series["samples"]) == {256.0}
    (one,) = results([run(replace(done(), measurement=found, metrics=ready.workload.metrics, work=ready.work))])
    assert one.event_j == pytest.approx(RUN_S * BUSY_W / 256)
    assert one.event_net_j == pytest.approx(RUN_S * (BUSY_W - IDLE_W) / 256)


def test_without_a_sensor_the_reason_is_kept(tmp_path: Path, time: Time) -> None:
    ready, found = measured(Machine(tmp_path), time)
    assert "energy_j" not in found.series
    assert found.energy.j is None
    assert found.energy.reason is not None
    assert found.energy.reason.startswith("no RAPL")
    (one,) = results([run(replace(done(), measurement=found, metrics=ready.workload.metrics, work=ready.work))])
    assert (one.event_j, one.event_net_j) == (None, None)
