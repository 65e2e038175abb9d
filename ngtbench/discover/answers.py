"""Values that may be unread: asking for them one by one, and proving that each unknown has its reason."""

import dataclasses
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class Unread(Exception):
    """A value that could not be read; the message is the reason a user sees."""


class Answers:
    """Asks for values one by one: what cannot be read is None, and `missing` says why."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}

    def __call__(self, name: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `read(*args)` returns, or None with the reason under `name`."""
        try:
            return read(*args, **kwargs)
        except Unread as error:
            self.missing[name] = str(error)
        except (ValueError, LookupError, ArithmeticError, OSError) as error:  # a format that no kernel or driver documents
            self.missing[name] = f"not understood: {type(error).__name__}: {error}"
        return None


def unexplained(part: Any, path: str = "") -> list[str]:
    """Return every None in a machine, or a part of it, whose reason is not given in `missing`.

    A part without `missing` of its own, such as a cache, is explained in its owner's, as "caches.0.line_b".
    """
    found: list[str] = []
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        items = {f"{field.name}.{n}": item for n, item in enumerate(value)} if isinstance(value, tuple) else {field.name: value}
        for name, item in items.items():
            if item is None:
                found += [f"{path}{name}"] if name not in part.missing else []
            elif hasattr(item, "missing"):
                found += unexplained(item, f"{path}{name}.")
            elif dataclasses.is_dataclass(item) and field.name != "matches":  # a match has its own `reason`
                inner = [f"{name}.{f.name}" for f in dataclasses.fields(item) if getattr(item, f.name) is None]
                found += [f"{path}{key}" for key in inner if key not in part.missing]
    return found
