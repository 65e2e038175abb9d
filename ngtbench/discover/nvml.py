"""NVML, NVIDIA's driver library: asking it, and finding the cards and MIG slices it knows."""

from dataclasses import dataclass
from typing import Any

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source
from ngtbench.discover.visible import Seat

BUS = "/sys/bus/pci/devices"


@dataclass(frozen=True)
class Driver:
    """NVML, asked so that a refusal is an Unread."""

    nvml: Any

    def ask(self, call: str, *words: Any) -> Any:
        """Call an NVML function.

        Raises Unread where it refuses, or where binding or driver lack it.
        """
        function = getattr(self.nvml, call, None)
        if function is None:
            raise Unread(f"nvidia-ml-py has no {call}: update it")
        try:
            return function(*words)
        except self.nvml.NVMLError as error:
            raise Unread(f"NVML: {str(error).rstrip('.')}") from error


def seats(driver: Driver, answers: Answers) -> list[Seat]:
    """Return every card and slice in PCI order; a card with MIG on can only be used by its slices."""
    cards = []
    for number in range(answers("gpus.cuda", driver.ask, "nvmlDeviceGetCount") or 0):
        key = f"gpus.cuda.{number}"  # a card that the batch system withholds refuses to be opened
        card = answers(key, driver.ask, "nvmlDeviceGetHandleByIndex", number)
        pci = answers(key, driver.ask, "nvmlDeviceGetPciInfo", card) if card is not None else None
        if pci is not None:
            cards.append((str(pci.busId), number, card))
    found: list[Seat] = []
    for index, (_, number, card) in enumerate(sorted(cards, key=lambda card: card[:2])):
        uuid = answers(f"gpus.cuda.{number}.uuid", driver.ask, "nvmlDeviceGetUUID", card) or ""
        if not _mig_on(driver, card):
            found.append(Seat(card, card, index, uuid, uuid))
            continue
        slices = _slices(driver, card, index, uuid)
        found += slices
        if not slices:
            answers.missing[f"gpus.cuda.{number}"] = "MIG is on and no slice can be used: create one, or switch MIG off"
    return found


def _mig_on(driver: Driver, card: Any) -> bool:
    try:
        return bool(driver.ask("nvmlDeviceGetMigMode", card)[0])
    except Unread:  # cards that cannot do MIG refuse
        return False


def _slices(driver: Driver, card: Any, index: int, card_uuid: str) -> list[Seat]:
    found = []
    for number in range(Answers()("slices", driver.ask, "nvmlDeviceGetMaxMigDeviceCount", card) or 0):
        try:
            handle = driver.ask("nvmlDeviceGetMigDeviceHandleByIndex", card, number)
            uuid = driver.ask("nvmlDeviceGetUUID", handle)
            instance = driver.ask("nvmlDeviceGetGpuInstanceId", handle), driver.ask("nvmlDeviceGetComputeInstanceId", handle)
        except Unread:  # no slice of this number, or not ours
            continue
        found.append(Seat(handle, card, index, uuid, card_uuid, instance))
    return found


def on_bus(source: Source) -> str:
    """Say how many NVIDIA display or 3D controllers the PCI bus shows, driver or not."""
    try:
        cards = [path.name for path in source.path(BUS).iterdir()]
    except OSError:
        return "the PCI bus cannot be listed"
    identity = [(source.optional(f"{BUS}/{card}/vendor"), source.optional(f"{BUS}/{card}/class") or "") for card in cards]
    count = sum(vendor == "0x10de" and kind.startswith("0x03") for vendor, kind in identity)
    return f"the PCI bus shows {count or 'no'} NVIDIA GPU{'s' * (count > 1)}"
