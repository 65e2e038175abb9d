"""Weights of families in an overall score: a file each, naming the use case and who asks."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path

from ngtbench import shipped
from ngtbench.errors import BadInput
from ngtbench.model.comparison import Weights

__all__ = ["Weights", "find", "known", "load"]

_KEYS = ("name", "use_case", "requester", "weights")


def known() -> tuple[str, ...]:
    """Return the names under which weights are shipped."""
    return tuple(sorted(path.stem for path in shipped.folder("weights").glob("*.toml")))


def find(name_or_path: str) -> Weights:
    """Return shipped weights by name, or those of a file, whose name says that they are a user's.

    Raises BadInput where it is neither, or where the file is faulty.
    """
    if name_or_path in known():
        return load(shipped.folder("weights") / f"{name_or_path}.toml")
    if not Path(name_or_path).is_file():
        raise BadInput(f"weights {name_or_path}: neither a file nor one of {', '.join(known())}")
    own = load(Path(name_or_path))
    return replace(own, name=f"{own.name} (a file of the user, not shipped)")  # it may be called as a shipped one is


def load(path: Path) -> Weights:
    """Read one file.

    Raises BadInput naming file and key where it is faulty.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable TOML: {error}") from error
    families = plain.get("weights", {})
    if not isinstance(families, dict):
        raise BadInput(f"{path}: weights: must be a table of families")
    for key, weight in [
        *((f"weights.{family}", weight) for family, weight in families.items()),
        ("other", plain.get("other", 1)),
    ]:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise BadInput(f"{path}: {key}: must be a number from 0 on, found {weight!r}")
    odd = [*(key for key in _KEYS if key not in plain), *(key for key in plain if key not in (*_KEYS, "other"))]
    if odd:
        raise BadInput(
            f"{path}: {odd[0]}: a file holds name, use_case, requester, [weights] and, if need be, other; nothing else"
        )
    for key in _KEYS[:3]:
        if not isinstance(plain[key], str) or not plain[key].strip():
            raise BadInput(f"{path}: {key}: must be a text, found {plain[key]!r}")
    weights = {family: float(weight) for family, weight in families.items()}
    made = Weights(plain["name"], plain["use_case"], plain["requester"], weights, float(plain.get("other", 1)))
    if not any((*weights.values(), made.other)):
        raise BadInput(f"{path}: weights: no family weighs anything")
    return made
