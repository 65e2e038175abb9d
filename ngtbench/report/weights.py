"""Weights of families in an overall mean, a file each."""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ngtbench.errors import BadInput


@dataclass(frozen=True)
class Weights:
    """A family not in `families` weighs 1."""

    name: str
    use_case: str
    families: dict[str, float]


def load(path: Path) -> Weights:
    """Read one file.

    Raises BadInput naming file and key where it is faulty.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable TOML: {error}") from error
    if set(plain) != {"name", "use_case", "weights"} or not isinstance(plain["weights"], dict):
        raise BadInput(f"{path}: holds name, use_case and [weights], found {', '.join(plain) or 'nothing'}")
    for family, weight in plain["weights"].items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise BadInput(f"{path}: weights.{family}: must be a number from 0 on, found {weight!r}")
    return Weights(str(plain["name"]), str(plain["use_case"]), {family: float(w) for family, w in plain["weights"].items()})
