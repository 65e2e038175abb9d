"""Files that appear whole or not at all: written beside their place, then renamed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ngtbench.errors import BadInput


@contextlib.contextmanager
def draft(path: Path, option: str) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` where the body ends well; folders are made, nothing else is left behind.

    Raises BadInput where that cannot be written; `option` names what to choose another place with.
    """
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror or error}; choose another place with {option}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
