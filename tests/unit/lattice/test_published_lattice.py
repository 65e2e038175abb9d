"""The published lattice figures load, are in SI, sourced, and listed once."""

from ngtbench import shipped
from ngtbench.report import published

# What is possible for a node in each unit: catches a factor of a thousand.
PLAUSIBLE = {"FLOP/s": (1e10, 1e14), "B/s": (1e11, 1e14), "s": (1, 1e5), "ratio": (0.1, 100)}


def test_lattice_figures() -> None:
    figures = [
        figure for figure in published.load(shipped.folder("published")) if "hopping" in figure.what or "wilson" in figure.what
    ]
    assert len(figures) >= 21
    assert len({(figure.hardware, figure.what) for figure in figures}) == len(figures)
    for figure in figures:
        low, high = PLAUSIBLE[figure.unit]
        assert low <= figure.value <= high, figure
        assert "github.com" in figure.source
