"""What other programs get: the same rows in every table, nothing that runs, and files that are whole or not there."""

import csv
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ngtbench.cli import export
from ngtbench.errors import BadInput, Unavailable
from ngtbench.model.case import Metric
from ngtbench.model.record import Outcome, RunRecord
from ngtbench.report import exports, frame
from ngtbench.report.frame import COLUMNS, Value
from ngtbench.report.systems import System
from tests.machines import gpu, machine
from tests.records import STEADY, case, done, measurement, run, written

pytest.importorskip("xlsxwriter")
pytest.importorskip("pyarrow")

SKIPPED = run(Outcome("skipped", reason='no GPU, "really"\nnone'), case(impl="cupy"))
LONG = "x" * 10_000_000
HOSTILE = (
    "=HYPERLINK(\"http://evil\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "＝1+1", "－1", "'=1",
)  # fmt: skip
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def found(tmp_path: Path, *runs: RunRecord, hostname: str = "testhost") -> tuple[System, ...]:
    path = tmp_path / f"{hostname}.jsonl"
    path.unlink(missing_ok=True)
    return frame.read_all([str(written(path, machine(gpu(), hostname=hostname), *(runs or (run(), SKIPPED))).path)])


def reasoned(reason: str) -> RunRecord:
    return run(Outcome("skipped", reason=reason), case(impl="cupy"))


def table(systems: tuple[System, ...], path: Path) -> list[dict[str, Any]]:
    """Write and read back, by another way than it was written where there is one; empty text is missing."""
    exports.write(systems, path)
    made: list[dict[str, Any]]
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            made = list(csv.DictReader(file))
    elif path.suffix == ".parquet":
        made = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    else:
        made = sheet(path)
    return [{name: None if value == "" else value for name, value in row.items()} for row in made]


def sheet(path: Path) -> list[dict[str, Any]]:
    """Read an Excel file by its XML; a formula is an error."""
    with zipfile.ZipFile(path) as book:
        strings = ["".join(one.itertext()) for one in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(root.iter(f"{SHEET}f"))
    lines = []
    for row in root.iter(f"{SHEET}row"):
        cells: dict[str, Any] = {}
        for one in row.iter(f"{SHEET}c"):
            text = one.findtext(f"{SHEET}v") or ""
            read: dict[str | None, Callable[[str], Any]] = {"s": lambda word: strings[int(word)], "b": lambda word: word == "1"}
            cells[re.sub(r"\d", "", one.attrib["r"])] = read.get(one.get("t"), float)(text)
        lines.append(cells)
    return [{name: line.get(column) for column, name in lines[0].items()} for line in lines[1:]]


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet", ".CSV"])
def test_every_table_holds_the_same_rows(tmp_path: Path, ending: str) -> None:
    systems = found(tmp_path)
    made = table(systems, tmp_path / f"a{ending.lower()}")
    exports.write(systems, tmp_path / f"b{ending}")
    wanted = frame.rows(systems)
    assert [list(row) for row in made] == [list(COLUMNS)] * 2
    for got, want in zip(made, wanted, strict=True):
        for name, value in want.items():
            same(got[name], value)


def same(got: Any, want: Value) -> None:
    if want in (None, ""):
        assert got is None
    elif isinstance(want, bool) or isinstance(got, str):
        assert str(got) == str(want)
    else:
        assert got == pytest.approx(want)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
@pytest.mark.parametrize("reason", HOSTILE)
def test_text_never_runs_as_a_formula(tmp_path: Path, ending: str, reason: str) -> None:
    (row,) = table(found(tmp_path, reasoned(reason)), tmp_path / f"a{ending}")
    assert row["reason"].startswith("'")
    assert reason.strip() in row["reason"]


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r"])
def test_no_text_runs_after_another_separator(tmp_path: Path, separator: str) -> None:
    (row,) = table(found(tmp_path, reasoned(f"a{separator} =1+1")), tmp_path / "a.csv")
    assert row["reason"] == f"a{separator} '=1+1"


def test_plain_text_is_left_alone(tmp_path: Path) -> None:
    (row,) = table(found(tmp_path, reasoned("2 - 3 = -1; a@b, 'x'")), tmp_path / "a.csv")
    assert row["reason"] == "2 - 3 = -1; a@b, 'x'"


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_negative_numbers_stay_numbers(tmp_path: Path, ending: str) -> None:
    outcome = replace(done(), measurement=measurement(STEADY, change=[-1.5] * 3))
    row = table(found(tmp_path, run(outcome)), tmp_path / f"a{ending}")[1]
    assert float(row["median"]) == -1.5
    assert (ending == ".csv") == isinstance(row["median"], str)


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_long_text_is_cut_and_says_so(tmp_path: Path, ending: str) -> None:
    (row,) = table(found(tmp_path, reasoned(LONG)), tmp_path / f"a{ending}")
    assert row["reason"] == f"{'x' * exports.CELL}… (10,000,000 characters)"
    assert len(row["reason"].encode("utf-16-le")) // 2 <= 32_767


@pytest.mark.parametrize("ending", [".md", ".json"])
def test_summaries_cut_long_text_too(tmp_path: Path, ending: str) -> None:
    exports.write(found(tmp_path, run(), reasoned(LONG)), tmp_path / f"a{ending}")
    text = (tmp_path / f"a{ending}").read_text()
    assert "(10,000,000 characters)" in text
    assert len(text) < 100_000


@pytest.mark.parametrize("ending", list(exports.FORMATS))
def test_no_format_holds_nan(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    systems = found(tmp_path, run(), run(Outcome("failed", reason="crashed"), case(impl="cupy")))
    exports.write(systems, path)
    text = json.dumps(table(systems, path)) if ending in (".csv", ".xlsx", ".parquet") else path.read_text()
    assert not re.search(r"\b(nan|inf|infinity)\b|\bNone\b|<NA>", text, flags=re.IGNORECASE)


def test_the_summary_has_machine_counts_cases_and_reasons(tmp_path: Path) -> None:
    exports.write(found(tmp_path, run(), run(of=case(impl="numba")), SKIPPED), tmp_path / "a.md")
    text = (tmp_path / "a.md").read_text()
    assert "## 1 × Test GPU" in text
    assert "- cases: 2 done, 0 wrong, 0 failed, 1 skipped" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| system/triad@1/M/numba/float64 "))
    assert "time per call 1 ms" in line
    assert " to 1.00" in line
    assert "24 GB/s" in line
    assert '| skipped | no GPU, "really" none |' in text
    assert "SYNTHETIC" not in text


def test_a_summary_of_nothing_done_says_so(tmp_path: Path) -> None:
    exports.write(found(tmp_path, SKIPPED), tmp_path / "a.md")
    assert "No case is done." in (tmp_path / "a.md").read_text()


def test_text_is_no_markup_in_the_summary(tmp_path: Path) -> None:
    reason = "<script>alert(1)</script> ![x](http://evil/x.png) | a\n# b `c` \u202e *d*"
    exports.write(found(tmp_path, run(), reasoned(reason)), tmp_path / "a.md")
    (line,) = (line for line in (tmp_path / "a.md").read_text().splitlines() if "script" in line)
    assert "&lt;script>" in line
    assert r"!\[x\](http\://evil/x.png) \| a # b \`c\` ⟨U+202E⟩ \*d\*" in line
    assert "<script" not in line


@pytest.mark.parametrize("ending", [".md", ".json", ".csv"])
def test_synthetic_records_are_marked(tmp_path: Path, ending: str) -> None:
    made = replace(run(), provenance=replace(run().provenance, synthetic=True))
    exports.write(found(tmp_path, made), tmp_path / f"a{ending}")
    text = (tmp_path / f"a{ending}").read_text()
    if ending == ".md":
        assert text.startswith("# SYNTHETIC: ")
        assert "## SYNTHETIC: " in text
    elif ending == ".json":
        assert json.loads(text)["host"]["tags"]["synthetic"] == "true"
    else:
        assert next(csv.DictReader(text.splitlines()))["synthetic"] == "True"


def test_an_excel_sheet_has_so_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_SHEET_ROWS", 3)
    exports.write(found(tmp_path), tmp_path / "a.xlsx")
    with pytest.raises(BadInput, match=r"3 rows: .*\.csv or \.parquet"):
        exports.write(found(tmp_path, run(), SKIPPED, run(launch=1)), tmp_path / "b.xlsx")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no format ends with '\.ods': choose \.csv, \.xlsx, \.parquet, \.md, \.json"):
        exports.write(found(tmp_path), tmp_path / "a.ods")


@pytest.mark.parametrize(("ending", "package"), [(".xlsx", "xlsxwriter"), (".parquet", "pyarrow"), (".csv", ""), (".md", "")])
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, package: str
) -> None:
    systems = found(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    if not package:
        exports.write(systems, tmp_path / f"a{ending}")
        return
    with pytest.raises(Unavailable, match=rf"{package} is not installed .*ngtbench\[report\]"):
        exports.write(systems, tmp_path / f"a{ending}")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systems, path = found(tmp_path), tmp_path / "out" / "a.csv"
    path.parent.mkdir()
    path.write_text("precious")

    def full(self: Path, content: bytes) -> int:
        self.open("wb").write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match=r"a\.csv: cannot be written: No space left on device; .*--to"):
        exports.write(systems, path)
    assert path.read_text() == "precious"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    systems = found(tmp_path)
    with pytest.raises(BadInput, match=r"testhost\.jsonl/a\.csv: cannot be written"):
        exports.write(systems, tmp_path / "testhost.jsonl" / "a.csv")


def test_the_verb_writes_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    systems = found(tmp_path)
    assert export.command([str(tmp_path)], tmp_path / "a.csv") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a.csv'}\n"
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(frame.rows(systems))


def test_a_metric_of_which_more_is_better_says_so(tmp_path: Path) -> None:
    outcome = replace(done(), measurement=measurement(STEADY, x_per_s=[5.0] * 3), metrics=(Metric("x_per_s", "higher"),))
    exports.write(found(tmp_path, run(outcome)), tmp_path / "a.md")
    assert "x_per_s".replace("_", r"\_") + " 5 /s, higher is better" in (tmp_path / "a.md").read_text()
