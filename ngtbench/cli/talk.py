"""Saying things to whoever listens: a reader that went away does not change an exit code."""

import os
import sys

from rich.console import Console


class Talk(Console):
    """A console that falls silent once nobody reads it: rich itself would end the process with 1, and 1 is a regression."""

    def on_broken_pipe(self) -> None:
        """Fall silent."""
        self.quiet = True


def say(words: str) -> None:
    """Write to stdout, or to nobody where its reader went away."""
    try:
        sys.stdout.write(words)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
