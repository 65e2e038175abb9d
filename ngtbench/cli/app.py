"""Wires verbs to functions and errors to exit codes: 0 good, 1 a check failed, 2 bad input, 3 nothing could run."""

import functools
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import typer

from ngtbench.errors import NgtBenchError

VERBS = {
    "discover": "Show what this machine is, what could not be read, and why.",
    "list": "Show the workloads, and what can run here.",
    "kernels": "Show the traced kernels, what compilers make of them, and the text of one.",
    "run": "Run cases, judge every result, append records.",
    "gate": "Tell whether a revision is slower than another: pass, fail or inconclusive.",
    "machine": "Write this machine's file for asv.",
    "check": "Prove record files and hardware files, or folders of them.",
    "compare": "Ratio per case of each file over the first, or why there is none.",
    "export": "Write records as a table, a summary or a JSON for other programs.",
    "report": "Write one self-contained HTML page.",
    "schedule": "Model how many devices a node is worth for a graph of algorithms.",
    "fpga": "Estimate what a quantised network takes of an FPGA, and hold it against circuits.",
}


def app(words: list[str]) -> typer.Typer:
    """Return the command line; of the verbs only the one asked for is imported, all of them for help."""
    verbs = typer.Typer(
        name="ngtbench",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @verbs.callback()
    def root(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
        """Discover this machine, run validated benchmarks on it, compare machines."""

    for verb in [word for word in words[:1] if word in VERBS] or VERBS:
        module = importlib.import_module(f"ngtbench.cli.{verb}")
        if hasattr(module, "VERBS"):
            verbs.add_typer(_group(verb, module.VERBS, words[1:2]), name=verb, help=VERBS[verb])
        else:
            verbs.command(verb, help=VERBS[verb])(_exiting(module.command))
    return verbs


def _group(verb: str, inner: Mapping[str, str], words: list[str]) -> typer.Typer:
    """Return a verb of verbs, each a file `verb_inner.py`."""
    group = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    for name in [word for word in words if word in inner] or inner:
        body = importlib.import_module(f"ngtbench.cli.{verb}_{name}").command
        group.command(name, help=inner[name])(_exiting(body))
    return group


def run() -> int:
    """Run one verb and return the exit code; an error becomes one message, never a traceback."""
    try:
        app(sys.argv[1:])()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except NgtBenchError as error:
        sys.stderr.write(f"ngtbench: {error}\n")
        return 2
    except BrokenPipeError:  # the reader of a pipe had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except Exception:  # noqa: BLE001 - Python's own exit code of a crash is 1, and 1 says that a check failed
        traceback.print_exc()
        return 2
    return 0


def _exiting(body: Callable[..., int | None]) -> Callable[..., None]:
    """Turn the code a verb returns into the process's: typer itself drops it."""

    @functools.wraps(body)
    def verb(*args: Any, **kwargs: Any) -> None:
        raise typer.Exit(body(*args, **kwargs) or 0)

    return verb
