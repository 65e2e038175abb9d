"""Finds the data files that travel with the package: in an installed wheel, or in the checkout."""

from pathlib import Path

from ngtbench.errors import NgtBenchError

_PLACES = {"hardware": "hardware", "weights": "reports/weights", "published": "reports/published", "schema": "docs/schema"}


def folder(kind: str) -> Path:
    """Return the folder of "hardware", "weights", "published" or "schema" files.

    Raises NgtBenchError where the installation lost it.
    """
    package = Path(__file__).parent
    for place in (package / "data" / kind, package.parent / _PLACES[kind]):
        if place.is_dir():
            return place
    raise NgtBenchError(f"the installation lacks its {kind} files ({package / 'data' / kind}): install ngtbench again")
