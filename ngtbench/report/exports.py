"""Records for other programs: CSV, Excel and Parquet tables, a Markdown summary, JSON as the HEPiX benchmark suite writes it.

Nothing in a table can run: text that a spreadsheet would take for a formula begins with an apostrophe, in CSV and Excel.
"""

import contextlib
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path

from ngtbench.errors import BadInput
from ngtbench.model.comparison import Result
from ngtbench.report import hepix, summary, wording
from ngtbench.report.draft import draft
from ngtbench.report.frame import COLUMNS, Value, need, rows
from ngtbench.report.shown import shown, slug
from ngtbench.report.systems import System, by_host, rank

CELL = 16_000  # characters; Excel holds 32,767, and counts some twice
_SHEET_ROWS = 2**20
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")  # what spreadsheets run, or strip before they look
_LATER = re.compile(r"([;\t\r\n]\s*)(?=[=+\-@＝＋－＠])")  # the same, where another separator ends a cell earlier
_MARKUP = re.compile(r"[\\`*_\[\]|~$]|:(?=//)")


def write(found: Sequence[System], path: Path) -> list[Path]:
    """Write systems in the format that the path ends with, all files whole or none, and return where.

    Raises BadInput where one cannot be written, or the format cannot hold it; Unavailable without the package it needs.
    """
    ending = path.suffix.lower()
    make = FORMATS.get(ending)
    if make is None:
        raise BadInput(f"{path}: no format ends with '{path.suffix}': choose {', '.join(FORMATS)}")
    content = {place: make(part) for place, part in (_hosts(found, path) if ending == ".json" else {path: found}).items()}
    with contextlib.ExitStack() as drafts:
        for place, made in content.items():
            drafts.enter_context(draft(place, "--to")).write_bytes(made)
    return list(content)


def _hosts(found: Sequence[System], path: Path) -> dict[Path, Sequence[System]]:
    """Return what stands in each file of a format that is of one host; the names say system and host where there are several."""
    parts = [part for system in found for part in by_host(system)]
    if len(parts) == 1:
        return {path: parts}
    places: dict[Path, Sequence[System]] = {}
    for part in parts:
        stem = f"{path.stem}-{slug(part.label)}-{slug(part.machine.host.hostname)}"
        taken = {place.stem.lower() for place in places}  # not every file system tells capital letters from small ones
        name = next(name for n in count(1) if (name := stem if n == 1 else f"{stem}-{n}").lower() not in taken)
        places[path.with_name(f"{name}{path.suffix}")] = (part,)
    return places


def _csv(found: Sequence[System]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)  # its line ends, \r\n, are what makes it quote either in a text
    writer.writerow(COLUMNS)
    writer.writerows([_inert(value) for value in row] for row in _cells(found))
    return out.getvalue().encode()


def _xlsx(found: Sequence[System]) -> bytes:
    need("xlsxwriter")
    import xlsxwriter

    cells = _cells(found)
    if len(cells) >= _SHEET_ROWS:
        raise BadInput(f"{len(cells):,} rows: an Excel sheet holds {_SHEET_ROWS:,}; export to .csv or .parquet")
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("records")
    put = {bool: sheet.write_boolean, int: sheet.write_number, float: sheet.write_number, str: sheet.write_string}
    for number, row in enumerate([list[Value](COLUMNS), *cells]):
        for column, value in enumerate(map(_inert, row)):
            if value is not None:
                put[type(value)](number, column, value)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(cells), len(COLUMNS) - 1)
    book.close()
    return out.getvalue()


def _parquet(found: Sequence[System]) -> bytes:
    need("pyarrow")
    import pyarrow
    from pyarrow import parquet

    kinds = {str: pyarrow.string(), bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    table = pyarrow.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in _cells(found)], schema=schema)
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


def _markdown(found: Sequence[System]) -> bytes:
    """Return machine, counts and cases of each system; no ratios, which need a reference."""
    synthetic = any(system.synthetic for system in found)
    lines = [f"# {'SYNTHETIC: ' if synthetic else ''}ngtbench records", ""]
    for system in found:
        lines += [f"## {'SYNTHETIC: ' if system.synthetic else ''}{_text(system.label)}", ""]
        lines += [f"- {word}: {_text(said)}" for word, said in summary.facts(system)]
        lines += [f"- file: {_text(reading.path.name)}, SHA-256 {reading.sha256}" for reading in system.readings]
        columns = ("case", "ran on", "figure of merit", "95 % interval", "rests on", "rates", "flags")
        lines += ["", *_grid(columns, map(_done, sorted(system.ended("done"), key=rank)))]
        ends = [result for status in ("wrong", "failed", "skipped") for result in system.ended(status)]
        lines += ["", *_grid(("case", "ran on", "ended", "reason"), map(_ended, ends))] if ends else []
        lines.append("")
    return "\n".join(lines).encode()


def _done(result: Result) -> list[str]:
    assert result.metric is not None and result.figure is not None  # done results have both
    name, figure = result.metric.name, result.figure
    merit = f"{wording.NAMES.get(name, name)} {wording.amount(name, figure.value)}"
    merit += ", higher is better" if result.metric.better == "higher" else ""
    lists = (wording.basis(figure), wording.rates(result), wording.flags(result))
    tier = f" ({result.tier})" if result.tier != "ported" else ""
    return [f"{result.case.id}{tier}", wording.place(result), merit, wording.spread(name, figure), *map("; ".join, lists)]


def _ended(result: Result) -> list[str]:
    return [result.case.id, wording.place(result), result.status, result.reason or ""]


def _grid(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(_text, row))} |" for row in cells]
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *lines] if lines else ["No case is done."]


def _text(words: str) -> str:
    """Return text that is neither markup nor a link, in one line."""
    plain = _MARKUP.sub(lambda found: f"\\{found[0]}", shown(words))
    return plain.replace("&", "&amp;").replace("<", "&lt;")


def _json(found: Sequence[System]) -> bytes:
    (system,) = found
    return (json.dumps(_cut_all(hepix.document(system)), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _cells(found: Sequence[System]) -> list[list[Value]]:
    return [[_cut(value) for value in row.values()] for row in rows(found)]


def _cut_all(plain: object) -> object:
    if isinstance(plain, Mapping):
        return {str(_cut(name)): _cut_all(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_cut_all(value) for value in plain]
    return _cut(plain) if isinstance(plain, str) else plain


def _cut(value: Value) -> Value:
    if isinstance(value, str) and len(value) > CELL:
        return f"{value[:CELL]}… ({len(value):,} characters)"
    return value


def _inert(value: Value) -> Value:
    """Return a value that no spreadsheet runs; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    quoted = _LATER.sub(r"\1'", value)
    return f"'{quoted}" if _FORMULA.match(quoted) else quoted


FORMATS: Mapping[str, Callable[[Sequence[System]], bytes]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
    ".md": _markdown,
    ".json": _json,
}
