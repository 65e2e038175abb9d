"""`ngtbench report`: record files in, one self-contained page out."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ngtbench import shipped
from ngtbench.discover import profiles
from ngtbench.report import html as page
from ngtbench.report import published, weights
from ngtbench.store.read import read


def command(
    files: Annotated[list[Path], typer.Argument(help="Record files that ngtbench run wrote")],
    html: Annotated[Path, typer.Option("--html", metavar="DIR", help="Folder for index.html, made if it is not there")],
) -> int:
    """Write the page and print its path."""
    readings = [read(path) for path in dict.fromkeys(files)]
    figures = published.load(shipped.folder("published"))
    equal = weights.load(shipped.folder("weights") / "equal.toml")
    path = page.write(page.render(readings, profiles.load(), figures, equal), html)
    sys.stdout.write(f"{path}\n")
    return 0
