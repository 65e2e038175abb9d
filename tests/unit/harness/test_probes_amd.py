"""AMD GPUs while a case runs, replayed: counter, integration, partitions, dies, limiters, and a card that is lost."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ngtbench.discover.answers import unexplained
from ngtbench.discover.source import Source
from ngtbench.errors import NgtBenchError
from ngtbench.harness.probes import open_probe
from ngtbench.model.protocols import Probe
from tests.fakes import drivers
from tests.fakes.drivers import Amdsmi
from tests.fakes.host import write
from tests.fakes.watched import Power, Time

CARD = "/sys/bus/pci/devices/0000:05:00.0"
UNIT_J = 15.259e-6


class Library(Amdsmi):
    """amdsmi with answers that may be functions, or errors."""

    def __getattr__(self, call: str) -> Any:
        def ask(handle: str) -> Any:
            answer = (self.cards or {})[handle][call]
            answer = answer() if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    def amdsmi_shut_down(self) -> None:
        raise AssertionError("a probe keeps the library")


class LibraryError(Exception):
    """Stands for AmdSmiLibraryException."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Error code:\n\t{code}")
        self.err_code = code


class Rig:
    """A card at 140 W, its time, and a probe of it."""

    def __init__(self, root: Path, name: str = "mi300x") -> None:
        self.time = Time()
        self.power = Power(self.time, 140.0)
        self.source, replayed = drivers.amd(name, root, "amd-epyc-guest")
        self.root = root
        self.library = Library(replayed.cards or {"0000:05:00.0": {}})
        self.card: dict[str, Any] = self.library.cards["0000:05:00.0"] if self.library.cards else {}
        self.card["amdsmi_get_energy_count"] = lambda: {
            "energy_accumulator": round(self.power.j / UNIT_J),
            "counter_resolution": 15.259,
            "timestamp": 1,
        }
        self.show()
        self.time.then = self.show

    def show(self) -> None:
        write(self.root, {f"{CARD}/hwmon/hwmon5/power1_average": str(round(self.power.watts * 1e6))})

    def probe(self, device: str = "rocm:0", library: Any = None) -> Probe:
        return open_probe(device, self.source, amdsmi=library or self.library, clock=self.time.clock, sleep=self.time.sleep)

    def metrics(self, **counts: int) -> None:
        self.card["amdsmi_get_gpu_metrics_info"] = counts

    def window(self, probe: Probe, **after: int) -> Any:
        probe.start()
        self.power.watts = 600.0
        self.time.now += 5.0
        if after:
            self.metrics(**after)
        return probe.stop()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("name", drivers.AMD)
def test_every_unknown_has_a_reason(tmp_path: Path, name: str) -> None:
    source, amdsmi = drivers.amd(name, tmp_path, "amd-epyc-guest")
    for device in ("rocm:0", "rocm:99"):
        assert unexplained(open_probe(device, source, amdsmi=amdsmi, sleep=lambda s: None).health()) == []


def test_energy_is_the_counters_difference(rig: Rig) -> None:
    probe = rig.probe()
    energy, flags = rig.window(probe)
    assert energy.j == pytest.approx(3000.0, rel=1e-6)
    assert (energy.idle_w, energy.sensor, energy.error_j) == (pytest.approx(140.0, rel=1e-6), "amdsmi energy counter", None)
    assert energy.reason == "no error bar: no tolerance of this sensor is documented"
    assert (probe.window_s, rig.time.slept, flags) == (1.0, [1.0], {})


def test_older_releases_name_the_counter_otherwise(rig: Rig) -> None:
    rig.card["amdsmi_get_energy_count"] = lambda: {"power": round(rig.power.j / UNIT_J), "counter_resolution": 15.259}
    assert rig.window(rig.probe())[0].j == pytest.approx(3000.0, rel=1e-6)


def test_a_counter_in_other_units_is_not_used(rig: Rig) -> None:
    count = {"counter_resolution": 15.259}
    rig.card["amdsmi_get_energy_count"] = lambda: count | {"energy_accumulator": round(rig.power.j / 15.259e-3)}
    probe = rig.probe()
    energy, _ = rig.window(probe)
    assert (energy.j, energy.idle_w, probe.window_s) == (None, None, 0.0)
    assert energy.reason == "the counter says 0.14 W where the device shows 140 W"


def test_without_the_library_power_is_integrated_and_labelled(rig: Rig) -> None:
    probe = rig.probe(library=drivers.Amdsmi(None))
    probe.start()
    rig.time.sleep(5.0)
    energy, _ = probe.stop()
    assert energy.j == pytest.approx(700.0)
    assert energy.sensor == "integrated power (amdgpu, 10 Hz)"
    assert energy.idle_w == pytest.approx(140.0)
    assert "libamd_smi.so" in probe.health().missing["throttle"]


def test_newer_kernels_show_power_now(rig: Rig) -> None:
    (rig.root / f"{CARD}/hwmon/hwmon5/power1_average".lstrip("/")).unlink()
    rig.time.then = lambda: None
    write(rig.root, {f"{CARD}/hwmon/hwmon5/power1_input": "155000000"})
    assert rig.probe().health().power_w == 155.0


def test_neither_counter_nor_power_is_null_with_both_reasons(rig: Rig) -> None:
    rig.card["amdsmi_get_energy_count"] = LibraryError(2)
    rig.time.then = lambda: None
    write(rig.root, {f"{CARD}/hwmon/hwmon5/power1_average": "0"})
    energy, _ = rig.window(rig.probe())
    assert (energy.j, energy.idle_w) == (None, None)
    assert "no energy counter: amdsmi_get_energy_count: LibraryError: Error code: 2; no power: " in str(energy.reason)


@pytest.mark.parametrize(("name", "said"), [("mi300x-cpx", "one of its partitions (CPX)"), ("mi250x", "both dies")])
def test_a_part_is_never_given_the_packages_energy(tmp_path: Path, name: str, said: str) -> None:
    rig = Rig(tmp_path, name)
    for device in ("rocm:0", "rocm:1"):
        probe = rig.probe(device)
        energy, _ = rig.window(probe)
        assert (energy.j, energy.idle_w, probe.window_s, probe.health().power_w) == (None, None, 0.0, None)
        assert said in str(energy.reason)


def test_health_of_a_whole_card(rig: Rig) -> None:
    write(rig.root, {f"{CARD}/ras/umc_err_count": "ue: 2\nce: 7\nde: 0", f"{CARD}/ras/gfx_err_count": "ue: 1\nce: 0"})
    kfd = "/sys/class/kfd/kfd/proc"
    write(rig.root, {f"{kfd}/{pid}/vram_28851": "4096" for pid in (71, 72, os.getpid())} | {f"{kfd}/73/vram_28851": "0"})
    write(rig.root, {"/proc/72/stat": f"72 (python) S {os.getppid()} 1 1"})  # a worker that waits while we measure
    health = rig.probe().health()
    assert (health.clock_hz, health.memory_clock_hz, health.temperature_c, health.power_w) == (132e6, 900e6, 41.0, 140.0)
    assert (health.ecc_errors, health.processes, health.throttle) == (3, 1, ("power_0", "temp_hotspot"))
    assert health.missing == {}


BEGAN = {"accumulation_counter": 1000, "prochot_residency_acc": 5, "ppt_residency_acc": 50, "socket_thm_residency_acc": 7}


def test_heat_is_the_share_of_the_limiters_time(rig: Rig) -> None:
    rig.metrics(**BEGAN)
    found = rig.window(rig.probe(), **(BEGAN | {"accumulation_counter": 6000, "socket_thm_residency_acc": 1007}))
    assert found[1] == {"throttled": pytest.approx(0.2)}


def test_a_card_at_its_power_limit_is_said_but_not_thrown_away(rig: Rig) -> None:
    rig.metrics(**BEGAN)
    found = rig.window(rig.probe(), **(BEGAN | {"accumulation_counter": 6000, "ppt_residency_acc": 4550}))
    assert found[1] == {"power_capped": pytest.approx(0.9)}


def test_limiters_are_told_since_the_last_look(rig: Rig) -> None:
    rig.metrics(**BEGAN)
    probe = rig.probe()
    rig.metrics(**(BEGAN | {"accumulation_counter": 2000, "ppt_residency_acc": 51, "prochot_residency_acc": 6}))
    assert probe.health().throttle == ("prochot", "power_cap")
    rig.metrics(**(BEGAN | {"accumulation_counter": 3000, "ppt_residency_acc": 51, "prochot_residency_acc": 6}))
    assert probe.health().throttle == ()


def test_accumulators_of_all_ones_are_none(rig: Rig) -> None:
    ones = 2**64 - 1
    rig.metrics(**dict.fromkeys(BEGAN, ones), indep_throttle_status=ones)
    probe = rig.probe()
    assert probe.health().throttle is None
    assert rig.window(probe)[1] == {}


def test_a_card_at_work_has_no_idle_power(rig: Rig) -> None:
    write(rig.root, {f"{CARD}/gpu_busy_percent": "63"})
    energy, _ = rig.window(rig.probe())
    assert (energy.idle_w, "no idle power: the GPU was 63 % busy" in str(energy.reason)) == (None, True)


def test_a_card_that_leaves_the_bus_is_an_error_and_no_gap(rig: Rig) -> None:
    probe = rig.probe()
    probe.start()
    rig.time.now += 5.0
    shutil.rmtree(rig.root / CARD.lstrip("/"))
    for asked in (probe.stop, probe.health):
        with pytest.raises(NgtBenchError, match=r"rocm:0 was lost .*is gone"):
            asked()


@pytest.mark.parametrize("code", [31, 34])
def test_a_card_that_the_library_lost_is_an_error(rig: Rig, code: int) -> None:
    probe = rig.probe()
    probe.start()
    rig.card["amdsmi_get_energy_count"] = LibraryError(code)
    with pytest.raises(NgtBenchError, match="rocm:0 was lost"):
        probe.stop()


def test_other_refusals_of_the_library_are_reasons(rig: Rig) -> None:
    probe = rig.probe()
    probe.start()
    rig.time.now += 5.0
    rig.card["amdsmi_get_energy_count"] = LibraryError(2)
    energy, _ = probe.stop()
    assert (energy.j, energy.reason) == (None, "amdsmi_get_energy_count: LibraryError: Error code: 2")


def test_no_driver_is_a_reason(tmp_path: Path) -> None:
    probe = open_probe("rocm:0", Source(tmp_path, {}))
    assert probe.health().missing["clock_hz"] == "/sys/class/kfd/kfd/topology/nodes is absent"
