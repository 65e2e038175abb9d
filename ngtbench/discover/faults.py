"""Checking hardware files: every fault as "file:line: key: what is wrong, and the remedy"."""

import json
import re
import tomllib
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ngtbench.discover import proof, rules
from ngtbench.model.machine import HardwareProfile

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
_KEY = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_PATH = re.compile(rf"{_KEY}(?:\s*\.\s*{_KEY})*")


def check(path: Path) -> list[str]:
    """Return every fault of a hardware file, or of all in a folder; none means good."""
    return examine(path)[1]


def examine(path: Path) -> tuple[dict[str, HardwareProfile], list[str]]:
    """Return the profiles that are well formed, by id, and every fault."""
    adapter = TypeAdapter(tuple[HardwareProfile], config=_STRICT)  # a dataclass by itself cannot be given a config
    profiles: dict[Path, HardwareProfile] = {}
    texts: dict[Path, str] = {}
    found: list[str] = []
    for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
        try:
            texts[file] = file.read_text(encoding="utf-8")
        except OSError as error:
            found.append(f"{file}:1: file: cannot be read ({error.strerror}): make it readable")
        except UnicodeDecodeError as error:
            found.append(f"{file}:1: file: byte {error.start} is not UTF-8 text: save it as UTF-8")
        else:
            profile, faults = _profile(file, texts[file], adapter)
            found += faults
            if profile:
                profiles[file] = profile
    for (one, a), (other, b) in combinations(profiles.items(), 2):
        shared = rules.clash(a, b)
        if shared:
            key, value = shared
            what = f"a device {value} can match {other} too: add what tells them apart, or remove it from one"
            found.append(f"{one}:{line(texts[one], key.split('.'))}: {key}: {what}")
    return {profile.id: profile for profile in profiles.values()}, found


def line(text: str, path: Sequence[str]) -> int:
    """Return the line where a key of a TOML text stands, or the nearest table around it."""
    table: tuple[str, ...] = ()
    best, depth = 1, 0
    for number, content in enumerate(text.splitlines(), start=1):
        header = re.match(rf"\s*\[+\s*({_PATH.pattern})\s*\]", content)
        entry = re.match(rf"\s*({_PATH.pattern})\s*=", content)
        if header:
            found = table = _keys(header[1])
        elif entry:
            found = table + _keys(entry[1])
        else:
            continue
        if len(found) > depth and tuple(path[: len(found)]) == found:
            best, depth = number, len(found)
    return best


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


def _profile(file: Path, text: str, adapter: TypeAdapter[tuple[HardwareProfile]]) -> tuple[HardwareProfile | None, list[str]]:
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_unparsed(file, text, str(error))]
    try:
        profile = adapter.validate_json(json.dumps([_with_nulls(plain)], default=str))[0]
    except ValidationError as error:
        return None, [_misfit(file, text, fault) for fault in error.errors(include_url=False)]
    faults = sorted((line(text, path), ".".join(path), what) for path, what in proof.faults(profile, file.stem))
    return profile, [f"{file}:{number}: {key}: {what}" for number, key, what in faults]


def _unparsed(file: Path, text: str, message: str) -> str:
    lines = text.splitlines() or [""]
    at = re.search(r"\(at line (\d+), column (\d+)\)", message)
    number = int(at[1]) if at else len(lines)
    key = re.match(rf"\s*\[*\s*({_PATH.pattern})", lines[min(number, len(lines)) - 1])
    what = re.sub(r"\s*\(at .*\)", "", message)
    return (
        f"{file}:{number}: {key[1] if key else 'file'}: not TOML: {what}{f' at column {at[2]}' if at else ''}: correct this line"
    )


def _misfit(file: Path, text: str, fault: Any) -> str:
    path = [str(key) for key in fault["loc"][1:]]
    if fault["type"] == "missing":
        what = "missing: add it"
    elif fault["type"] == "unexpected_keyword_argument":
        what = "no such key: remove it, or correct its spelling"
    else:
        what = f"{fault['msg']}, found {str(fault['input'])[:60]!r}: correct the value"
    return f"{file}:{line(text, path)}: {'.'.join(path) or 'file'}: {what}"


def _with_nulls(plain: Any) -> Any:
    """Give every quantity without a value the null that TOML cannot write."""
    if not isinstance(plain, dict):
        return plain
    filled = {key: _with_nulls(value) for key, value in plain.items()}
    return {"value": None, **filled} if "unit" in filled else filled
