"""Energy of windows: counters that wrap, stop, go back or vanish; integrated power; rest; and what cannot be read."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ngtbench.discover.answers import Unread, unexplained
from ngtbench.discover.sensors import Gauge
from ngtbench.harness.energy import GaugeMeter, Rest, integrated_j
from ngtbench.harness.probes import open_probe
from ngtbench.model.protocols import Probe
from tests.fakes.watched import Machine, Time, card


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def watch(machine: Machine, time: Time) -> Probe:
    return open_probe("cpu:0", machine.source, clock=time.clock, sleep=time.sleep)


@pytest.mark.parametrize("device", ["cpu:0", "cuda:0", "rocm:0", "tpu:0"])
def test_every_unknown_has_a_reason(machine: Machine, device: str) -> None:
    probe = open_probe(device, machine.source, nvml=card("h100-sxm")[0] if device == "cuda:0" else None, sleep=lambda s: None)
    health = probe.health()
    assert unexplained(health) == []
    assert health.load1 is not None
    probe.start()
    energy, _ = probe.stop()
    assert energy.reason


def test_a_kind_that_is_not_watched_is_the_reason(machine: Machine) -> None:
    missing = open_probe("tpu:0", machine.source).health().missing
    assert missing["clock_hz"] == missing["throttle"] == "tpu:0 is of a kind that is not watched"


def test_packages_are_added_and_nothing_else(machine: Machine) -> None:
    time = Time()

    def work() -> None:
        machine.rapl(0, 2_000_000 + round(50e6 * (time.now - 1000)))
        machine.rapl(1, 7_000_000 + round(30e6 * (time.now - 1000)))
        machine.rapl(0, round(9e6 * time.now), zone="dram", sub="0")
        machine.rapl(0, round(9e6 * time.now), zone="core", sub="1")
        machine.rapl(2, round(200e6 * time.now), zone="psys")

    work()
    time.then = work
    probe = watch(machine, time)
    probe.start()
    time.sleep(2.0)
    energy, flags = probe.stop()
    assert energy.j == pytest.approx(160.0)
    assert energy.idle_w == pytest.approx(80.0)
    assert (energy.window_s, energy.sensor) == (2.0, "RAPL package counters")
    assert energy.error_j is None
    assert energy.reason == "memory is counted apart and not included; no error bar: no tolerance of this sensor is documented"
    assert flags == {}
    assert time.slept == [0.5, 2.0]  # idle power is measured once, at the start


def test_a_counter_that_wraps_goes_on(machine: Machine) -> None:
    time = Time()
    machine.rapl(0, 262_143_000_000)
    probe = watch(machine, time)
    probe.start()
    time.now += 2.0
    machine.rapl(0, 99_671_150)
    energy, _ = probe.stop()
    assert energy.j == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("uj", "seconds", "reason"),
    [
        (1_000_000, 2.0, "the counter went back: it was reset"),
        (90_000_000_000, 2.0, "the counter stood still for 2 s"),
        (95_000_000_000, 300.0, "the counter may have wrapped twice within 300 s"),
    ],
)
def test_what_does_not_tell_the_energy_is_null(machine: Machine, uj: int, seconds: float, reason: str) -> None:
    time = Time()
    machine.rapl(0, 90_000_000_000)
    probe = watch(machine, time)
    probe.start()
    time.now += seconds
    machine.rapl(0, uj)
    energy, _ = probe.stop()
    assert (energy.j, energy.error_j, energy.window_s, energy.reason) == (None, None, seconds, reason)
    assert energy.sensor == "RAPL package counters"


def test_a_counter_that_vanishes_is_null_and_may_come_back(machine: Machine) -> None:
    time = Time()
    machine.rapl(0, 5_000_000)
    probe = watch(machine, time)
    counter = machine.source.path("/sys/class/powercap/intel-rapl:0/energy_uj")
    counter.unlink()
    probe.start()
    machine.rapl(0, 5_000_000)
    time.now += 1.0
    energy, _ = probe.stop()
    assert (energy.j, "energy_uj is absent" in str(energy.reason)) == (None, True)
    probe.start()
    time.now += 1.0
    counter.unlink()
    energy, _ = probe.stop()
    assert (energy.j, "energy_uj is absent" in str(energy.reason)) == (None, True)
    machine.rapl(0, 5_000_000)
    probe.start()
    time.now += 1.0
    machine.rapl(0, 45_000_000)
    assert probe.stop()[0].j == pytest.approx(40.0)


def test_without_counters_nobody_waits(machine: Machine) -> None:
    time = Time()
    probe = watch(machine, time)
    assert (probe.window_s, time.slept) == (0.0, [])
    probe.start()
    time.now += 2.0
    energy, _ = probe.stop()
    assert (energy.j, energy.idle_w, energy.sensor, energy.window_s) == (None, None, None, 2.0)
    assert energy.reason is not None
    assert energy.reason.startswith("no RAPL: /sys/class/powercap is absent")


def test_counters_for_root_only_say_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.rapl(0, 5_000_000)
    real = Path.read_text

    def read_text(path: Path, *words: Any, **more: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(path, *words, **more)

    monkeypatch.setattr(Path, "read_text", read_text)
    energy, _ = _window(watch(machine, Time()))
    assert energy.j is None
    assert "permission denied: mostly readable by root only" in str(energy.reason)


def test_part_of_a_package_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cpus=64, affinity=frozenset(range(8)))
    machine.cgroup({"pod/box/cpu.max": "400000 100000"})
    time = Time()
    machine.rapl(0, 5_000_000)
    time.then = lambda: machine.rapl(0, round(20e6 * time.now))
    probe = watch(machine, time)
    probe.start()
    time.sleep(1.0)
    assert "whole packages, and 4 of their 64 processors may be used here" in str(probe.stop()[0].reason)


def test_a_busy_host_has_no_idle_power(machine: Machine) -> None:
    time = Time()
    machine.rapl(0, 5_000_000)

    def work() -> None:
        machine.rapl(0, round(60e6 * (time.now - 999)))
        machine.busy_s[3] += time.slept[-1]  # one of four
        machine.tick()

    time.then = work
    probe = watch(machine, time)
    assert time.slept == [0.5] * 3  # bounded
    probe.start()
    time.sleep(1.0)
    energy, _ = probe.stop()
    assert energy.j == pytest.approx(60.0)
    assert energy.idle_w is None
    assert "no idle power: the processors were 25% busy" in str(energy.reason)


def test_integration_is_by_trapezia() -> None:
    assert integrated_j([(0.0, 100.0), (1.0, 100.0), (3.0, 200.0)]) == pytest.approx(100.0 + 300.0)
    assert integrated_j([(5.0, 100.0)]) == 0.0


def gauge(watts: Any) -> Gauge:
    return Gauge(name="a gauge", watts=watts, every_s=0.002, late_s=0.0, tolerance=0.05, window_s=0.0, rest_s=1.0)


def test_a_gauge_is_looked_at_between_the_ends_and_then_left_alone() -> None:
    looks: list[float] = []

    def watts() -> float:
        looks.append(time.perf_counter())
        return 200.0

    meter = GaugeMeter(gauge(watts), Rest(20.0), time.perf_counter)
    meter.start()
    while len(looks) < 6:
        time.sleep(0.001)
    energy = meter.stop()
    gap_s = max(b - a for a, b in pairwise(looks))
    assert energy.j == pytest.approx(200.0 * energy.window_s)
    assert energy.error_j == pytest.approx(0.05 * (energy.j or 0.0) + 200.0 * gap_s, rel=0.2)
    seen = len(looks)
    time.sleep(0.02)
    assert len(looks) == seen


def test_a_look_that_fails_voids_the_window_and_only_that() -> None:
    answers = iter([200.0, 200.0])

    def watts() -> float:
        found = next(answers, None)
        if found is None:
            raise Unread("the sensor is gone")
        return found

    meter = GaugeMeter(gauge(watts), Rest(None, "no idle power: a test"), time.perf_counter)
    meter.start()
    energy = meter.stop()
    while energy.j is not None:  # stopped before the third look
        meter.start()
        energy = meter.stop()
    assert energy.reason == "the sensor is gone"
    answers = iter([100.0] * 100)
    meter.start()
    assert meter.stop().j is not None


def test_processors_are_watched_without_gpu_libraries() -> None:
    opens = "from ngtbench.harness.probes import open_probe; open_probe('cpu:0')"
    code = f"import sys; {opens}; print({{'pynvml', 'amdsmi'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _window(probe: Probe) -> Any:
    probe.start()
    return probe.stop()
