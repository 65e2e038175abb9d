"""Figures that others published: shown apart, each with its source, never mixed with what was measured.

A file is TOML with one `[[figure]]` per number: hardware, what, value, unit, source.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ngtbench.errors import BadInput

_TEXTS = ("hardware", "what", "unit", "source")


@dataclass(frozen=True)
class Figure:
    """One published number."""

    hardware: str
    what: str
    value: float
    unit: str
    source: str


def load(folder: Path) -> tuple[Figure, ...]:
    """Read every file of a folder.

    Raises BadInput naming file and key where one is faulty.
    """
    return tuple(figure for path in sorted(folder.glob("*.toml")) for figure in _file(path))


def _file(path: Path) -> list[Figure]:
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable TOML: {error}") from error
    figures = plain.get("figure")
    if not isinstance(figures, list) or set(plain) != {"figure"}:
        raise BadInput(f"{path}: holds [[figure]] tables and nothing else, found {', '.join(plain) or 'nothing'}")
    return [_figure(path, number, one) for number, one in enumerate(figures, start=1)]


def _figure(path: Path, number: int, plain: object) -> Figure:
    where = f"{path}: figure {number}"
    if not isinstance(plain, dict) or set(plain) != {*_TEXTS, "value"}:
        raise BadInput(f"{where}: needs hardware, what, value, unit, source and nothing else")
    for key in _TEXTS:
        if not isinstance(plain[key], str) or not plain[key].strip():
            raise BadInput(f"{where}: {key}: must be a text that is not empty")
    value = plain["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{where}: value: must be a number, found {value!r}")
    return Figure(plain["hardware"], plain["what"], float(value), plain["unit"], plain["source"])
