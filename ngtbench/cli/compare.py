"""`ngtbench compare`: the ratio per case of each side over the first, with its interval, or why there is none."""

import json as json_module
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ngtbench import shipped
from ngtbench.analysis.compare import compare, score
from ngtbench.analysis.ratio import CLEAR, STATED_SPREAD
from ngtbench.analysis.statistics import repeatability
from ngtbench.errors import BadInput, Incomparable
from ngtbench.model.comparison import Comparison, Result
from ngtbench.report import arguments, ratios, weights
from ngtbench.report.findings import KINDS
from ngtbench.report.ratios import Ratios
from ngtbench.report.systems import System, systems
from ngtbench.store.read import read
from ngtbench.units import percent

WITHIN_JOB = f"a ratio of {math.exp(CLEAR * math.sqrt(2) * STATED_SPREAD):.3f}"


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="A B ...",
            help="Record files, folders of one machine's jobs, or LABEL=FILE or FOLDER (equal labels are one side);"
            " the first is what the others are divided by",
        ),
    ],
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Compare although: deviations, shared, unconverged or threads differ; said beside each ratio"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print ratios; an error where not one case is comparable."""
    accepts = arguments.accepted(accept or ())
    paths, labels = _sides(files)
    found = systems([read(path) for path in paths], {}, labels)
    if len(found) < 2:
        raise BadInput(f"{', '.join(files)}: a comparison needs two sides or more: ngtbench compare A.jsonl B.jsonl")
    pairs = [(other, _tables(found[0], other, accepts)) for other in found[1:]]
    if json:
        document = ratios.document(found[0], pairs, accepts)
        sys.stdout.write(json_module.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        for other, tables in pairs:
            _print(found[0], other, tables)
    if not any(table.mean.cases for _, tables in pairs for table in tables):
        raise Incomparable(f"no case of {', '.join(files[1:])} is comparable with {files[0]}: the reasons are above")
    return 0


def _sides(files: Sequence[str]) -> tuple[list[Path], list[str | None]]:
    """Return files and labels; what has no label is a side of its own, called by its stem, or in full where two share one."""
    paths: list[Path] = []
    labels: list[str | None] = []
    parted = [arguments.sides([argument]) for argument in files]
    stems = Counter(Path(argument).resolve().stem for argument in files)
    taken = Counter[str](label for _, own in parted for label in set(own) if label is not None)
    for argument, (found, own) in zip(files, parted, strict=True):
        if own[0] is None:
            stem = Path(argument).resolve().stem
            name = stem if stems[stem] == 1 and not taken[stem] else argument
            taken[name] += 1
            own = [name if taken[name] == 1 else f"{name} ({taken[name]})"] * len(found)
        paths += found
        labels += own
    return paths, labels


def _tables(a: System, b: System, accept: frozenset[str]) -> list[Ratios]:
    """Return the tables of two systems, those of a tier that neither has left out."""
    equal = weights.load(shipped.folder("weights") / "equal.toml")
    made = []
    for tier, best in KINDS:
        rows = compare(a.results, b.results, best=best, tier=tier, accept=accept)
        if rows:
            made.append(Ratios(tier, best, rows, score(rows, equal.families, equal.name)))
    return made


def _print(a: System, b: System, tables: Sequence[Ratios]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"A {_files(a)}\nB {_files(b)}\nB over A: above 1, B is better", markup=False)
    for table in tables:
        out.print(f"\n{_title(table)}", markup=False)
        _print_rows(out, table.rows)
        _print_summary(out, table)


def _print_rows(out: Console, rows: Sequence[Comparison]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("case", "B over A", "95 % interval", "verdict", "beside it"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "beside it")
    apart: dict[str, list[str]] = {}
    for one in rows:
        if one.ratio is None:
            apart.setdefault(one.reason or "", []).append(one.case.id)
            continue
        interval = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else "none"
        words = "\n".join(dict.fromkeys((f"{_place(one.a)} against {_place(one.b)}", _basis(one), *one.notes)))
        table.add_row(*map(escape, (one.case.id, f"{one.ratio:.3f}", interval, _verdict(one), words)))
    if table.row_count:
        out.print(table, soft_wrap=False)
    for reason, cases in apart.items():
        out.print(f"not comparable, {reason}: {', '.join(cases)}", markup=False)


def _print_summary(out: Console, table: Ratios) -> None:
    for family, (value, count) in table.mean.families.items():
        out.print(f"{family}: {value:.3f}, geometric mean of {_cases(count)}", markup=False)
    mean = table.mean
    if mean.overall is None:
        return
    out.print(f"all families, weights {mean.weights}: {mean.overall:.3f}, {_cases(mean.cases)}", markup=False)
    chance = f"of equal systems {table.by_chance:.1f} of {table.intervals} intervals would exclude 1 by chance"
    out.print(
        f"{mean.distinct} told apart, over all comparisons of this table together (Holm, 5 %); {chance};"
        f" {mean.incomparable} not comparable",
        markup=False,
    )
    if any(one.distinct is not None and one.basis != "between jobs" for one in table.rows):
        out.print(f"within one job: told apart only beyond {WITHIN_JOB} and three times what launches spread", markup=False)
    compared = [one for one in table.rows if one.ratio is not None]
    spreads = (("A", _repeatability(one.a for one in compared)), ("B", _repeatability(one.b for one in compared)))
    said = ", ".join(f"{side} {percent(spread)}" for side, spread in spreads if spread is not None)
    if said:
        out.print(f"repeatability, (p95 - p5) / median of launches, median of cases: {said}", markup=False)


def _title(table: Ratios) -> str:
    what = "best implementation of each problem and kind of device" if table.best else "like for like, the same implementation"
    return f"{table.tier}, {what}"


def _verdict(one: Comparison) -> str:
    if one.distinct is None or one.ratio is None:
        return "no interval"
    return "not distinguishable" if not one.distinct else "B faster" if one.ratio > 1 else "A faster"


def _basis(one: Comparison) -> str:
    jobs = [len(result.jobs) if result else 0 for result in (one.a, one.b)]
    return f"{one.basis}, {jobs[0]} and {jobs[1]} jobs" if one.basis == "between jobs" else one.basis


def _repeatability(results: Iterable[Result | None]) -> float | None:
    known = [spread for one in results if one and (spread := repeatability(one.launch_medians)) is not None]
    return median(known) if known else None


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _place(result: Result | None) -> str:
    return "–" if result is None else f"{result.resources.device} ×{result.resources.threads}"


def _files(system: System) -> str:
    made_up = " (SYNTHETIC, never measured)" if system.synthetic else ""
    return f"{system.label}{made_up}: {', '.join(str(reading.path) for reading in system.readings)}"
