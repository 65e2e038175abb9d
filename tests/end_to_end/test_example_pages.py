"""The synthetic demonstration: four machines that do not exist, and a page that says so on everything it shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CommandLine

MAKE = Path(__file__).parents[2] / "reports" / "synthetic" / "make.py"
CHART = re.compile(r"<script type=\"?application/json\"?>(.*?)</script>", re.DOTALL)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    subprocess.run([sys.executable, MAKE, folder], check=True)
    return folder


def test_the_demonstration_says_synthetic_on_every_chart_and_table(ngtbench: CommandLine, records: Path, tmp_path: Path) -> None:
    files = sorted(records.glob("*.jsonl"))
    assert len(files) == 12
    assert all('"synthetic":true' in line for file in files for line in file.read_text().splitlines()[1:])
    assert ngtbench("check", str(records)).returncode == 0
    assert ngtbench("report", str(records), "--html", str(tmp_path / "page")).returncode == 0
    page = (tmp_path / "page" / "index.html").read_text()
    assert re.search("<title>SYNTHETIC", page)
    charts = CHART.findall(page)
    assert len(charts) > 10
    for chart in charts:
        assert any("SYNTHETIC" in note["text"] for note in json.loads(chart)["layout"]["annotations"])
    headings = re.findall("<h3>(.*?)</h3>", page)
    assert headings
    assert all(heading.startswith("SYNTHETIC") for heading in headings)


def test_it_is_never_shown_beside_what_was_measured(ngtbench: CommandLine, records: Path, tmp_path: Path) -> None:
    one = next(records.glob("*.jsonl"))
    measured = tmp_path / "measured.jsonl"
    measured.write_text(one.read_text().replace('"synthetic":true', '"synthetic":false'))
    assert ngtbench("report", str(one), str(measured), "--html", str(tmp_path / "page")).returncode == 2
    assert not (tmp_path / "page").exists()
