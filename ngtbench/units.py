"""The only place that scales numbers: SI in records, prefixes on pages and terminals."""

import math
import re

from ngtbench.errors import BadInput

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)
_DURATION_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def si(value: float | None, unit: str, digits: int = 3) -> str:
    """Write a value with a decimal prefix, e.g. si(3.35e12, "B/s") == "3.35 TB/s"; "–" for None or a non-number.

    A share without a unit has no prefix: si(0.97, "") == "0.97".
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return f"0 {unit}".strip()
    rounded = float(f"{value:.{digits}g}")
    if not unit and 1e-3 <= abs(rounded) < 1:  # a plain number: 0.97, not 970 m
        return f"{rounded:g}"
    scale, prefix = next(((s, p) for s, p in _PREFIXES if abs(rounded) >= s * (1 - 1e-12)), _PREFIXES[-1])
    return f"{_plain(rounded / scale, digits)} {prefix}{unit}".strip()


def binary_bytes(value: float | None) -> str:
    """Write bytes with a binary prefix, as memory and caches are sold: binary_bytes(2**35) == "32 GiB"."""
    if value is None:
        return "–"
    size, prefixes = float(value), ["", "Ki", "Mi", "Gi", "Ti", "Pi"]
    while abs(size) >= 1024 and len(prefixes) > 1:
        size, prefixes = size / 1024, prefixes[1:]
    return f"{_plain(size, 4)} {prefixes[0]}B"


def percent(fraction: float | None) -> str:
    """Write a fraction as a percentage with three digits; "–" for None."""
    return "–" if fraction is None or not math.isfinite(fraction) else f"{_plain(100 * fraction, 3)} %"


def duration_s(text: str) -> float:
    """Read "90", "90s", "10m" or "2h" as seconds.

    Raises BadInput for anything else, for zero and for negative durations.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(found[1]) * _DURATION_S[found[2] or "s"] if found else 0.0
    if not 0 < seconds < math.inf:
        raise BadInput(f"'{text}' is not a duration: write seconds, or a number with s, m or h, such as 90s or 10m")
    return seconds


def _plain(value: float, digits: int) -> str:
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
