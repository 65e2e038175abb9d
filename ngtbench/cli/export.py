"""`ngtbench export`: record files in; a table, a summary or a JSON for other programs out."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ngtbench.report import exports
from ngtbench.report.frame import read_all


def command(
    files: Annotated[list[str], typer.Argument(help="Record files or folders of them; LABEL=FILE names a system")],
    to: Annotated[Path, typer.Option(metavar="FILE", help=f"What to write; its ending says how: {', '.join(exports.FORMATS)}")],
) -> int:
    """Write the file, for .json one per host where there are several, and print every path."""
    for path in exports.write(read_all(files), to):
        sys.stdout.write(f"{path}\n")
    return 0
