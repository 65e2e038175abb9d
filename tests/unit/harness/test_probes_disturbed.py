"""What disturbed a case on an NVIDIA GPU, replayed: heat, power limits, quotas, and strangers on the card."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.watched import Machine, NvidiaRig

OWN = os.getpid()
REFUSED = {"error": "NotSupported"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_heat_is_the_share_of_time_that_the_driver_counts(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    _, flags = rig.window(rig.probe(), nvmlDeviceGetViolationStatus={"0": 0, "1": 2_000_000_000, "3": 1_000_000_000})
    assert flags == {"throttled": pytest.approx(0.2)}


def test_a_card_at_its_power_limit_is_said_but_not_thrown_away(machine: Machine) -> None:
    rig = NvidiaRig(machine)
    _, flags = rig.window(rig.probe(), nvmlDeviceGetViolationStatus={"0": 9_000_000_000, "1": 0, "3": 0})
    assert flags == {"power_capped": pytest.approx(0.9)}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0x0, 0x0, {}),
        (0x40, 0x40, {"throttled": 1.0}),
        (0x0, 0x20, {"throttled": 0.5}),
        (0x4, 0x4, {"power_capped": 1.0}),
        (0x0, 0x9, {}),  # hw_slowdown as the clock falls when the work ends
        (0x8, 0x8, {"throttled": 1.0}),
        (0x1, 0x1, {}),
    ],
)
def test_without_counts_the_ends_tell(machine: Machine, before: int, after: int, expected: dict[str, float]) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetViolationStatus=REFUSED, nvmlDeviceGetCurrentClocksEventReasons=before)
    assert rig.window(rig.probe(), nvmlDeviceGetCurrentClocksEventReasons=after)[1] == expected


def test_a_quota_holds_a_gpus_process_back_too(machine: Machine) -> None:
    machine.cgroup({"pod/box/cpu.stat": "throttled_usec 0"})
    rig = NvidiaRig(machine)
    probe = rig.probe()
    probe.start()
    rig.time.now += 10.0
    rig.power.watts = 500.0
    machine.cgroup({"pod/box/cpu.stat": "throttled_usec 4000000"})
    assert probe.stop()[1] == {"throttled": pytest.approx(0.4)}
    assert probe.health().throttle == ("gpu_idle", "cpu_quota")


def test_processes_beside_ours(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetComputeRunningProcesses=[{"pid": 70}])
    probe = rig.probe()
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = [{"pid": 70}, {"pid": OWN}, {"pid": 71}]
    assert probe.health().processes == 2
    machine.files({"/proc/71/stat": f"71 (python (x)) S {os.getppid()} 1 1"})  # a worker that waits while we measure
    assert probe.health().processes == 1


def test_in_a_container_the_number_that_came_is_ours(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetComputeRunningProcesses=[{"pid": 90001}])
    probe = rig.probe()
    assert probe.health().processes == 1  # before our context is there
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = [{"pid": 90001}, {"pid": 90002}]
    assert probe.health().processes == 1
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = []
    health = probe.health()
    assert (health.processes, "hides them" in health.missing["processes"]) == (None, True)


def clients(machine: Machine, *pids: int) -> None:
    machine.files({f"/proc/self/task/{os.getpid()}/children": " ".join(map(str, pids))})


def test_clients_that_share_the_card_are_ours(machine: Machine) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetComputeRunningProcesses=[{"pid": 70}])
    probe = rig.probe()
    clients(machine, 81, 82)
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = [{"pid": 70}, {"pid": 81}, {"pid": 82}, {"pid": 83}]
    assert probe.health().processes == 2
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = [{"pid": 70}, {"pid": 90001}, {"pid": 90002}]  # a container
    assert probe.health().processes == 1


@pytest.mark.parametrize(("pids", "expected"), [((81, 82), 0.1), ((90003, 90004), 0.1)])
def test_what_clients_use_is_not_others(machine: Machine, pids: tuple[int, int], expected: float) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetComputeRunningProcesses=[{"pid": 90001}])
    probe = rig.probe()
    clients(machine, 81, 82)
    used = [sample(pids[0], 50), sample(pids[1], 40), sample(90001, 10)]
    assert rig.window(probe, nvmlDeviceGetProcessUtilization=used)[1] == {"shared_device": expected}


def sample(pid: int, percent: int, stamp_us: int = 20) -> dict[str, int]:
    return {"pid": pid, "timeStamp": stamp_us, "smUtil": percent}


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([sample(OWN, 90)], {}),
        ([sample(OWN, 60), sample(90001, 30)], {"shared_device": 0.3}),
        ([sample(OWN, 60), sample(90001, 3)], {}),
        ([sample(OWN, 60), sample(90001, 30, stamp_us=10)], {}),  # before the window
        ([sample(90002, 60), sample(90001, 30)], {"shared_device": 0.3}),  # a container: ours came after 90001
        ([sample(90002, 30), sample(90001, 60)], {"shared_device": 0.6}),
        ([sample(OWN, 60), sample(90001, 4_000_000_000)], {}),  # what drivers say of a process that just ended
    ],
)
def test_others_work_is_a_share_and_waiting_is_none(machine: Machine, samples: Any, expected: dict[str, float]) -> None:
    rig = NvidiaRig(machine, nvmlDeviceGetProcessUtilization=[sample(90001, 99, stamp_us=10)])
    rig.card["nvmlDeviceGetComputeRunningProcesses"] = [{"pid": 90001}]
    assert rig.window(rig.probe(), nvmlDeviceGetProcessUtilization=samples)[1] == expected
