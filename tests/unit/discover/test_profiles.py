"""Drivers' answers find the right profile and no other; what falls short of it is said."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngtbench.discover import profiles, rules
from ngtbench.errors import ProfileError
from ngtbench.model.machine import Cpu, Gpu, HardwareProfile
from tests import machines

SHIPPED = profiles.load()
MIB = 2**20
CARDS = [  # profile, name, PCI id, revision, units, memory in MiB, default power limit
    ("a100-pcie-40gb", "NVIDIA A100-PCIE-40GB", "10de:20f1", "a1", 108, 40960, 250),
    ("a100-pcie-80gb", "NVIDIA A100 80GB PCIe", "10de:20b5", "a1", 108, 81920, 300),
    ("a100-sxm4-40gb", "NVIDIA A100-SXM4-40GB", "10de:20b0", "a1", 108, 40960, 400),
    ("a100-sxm4-80gb", "NVIDIA A100-SXM4-80GB", "10de:20b2", "a1", 108, 81920, 400),
    ("h100-pcie-80gb", "NVIDIA H100 PCIe", "10de:2331", "a1", 114, 81559, 350),
    ("h100-sxm5-80gb", "NVIDIA H100 80GB HBM3", "10de:2330", "a1", 132, 81559, 700),
    ("h100-sxm5-94gb", "NVIDIA H100", "10de:2339", "a1", 132, 95830, 700),
    ("h100-nvl-94gb", "NVIDIA H100 NVL", "10de:2321", "a1", 132, 95830, 400),
    ("h200-sxm-141gb", "NVIDIA H200", "10de:2335", "a1", 132, 143771, 700),
    ("h200-nvl-141gb", "NVIDIA H200 NVL", "10de:233b", "a1", 132, 143771, 600),
    ("gh200-96gb", "NVIDIA GH200 480GB", "10de:2342", "a1", 132, 97280, 900),
    ("gh200-96gb", "NVIDIA GH200 120GB", "10de:2342", "a1", 132, 97280, 1000),
    ("gh200-144gb", "NVIDIA GH200 144G HBM3e", "10de:2348", "a1", 132, 146831, 1000),
    ("l40s", "NVIDIA L40S", "10de:26b9", "a1", 142, 46068, 350),
    ("l4", "NVIDIA L4", "10de:27b8", "a1", 58, 23034, 72),
    ("b200-sxm", "NVIDIA B200", "10de:2901", "a1", 148, 182642, 1000),
    ("v100-pcie-16gb", "Tesla V100-PCIE-16GB", "10de:1db4", "a1", 80, 16160, 250),
    ("v100-sxm2-16gb", "Tesla V100-SXM2-16GB", "10de:1db1", "a1", 80, 16160, 300),
    ("v100-sxm2-32gb", "Tesla V100-SXM2-32GB", "10de:1db5", "a1", 80, 32510, 300),
    ("mi250x-gcd", "AMD Instinct MI250X", "1002:7408", "00", 110, 65520, 560),
    ("mi250x-gcd", "AMD Instinct MI250X / MI250", "1002:740c", "01", 110, 65520, None),
    ("mi210", "AMD Instinct MI210", "1002:740f", "02", 104, 65520, 300),
    ("mi300x", "AMD Instinct MI300X", "1002:74a1", "00", 304, 196592, 750),
    ("mi300x", "AMD Instinct MI300X OAM", "1002:74b5", "00", 304, 196592, 750),
    ("mi300a", "AMD Instinct MI300A", "1002:74a0", "00", 228, 131072, 550),
    ("radeon-pro-w7900", "AMD Radeon PRO W7900", "1002:7448", "00", 96, 49136, 241),
    ("radeon-pro-w7900", "AMD Radeon Pro W7900 Dual Slot", "1002:744a", "00", 96, 49136, 241),
    ("radeon-rx-7900-xtx", "AMD Radeon RX 7900 XTX", "1002:744c", "c8", 96, 24560, 339),
]
STRANGERS = [  # name, PCI id, revision, units, memory in MiB, default power limit, words of the reason
    ("NVIDIA A100-SXM-64GB", "10de:20b3", "a1", 124, 65536, 400, "no profile knows"),
    ("NVIDIA A100-SXM4-80GB", "10de:20b3", "a1", 108, 81920, 400, "unknown variant: a100-sxm4-80gb, but PCI id 10de:20b3"),
    ("NVIDIA H100 80GB HBM2e", "10de:2330", "a1", 132, 81559, 700, "but name H100 80GB HBM2e, not H100 80GB HBM3"),
    ("NVIDIA H100 80GB HBM3", "10de:2330", "a1", 114, 81559, 700, "units 114, not 132"),
    ("NVIDIA H100 80GB HBM3", "10de:2330", "a1", 132, 65247, 700, "memory 68.4 GB, not 76 GB to 85.9 GB"),
    ("NVIDIA H100 80GB HBM3", "10de:2330", "a1", 132, 81559, 350, "default power limit 350 W, not 630 W to 770 W"),
    ("NVIDIA L40", "10de:26b5", "a1", 142, 46068, 300, "no profile knows 'NVIDIA L40'"),
    ("NVIDIA GB200", "10de:2941", "a1", 152, 189471, 1200, "no profile knows"),
    ("NVIDIA A800-SXM4-80GB", "10de:20f3", "a1", 108, 81920, 400, "no profile knows"),
    ("AMD Instinct MI250", "1002:740c", "01", 104, 65520, 560, "mi250x-gcd, but units 104, not 110"),
    ("AMD Instinct MI300X HF", "1002:74a9", "00", 304, 196592, 750, "no profile knows"),
    ("AMD Radeon RX 7900 XT", "1002:744c", "cc", 84, 20464, 300, "radeon-rx-7900-xtx, but PCI revision cc, not c8"),
    ("AMD Radeon PRO W7900", "1002:7448", "c8", 96, 49136, 241, "PCI revision c8, not 00"),
    (None, None, None, 132, 81559, 700, "neither PCI id nor name could be read"),
]
XEON = "Intel(R) Xeon(R) Platinum 8480+"
MILAN = "AMD EPYC 7763 64-Core Processor"
HOSTS = [  # profile, name, architecture, family, model, sockets, cores, memory in GB
    ("epyc-7763", MILAN, "x86_64", 25, 1, 2, 128, 512),
    ("epyc-9654", "AMD EPYC 9654 96-Core Processor", "x86_64", 25, 17, 2, 192, 1500),
    ("epyc-9755", "AMD EPYC 9755 128-Core Processor", "x86_64", 26, 2, 1, 128, 768),
    ("xeon-8480plus", XEON, "x86_64", 6, 143, 2, 112, 1024),
    ("xeon-6980p", "Intel(R) Xeon(R) 6980P", "x86_64", 6, 173, 2, 256, 1536),
    ("grace-120gb", "Neoverse V2", "aarch64", 65, 3407, 2, 144, 240),
    ("grace-480gb", "Neoverse V2", "aarch64", 65, 3407, 1, 72, 580),
]
OTHER_HOSTS = [
    ("Neoverse V2", "aarch64", 65, 3407, 1, 96, 192, "grace-120gb, but cores per socket 96, not 72"),
    ("Neoverse V2", "aarch64", 65, 3407, 1, 72, 300, "memory per socket 300 GB, not 400 GB to 700 GB"),
    ("AMD EPYC 7763 64-Core Processor", "x86_64", 25, 17, 1, 64, 256, "family/model 25/17, not 25/1"),
    ("AMD EPYC 9654P 96-Core Processor", "x86_64", 25, 17, 1, 96, 256, "no profile knows 'AMD EPYC 9654P"),
    ("Intel(R) Xeon(R) Platinum 8480CL", "x86_64", 6, 143, 2, 112, 512, "no profile knows"),
    (None, "riscv64", None, None, None, 8, 16, "the name could not be read"),
]


def card(name: str | None, pci_id: str | None, revision: str | None, units: int, mib: int, power_w: float | None) -> Gpu:
    kind: Any = "rocm" if (pci_id or "").startswith("1002") else "cuda"
    known: dict[str, Any] = {"name": name, "pci_id": pci_id, "pci_revision": revision, "units": units, "memory_b": mib * MIB}
    return replace(machines.gpu(), kind=kind, power_limit_default_w=power_w, power_limit_enforced_w=power_w, **known)


def host(name: str | None, arch: str, family: int | None, model: int | None, sockets: int | None, cores: int, gb: int) -> Cpu:
    known: dict[str, Any] = {"name": name, "arch": arch, "family": family, "model": model, "sockets": sockets, "cores": cores}
    return replace(machines.cpu(cores, gb * 10**9), **known)


H100 = card(*CARDS[5][1:])
MI300X = card(*next(row for row in CARDS if row[0] == "mi300x")[1:])
EPYC = host(*HOSTS[0][1:])


@pytest.mark.parametrize(("profile", *("name", "pci_id", "revision", "units", "mib", "power_w")), CARDS)
def test_cards_find_their_profile(
    profile: str, name: str, pci_id: str, revision: str, units: int, mib: int, power_w: float
) -> None:
    gpu = card(name, pci_id, revision, units, mib, power_w)
    found = profiles.match(gpu, SHIPPED)
    assert (found.profile, found.deviations, found.reason) == (profile, (), None)
    assert profiles.match(replace(gpu, name=None), SHIPPED).profile == profile
    unseen = replace(gpu, pci_id=None, pci_revision=None)
    known = any(name.removeprefix("NVIDIA ") == known.removeprefix("NVIDIA ") for known in SHIPPED[profile].match.names)
    assert profiles.match(unseen, SHIPPED).profile == (profile if known else "generic-gpu")
    old = replace(unseen, name=name.removeprefix("NVIDIA "))
    assert profiles.match(old, SHIPPED).profile == profiles.match(unseen, SHIPPED).profile


@pytest.mark.parametrize(("profile", *("name", "arch", "family", "model", "sockets", "cores", "gb")), HOSTS)
def test_hosts_find_their_profile(
    profile: str, name: str, arch: str, family: int, model: int, sockets: int, cores: int, gb: int
) -> None:
    found = profiles.match(host(name, arch, family, model, sockets, cores, gb), SHIPPED)
    assert (found.profile, found.deviations, found.reason) == (profile, (), None)


def test_every_shipped_profile_has_a_device_here() -> None:
    assert {row[0] for row in CARDS} | {row[0] for row in HOSTS} == set(SHIPPED)


@pytest.mark.parametrize("row", STRANGERS, ids=lambda row: str(row[0]))
def test_near_misses_get_no_profile(row: tuple[Any, ...]) -> None:
    found = profiles.match(card(*row[:-1]), SHIPPED)
    assert found.profile == "generic-gpu"
    assert row[-1] in (found.reason or "")


@pytest.mark.parametrize("row", OTHER_HOSTS, ids=lambda row: str(row[0]))
def test_other_hosts_get_no_profile(row: tuple[Any, ...]) -> None:
    found = profiles.match(host(*row[:-1]), SHIPPED)
    assert found.profile == "generic-cpu"
    assert row[-1] in (found.reason or "")


def test_a_hidden_name_and_an_arm_guest_get_no_profile() -> None:
    guest = replace(EPYC, name="AMD EPYC", name_hidden=True, hypervisor="KVM")
    assert profiles.match(guest, SHIPPED).reason == "a guest (hypervisor KVM) hides the model behind the name 'AMD EPYC'"
    axion = replace(host(*HOSTS[6][1:]), hypervisor="Google Compute Engine")
    assert profiles.match(axion, SHIPPED).profile == "generic-cpu"
    assert "a guest (hypervisor Google Compute Engine) shows any" in (profiles.match(axion, SHIPPED).reason or "")


def test_what_could_not_be_read_leaves_two_candidates() -> None:
    grace = replace(host(*HOSTS[6][1:]), memory_b=None)
    found = profiles.match(grace, SHIPPED)
    assert (found.profile, found.reason) == (
        "generic-cpu",
        "grace-120gb or grace-480gb: what tells them apart could not be read",
    )


def test_two_profiles_that_claim_a_device_are_an_error_naming_both() -> None:
    twin = replace(SHIPPED["h100-sxm5-80gb"], id="my-h100")
    with pytest.raises(ProfileError, match=r"hardware/h100-sxm5-80gb\.toml and hardware/my-h100\.toml: match: .*narrow one"):
        profiles.match(H100, {**SHIPPED, "my-h100": twin})


def test_a_profile_is_for_one_kind_of_device() -> None:
    assert profiles.match(replace(H100, kind="rocm", name="AMD Twin"), SHIPPED).profile == "generic-gpu"


def test_a_subsystem_in_a_rule_must_hold() -> None:
    h100 = SHIPPED["h100-sxm5-80gb"]
    strict = {"h100": replace(h100, match=replace(h100.match, pci_subsystems=("10de:16c1",)))}
    assert profiles.match(replace(H100, pci_subsystem="10de:16c1"), strict).profile == "h100-sxm5-80gb"
    assert "PCI subsystem 10de:0001" in (profiles.match(replace(H100, pci_subsystem="10de:0001"), strict).reason or "")


def test_a_mig_slice_is_never_the_card() -> None:
    parent = card(*CARDS[3][1:])
    piece = replace(parent, name="NVIDIA A100-SXM4-80GB MIG 1g.10gb", mig="1g.10gb", units=14, memory_b=9728 * MIB)
    found = profiles.match(piece, SHIPPED)
    assert found.profile == "generic-gpu"
    assert found.deviations == ("MIG slice 1g.10gb: 14 of 108 SMs of a100-sxm4-80gb",)
    assert found.reason == "MIG slice 1g.10gb of NVIDIA A100 SXM4 80 GB: the profile's numbers are those of the whole device"


def test_a_compute_partition_is_never_the_card() -> None:
    piece = replace(MI300X, partition="CPX/NPS4", units=38, memory_b=MI300X.units or 0)
    found = profiles.match(piece, SHIPPED)
    assert found.profile == "generic-gpu"
    assert found.deviations == ("partition CPX/NPS4: 38 of 304 CUs of mi300x",)


def test_a_small_guest_of_a_named_model_keeps_the_profile_and_says_so() -> None:
    guest = replace(host(MILAN, "x86_64", 25, 1, 1, 4, 16), hypervisor="kvm")
    found = profiles.match(guest, SHIPPED)
    assert found.profile == "epyc-7763"
    assert found.deviations[0] == "4 of 64 cores visible (hypervisor kvm)"
    assert found.deviations[1].startswith("hypervisor kvm: clocks, caches")


@given(st.data())
def test_no_mixture_of_known_answers_is_claimed_twice_or_against_a_rule(data: st.DataObject) -> None:
    def one(column: int) -> Any:
        return data.draw(st.sampled_from([row[column] for row in CARDS] + [None]))

    gpu = replace(card(one(1), one(2), one(3), 0, 0, one(6)), units=one(4))
    gpu = replace(gpu, memory_b=data.draw(st.sampled_from([row[5] * MIB for row in CARDS])))
    found = profiles.match(gpu, SHIPPED)
    if found.profile != "generic-gpu":
        profile: HardwareProfile = SHIPPED[found.profile or ""]
        assert rules.against(gpu, profile.match) == ()
        assert profile.kind == gpu.kind
    else:
        assert found.reason
