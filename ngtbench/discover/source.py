"""Where discovery reads from: files, environment and commands of this host, or of a replayed one."""

import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ngtbench.discover.answers import Unread

_PATIENCE_S = 10.0


def run(command: Sequence[str]) -> str:
    """Return what a command prints on stdout.

    Raises Unread where it is absent, fails, or does not answer in time.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False)
    except FileNotFoundError as error:
        raise Unread("not on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise Unread(f"{command[0]} did not answer within {_PATIENCE_S:g} s") from error
    except OSError as error:
        raise Unread(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unread(said[0] if said else f"{command[0]} failed with status {done.returncode}")
    return done.stdout


@dataclass(frozen=True)
class Source:
    """One host as discovery sees it; tests hand over a folder of files instead of "/"."""

    root: Path = Path("/")
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    arch: str = field(default_factory=platform.machine)
    affinity: frozenset[int] = field(default_factory=lambda: frozenset(os.sched_getaffinity(0)))
    run: Callable[[Sequence[str]], str] = run

    def path(self, name: str) -> Path:
        """Return where the absolute path `name` of the host lies here."""
        return self.root / name.lstrip("/")

    def text(self, name: str) -> str:
        """Read a file whole, without its last newline.

        Raises Unread with the reason.
        """
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise Unread(_refusal(name, error)) from error

    def integer(self, name: str, base: int = 10) -> int:
        """Read a file that holds one integer.

        Raises Unread with the reason.
        """
        text = self.text(name)
        try:
            return int(text, base)
        except ValueError as error:
            raise Unread(f"{name} holds '{text[:40]}', not a number") from error

    def entries(self, folder: str, prefix: str = "") -> list[str]:
        """Return the names in a folder that are `prefix` and a number, by that number.

        Raises Unread with the reason.
        """
        try:
            names = [path.name for path in self.path(folder).iterdir()]
        except OSError as error:
            raise Unread(_refusal(folder, error)) from error
        found = [name for name in names if name.startswith(prefix) and name[len(prefix) :].isdecimal()]
        return sorted(found, key=lambda name: int(name[len(prefix) :]))

    def optional(self, name: str) -> str | None:
        """Read a file that need not be there: None where it is absent.

        Raises Unread where it is there and cannot be read.
        """
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unread(_refusal(name, error)) from error

    def exists(self, name: str) -> bool:
        """Tell whether a path is there and may be looked at."""
        try:
            return self.path(name).exists()
        except OSError:
            return False


def numbers(text: str) -> tuple[int, ...]:
    """Read a kernel list such as "0-3,8" as 0, 1, 2, 3, 8.

    Raises ValueError where it is none.
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first:
            found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _refusal(name: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{name} is absent"
    return f"{name}: {(error.strerror or type(error).__name__).lower()}"
