"""A bundle holds all that a page is made of, is the same twice, and makes the page again bit for bit."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench import __version__
from ngtbench.cli import check
from ngtbench.discover import profiles
from ngtbench.errors import BadInput
from ngtbench.model.machine import Match
from ngtbench.report import bundle, html
from ngtbench.report.anonymise import anonymised
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from ngtbench.report.published import Figure
from ngtbench.report.rebuild import rebuild
from ngtbench.store.read import Reading, read
from tests.machines import machine
from tests.records import run, written
from tests.unit.report import anonymous

Given = tuple[Report, list[Path]]


def made(*readings: Reading) -> Given:
    price = Price("B", 1e5, "CHF", "2026-11-01", 1, "offer", "quoted")
    published = (Figure("H", "triad", 0.1 + 0.2, "B/s", "a paper"),)
    labels = ["B", *[None] * (len(readings) - 1)]
    report = Report(
        bundle.named(readings),
        labels,
        profiles.load(),
        published,
        [anonymous.EQUAL],
        "B",
        frozenset({"shared"}),
        [price],
        "command",
    )
    return report, [reading.path for reading in readings]


@pytest.fixture
def given(tmp_path: Path) -> Given:
    known = replace(machine(), matches=(Match("cpu:0", "epyc-9654", ()),))
    a = written(tmp_path / "in" / "a b&c.jsonl", known, run())
    with a.path.open("a") as file:
        file.write('{"half')
    return made(read(a.path), written(tmp_path / "in" / "2" / "a-b-c.jsonl", machine(hostname="other"), run()))


def keeping(seen: list[Report]) -> Callable[[Report], str]:
    def render(report: Report) -> str:
        seen.append(report)
        return "page"

    return render


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_it_holds_everything_and_nothing_of_here(given: Given, tmp_path: Path) -> None:
    bundle.write(given[0], "page", given[1], tmp_path / "new" / "x.zip")
    with zipfile.ZipFile(tmp_path / "new" / "x.zip") as archive:
        assert sorted(archive.namelist()) == [
            "hardware.json", "prices.json", "published.json", "rebuild.py", "records/a-b-c-2.jsonl", "records/a-b-c.jsonl",
            "report.json", "weights.json",
        ]  # fmt: skip
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("records/a-b-c.jsonl") == given[1][0].read_bytes()
        assert [one["id"] for one in json.loads(archive.read("hardware.json"))] == ["epyc-9654"]
        assert json.loads(archive.read("published.json"))[0]["value"] == 0.1 + 0.2
        contents = json.loads(archive.read("report.json"))
        everything = b"".join(map(archive.read, archive.namelist())).decode()
    assert contents["page_sha256"] == hashlib.sha256(b"page").hexdigest()
    assert (contents["ngtbench"], contents["command"], contents["reference"]) == (__version__, "command", "B")
    assert {"plotly", "jinja2", "numpy"} <= set(contents["packages"])
    assert [one["sha256"] for one in contents["records"]] == [one.sha256 for one in given[0].readings]
    assert str(tmp_path) not in everything
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.zip"]


def test_the_same_report_gives_the_same_bytes(given: Given, tmp_path: Path) -> None:
    for name in ("x.zip", "y.zip"):
        bundle.write(given[0], "page", given[1], tmp_path / name)
    assert (tmp_path / "x.zip").read_bytes() == (tmp_path / "y.zip").read_bytes()


def test_the_report_that_is_rebuilt_is_the_report(given: Given, tmp_path: Path) -> None:
    seen: list[Report] = []
    bundle.write(given[0], "page", given[1], tmp_path / "x.zip")
    found = rebuild(unpacked(tmp_path / "x.zip", tmp_path / "out"), keeping(seen))
    assert found.same
    assert (tmp_path / "out" / "index.html").read_text() == "page"
    wanted = given[0]
    (got,) = seen
    assert list(got.readings) == list(wanted.readings)
    assert got.readings[0].notes[0].startswith("a-b-c.jsonl:3: half a line")
    for name in ("labels", "published", "weights", "prices"):
        assert list(getattr(got, name)) == list(getattr(wanted, name))
    assert (got.reference, got.accept, got.command) == (wanted.reference, wanted.accept, wanted.command)
    assert got.profiles == {"epyc-9654": wanted.profiles["epyc-9654"]}


@pytest.mark.parametrize("hide", [False, True])
def test_the_script_makes_the_page_bit_for_bit(given: Given, tmp_path: Path, hide: bool) -> None:
    report = replace(anonymised(given[0]), command="ngtbench report") if hide else given[0]
    page = html.render(report)
    bundle.write(report, page, given[1], tmp_path / "x.zip")
    for path in given[1]:
        path.unlink()
    folder = unpacked(tmp_path / "x.zip", tmp_path / "out")
    script = [sys.executable, str(folder / "rebuild.py")]
    ended = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "the same page, bit for bit" in ended.stdout
    assert (folder / "index.html").read_bytes() == page.encode()
    rewrite(folder, page_sha256="0" * 64)
    ended = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "is not the page's, 0000" in ended.stdout


def test_an_anonymised_bundle_holds_no_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = anonymous.report(anonymous.fakes(tmp_path / "machines")[:4], tmp_path / "files")
    paths = [reading.path for reading in original.readings]
    report = anonymised(replace(original, readings=bundle.named(original.readings)))
    bundle.write(report, "page", paths, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        for name in archive.namelist():
            assert anonymous.leaks(f"{name}\n{archive.read(name).decode()}") == []
    folder = unpacked(tmp_path / "x.zip", tmp_path / "out")
    assert check.command([folder / "records"]) == 0, capsys.readouterr()
    seen: list[Report] = []
    rebuild(folder, keeping(seen))
    stored = [hashlib.sha256((folder / "records" / str(one.path)).read_bytes()).hexdigest() for one in seen[0].readings]
    assert [one.sha256 for one in seen[0].readings] == stored
    assert not {one.sha256 for one in original.readings} & set(stored)
    assert json.loads((folder / "report.json").read_text())["commit"] is None
    assert list(seen[0].readings) == list(report.readings)


def test_names_are_plain_and_apart() -> None:
    paths = [
        "x/a.jsonl", "y/A.jsonl", "z/a-2.jsonl", "q/../..jsonl", "é中 $(rm).jsonl", "-rf.jsonl", f"{'n' * 250}.jsonl", "..",
        "a\nb.jsonl",
    ]  # fmt: skip
    names = [str(one.path) for one in bundle.named([Reading(Path(path), "0", {}, (), (), ()) for path in paths])]
    assert len({name.lower() for name in names}) == len(paths)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,90}\.jsonl", name) for name in names)
    assert names[:3] == ["a.jsonl", "A-2.jsonl", "a-2-2.jsonl"]


def test_a_file_that_changed_since_it_was_read_is_named(given: Given, tmp_path: Path) -> None:
    with given[1][0].open("a") as file:
        file.write("\n")
    with pytest.raises(BadInput, match=r"a b&c\.jsonl: changed while the report was made"):
        bundle.write(given[0], "page", given[1], tmp_path / "x.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["in"], "a draft is left behind"


def test_a_place_that_cannot_be_written_is_named(given: Given, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"x\.zip: cannot be written: .*--bundle"):
        bundle.write(given[0], "page", given[1], tmp_path / "file" / "x.zip")


def test_a_huge_file_is_copied_in_parts(given: Given, tmp_path: Path) -> None:
    path = given[1][0]
    with path.open("ab") as file:
        for _ in range(48):
            file.write(b" " * 2**20)
    report = replace(
        given[0],
        readings=bundle.named([replace(given[0].readings[0], path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())]),
    )
    tracemalloc.start()
    bundle.write(replace(report, labels=["B"]), "page", [path], tmp_path / "x.zip")
    peak_b = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_b < 16 * 2**20
    assert (unpacked(tmp_path / "x.zip", tmp_path / "out") / "records" / "a-b-c.jsonl").stat().st_size == path.stat().st_size


def test_what_was_changed_after_unpacking_is_named(given: Given, tmp_path: Path) -> None:
    bundle.write(given[0], "page", given[1], tmp_path / "x.zip")
    folder = unpacked(tmp_path / "x.zip", tmp_path / "out")
    records = json.loads((folder / "report.json").read_text())["records"]
    with (folder / "records" / "a-b-c-2.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(BadInput, match=r"a-b-c-2\.jsonl: SHA-256 .* it was changed"):
        rebuild(folder, lambda report: "page")
    rewrite(folder, records=[records[0] | {"name": "../report.json"}])
    with pytest.raises(BadInput, match="no plain file name"):
        rebuild(folder, lambda report: "page")
    rewrite(folder, records=[], colour="red")
    with pytest.raises(BadInput, match=r"report\.json: .*colour"):
        rebuild(folder, lambda report: "page")
    (folder / "report.json").unlink()
    with pytest.raises(BadInput, match=r"report\.json: cannot be read: No such file"):
        rebuild(folder, lambda report: "page")


def test_versions_that_differ_are_said_where_the_page_does(given: Given, tmp_path: Path) -> None:
    bundle.write(given[0], "page", given[1], tmp_path / "x.zip")
    folder = unpacked(tmp_path / "x.zip", tmp_path / "out")
    rewrite(folder, packages={"plotly": "1.0", "unheard-of": "2"}, ngtbench="0.0.9", commit="c0ffee")
    assert rebuild(folder, lambda report: "page").notes[0].startswith(str(folder / "index.html"))
    found = rebuild(folder, lambda report: "another")
    assert not found.same
    said = "\n".join(found.notes)
    for words in (
        f"ngtbench is {__version__} here, 0.0.9 made the page",
        "here, c0ffee made the page",
        "1.0 made the page",
        "unheard-of is not installed here",
    ):
        assert words in said
    assert "python is" not in said


def test_the_script_says_what_to_install(given: Given, tmp_path: Path) -> None:
    bundle.write(given[0], "page", given[1], tmp_path / "x.zip")
    script = unpacked(tmp_path / "x.zip", tmp_path / "out") / "rebuild.py"
    shutil.copy(script, tmp_path / "rebuild.py")
    ended = subprocess.run([sys.executable, "-S", "-I", str(script)], cwd="/", capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"pip install 'ngtbench[report]=={__version__}'" in ended.stderr
