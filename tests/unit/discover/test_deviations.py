"""What a device lacks of its profile is said in one sentence each, with both numbers; a full one says nothing."""

from dataclasses import replace
from typing import Any

import pytest

from ngtbench.discover import profiles
from ngtbench.model.machine import Cpu, Gpu
from tests import machines

SHIPPED = profiles.load()
H100: Gpu = replace(
    machines.gpu(memory_b=81559 * 2**20),
    name="NVIDIA H100 80GB HBM3",
    pci_id="10de:2330",
    units=132,
    power_limit_default_w=700.0,
    power_limit_enforced_w=700.0,
)
MI300X: Gpu = replace(
    machines.gpu(memory_b=196592 * 2**20),
    kind="rocm",
    name="AMD Instinct MI300X",
    pci_id="1002:74a1",
    pci_revision="00",
    units=304,
    power_limit_default_w=750.0,
    power_limit_enforced_w=750.0,
)
EPYC: Cpu = replace(machines.cpu(128), name="AMD EPYC 7763 64-Core Processor", family=25, model=1, sockets=2)


def test_full_devices_say_nothing() -> None:
    assert [profiles.match(device, SHIPPED).deviations for device in (H100, MI300X, EPYC)] == [(), (), ()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"power_limit_enforced_w": 500.0}, ["power limit 500 W of 700 W"]),
        ({"power_limit_enforced_w": 695.0}, []),
        ({"power_limit_enforced_w": None, "power_limit_w": 500.0}, ["power limit 500 W of 700 W"]),
        ({"power_limit_enforced_w": 650.0, "power_limit_default_w": 650.0}, ["power limit 650 W of the data sheet's 700 W"]),
        ({"power_limit_enforced_w": 500.0, "power_limit_default_w": None}, ["power limit 500 W of the data sheet's 700 W"]),
        ({"mig": "on (no slice)"}, ["MIG is on (no slice)"]),
        ({"mig": "off", "mps": False, "processes": 0, "throttle": ("gpu_idle",)}, []),
        ({"ecc": False}, ["ECC is off"]),
        ({"ecc": True}, []),
        ({"pcie_width": 8, "pcie_width_max": 16}, ["PCIe x8 of x16"]),
        ({"pcie_width": 8, "pcie_width_max": 8}, ["PCIe x8 of x16"]),
        ({"pcie_gen": 1, "pcie_gen_max": 4}, ["PCIe generation 4 of 5"]),
        ({"pcie_gen": 1, "pcie_gen_max": 5, "pcie_width": 16}, []),
        ({"throttle": ("gpu_idle", "sw_power_cap", "hw_thermal")}, ["clocks held back by sw_power_cap, hw_thermal"]),
        ({"mps": True}, ["an MPS daemon may share the device"]),
        ({"processes": 1}, ["1 other process on the device"]),
        ({"processes": 2, "ecc": False}, ["ECC is off", "2 other processes on the device"]),
    ],
)
def test_a_card_below_its_profile_says_in_what(change: dict[str, Any], said: list[str]) -> None:
    found = profiles.match(replace(H100, **change), SHIPPED)
    assert (found.profile, list(found.deviations)) == ("h100-sxm5-80gb", said)
    stranger = profiles.match(replace(H100, name=None, pci_id="10de:ffff", **change), SHIPPED)
    assert stranger.profile == "generic-gpu"


def test_units_and_memory_below_a_profile_whose_rule_allows_them() -> None:
    h100 = SHIPPED["h100-sxm5-80gb"]
    loose = {"h100": replace(h100, match=replace(h100.match, units=None, memory_b=None))}
    found = profiles.match(replace(H100, units=114, memory_b=64 * 10**9), loose)
    assert found.deviations == ("114 of 132 SMs", "memory 64 GB of 80 GB")


def test_memory_partition_and_capped_default_of_amd() -> None:
    found = profiles.match(replace(MI300X, partition="SPX/NPS4", power_limit_enforced_w=500.0), SHIPPED)
    assert (found.profile, found.deviations) == ("mi300x", ("partition SPX/NPS4, not SPX/NPS1", "power limit 500 W of 750 W"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usable_threads": 16, "affinity": tuple(range(16))}, ["16 of 128 threads usable (affinity 16)"]),
        ({"usable_threads": 8, "quota_cpus": 8.0}, ["8 of 128 threads usable (affinity 128, CPU quota 8)"]),
        ({"threads": 256, "usable_threads": 128}, []),
        ({"governor": "powersave"}, ["governor powersave, not performance"]),
        ({"governor": "performance", "turbo": True}, []),
        ({"turbo": False}, ["turbo is off"]),
    ],
)
def test_a_host_below_its_profile_says_in_what(change: dict[str, Any], said: list[str]) -> None:
    found = profiles.match(replace(EPYC, **change), SHIPPED)
    assert (found.profile, list(found.deviations)) == ("epyc-7763", said)
