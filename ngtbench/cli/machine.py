"""`ngtbench machine`: files that tell other tools what this machine is."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ngtbench.adapters.identity import asv_entry
from ngtbench.discover.machine import discover
from ngtbench.errors import BadInput

_VERSION = 1  # of asv's file


def command(
    asv: Annotated[bool, typer.Option("--asv", help="asv's machine file, with what stays the same about the GPUs")] = False,
    file: Annotated[Path | None, typer.Option(help="File to write; default ~/.asv-machine.json, where asv looks")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the entry and write nothing")] = False,
) -> int:
    """Write this machine's entry and keep those of others."""
    if not asv:
        raise BadInput("say for which tool: ngtbench machine --asv")
    entry = asv_entry(discover())
    if as_json:
        sys.stdout.write(json.dumps(entry, indent=4) + "\n")
        return 0
    path = (file or Path("~/.asv-machine.json").expanduser()).resolve()
    merge(path, entry)
    sys.stderr.write(f"{path}: {entry['machine']}: {entry['cpu']}, GPUs: {entry['gpu_count']} ({entry['gpu']})\n")
    return 0


def merge(path: Path, entry: dict[str, str]) -> None:
    """Put an entry into a machine file, in place of the one of its name; the file changes as a whole or not at all.

    Raises BadInput where the file is none of asv's, or cannot be written.
    """
    entries = _read(path)
    text = json.dumps({**entries, entry["machine"]: entry, "version": _VERSION}, indent=4, sort_keys=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise BadInput(
            f"{path}: cannot be written: {error.strerror}; choose another place with --file X/.asv-machine.json "
            "and run asv with HOME=X"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    remedy = "repair it, or move it away and run this again"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # not JSON, or not UTF-8
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise BadInput(f"{path}:{line}: not JSON: {error}; {remedy}") from error
    if not isinstance(entries, dict) or entries.get("version") != _VERSION:
        raise BadInput(f"{path}:1: version: no machine file of asv's version {_VERSION}; {remedy}")
    for name, known in entries.items():
        if name != "version" and not isinstance(known, dict):
            raise BadInput(f"{path}:1: {name}: not a machine's entry but {known!r:.40}; {remedy}")
    return entries
