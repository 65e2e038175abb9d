"""NVIDIA GPUs while a case runs, replayed: counter, integration, slices, rest, state, and a card that is lost."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from ngtbench.discover.answers import unexplained
from ngtbench.errors import NgtBenchError
from tests.fakes.watched import Machine, NvidiaRig, Watched, card

OWN = os.getpid()
REFUSED = {"error": "NotSupported"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_energy_is_the_counters_difference_with_its_error(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    probe = rig.probe()
    assert (probe.window_s, rig.time.slept) == (5.0, [1.0])
    energy, flags = rig.window(probe)
    assert energy.j == pytest.approx(5000.0)
    assert (energy.idle_w, energy.sensor, energy.reason) == (pytest.approx(70.0), "NVML total energy counter", None)
    assert energy.error_j == pytest.approx(0.05 * 5000 + 0.1 * 500)
    assert flags == {}


def test_a_window_below_what_the_sensor_needs_is_said(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    energy, _ = rig.window(rig.probe(), seconds=2.0)
    assert energy.error_j == pytest.approx(0.05 * 1000 + 0.1 * 500)
    assert energy.reason == "a window of 2.0 s, below the 5 s this sensor needs: compare launches"


def test_without_a_counter_power_is_integrated_and_labelled(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetTotalEnergyConsumption=REFUSED)
    probe = rig.probe()
    rig.power.watts = 500.0
    energy, _ = rig.window(probe)
    assert energy.sensor == "integrated power (NVML instant, 10 Hz)"
    assert energy.j == pytest.approx(5000.0)
    assert energy.idle_w == pytest.approx(70.0)
    assert energy.error_j == pytest.approx(0.05 * 5000 + 10.0 * 500)  # the fake's time passes in one gap of 10 s


def test_old_drivers_know_only_averages(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetTotalEnergyConsumption=REFUSED, nvmlDeviceGetFieldValues={})
    probe = rig.probe()
    rig.power.watts = 500.0
    energy, _ = rig.window(probe, seconds=0.5)
    assert energy.sensor == "integrated power (NVML average, 10 Hz)"
    assert energy.error_j == pytest.approx(0.05 * 250 + 1.0 * 500)  # an average over a second is that late
    rig.card["nvmlDeviceGetPowerUsage"] = 0
    assert rig.probe().health().missing["power_w"] == "NVML reports 0 W"


def test_a_virtual_machine_without_counters_is_null_with_both_reasons(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetTotalEnergyConsumption=REFUSED)
    rig.card |= {"nvmlDeviceGetFieldValues": REFUSED, "nvmlDeviceGetPowerUsage": REFUSED}
    probe = rig.probe()
    assert (probe.window_s, rig.time.slept) == (0.0, [])
    energy, _ = rig.window(probe)
    assert (energy.j, energy.error_j, energy.idle_w, energy.sensor, energy.window_s) == (None, None, None, None, 10.0)
    assert energy.reason == "no energy counter: NVML: Not Supported; no power: NVML: Not Supported"


@pytest.mark.parametrize(
    ("mj", "reason"),
    [
        (5_000_000, "the counter stood still for 10 s"),
        (17, "the counter went back: it was reset"),
        (REFUSED, "NVML: Not Supported"),
    ],
)
def test_a_counter_that_fails_in_the_window_is_null(machine: Machine, mj: Any, reason: str) -> None:
    rig = NvidiaRig(machine)
    probe = rig.probe()
    rig.card["nvmlDeviceGetTotalEnergyConsumption"] = 5_000_000
    energy, _ = rig.window(probe, nvmlDeviceGetTotalEnergyConsumption=mj)
    assert (energy.j, energy.error_j, energy.reason) == (None, None, reason)


def test_a_slice_is_never_given_the_cards_energy(machine: Machine) -> None:
    rig = NvidiaRig(machine, "a100-mig")
    probe = rig.probe()
    assert (probe.window_s, rig.time.slept) == (0.0, [])
    energy, _ = rig.window(probe)
    assert (energy.j, energy.idle_w, energy.sensor) == (None, None, None)
    assert energy.reason == "NVML counts the energy of the whole card, and this is a MIG slice of it"
    health = probe.health()
    assert (health.power_w, health.clock_hz, health.temperature_c) == (None, 210e6, 31.0)
    assert health.missing["power_w"] == "NVML reads the power of the whole card, and this is a MIG slice of it"
    assert unexplained(health) == []


def test_grace_hopper_counts_its_processor_too(machine: Machine) -> None:
    rig = NvidiaRig(machine, "gh200")
    energy, _ = rig.window(rig.probe())
    assert energy.reason == "counts the whole module, its processor included"


def test_a_device_that_cools_down_is_waited_for(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    rig.power.watts = 400.0
    rig.time.then = lambda: setattr(rig.power, "watts", 75.0)
    probe = rig.probe()
    assert rig.time.slept == [1.0, 1.0]
    assert rig.window(probe)[0].idle_w == pytest.approx(75.0)


def test_a_device_that_does_not_settle_has_no_idle_power(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    rig.power.watts = 400.0
    rig.time.then = lambda: setattr(rig.power, "watts", rig.power.watts * 0.8)
    probe = rig.probe()
    assert rig.time.slept == [1.0] * 3
    energy, _ = rig.window(probe)
    assert energy.idle_w is None
    assert energy.reason == "no idle power: power had not settled: 256 W, then 205 W"


def test_a_device_at_work_has_no_idle_power(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetUtilizationRates={"gpu": 40, "memory": 1})
    energy, _ = rig.window(rig.probe())
    assert (energy.idle_w, energy.reason) == (None, "no idle power: the GPU was 40 % busy")


@pytest.mark.parametrize("error", ["GpuIsLost", "ResetRequired"])
def test_a_lost_card_is_an_error_and_no_gap(machine: Machine, error: str) -> None:
    rig = NvidiaRig(machine)
    probe = rig.probe()
    probe.start()
    for call in rig.card:
        rig.card[call] = {"error": error}
    rig.time.now += 2.0
    for asked in (probe.stop, probe.health, probe.start):
        with pytest.raises(NgtBenchError, match=r"cuda:0 was lost .*reset"):
            asked()


def test_a_card_lost_while_power_is_integrated_is_an_error(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetTotalEnergyConsumption=REFUSED)
    probe = rig.probe()
    lost = {"error": "GpuIsLost"}
    with pytest.raises(NgtBenchError, match="cuda:0 was lost"):
        rig.window(probe, nvmlDeviceGetFieldValues=lost, nvmlDeviceGetPowerUsage=lost)


def test_every_other_refusal_is_a_reason(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    probe = rig.probe()
    for call in (*rig.card, "nvmlDeviceGetCurrentClocksThrottleReasons"):
        rig.card[call] = {"error": "Unknown"}
    health = probe.health()
    assert unexplained(health) == []
    assert (health.clock_hz, health.throttle, health.ecc_errors) == (None, None, None)
    energy, flags = rig.window(probe)
    assert (energy.j, energy.reason, flags) == (None, "NVML: Unknown Error", {})


def test_another_card_that_is_lost_is_no_matter(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    rig.driver.answers["devices"].append({"error": "GpuIsLost"})
    assert rig.window(rig.probe())[0].j == pytest.approx(5000.0)


def test_health_in_full(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetTotalEccErrors=3, nvmlDeviceGetComputeRunningProcesses=[{"pid": OWN}])
    health = rig.probe().health()
    assert (health.clock_hz, health.memory_clock_hz, health.temperature_c, health.power_w) == (345e6, 2619e6, 31.0, 70.0)
    assert (health.throttle, health.ecc_errors, health.processes) == (("gpu_idle",), 3, 0)
    assert health.missing == {}


def test_devices_are_counted_as_discovery_counts(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    other, second = card("h100-sxm")
    second |= {"nvmlDeviceGetUUID": "GPU-ffff", "nvmlDeviceGetTemperature": {"0": 77}}
    second["nvmlDeviceGetPciInfo"] = second["nvmlDeviceGetPciInfo"] | {"busId": "00000000:05:00.0"}
    rig.driver.answers["devices"].append(second)
    assert [rig.probe(f"cuda:{n}").health().temperature_c for n in (0, 1)] == [77.0, 31.0]
    machine.source = dataclasses.replace(machine.source, env={"CUDA_VISIBLE_DEVICES": "1"})
    assert rig.probe().health().temperature_c == 31.0
    missing = rig.probe("cuda:1").health().missing
    assert missing["clock_hz"] == "NVML shows 1 usable GPUs, and no cuda:1"
    assert isinstance(other, Watched)


def test_a_broken_driver_is_a_reason(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    rig.driver.answers["nvmlInit"] = {"error": "LibRmVersionMismatch"}
    energy, _ = rig.window(rig.probe())
    assert energy.j is None
    assert str(energy.reason).startswith("NVML: ")
