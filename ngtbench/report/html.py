"""One self-contained page from record files: no network, no code from records, readable without JavaScript."""

import base64
import gzip
import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngtbench import __version__
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.comparison import Weights
from ngtbench.model.machine import HardwareProfile
from ngtbench.report import answers
from ngtbench.report.chapters import Chapter, Origin, chapters
from ngtbench.report.figures import Figure
from ngtbench.report.findings import Findings, find
from ngtbench.report.overview import Overview, overview
from ngtbench.report.published import Figure as Published
from ngtbench.report.shown import CUT, Anchors, shown
from ngtbench.report.systems import systems
from ngtbench.report.tables import Table
from ngtbench.store.read import Reading

_HERE = Path(__file__).parent
_JSON = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@dataclass(frozen=True)
class Report:
    """What a page is made of; `labels` names the system of each reading, the first weights are the ones asked for."""

    readings: Sequence[Reading]
    labels: Sequence[str | None]
    profiles: Mapping[str, HardwareProfile]
    published: Sequence[Published]
    weights: Sequence[Weights]
    reference: str | None = None  # label of a system; None: the first
    accept: frozenset[str] = frozenset()
    prices: Sequence[Any] = ()
    command: str = ""
    anonymised: Sequence[str] = ()  # what was replaced, in words
    left_out: Sequence[str] = ()  # files with faults: "file:line: key: what is wrong"


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


def render(report: Report) -> str:
    """Return the page: the same report gives the same page, bit for bit.

    Raises Unavailable where plotly or jinja2 is missing, BadInput where the reference names no system.
    """
    for package in ("jinja2", "plotly"):
        if importlib.util.find_spec(package) is None:
            raise Unavailable(f"package {package} is not installed, and a page needs it", "pip install 'ngtbench[report]'")
    found = systems(report.readings, report.profiles, report.labels)
    if not found:
        raise BadInput("these files hold no machine: there is nothing to report")
    findings = find(found, report.reference, report.weights, report.accept)
    origin = Origin(report.readings, report.command, report.anonymised, report.published)
    above = overview(findings, report.accept, report.left_out)
    return _page(findings, above, chapters(findings, report.weights, report.prices, origin))


def embedded(figure: Figure, places: dict[str, int]) -> str:
    """Return a figure as JSON that can stand in a script element: no text in it ends the element or opens a comment.

    Labels, which traces and charts repeat, become places in the words of the page, in `told` of their trace; new ones are added.
    """
    data = []
    for trace in figure.data:
        labels = {key: value for key, value in trace.items() if isinstance(value, list) and isinstance((value or [0])[0], str)}
        told = {key: [places.setdefault(words, len(places)) for words in value] for key, value in labels.items()}
        data.append({key: value for key, value in trace.items() if key not in told} | {"told": told})
    return _script({"data": data, "layout": figure.layout})


def _script(plain: object) -> str:
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).translate(_JSON)


def _page(findings: Findings, above: Overview, made: Sequence[Chapter]) -> str:
    import jinja2
    from plotly.offline import get_plotlyjs

    script = (_HERE / "page.js").read_text(encoding="utf-8")
    plotly = get_plotlyjs()
    charts = any(isinstance(part, Figure) for chapter in made for part in chapter.parts)
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, finalize=_finalized
    )
    environment.filters.update(breakable=_breakable, ended=_ended)
    places: dict[str, int] = {}
    names = [shown(system.label) for system in findings.systems]
    synthetic = any(system.synthetic for system in findings.systems)
    return environment.get_template("page.html").render(
        title=f"{'SYNTHETIC: ' if synthetic else ''}ngtbench: {', '.join(names)}",
        synthetic=synthetic,
        version=__version__,
        overview=above,
        cards=answers.cards(findings),
        chapters=made,
        anchors=Anchors(),
        homes=_homes(made),
        choices=_choices(findings),
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        packed=base64.b64encode(gzip.compress(plotly.encode(), 9, mtime=0)).decode() if charts else "",
        hashes=[_hash(plotly), _hash(script)],
        is_figure=lambda part: isinstance(part, Figure),
        json=lambda part: embedded(part, places),
        words=lambda: _script(list(places)),
    )


def _homes(made: Sequence[Chapter]) -> set[str]:
    """Return the cases that have a heading of their own, to which links point."""
    tables = [part for chapter in made for part in chapter.parts if isinstance(part, Table) and part.by_case]
    return {row.case.id for table in tables for row in table.rows if row.case}


def _choices(findings: Findings) -> dict[str, list[tuple[str, str]]]:
    """Return what the filters offer: (value, words) each."""
    cases = {result.case for system in findings.systems for result in system.results}
    return {
        "s": [(str(number), system.label) for number, system in enumerate(findings.systems)],
        "f": [(name, name) for name in sorted({shown(case.workload.partition("/")[0]) for case in cases})],
        "d": [(name, name) for name in sorted({shown(case.dtype) for case in cases})],
        "t": [(name, name) for name in ("done", "wrong", "failed", "skipped")],
    }


def _finalized(value: Any) -> Any:
    """Make visible what a text from records hides, before it is escaped; markup of our own stays."""
    return shown(value) if type(value) is str else value


def _breakable(words: str, cut: int = CUT) -> Any:
    """Return text, escaped and cut, of which long words may break after a slash, as case ids do."""
    from markupsafe import Markup, escape

    together = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", str(escape(shown(words, cut))))
    return Markup(re.sub(r"\S{20,}", lambda word: word[0].replace("/", "/<wbr>"), together))


def _ended(case: str) -> Any:
    """Return a case id, escaped and cut, that may break before its end only: links are many, and such marks add up."""
    from markupsafe import Markup, escape

    return Markup("/<wbr>").join(map(escape, shown(case).rsplit("/", 1)))


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
