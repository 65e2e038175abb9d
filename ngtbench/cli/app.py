"""Wires verbs to functions and errors to exit codes: 0 good, 1 a check failed, 2 bad input, 3 nothing could run."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from ngtbench.cli import check, compare, discover, report
from ngtbench.cli import list as listing
from ngtbench.cli import run as running
from ngtbench.errors import NgtBenchError


def app() -> typer.Typer:
    """Return the command line with every verb."""
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

    verbs.command("discover", help="Show what this machine is, what could not be read, and why.")(_verb(discover.command))
    verbs.command("list", help="Show the workloads, and what can run here.")(_verb(listing.command))
    verbs.command("run", help="Run cases, judge every result, append records.")(_verb(running.command))
    verbs.command("check", help="Prove record files and hardware files, or folders of them.")(_verb(check.command))
    verbs.command("compare", help="Ratio per case of each file over the first, or why there is none.")(_verb(compare.command))
    verbs.command("report", help="Write one self-contained HTML page.")(_verb(report.command))
    return verbs


def run() -> int:
    """Run one verb and return the exit code; an error becomes one message, never a traceback."""
    try:
        app()()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except NgtBenchError as error:
        sys.stderr.write(f"ngtbench: {error}\n")
        return 2
    except BrokenPipeError:  # the reader of a pipe had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _verb(body: Callable[..., int | None]) -> Callable[..., None]:
    """Turn the code a verb returns into the process's: typer itself drops it."""

    @functools.wraps(body)
    def verb(*args: Any, **kwargs: Any) -> None:
        raise typer.Exit(body(*args, **kwargs) or 0)

    return verb
