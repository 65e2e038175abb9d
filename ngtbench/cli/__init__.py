"""The command line: a file per verb; the only place that prints and exits."""

import sys


def main() -> None:
    """Run `ngtbench`; --version answers before anything heavy is imported."""
    if sys.argv[1:] == ["--version"]:
        from ngtbench import __version__

        print(f"ngtbench {__version__}")  # noqa: T201 - the command line prints
        return
    from ngtbench.cli.app import run

    sys.exit(run())
