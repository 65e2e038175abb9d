"""One self-contained page from record files: no network, no code from records, readable without JavaScript."""

import base64
import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ngtbench import __version__
from ngtbench.analysis.compare import compare, score
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.machine import HardwareProfile
from ngtbench.report import figures, hardware, provenance, summary, tables
from ngtbench.report.figures import Figure
from ngtbench.report.published import Figure as Published
from ngtbench.report.systems import System, systems
from ngtbench.report.tables import Table
from ngtbench.report.weights import Weights
from ngtbench.store.read import Reading

_HERE = Path(__file__).parent
_JSON = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
Section = tuple[str, str, Sequence[Table | Figure]]  # id, heading, parts


def write(page: str, folder: Path) -> Path:
    """Write the page to `folder/index.html`, making the folder.

    Raises BadInput where that cannot be written.
    """
    path = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}; choose another folder with --html") from error
    return path


def render(
    readings: Sequence[Reading],
    profiles: Mapping[str, HardwareProfile],
    published: Sequence[Published],
    weights: Weights,
) -> str:
    """Return the page.

    Raises Unavailable where plotly or jinja2 is missing.
    """
    for package in ("jinja2", "plotly"):
        if importlib.util.find_spec(package) is None:
            raise Unavailable(f"package {package} is not installed, and a page needs it", "pip install 'ngtbench[report]'")
    import jinja2
    from plotly.offline import get_plotlyjs

    found = systems(readings, profiles)
    plotly = get_plotlyjs().replace("\r", "")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html").render(
        title=f"ngtbench: {', '.join(system.label for system in found) or 'no machine'}",
        version=__version__,
        summaries=[(system.label, summary.facts(system)) for system in found],
        sections=_sections(readings, found, published, weights),
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        scripts=[plotly, script],
        hashes=[_hash(plotly), _hash(script)],
        is_figure=lambda part: isinstance(part, Figure),
        json=embedded,
        weights=weights,
    )


def _sections(
    readings: Sequence[Reading], found: Sequence[System], published: Sequence[Published], weights: Weights
) -> list[Section]:
    families: list[Table | Figure] = []
    for table in tables.families(found):
        drawn = figures.shares(table.id.removeprefix("family-"), found)
        families += [table, *([drawn] if drawn else [])]
    families = families or [Table("families", "Families", (), (), empty="No case was measured and proved right.")]
    roofs = [figure for system in found for figure in figures.rooflines(system)]
    steady = [figure for system in found if (figure := figures.spread(system)) is not None]
    return [
        ("machine", "Machines", [hardware.machines(found), hardware.devices(found), hardware.missing(found)]),
        ("measured-limits", "Measured limits", [hardware.limits(found), *roofs]),
        ("results", "Results", families),
        *([("comparisons", "Comparison", _comparisons(found, weights))] if len(found) > 1 else []),
        ("not-ranked", "Wrong, failed, skipped", provenance.endings(found)),
        ("steadiness", "Steadiness of the samples", steady),
        ("published-figures", "Published figures", [provenance.published(published)]),
        ("provenance", "Provenance", [provenance.files(readings), provenance.runs(found)]),
    ]


def _comparisons(found: Sequence[System], weights: Weights) -> list[Table | Figure]:
    parts: list[Table | Figure] = []
    for number, other in enumerate(found[1:], start=1):
        ratios = compare(found[0].results, other.results)
        drawn = figures.ratios(ratios, number, found[0].label, other.label)
        mean = score(ratios, weights.families, weights.name)
        parts += [tables.comparison(found[0], other, ratios, number), *([drawn] if drawn else []), tables.score(mean, number)]
    return parts


def _breakable(words: str) -> Any:
    """Return text, escaped, that may break after a slash as case ids do, but not in a rate."""
    from markupsafe import Markup, escape

    together = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", str(escape(words)))
    return Markup(re.sub(r"/(?!s\b)", "/<wbr>", together))


def embedded(figure: Figure) -> str:
    """Return a figure as JSON that can stand in a script element: no text in it ends the element or opens a comment."""
    plain = {"data": figure.data, "layout": figure.layout}
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).translate(_JSON)


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
