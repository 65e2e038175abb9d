"""AMD drivers replayed: a whole card, partitions, two dies, and what is absent."""

import dataclasses
from pathlib import Path

import pytest

from ngtbench.discover import amd
from ngtbench.discover.answers import unexplained
from ngtbench.discover.source import Source
from tests.fakes import drivers
from tests.fakes.host import no_command, write

ROOT_NODE = "/sys/class/kfd/kfd/topology/nodes/1"
CARD = "/sys/bus/pci/devices/0000:05:00.0"


@pytest.mark.parametrize("name", drivers.AMD)
def test_every_unknown_has_a_reason(tmp_path: Path, name: str) -> None:
    found, _ = amd.gpus(*drivers.amd(name, tmp_path, "amd-epyc-guest"))
    assert found
    assert [unexplained(gpu) for gpu in found] == [[]] * len(found)


def test_mi300x_in_full(tmp_path: Path) -> None:
    source, amdsmi = drivers.amd("mi300x", tmp_path, "amd-epyc-guest")
    write(tmp_path, {"/sys/class/kfd/kfd/proc/4194300/vram_28851": "1048576", "/sys/class/kfd/kfd/proc/4194301/vram_28851": "0"})
    (gpu,), missing = amd.gpus(source, amdsmi)
    assert (gpu.id, gpu.kind, gpu.name, gpu.pci_id, gpu.pci_revision) == (
        "rocm:0",
        "rocm",
        "AMD Instinct MI300X",
        "1002:74a1",
        "00",
    )
    assert (gpu.units, gpu.memory_b, gpu.compute_target, gpu.partition) == (304, 206141652992, "gfx942", "SPX/NPS1")
    assert gpu.memory_free_b == 206141652992 - 297000960
    assert (gpu.clock_hz, gpu.clock_max_hz, gpu.memory_clock_max_hz) == (132e6, 2100e6, 1300e6)
    assert (gpu.power_limit_w, gpu.power_limit_enforced_w, gpu.power_limit_default_w) == (750, 750, 750)
    assert (gpu.ecc, gpu.links, gpu.pcie_gen, gpu.pcie_width, gpu.processes) == (True, 7, 5, 16, 1)
    assert (gpu.driver, gpu.runtime, gpu.temperature_c) == ("6.8.5", "ROCm 6.2.4-129", 41.0)
    assert gpu.uuid == "GPU-21b6d61638a86f8c"
    assert gpu.throttle == ("power_0", "temp_hotspot")
    assert set(gpu.missing) == {"mig", "mps"}
    assert missing == {}
    assert amdsmi.cards == {}  # shut down


def test_partitions_are_devices_with_their_own_memory(tmp_path: Path) -> None:
    source, amdsmi = drivers.amd("mi300x-cpx", tmp_path, "amd-epyc-guest")
    found, _ = amd.gpus(source, amdsmi)
    assert [gpu.id for gpu in found] == [f"rocm:{n}" for n in range(8)]
    assert {(gpu.units, gpu.memory_b, gpu.partition) for gpu in found} == {(38, 206141652992 // 8, "CPX/NPS4")}
    assert {gpu.pci_address for gpu in found} == {"0000:05:00.0"}
    assert {gpu.name for gpu in found} == {"AMD Instinct MI300X"}  # from rocm-smi: amdsmi does not load here
    assert "all partitions together" in found[0].missing["memory_free_b"]
    assert "libamd_smi.so" in found[0].missing["throttle"]


def test_the_second_die_carries_no_limit(tmp_path: Path) -> None:
    found, _ = amd.gpus(*drivers.amd("mi250x", tmp_path, "amd-epyc-guest"))
    assert [(gpu.id, gpu.units, gpu.power_limit_w) for gpu in found] == [("rocm:0", 110, 560), ("rocm:1", 110, None)]
    assert "first die" in found[1].missing["power_limit_w"]
    assert (found[0].compute_target, found[0].partition) == ("gfx90a", None)
    assert "current_compute_partition is absent" in found[0].missing["partition"]


@pytest.mark.parametrize(
    ("env", "addresses"),
    [
        ({"HIP_VISIBLE_DEVICES": "1"}, ["0000:c6:00.0"]),
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, ["0000:c6:00.0", "0000:c1:00.0"]),
        ({"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "1"}, ["0000:c1:00.0"]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, ["0000:c6:00.0"]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-2222222222222222"}, ["0000:c6:00.0"]),
        ({"HIP_VISIBLE_DEVICES": "-1,0"}, []),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_visible_devices(tmp_path: Path, env: dict[str, str], addresses: list[str]) -> None:
    source, amdsmi = drivers.amd("mi250x", tmp_path, "amd-epyc-guest")
    found, missing = amd.gpus(dataclasses.replace(source, env=env), amdsmi)
    assert [gpu.pci_address for gpu in found] == addresses
    assert [gpu.id for gpu in found] == [f"rocm:{n}" for n in range(len(found))]
    assert ("hidden" in str(missing)) == (len(addresses) < 2)
    assert ("gpus.rocm" in missing) == (not addresses)


def test_no_driver_is_a_reason(tmp_path: Path) -> None:
    found, missing = amd.gpus(Source(tmp_path, {}, "x86_64", frozenset({0}), no_command))
    assert found == ()
    assert missing == {"gpus.rocm": "/sys/class/kfd/kfd/topology/nodes is absent"}


def test_without_any_tool_the_files_still_tell(tmp_path: Path) -> None:
    source, _ = drivers.amd("mi300x", tmp_path, "amd-epyc-guest")
    (gpu,), _ = amd.gpus(source, drivers.Amdsmi(None))
    assert gpu.name is None
    assert "libamd_smi.so" in gpu.missing["name"]
    assert "rocm-smi: not on PATH" in gpu.missing["name"]
    assert gpu.units == 304


def test_an_unreadable_card_is_reasons(tmp_path: Path) -> None:
    write(tmp_path, {f"{ROOT_NODE}/gpu_id": "7", f"{ROOT_NODE}/properties": "simd_count 8\nlocation_id 1280\nunique_id 0"})
    (gpu,), _ = amd.gpus(Source(tmp_path, {}, "x86_64", frozenset({0}), no_command), drivers.Amdsmi(None))
    assert unexplained(gpu) == []
    assert gpu.missing["pci_id"] == f"{CARD}/vendor is absent"
    assert gpu.missing["uuid"] == "the driver gives no unique_id"
    assert gpu.units is None


def test_a_status_of_all_ones_is_no_throttling(tmp_path: Path) -> None:
    source, amdsmi = drivers.amd("mi300x", tmp_path, "amd-epyc-guest")
    assert amdsmi.cards is not None
    amdsmi.cards["0000:05:00.0"]["amdsmi_get_gpu_metrics_info"]["indep_throttle_status"] = 2**64 - 1
    (gpu,), _ = amd.gpus(source, amdsmi)
    assert gpu.throttle is None
    assert gpu.missing["throttle"] == "amdsmi reports no throttle status for this card"
