"""Which GPUs CUDA will enumerate, and in which order: what CUDA_VISIBLE_DEVICES, PCI order and MIG make of the cards.

`cuda:N` counts as torch and cupy do when CUDA_DEVICE_ORDER=PCI_BUS_ID: in PCI order, or in the order of
CUDA_VISIBLE_DEVICES. CUDA's own default, fastest first, differs only where models are mixed; then that is said.
Sources: CUDA C++ programming guide, environment variables; MIG user guide, CUDA device enumeration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MANY_SLICES = 570  # since this driver a process sees one slice per GPU instance, and plain GPUs beside them


@dataclass(frozen=True)
class Seat:
    """What could become one `cuda:N`: a card, or a MIG slice of it."""

    handle: Any
    card: Any  # the card's own handle
    index: int  # of the card, in PCI order
    uuid: str
    card_uuid: str
    instance: tuple[int, int] | None = None  # GPU instance and compute instance of a slice


def visible(seats: Sequence[Seat], env: Mapping[str, str], driver: str) -> tuple[list[Seat], str | None]:
    """Return the seats in CUDA's order, and why others are hidden (None if all are there)."""
    chosen, reasons = _chosen(seats, env.get("CUDA_VISIBLE_DEVICES"))
    slices = [seat for seat in chosen if seat.instance]
    if slices and not _sees_many(driver):
        if len(chosen) > 1:
            reasons.append(f"driver {driver} shows a process one MIG slice and no GPU beside it")
        chosen = slices[:1]
    kept: dict[object, Seat] = {}
    for seat in chosen:
        kept.setdefault((seat.index, seat.instance and seat.instance[0]), seat)
    if len(kept) < len(chosen):
        reasons.append("CUDA shows one compute instance per GPU instance")
    hidden = len(seats) - len(kept)
    return list(kept.values()), f"{hidden} of {len(seats)} hidden: {'; '.join(reasons)}" if hidden else None


def mixed_order(models: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Return a warning where CUDA's default order may differ from ours."""
    if len(set(models)) < 2 or env.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return None
    return "GPU models are mixed and CUDA's default order is fastest first: set CUDA_DEVICE_ORDER=PCI_BUS_ID"


def _chosen(seats: Sequence[Seat], wanted: str | None) -> tuple[list[Seat], list[str]]:
    """Follow CUDA_VISIBLE_DEVICES up to its first invalid entry, as CUDA does."""
    if wanted is None:
        return list(seats), []
    chosen: list[Seat] = []
    for word in (part.strip() for part in wanted.split(",")):
        found = _named(seats, word)
        if not found or any(seat in chosen for seat in found):
            break
        chosen += found
    return chosen, [f"CUDA_VISIBLE_DEVICES={wanted!r}"]


def _named(seats: Sequence[Seat], word: str) -> list[Seat]:
    """Return the seats an entry means: an index, a UUID or its unambiguous beginning, or MIG-GPU-uuid/gi/ci."""
    if word.isdecimal():
        return [seat for seat in seats if seat.index == int(word)]
    if word.startswith("MIG-GPU-"):
        uuid, _, instance = word.removeprefix("MIG-").partition("/")
        return [seat for seat in seats if seat.instance and (seat.card_uuid, "{}/{}".format(*seat.instance)) == (uuid, instance)]
    if word.startswith("MIG-"):
        found = [seat for seat in seats if seat.uuid.startswith(word)]
        return found if len(found) == 1 else []
    found = [seat for seat in seats if word.startswith("GPU-") and seat.card_uuid.startswith(word)]
    return found if len({seat.card_uuid for seat in found}) == 1 else []


def _sees_many(driver: str) -> bool:
    major = driver.partition(".")[0]
    return major.isdecimal() and int(major) >= _MANY_SLICES
