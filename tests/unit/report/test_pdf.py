"""A page is printed by whatever Chromium is here; a browser that is absent, mute or stuck is named."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ngtbench.errors import BadInput, Unavailable
from ngtbench.report import pdf

PAGE = "<!doctype html><html><head><title>t</title></head><body><h1>One page</h1></body></html>"


def browser(folder: Path, body: str) -> Path:
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda body: monkeypatch.setenv("NGTBENCH_CHROMIUM", str(browser(tmp_path, body)))


def test_a_real_browser_prints_a4_landscape(tmp_path: Path, tool: Callable[[str, str], str]) -> None:
    tool("chromium", "apt install chromium")
    long = PAGE.replace("</h1>", "</h1>" + "<p style='background:#123456'>words</p>" * 200)
    content = pdf.write(long, tmp_path / "new" / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert pdf.pages(content) > 1
    (width, height) = map(float, re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", content)[0])
    assert (round(width), round(height)) == (842, 595)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.pdf"]


def test_no_browser_is_unavailable_and_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NGTBENCH_CHROMIUM", raising=False)
    with pytest.raises(Unavailable, match=r"none of chromium, chromium-browser, google-chrome is on PATH \(apt install chromium"):
        pdf.write(PAGE, tmp_path / "page.pdf")
    monkeypatch.setenv("NGTBENCH_CHROMIUM", "/no/such")
    with pytest.raises(Unavailable, match="NGTBENCH_CHROMIUM=/no/such is no program"):
        pdf.write(PAGE, tmp_path / "page.pdf")
    assert not list(tmp_path.iterdir())


def test_each_known_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGTBENCH_CHROMIUM", raising=False)
    for name in ("google-chrome", "chromium-browser", "chromium"):
        (tmp_path / name).mkdir()
        browser(tmp_path / name, "true").rename(tmp_path / name / name)
        monkeypatch.setenv("PATH", str(tmp_path / name))
        with pytest.raises(BadInput, match=f"{name} printed no page"):
            pdf.write(PAGE, tmp_path / "page.pdf")


def test_what_is_no_pdf_is_refused_with_the_browsers_words(tmp_path: Path, pretend: Callable[[str], None]) -> None:
    pretend('for w in "$@"; do case $w in --print-to-pdf=*) echo "not it" > "${w#*=}";; esac; done; echo no display >&2')
    with pytest.raises(BadInput, match=r"page\.pdf: .*browser printed no page: no display"):
        pdf.write(PAGE, tmp_path / "page.pdf")
    assert not (tmp_path / "page.pdf").exists()


def test_a_stuck_browser_is_ended_with_its_children(tmp_path: Path, pretend: Callable[[str], None]) -> None:
    pretend(f"sleep 600 & echo $! > {tmp_path}/child; sleep 600")
    with pytest.raises(BadInput, match=r"did not print the page within 3 s"):
        pdf.write(PAGE, tmp_path / "page.pdf", limit_s=3)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False).stdout
        if not state.strip() or state.startswith("Z"):
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        pytest.fail("the browser's child lives on")


def test_the_browser_sees_the_style_and_no_network(tmp_path: Path, pretend: Callable[[str], None]) -> None:
    out = tmp_path / "seen"
    pretend(f'echo "$@" > {out}; for w in "$@"; do case $w in file://*) cat "${{w#file://}}" >> {out};; esac; done')
    with pytest.raises(BadInput):
        pdf.write(PAGE, tmp_path / "page.pdf")
    seen = out.read_text()
    assert "@page{size:A4 landscape" in seen.split("</head>")[0]
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in seen
    assert ("--no-sandbox" in seen) == (os.geteuid() == 0)
    folder = Path(re.findall(r"--user-data-dir=(\S+)", seen)[0])
    assert not folder.parent.exists(), "the browser's profile is left behind"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, pretend: Callable[[str], None]) -> None:
    pretend('for w in "$@"; do case $w in --print-to-pdf=*) printf "%%PDF-1.4 /Type /Page\\n" > "${w#*=}";; esac; done')
    assert pdf.write(PAGE, tmp_path / "fine.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"page\.pdf: cannot be written: .*--pdf"):
        pdf.write(PAGE, tmp_path / "file" / "page.pdf")


def test_pages_are_counted() -> None:
    assert pdf.pages(b"%PDF-1.4 /Type /Pages /Type /Page\n/Type/Page ") == 2
    assert pdf.pages(b"<html> /Type /Page ") == 0
