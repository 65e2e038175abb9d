"""`ngtbench report`: what it writes, in which order it fails, and what its exit code is."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ngtbench.cli import report
from ngtbench.errors import BadInput, RecordError
from ngtbench.report import html, pdf
from ngtbench.report.html import Report
from ngtbench.report.rebuild import rebuild
from tests.machines import gpu, machine
from tests.records import STEADY, case, done, run, written

FASTER = run(done([x / 2 for x in STEADY]))
PRICE = 'value = 1.0\ncurrency = "CHF"\ndate = 2026-11-01\nquantity = 1\nsource = "s"\nkind = "quoted"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "in" / "a.jsonl", machine(), run(), run(of=case("system/gemm"))).path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Return the reports that the verb had rendered."""
    found: list[Report] = []

    def render(made: Report) -> str:
        found.append(made)
        return "<html><head></head>page</html>"

    monkeypatch.setattr(html, "render", render)
    return found


def test_it_writes_a_page_and_prints_where(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "out"
    assert report.command([str(file)], folder) == 0
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"
    page = (folder / "index.html").read_text()
    assert "Test CPU" in page
    assert str(tmp_path) not in page


def test_it_refuses_what_is_no_record_file(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match=r"x\.jsonl:1"):
        report.command([str(tmp_path / "x.jsonl")], tmp_path)
    assert not (tmp_path / "index.html").exists()


def test_it_wants_to_know_what_to_write(file: Path) -> None:
    with pytest.raises(BadInput, match="--html DIR, --pdf FILE, --bundle ZIP"):
        report.command([str(file)])


def test_what_was_asked_for_reaches_the_page(file: Path, tmp_path: Path, seen: list[Report]) -> None:
    other = written(tmp_path / "in" / "b" / "a.jsonl", machine(), FASTER).path
    prices = tmp_path / "prices.toml"
    prices.write_text(f'[[price]]\nsystem = "My B"\n{PRICE}')
    asked = {"weights": "lqft", "reference": "My B", "accept": ["threads", "shared"], "prices": prices}
    words = [str(file), f"My B={other}", str(file)]
    assert report.command(words, tmp_path, **asked) == 0  # type: ignore[arg-type]
    (made,) = seen
    assert [str(one.path) for one in made.readings] == ["a.jsonl", "a-2.jsonl"]
    assert list(made.labels) == [None, "My B"]
    assert made.weights[0].name == "lqft" or made.weights[0].use_case
    assert len(made.weights) == len({one.name for one in made.weights}) > 3
    assert (made.reference, made.accept) == ("My B", frozenset({"threads", "shared"}))
    assert made.prices[0].system == "My B"
    assert made.published
    assert "h200-sxm-141gb" in made.profiles
    assert made.command == (
        f"ngtbench report records/a.jsonl 'My B=records/a-2.jsonl' --weights {made.weights[0].name} --reference 'My B' "
        "--accept shared --accept threads --prices prices.toml"
    )


def test_a_folder_stands_for_its_files(file: Path, tmp_path: Path, seen: list[Report]) -> None:
    written(tmp_path / "in" / "deep" / "b.jsonl", machine(), FASTER)
    report.command([str(tmp_path / "in")], tmp_path)
    assert [str(one.path) for one in seen[0].readings] == ["a.jsonl", "b.jsonl"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"accept": ["shared", "noise"]}, "--accept noise: there are deviations, shared"),
        ({"weights": "mine"}, "weights mine: neither a file"),
        ({"prices": Path("absent.toml")}, r"absent\.toml: cannot be read"),
        ({"reference": "Nobody"}, "Nobody"),
        ({"reference": "Nobody", "anonymise": True}, "--reference 'Nobody': no such system"),
    ],
)
def test_what_is_not_known_is_named(file: Path, tmp_path: Path, asked: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        report.command([str(file)], tmp_path / "out", **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_price_of_another_system_is_named(file: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(f'[[price]]\nsystem = "B"\n{PRICE}')
    with pytest.raises(BadInput, match=r"p\.toml: system: 'B' is not on this page; its systems: 'Test CPU, 8 threads'"):
        report.command([str(file)], tmp_path, prices=tmp_path / "p.toml")


def test_anonymised_means_anonymised_everywhere(tmp_path: Path) -> None:
    secret = machine(gpu(), hostname="kimshost")
    path = written(tmp_path / "kims" / "kims.jsonl", secret, run(), run(device="cuda:0", of=case(impl="cupy"))).path
    bundle = tmp_path / "x.zip"
    assert report.command([f"Kims offer={path}"], tmp_path / "out", bundle=bundle, reference="Kims offer", anonymise=True) == 0
    with zipfile.ZipFile(bundle) as archive:
        texts = [*archive.namelist(), *(archive.read(name).decode() for name in archive.namelist())]
        assert json.loads(archive.read("report.json"))["command"] == (
            "ngtbench report 'System 1=records/records-1.jsonl' --weights equal --reference 'System 1' --anonymise"
        )
    texts.append((tmp_path / "out" / "index.html").read_text())
    for text in texts:
        for word in ("kims", "Kims", "Test GPU", "Test CPU", "NVIDIA", "cupy", "10de", "GPU-0"):
            assert word not in text
    assert "Device A1" in texts[-1] or "Device B1" in texts[-1]


def test_two_runs_write_the_same_bytes_and_the_bundle_makes_the_page(file: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert report.command([str(file)], tmp_path / name, bundle=tmp_path / f"{name}.zip") == 0
    assert (tmp_path / "one" / "index.html").read_bytes() == (tmp_path / "two" / "index.html").read_bytes()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    script = [sys.executable, str(tmp_path / "unpacked" / "rebuild.py")]
    assert subprocess.run(script, check=False, cwd=tmp_path).returncode == 0
    assert (tmp_path / "unpacked" / "index.html").read_bytes() == (tmp_path / "one" / "index.html").read_bytes()


def test_without_a_browser_all_else_is_written_and_the_exit_code_is_3(
    file: Path, tmp_path: Path, seen: list[Report], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NGTBENCH_CHROMIUM", "/no/such")
    assert report.command([str(file)], tmp_path / "out", pdf=tmp_path / "x.pdf", bundle=tmp_path / "x.zip") == 3
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out' / 'index.html'}\n{tmp_path / 'x.zip'}\n"
    assert "x.pdf: not written" in told.err
    assert "apt install chromium" in told.err
    assert not (tmp_path / "x.pdf").exists()


def test_a_pdf_alone_is_printed_from_the_page(
    file: Path, tmp_path: Path, seen: list[Report], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(page: str, path: Path) -> Path:
        path.write_text(page)
        return path

    monkeypatch.setattr(pdf, "write", write)
    assert report.command([str(file)], pdf=tmp_path / "x.pdf") == 0
    assert (tmp_path / "x.pdf").read_text() == "<html><head></head>page</html>"
    assert capsys.readouterr().out == f"{tmp_path / 'x.pdf'}\n"


@pytest.mark.parametrize("content", [b'{"schema"\n{}\n', b"\x89PNG\r\n\xff"])
def test_a_faulty_file_is_left_out_named_and_fails_the_check(
    file: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, bundle = tmp_path / "in" / "bad.jsonl", tmp_path / "x.zip"
    bad.write_bytes(content)
    assert report.command([str(tmp_path / "in")], tmp_path / "out", bundle=bundle) == 1
    assert f"left out: {bad}:1: " in capsys.readouterr().err
    page = (tmp_path / "out" / "index.html").read_text()
    (warning,) = re.findall('<p class="warning">(A faulty file was left out[^<]*)', page)
    assert "nothing of it is on this page: bad.jsonl:1: " in warning
    assert "records/bad" not in page
    assert str(tmp_path) not in page
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert sorted(one.name for one in (tmp_path / "unpacked" / "records").iterdir()) == ["a.jsonl"]
    assert rebuild(tmp_path / "unpacked").same
    assert report.command([str(tmp_path / "in")], tmp_path / "hidden", anonymise=True) == 1
    page = (tmp_path / "hidden" / "index.html").read_text()
    assert "A faulty file was left out" in page
    assert "bad.jsonl" not in page


def test_without_a_good_file_there_is_no_page(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / f"{name}.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match=r"x\.jsonl:1"):
        report.command([str(tmp_path)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("weights", "told"), [("equal", True), ("lqft", False)])
def test_the_page_says_where_nobody_chose_weights(file: Path, tmp_path: Path, weights: str, told: bool) -> None:
    other = written(tmp_path / "b.jsonl", machine(), FASTER, run(of=case("system/gemm"))).path
    assert report.command([str(file), f"B={other}"], tmp_path / "out", weights=weights) == 0
    words = "because no use case was chosen: --weights NAME chooses a shipped one"
    assert (words in (tmp_path / "out" / "index.html").read_text()) == told
