"""`ngtbench compare`: the ratio per case of each file over the first, with its interval, or why there is none."""

import json as json_module
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ngtbench import shipped
from ngtbench.analysis.compare import compare, score
from ngtbench.errors import BadInput, Incomparable
from ngtbench.model.comparison import Comparison, Result, Score
from ngtbench.report import weights
from ngtbench.report.systems import System, systems
from ngtbench.store.read import read


def command(
    files: Annotated[list[Path], typer.Argument(help="Two record files or more; the first is what the others are divided by")],
    json: Annotated[bool, typer.Option("--json", help="Print a versioned JSON document")] = False,
) -> int:
    """Print ratios; an error where not one case is comparable."""
    if len(files) < 2:
        raise BadInput(f"{files[0]}: a comparison needs two record files or more: ngtbench compare A.jsonl B.jsonl")
    found = systems([read(path) for path in files], {}, [path.stem for path in files])
    equal = weights.load(shipped.folder("weights") / "equal.toml")
    pairs = []
    for other in found[1:]:
        ratios = compare(found[0].results, other.results)
        pairs.append((other, ratios, score(ratios, equal.families, equal.name)))
    if json:
        document = {
            "schema": "ngtbench.compare/1",
            "ratio": "speed of B over speed of A: above 1, B is better",
            "a": _session(found[0]),
            "comparisons": [
                {"b": _session(other), "cases": list(map(_plain, ratios)), "means": _means(mean)} for other, ratios, mean in pairs
            ],
        }
        sys.stdout.write(json_module.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        for other, ratios, mean in pairs:
            _print(found[0], other, ratios, mean)
    if not any(mean.cases for _, _, mean in pairs):
        raise Incomparable(f"no case of {', '.join(map(str, files[1:]))} is comparable with {files[0]}: the reasons are above")
    return 0


def _print(a: System, b: System, ratios: Sequence[Comparison], mean: Score) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"A {_files(a)}\nB {_files(b)}\nB over A: above 1, B is better", markup=False)
    table = Table(box=None, pad_edge=False)
    for heading, wrap in (("case", False), ("B over A", False), ("95 % interval", False), ("beside it", True)):
        table.add_column(heading, overflow="fold", no_wrap=not wrap)
    apart: dict[str, list[str]] = {}
    for one in ratios:
        if one.ratio is None:
            apart.setdefault(one.reason or "", []).append(one.case.id)
            continue
        interval = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else "none"
        words = "\n".join((f"{_place(one.a)} against {_place(one.b)}", *one.notes))
        table.add_row(*map(escape, (one.case.id, f"{one.ratio:.3f}", interval, words)))
    out.print(table, soft_wrap=False)
    for reason, cases in apart.items():
        out.print(f"not comparable, {reason}: {', '.join(cases)}", markup=False)
    for family, (value, count) in mean.families.items():
        out.print(f"{family}: {value:.3f}, geometric mean of {_cases(count)}", markup=False)
    if mean.overall is not None:
        weighed = f"all families, weights {mean.weights}: {mean.overall:.3f}, {_cases(mean.cases)}"
        out.print(
            f"{weighed}, {mean.distinct} with an interval that excludes 1; {mean.incomparable} not comparable", markup=False
        )


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _place(result: Result | None) -> str:
    return "–" if result is None else f"{result.resources.device} ×{result.resources.threads}"


def _session(system: System) -> dict[str, str]:
    reading = system.readings[0]
    return {"file": str(reading.path), "sha256": reading.sha256, "machine": system.label}


def _files(system: System) -> str:
    return f"{system.label}: {', '.join(str(reading.path) for reading in system.readings)}"


def _plain(one: Comparison) -> dict[str, Any]:
    return {
        "case": one.case.id,
        "a": _side(one.a),
        "b": _side(one.b),
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "reason": one.reason,
        "notes": list(one.notes),
    }


def _side(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    figure = result.figure
    return {
        "device": result.resources.device,
        "threads": result.resources.threads,
        "status": result.status,
        "metric": result.metric.name if result.metric else None,
        "value": figure.value if figure else None,
        "low": figure.low if figure else None,
        "high": figure.high if figure else None,
        "launches": result.launches,
        "samples": figure.samples if figure else None,
        "lacks": list(figure.lacks) if figure else [],
    }


def _means(mean: Score) -> dict[str, Any]:
    families = {family: {"mean": value, "cases": count} for family, (value, count) in mean.families.items()}
    overall = {
        "mean": mean.overall,
        "weights": mean.weights,
        "cases": mean.cases,
        "incomparable": mean.incomparable,
        "distinct": mean.distinct,
    }
    return {"families": families, "overall": overall}
