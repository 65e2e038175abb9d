"""`ngtbench report`: record files in; one self-contained page out, as HTML, as PDF, and as a bundle that makes it again."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ngtbench import shipped
from ngtbench.analysis.comparable import ACCEPTABLE
from ngtbench.discover import profiles
from ngtbench.errors import BadInput, RecordError, Unavailable
from ngtbench.report import anonymise as names
from ngtbench.report import bundle as bundles
from ngtbench.report import html as pages
from ngtbench.report import pdf as prints
from ngtbench.report import prices as costs
from ngtbench.report import published
from ngtbench.report import weights as shares
from ngtbench.report.arguments import accepted, sides
from ngtbench.report.html import Report
from ngtbench.store.read import Reading, read


def command(
    files: Annotated[list[str], typer.Argument(help="Record files or folders of them; LABEL=FILE names a system")],
    html: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for index.html, made if need be")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Print the page, with a Chromium that is here")] = None,
    bundle: Annotated[Path | None, typer.Option(metavar="ZIP", help="All it is made of, and a script that makes it")] = None,
    weights: Annotated[str, typer.Option(metavar="NAME|FILE", help="Weights of the families")] = "equal",
    reference: Annotated[str | None, typer.Option(metavar="SYSTEM", help="What speeds are divided by; else the first")] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="WHAT", help=f"Compare in spite of {', '.join(ACCEPTABLE)}")] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="What systems cost: adds speed per price")] = None,
    anonymise: Annotated[bool, typer.Option("--anonymise", help="Replace vendors, products, hosts and people")] = False,
) -> int:
    """Write what was asked for and print each path; exit 1 if a faulty file was left out, 3 without a browser to print with."""
    if html is None and pdf is None and bundle is None:
        raise BadInput("say what to write: --html DIR, --pdf FILE, --bundle ZIP, or several of them")
    given = _given(files, weights, reference, accepted(accept or ()), prices)
    originals = [reading.path for reading in given.readings]
    plain = replace(given, readings=bundles.named(given.readings))
    report = names.anonymised(plain) if anonymise else plain
    report = replace(report, command=_words(report))
    page = pages.render(report)
    if html is not None:
        sys.stdout.write(f"{pages.write(page, html)}\n")
    if bundle is not None:
        bundles.write(report, page, originals, bundle)
        sys.stdout.write(f"{bundle}\n")
    printed = 0 if pdf is None else _printed(page, pdf)
    return 1 if report.left_out else printed


def _given(files: list[str], weights: str, reference: str | None, accept: frozenset[str], prices: Path | None) -> Report:
    """Read everything that was asked for; the weights asked for come first, then all others that are shipped."""
    sides_ = list(dict.fromkeys(zip(*sides(files), strict=True)))
    readings, labels, left_out = _read(sides_)
    asked = shares.find(weights)
    others = [shares.find(name) for name in shares.known()]
    costing = costs.load(prices) if prices else ()
    if prices:
        costs.known(costing, names.system_names(readings, labels), prices)
    return Report(
        readings=readings,
        labels=labels,
        profiles=profiles.load(),
        published=published.load(shipped.folder("published")),
        weights=[asked, *(one for one in others if one.name != asked.name)],
        reference=reference,
        accept=accept,
        prices=costing,
        left_out=left_out,
    )


def _read(asked: list[tuple[Path, str | None]]) -> tuple[list[Reading], list[str | None], list[str]]:
    """Return the readings with their labels, and of every file that is faulty its name and first fault.

    Raises RecordError where all are.
    """
    readings, labels, faults = list[Reading](), list[str | None](), dict[Path, RecordError]()
    for path, label in asked:
        try:
            readings.append(read(path))
            labels.append(label)
        except RecordError as error:
            faults[path] = error
    if not readings:
        raise next(iter(faults.values()))
    sys.stderr.writelines(f"ngtbench: left out: {fault}\n" for fault in faults.values())
    return readings, labels, [str(fault).replace(str(path), path.name) for path, fault in faults.items()]


def _words(report: Report) -> str:
    """Return the command line that makes this report, with the names that the page and its bundle use."""
    files = [f"records/{reading.path.name}" for reading in report.readings]
    sides_ = [file if label is None else f"{label}={file}" for file, label in zip(files, report.labels, strict=True)]
    words = [
        "ngtbench",
        "report",
        *sides_,
        "--weights",
        weighed if (weighed := report.weights[0].name) in shares.known() else "weights.toml",
    ]
    words += ["--reference", report.reference] if report.reference else []
    words += [word for one in sorted(report.accept) for word in ("--accept", one)]
    words += ["--prices", "prices.toml"] if report.prices else []
    return shlex.join([*words, *(["--anonymise"] if report.anonymised else [])])


def _printed(page: str, path: Path) -> int:
    try:
        sys.stdout.write(f"{prints.write(page, path)}\n")
    except Unavailable as error:
        sys.stderr.write(f"ngtbench: {path}: not written: {error}\n")
        return 3
    return 0
