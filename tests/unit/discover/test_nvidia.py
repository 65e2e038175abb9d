"""NVIDIA drivers replayed: each card, a slice, a cap, refusals and broken drivers."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from ngtbench.discover import nvidia
from ngtbench.discover.answers import unexplained
from ngtbench.discover.source import Source
from ngtbench.model.machine import Gpu
from tests.fakes.drivers import CARDS, Nvml, nvml
from tests.fakes.host import no_command, write


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path, {}, "x86_64", frozenset({0}), no_command)


def only(source: Source, driver: Nvml) -> Gpu:
    found, missing = nvidia.gpus(source, driver)
    assert len(found) == 1, missing
    return found[0]


@pytest.mark.parametrize("name", CARDS)
def test_every_unknown_has_a_reason(source: Source, name: str) -> None:
    found, _ = nvidia.gpus(source, nvml(name))
    assert found
    assert [unexplained(gpu) for gpu in found] == [[]] * len(found)


@pytest.mark.parametrize(
    ("name", "shown", "pci", "units", "mib", "target", "watts"),
    [
        ("a100-sxm4-80gb", "NVIDIA A100-SXM4-80GB", "10de:20b2", 108, 81920, "sm_80", 400),
        ("h100-sxm", "NVIDIA H100 80GB HBM3", "10de:2330", 132, 81559, "sm_90", 700),
        ("h100-nvl", "NVIDIA H100 NVL", "10de:2321", 132, 95830, "sm_90", 400),
        ("h200", "NVIDIA H200", "10de:2335", 132, 143771, "sm_90", 700),
        ("gh200", "NVIDIA GH200 480GB", "10de:2342", 132, 97280, "sm_90", 900),
        ("l40s", "NVIDIA L40S", "10de:26b9", 142, 46068, "sm_89", 350),
    ],
)
def test_identity(source: Source, name: str, shown: str, pci: str, units: int, mib: int, target: str, watts: float) -> None:
    gpu = only(source, nvml(name))
    assert (gpu.id, gpu.kind, gpu.vendor, gpu.name, gpu.pci_id, gpu.units) == ("cuda:0", "cuda", "NVIDIA", shown, pci, units)
    assert (gpu.memory_b, gpu.compute_target, gpu.power_limit_enforced_w) == (mib * 2**20, target, watts)


def test_h100_sxm_in_full(source: Source) -> None:
    write(source.root, {"/sys/bus/pci/devices/0000:17:00.0/revision": "0xa1"})
    gpu = only(source, nvml("h100-sxm"))
    assert (gpu.pci_subsystem, gpu.pci_revision, gpu.pci_address) == ("10de:16c1", "a1", "0000:17:00.0")
    assert (gpu.clock_hz, gpu.clock_max_hz, gpu.memory_clock_max_hz) == (345e6, 1980e6, 2619e6)
    assert (gpu.power_limit_min_w, gpu.power_limit_max_w) == (200, 700)
    assert (gpu.ecc, gpu.mig, gpu.mps, gpu.throttle, gpu.processes) == (True, "off", False, ("gpu_idle",), 0)
    assert (gpu.pcie_gen, gpu.pcie_gen_max, gpu.pcie_width, gpu.links) == (5, 5, 16, 18)
    assert (gpu.driver, gpu.runtime, gpu.temperature_c) == ("550.54.15", "CUDA 12.4", 31.0)
    assert set(gpu.missing) == {"partition"}


def test_a_power_cap_shows_in_limit_and_reason(source: Source) -> None:
    gpu = only(source, nvml("h100-sxm-capped"))
    assert (gpu.power_limit_w, gpu.power_limit_default_w, gpu.power_limit_enforced_w) == (500, 700, 500)
    assert gpu.throttle == ("sw_power_cap",)


def test_refused_calls_are_reasons(source: Source) -> None:
    gh200, l40s = only(source, nvml("gh200")), only(source, nvml("l40s"))
    assert gh200.power_limit_w is None
    assert gh200.missing["power_limit_w"] == "NVML: Not Supported"
    assert gh200.power_limit_enforced_w == 900
    assert (l40s.mig, l40s.links, l40s.pcie_gen, l40s.pcie_gen_max) == (None, None, 1, 4)
    assert l40s.missing["links"] == l40s.missing["mig"] == "NVML: Not Supported"


def test_every_call_may_be_refused(source: Source) -> None:
    driver = nvml("h100-sxm")
    card = driver.answers["devices"][0]
    for call in (*card, "nvmlDeviceGetCurrentClocksThrottleReasons"):
        card[call] = {"error": "NotSupported"}
    found, missing = nvidia.gpus(source, driver)
    assert found == ()
    assert missing["gpus.cuda"]
    card["nvmlDeviceGetPciInfo"] = {"busId": "00000000:17:00.0", "pciDeviceId": 0, "pciSubSystemId": 0}
    gpu = only(source, driver)
    assert unexplained(gpu) == []
    assert gpu.missing["pci_id"] == "NVML reports 0"


def test_other_processes_only(source: Source) -> None:
    driver = nvml("l40s")
    assert only(source, driver).processes == 1
    driver.answers["devices"][0]["nvmlDeviceGetComputeRunningProcesses"].append({"pid": os.getpid()})
    assert only(source, driver).processes == 1


def test_a_mig_slice_is_the_device(source: Source) -> None:
    found, missing = nvidia.gpus(source, nvml("a100-mig"))
    assert [(gpu.mig, gpu.units, gpu.memory_b) for gpu in found] == [("1g.10gb", 14, 9728 * 2**20)]
    assert found[0].pci_id == "10de:20b2"  # of the card
    assert found[0].uuid == "MIG-00000000-0000-5000-8000-000000000001"
    assert missing["gpus.cuda.hidden"].startswith("2 of 3 hidden: driver 550.54.15")


def test_slices_and_cards_in_order_on_new_drivers(source: Source) -> None:
    driver = nvml("a100-mig")
    driver.answers["nvmlSystemGetDriverVersion"] = "570.86.15"
    driver.answers["devices"][0]["slices"][0]["nvmlDeviceGetName"] = "a name without the profile"
    found, missing = nvidia.gpus(source, driver)
    assert [(gpu.id, gpu.mig) for gpu in found] == [("cuda:0", "1g.10gb"), ("cuda:1", "1g.10gb"), ("cuda:2", "off")]
    assert missing == {}


def test_mig_without_a_slice_leaves_no_device(source: Source) -> None:
    driver = nvml("a100-mig")
    driver.answers["devices"] = [driver.answers["devices"][0] | {"slices": []}]
    found, missing = nvidia.gpus(source, driver)
    assert found == ()
    assert "MIG is on and no slice" in missing["gpus.cuda"]


def test_order_is_pci_and_visible_devices_pick_from_it(source: Source) -> None:
    driver = nvml("a100-sxm4-80gb")
    first, second = driver.answers["devices"][0], dict(nvml("h100-sxm").answers["devices"][0])
    second |= {
        "nvmlDeviceGetUUID": "GPU-ffff",
        "nvmlDeviceGetPciInfo": {"busId": "00000000:05:00.0", "pciDeviceId": "0x233010de"},
    }
    second["nvmlDeviceGetPciInfo"]["pciSubSystemId"] = "0x16c110de"
    driver.answers["devices"] = [first, second]
    found, missing = nvidia.gpus(source, driver)
    assert [gpu.pci_address for gpu in found] == ["0000:05:00.0", "0000:17:00.0"]
    assert "CUDA_DEVICE_ORDER" in missing["gpus.cuda.order"]
    narrowed = dataclasses.replace(source, env={"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    found, missing = nvidia.gpus(narrowed, driver)
    assert [(gpu.id, gpu.pci_address) for gpu in found] == [("cuda:0", "0000:17:00.0")]
    assert missing == {"gpus.cuda.hidden": "1 of 2 hidden: CUDA_VISIBLE_DEVICES='1'"}


def test_a_withheld_card_does_not_count(source: Source) -> None:
    driver = nvml("h100-sxm")
    driver.answers["devices"].insert(0, {"error": "NoPermission"})
    found, missing = nvidia.gpus(source, driver)
    assert [gpu.id for gpu in found] == ["cuda:0"]
    assert missing == {"gpus.cuda.0": "NVML: Insufficient Permissions"}


def test_a_lost_card_is_named(source: Source) -> None:
    driver = nvml("h100-sxm")
    driver.answers["devices"][0] = {"error": "GpuIsLost"}
    assert nvidia.gpus(source, driver) == ((), {"gpus.cuda.0": "NVML: GPU is lost", "gpus.cuda": "NVML: GPU is lost"})


@pytest.mark.parametrize("error", ["LibRmVersionMismatch", "LibraryNotFound", "DriverNotLoaded", "Unknown", "NoPermission"])
def test_a_broken_driver_is_a_reason_and_counts_the_cards(source: Source, error: str) -> None:
    base = "/sys/bus/pci/devices/0000:17:00.0"
    write(source.root, {f"{base}/vendor": "0x10de", f"{base}/class": "0x030200"})
    driver = nvml("broken-driver")
    driver.answers["nvmlInit"] = {"error": error}
    found, missing = nvidia.gpus(source, driver)
    assert found == ()
    assert missing["gpus.cuda"].startswith("NVML: ")
    assert missing["gpus.cuda"].endswith("the PCI bus shows 1 NVIDIA GPU")


def test_an_old_driver_has_only_the_old_throttle_call(source: Source) -> None:
    driver = nvml("h100-sxm")
    card: dict[str, Any] = driver.answers["devices"][0]
    card["nvmlDeviceGetCurrentClocksEventReasons"] = {"error": "FunctionNotFound"}
    card["nvmlDeviceGetCurrentClocksThrottleReasons"] = 0x8 | 0x40
    assert only(source, driver).throttle == ("hw_slowdown", "hw_thermal")


def test_an_mps_daemon_shows_by_its_pipe(source: Source, tmp_path: Path) -> None:
    write(tmp_path, {"/run/mps/control": ""})
    served = dataclasses.replace(source, env={"CUDA_MPS_PIPE_DIRECTORY": "/run/mps"})
    assert only(served, nvml("h100-sxm")).mps is True
    assert only(source, nvml("h100-sxm")).mps is False


def test_an_unknown_generation_has_no_guessed_units(source: Source) -> None:
    driver = nvml("h100-sxm")
    driver.answers["devices"][0]["nvmlDeviceGetCudaComputeCapability"] = [13, 0]
    gpu = only(source, driver)
    assert gpu.units is None
    assert "compute capability" in gpu.missing["units"]
    assert gpu.compute_target == "sm_130"
