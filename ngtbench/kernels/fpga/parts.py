"""FPGA parts and the constraints of triggers, as TOML files beside those of other hardware."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

from ngtbench import shipped
from ngtbench.errors import BadInput, ProfileError

_PART = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "uram": "URAM"}
_FOLDERS = ("fpga", "presets")
_PRESET = {"clock_hz": "Hz", "crossing_s": "s", "latency_s": "s", "share": "1"}


@dataclass(frozen=True)
class Part:
    """What a device holds."""

    id: str
    label: str
    aliases: tuple[str, ...]
    lut: int
    ff: int
    dsp: int
    bram18: int
    uram: int


@dataclass(frozen=True)
class Constraints:
    """What a design must keep: a clock, an input each crossing, a latency, a share of the part."""

    id: str
    label: str
    clock_hz: float
    crossing_s: float
    latency_s: float
    share: float

    def __post_init__(self) -> None:
        if self.budget_cycles < 1 or self.most_ii < 1:
            raise BadInput(
                f"{self.id}: {self.latency_s:g} s of latency and {self.crossing_s:g} s between inputs at {self.clock_hz:g} Hz: "
                "less than one cycle: give more time or a faster clock"
            )
        if not 0 < self.share <= 1:
            raise BadInput(f"{self.id}: a share of {self.share:g} of the part: give a number from 0 to 1")

    @property
    def budget_cycles(self) -> int:
        """Whole cycles within the latency."""
        return floor(self.latency_s * self.clock_hz * (1 + 1e-12))

    @property
    def most_ii(self) -> int:
        """Whole cycles between two inputs."""
        return floor(self.crossing_s * self.clock_hz * (1 + 1e-12))


@cache
def parts() -> Mapping[str, Part]:
    """Return the parts that travel with the package, by id.

    Raises ProfileError naming file and key.
    """
    files = sorted((shipped.folder("hardware") / "fpga").glob("*.toml"))
    return {file.stem: read_part(file) for file in files}


@cache
def presets() -> Mapping[str, Constraints]:
    """Return the constraints that travel with the package, by id."""
    files = sorted((shipped.folder("hardware") / "fpga" / "presets").glob("*.toml"))
    return {file.stem: read_preset(file) for file in files}


def find_part(name: str) -> Part:
    """Return the part of this id or alias.

    Raises BadInput with those that there are.
    """
    for part in parts().values():
        if name.lower() in (part.id, *part.aliases):
            return part
    known = ", ".join(f"{part.id} ({', '.join(part.aliases)})" for part in parts().values())
    raise BadInput(f"no part {name!r}: there are {known}; a new one is a file in hardware/fpga")


def find_preset(name: str) -> Constraints:
    """Return the constraints of this id.

    Raises BadInput with those that there are.
    """
    if name not in presets():
        raise BadInput(f"no preset {name!r}: there are {', '.join(presets())}; a new one is a file in hardware/fpga/presets")
    return presets()[name]


def read_part(file: Path) -> Part:
    """Read a part; every number has a unit and a source.

    Raises ProfileError naming file and key.
    """
    plain = _read(file, _PART, ("aliases",))
    if not isinstance(plain["aliases"], list) or not all(isinstance(alias, str) for alias in plain["aliases"]):
        raise ProfileError(f"{file}: aliases: give a list of names")
    numbers = {key: int(plain[key]["value"]) for key in _PART}
    return Part(plain["id"], plain["label"], tuple(plain["aliases"]), **numbers)


def read_preset(file: Path) -> Constraints:
    """Read constraints; every number has a unit and a source.

    Raises ProfileError naming file and key, BadInput for constraints that nothing can keep.
    """
    plain = _read(file, _PRESET, ())
    return Constraints(plain["id"], plain["label"], **{key: float(plain[key]["value"]) for key in _PRESET})


def files(path: Path) -> list[Path]:
    """Return the files of parts and presets that a path names: one of them, their folder, or a folder of hardware."""
    if path.is_dir():
        return sorted((path if path.name in _FOLDERS else path / _FOLDERS[0]).rglob("*.toml"))
    return [path] if path.suffix == ".toml" and path.resolve().parent.name in _FOLDERS else []


def faults(file: Path) -> list[str]:
    """Return the fault of a file of a part or a preset; none means good."""
    try:
        (read_preset if file.resolve().parent.name == _FOLDERS[1] else read_part)(file)
    except BadInput as error:
        return [str(error)]
    return []


def _read(file: Path, numbers: Mapping[str, str], others: tuple[str, ...]) -> dict[str, Any]:
    try:
        plain = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{file}: cannot be read as TOML ({error})") from error
    wanted = {"id", "label", "sources", *numbers, *others}
    if set(plain) != wanted:
        raise ProfileError(f"{file}: {', '.join(sorted(set(plain) ^ wanted))}: missing, or not known: keys are {sorted(wanted)}")
    if plain["id"] != file.stem or not isinstance(plain["label"], str) or not isinstance(plain["sources"], dict):
        raise ProfileError(f"{file}: id, label, sources: give the file's name, a text, a table")
    for key, unit in numbers.items():
        quantity = plain[key]
        if not isinstance(quantity, dict) or set(quantity) != {"value", "unit", "source"} or quantity["unit"] != unit:
            raise ProfileError(f'{file}: {key}: give {{ value = ..., unit = "{unit}", source = [...] }}')
        value = quantity["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ProfileError(f"{file}: {key}: value {value!r}: give a number from 0")
        if not quantity["source"] or not set(quantity["source"]) <= set(plain["sources"]):
            raise ProfileError(f"{file}: {key}: source {quantity['source']}: name entries of [sources]")
    unused = set(plain["sources"]) - {name for key in numbers for name in plain[key]["source"]}
    if unused:
        raise ProfileError(f"{file}: sources: {', '.join(sorted(unused))}: named by no number")
    return plain
