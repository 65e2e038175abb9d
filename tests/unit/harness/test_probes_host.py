"""Processors while a case runs: quotas, heat, swap and others, told apart from our own work."""

from pathlib import Path

import pytest

from ngtbench.harness.probes import open_probe
from ngtbench.model.protocols import Probe
from tests.fakes.watched import Machine, Time


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def watch(machine: Machine, time: Time) -> Probe:
    return open_probe("cpu:0", machine.source, clock=time.clock, sleep=time.sleep)


def flags(machine: Machine, before: dict[str, str], after: dict[str, str]) -> dict[str, float]:
    """Return the flags of 2 s between two states of the machine's files."""
    time = Time()
    machine.files(before)
    probe = watch(machine, time)
    probe.start()
    time.now += 2.0
    machine.files(after)
    machine.tick()
    return probe.stop()[1]


def throttled(usec: int) -> dict[str, str]:
    return {"/sys/fs/cgroup/pod/box/cpu.stat": f"usage_usec 999\nnr_periods 9\nnr_throttled 3\nthrottled_usec {usec}"}


def test_a_quota_that_held_us_back_is_the_share_of_the_window(machine: Machine) -> None:
    machine.cgroup({"cgroup.procs": ""})
    assert flags(machine, throttled(700_000), throttled(1_300_000)) == {"throttled": pytest.approx(0.3)}
    assert flags(machine, throttled(1_300_000), throttled(1_300_000)) == {}
    assert flags(machine, throttled(0), throttled(16_000_000)) == {"throttled": 1.0}  # eight threads at once


def test_the_quota_of_a_level_above_counts_too(machine: Machine) -> None:
    machine.cgroup({"pod/box/cpu.stat": "throttled_usec 90000000"})
    name = "/sys/fs/cgroup/pod/cpu.stat"
    found = flags(machine, {name: "throttled_usec 5"}, {name: "throttled_usec 500005"})
    assert found == {"throttled": pytest.approx(0.25)}


def test_version_1_counts_nanoseconds(machine: Machine) -> None:
    machine.files(
        {"/proc/self/cgroup": "4:cpu,cpuacct:/box", "/proc/self/mountinfo": "1 2 0:1 / /cg/cpu rw - cgroup c rw,cpu,cpuacct"}
    )
    name = "/cg/cpu/box/cpu.stat"
    found = flags(machine, {name: "nr_throttled 1\nthrottled_time 0"}, {name: "nr_throttled 9\nthrottled_time 500000000"})
    assert found == {"throttled": pytest.approx(0.25)}


def test_a_blind_gpu_still_tells_what_held_its_process_back(machine: Machine) -> None:
    machine.cgroup({})
    machine.files(throttled(0))
    time = Time()
    probe = open_probe("rocm:0", machine.source, clock=time.clock, sleep=time.sleep)
    probe.start()
    time.now += 2.0
    machine.files(throttled(1_000_000))
    machine.busy_s = [200.0] * 4  # strangers on the processors are not on the GPU
    machine.tick()
    assert probe.stop()[1] == {"throttled": pytest.approx(0.5)}


def test_throttle_tells_what_happened_since_the_last_look(machine: Machine) -> None:
    machine.cgroup({})
    machine.files(
        throttled(1000)
        | {
            f"/sys/devices/system/cpu/cpu{n}/thermal_throttle/{kind}_throttle_count": "3"
            for n in range(4)
            for kind in ("core", "package")
        }
    )
    probe = watch(machine, Time())
    assert probe.health().throttle == ()
    machine.files(throttled(2000))
    assert probe.health().throttle == ("cpu_quota",)
    machine.files({"/sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count": "4"})
    assert probe.health().throttle == ("hot",)
    machine.files({"/sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count": "4"})
    assert probe.health().throttle == ("hot",)
    assert probe.health().throttle == ()


def test_uncounted_throttling_is_unknown_and_not_none(machine: Machine) -> None:
    health = watch(machine, Time()).health()
    assert (health.throttle, health.missing["throttle"]) == (None, "no CPU quota, and no thermal_throttle in /sys")


def test_swapping_is_counted_in_pages(machine: Machine) -> None:
    before, after = "pswpin 10\npswpout 20\nnr_free 5", "pswpin 14\npswpout 29\nnr_free 9"
    assert flags(machine, {"/proc/vmstat": before}, {"/proc/vmstat": after}) == {"swapping": 13.0}
    assert flags(machine, {"/proc/vmstat": after}, {"/proc/vmstat": after}) == {}


def test_the_swapping_of_strangers_is_not_ours_where_the_cgroup_counts(machine: Machine) -> None:
    machine.cgroup({})
    own = "/sys/fs/cgroup/pod/box/memory.stat"
    before = {own: "anon 4096\npswpin 1\npswpout 1", "/proc/vmstat": "pswpin 10\npswpout 20"}
    assert flags(machine, before, {"/proc/vmstat": "pswpin 9000\npswpout 9000"}) == {}
    assert flags(machine, before, {own: "anon 4096\npswpin 1\npswpout 3"}) == {"swapping": 2.0}


def work(
    machine: Machine, own_s: float, busy_s: dict[int, float], steal_s: float = 0.0, children_s: float = 0.0, client_s: float = 0.0
) -> dict[str, float]:
    """Return the flags of 2 s in which this process and each processor were busy for so long."""
    time = Time()
    probe = watch(machine, time)
    probe.start()
    time.now += 2.0
    machine.own_s += own_s
    machine.children_s += children_s
    machine.clients_s = {pid: seconds + client_s for pid, seconds in machine.clients_s.items()}
    machine.steal_s += steal_s
    for cpu, seconds in busy_s.items():
        machine.busy_s[cpu] += seconds
    machine.tick()
    return probe.stop()[1]


def test_our_own_threads_and_children_are_not_others(machine: Machine) -> None:
    everywhere = dict.fromkeys(range(4), 2.0)
    assert work(machine, 8.0, everywhere) == {}
    assert work(machine, 2.0, everywhere, children_s=6.0) == {}
    assert work(machine, 8.0, dict.fromkeys(range(4), 2.05)) == {}  # a daemon, and ticks that were booked late


def test_clients_that_still_run_are_not_others(machine: Machine) -> None:
    machine.clients_s = {71: 9.0, 72: 9.0}
    machine.tick()
    assert work(machine, 0.0, {0: 2.0, 1: 2.0}, client_s=2.0) == {}
    assert work(machine, 0.0, {0: 2.0, 1: 2.0}, client_s=1.0) == {"shared_device": pytest.approx((2.0 - 0.04) / 8)}


def test_others_are_a_share_of_what_we_may_use(machine: Machine) -> None:
    found = work(machine, 4.0, {0: 2.0, 1: 2.0, 2: 2.0})
    assert found == {"shared_device": pytest.approx((2.0 - 0.04) / 8)}


def test_stolen_time_is_others(machine: Machine) -> None:
    assert work(machine, 1.0, {0: 1.0}, steal_s=0.5) == {"shared_device": pytest.approx((4 * 0.5 - 0.04) / 8)}


def test_processors_that_we_may_not_use_are_no_matter(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cpus=8, affinity=frozenset({0, 1}))
    assert work(machine, 4.0, {0: 2.0, 1: 2.0, 5: 2.0, 6: 2.0}) == {}
    assert work(machine, 3.0, {0: 2.0, 1: 2.0, 5: 2.0}) == {"shared_device": pytest.approx((1.0 - 0.02) / 4)}


def test_under_a_quota_others_disturb_where_no_processor_is_left(machine: Machine) -> None:
    machine.cgroup({"pod/box/cpu.max": "200000 100000"})
    assert work(machine, 4.0, {0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0}) == {}  # two of four are ours, and two are theirs
    found = work(machine, 2.0, {0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0})
    assert found == {"shared_device": pytest.approx((6.0 - 0.04 - 4.0) / 4)}


@pytest.mark.parametrize("hidden", ["/proc/stat", "/proc/self/stat"])
def test_a_host_that_hides_times_flags_nothing(machine: Machine, hidden: str) -> None:
    time = Time()
    probe = watch(machine, time)
    probe.start()
    time.now += 2.0
    machine.busy_s = [200.0] * 4
    machine.tick()
    machine.source.path(hidden).unlink()
    assert probe.stop()[1] == {}


def test_state_of_the_processors(machine: Machine) -> None:
    machine.files(
        {f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq": f"{1000 + cpu}000" for cpu in range(4)}
        | {"/sys/class/hwmon/hwmon0/name": "nvme", "/sys/class/hwmon/hwmon0/temp1_input": "90000"}
        | {f"/sys/class/hwmon/hwmon{n}/name": "k10temp" for n in (1, 2)}
        | {f"/sys/class/hwmon/hwmon{n}/temp1_input": f"{50 + n}500" for n in (1, 2)}
        | {f"/sys/devices/system/edac/mc/mc{n}/ue_count": f"{n + 1}" for n in (0, 1)}
    )
    health = watch(machine, Time()).health()
    assert health.clock_hz == 1003e6  # of the processor that ran us last, the fourth
    assert (health.temperature_c, health.ecc_errors) == (52.5, 3)
    assert (health.power_w, health.processes) == (None, None)


def test_a_monitor_of_something_else_is_no_temperature(machine: Machine) -> None:
    machine.files({"/sys/class/hwmon/hwmon0/name": "nvme", "/sys/class/hwmon/hwmon0/temp1_input": "90000"})
    machine.files({"/sys/devices/system/edac/mc/power/x": ""})
    health = watch(machine, Time()).health()
    assert (health.temperature_c, health.ecc_errors) == (None, None)
    assert health.missing["ecc_errors"] == "/sys/devices/system/edac/mc shows no memory controller"
