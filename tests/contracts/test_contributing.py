"""CONTRIBUTING.md is executed: its files are written into a copy of the checkout and its commands run there."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
FILES = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (\S+/\S+)\n", text))}
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout with the examples added, one file each."""
    place = tmp_path_factory.mktemp("checkout")
    for name in ("ngtbench", "hardware", "tests", "docs", "reports"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    for path, text in FILES.items():
        assert not (place / path).exists(), f"{path} exists already: the example adds nothing"
        (place / path).write_text(text)
    return place


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_guide_shows_a_workload_a_kernel_a_hardware_file_and_a_back_end() -> None:
    folders = {str(Path(path).parent) for path in FILES}
    code = {f"ngtbench/{layer}/{family}" for layer in ("workloads", "kernels") for family in ("system", "lattice")}
    assert folders == code | {"hardware", "ngtbench/backends"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_guide_succeeds(copy: Path, command: str) -> None:
    words = command.removeprefix("python -m ").split()
    ended = run(copy, *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert str(copy) in run(copy, "site").stdout + str(copy)
    if "pytest" in words:
        assert " passed" in ended.stdout


def test_the_new_workload_is_measured(copy: Path) -> None:
    ended = run(copy, "ngtbench", "run", "system/scale", "--size", "XS", "--budget", "0.05s", "--output", "scale.jsonl")
    assert ended.returncode == 0, ended.stderr
    assert (copy / "scale.jsonl").read_text().count('"status":"done"') == 2


def test_the_new_back_end_is_measured(copy: Path) -> None:
    file = copy / "ngtbench/workloads/system/scale.py"
    line = '    impls=(Impl("numpy", "system.scale:into", "numpy"),),\n'
    text = file.read_text()
    assert line in text
    file.write_text(text.replace(line, line.replace('"numpy"),)', '"numpy"), Impl("aligned", "system.scale:into", "aligned"))')))
    words = ("--impl", "aligned", "--size", "XS", "--budget", "0.05s", "--output", "aligned.jsonl")
    ended = run(copy, "ngtbench", "run", "system/scale", *words)
    file.write_text(text)
    assert ended.returncode == 0, ended.stderr
    assert (copy / "aligned.jsonl").read_text().count('"impl":"aligned"') == 2


def test_the_new_kernel_runs_wherever_it_can(copy: Path) -> None:
    words = ("--size", "XS", "--budget", "0.05s", "--output", "laplacian.jsonl")
    ended = run(copy, "ngtbench", "run", "lattice/laplacian", *words)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in (copy / "laplacian.jsonl").read_text().splitlines()]
    ends = {(line["case"]["impl"], line["outcome"]["status"]) for line in lines if "outcome" in line}
    assert ("numpy", "done") in ends
    can = {name for name, found in (("native", shutil.which("g++")), ("numba", find_spec("numba"))) if found}
    assert {(name, "done") for name in can} <= ends
    assert {status for _, status in ends} <= {"done", "skipped"}


def test_the_new_kernel_is_listed_and_its_text_shown(copy: Path) -> None:
    listed = json.loads(run(copy, "ngtbench", "kernels", "laplacian", "--json").stdout)["kernels"][0]
    assert (listed["module"], listed["flop"], listed["bytes"]) == ("lattice.laplacian", 9, 16)
    shown = run(copy, "ngtbench", "kernels", "show", "laplacian")
    assert 'extern "C" void laplacian(' in shown.stdout


@pytest.mark.parametrize("name", [path for path in FILES if path.startswith("hardware")])
def test_the_new_hardware_file_is_matched(copy: Path, name: str) -> None:
    program = (
        "from dataclasses import replace; from ngtbench.discover import profiles; from tests.machines import gpu; "
        "card = replace(gpu(), name='NVIDIA Example Accelerator', units=40, memory_b=16 * 10**9); "
        "print(profiles.match(card, profiles.load()).profile)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.strip() == Path(name).stem, ended.stderr
