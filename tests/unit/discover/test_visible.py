"""CUDA's order and visibility of cards and MIG slices."""

import pytest

from ngtbench.discover.visible import Seat, mixed_order, visible

A, B, C = (f"GPU-{letter * 8}" for letter in "abc")


def card(index: int, uuid: str) -> Seat:
    return Seat(uuid, uuid, index, uuid, uuid)


def piece(index: int, parent: str, number: int, gpu_instance: int, compute_instance: int = 0) -> Seat:
    uuid = f"MIG-{number:08d}"
    return Seat(uuid, parent, index, uuid, parent, (gpu_instance, compute_instance))


CARDS = [card(0, A), card(1, B), card(2, C)]
SLICED = [piece(0, A, 1, 7), piece(0, A, 2, 8), piece(0, A, 3, 8, 1), card(1, B)]


def shown(seats: list[Seat], devices: str | None, driver: str = "570.10") -> list[str]:
    env = {} if devices is None else {"CUDA_VISIBLE_DEVICES": devices}
    return [seat.uuid for seat in visible(seats, env, driver)[0]]


@pytest.mark.parametrize(
    ("devices", "uuids"),
    [
        (None, [A, B, C]),
        ("2,0", [C, A]),
        ("0,2,-1,1", [A, C]),  # the programming guide's example: nothing after the invalid entry
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("7", []),
        ("0,0", [A]),
        ("GPU-cccc, GPU-aaaaaaaa", [C, A]),
        ("GPU-", []),  # ambiguous
        ("GPU-dddd", []),
    ],
)
def test_cuda_visible_devices_of_whole_cards(devices: str | None, uuids: list[str]) -> None:
    assert shown(CARDS, devices) == uuids


@pytest.mark.parametrize(
    ("devices", "uuids"),
    [
        (None, ["MIG-00000001", "MIG-00000002", B]),
        ("MIG-00000002", ["MIG-00000002"]),
        ("MIG-0000000", []),  # ambiguous
        (f"MIG-{A}/8/1", ["MIG-00000003"]),
        (f"MIG-{A}/9/0", []),
        ("1", [B]),
        ("0", ["MIG-00000001", "MIG-00000002"]),
        (f"{B},MIG-00000003", [B, "MIG-00000003"]),
    ],
)
def test_slices_since_driver_570(devices: str | None, uuids: list[str]) -> None:
    assert shown(SLICED, devices) == uuids


@pytest.mark.parametrize("driver", ["550.54.15", "", "unknown"])
def test_before_driver_570_one_slice_hides_everything_else(driver: str) -> None:
    chosen, hidden = visible(SLICED, {}, driver)
    assert [seat.uuid for seat in chosen] == ["MIG-00000001"]
    assert hidden is not None
    assert hidden.startswith("3 of 4 hidden")
    assert shown(SLICED, "1", driver) == [B]


def test_what_hides_is_said() -> None:
    assert visible(CARDS, {}, "570")[1] is None
    assert visible(CARDS, {"CUDA_VISIBLE_DEVICES": "1"}, "570")[1] == "2 of 3 hidden: CUDA_VISIBLE_DEVICES='1'"


def test_mixed_models_need_pci_order() -> None:
    assert mixed_order(["H100", "H100"], {}) is None
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in str(mixed_order(["H100", "L40S"], {}))
    assert mixed_order(["H100", "L40S"], {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}) is None
