"""The script that compares with pyAmpliCol, on a stand-in for it: terms, refusal, parameters, rounds, ratios, agreement."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import compiler
from ngtbench.errors import Unavailable

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "peers" / "pyamplicol.py"
STAND_IN = """
import math, os
from types import SimpleNamespace
print("a banner")
open(os.environ["STAND_IN_LOG"], "a").write("imported\\n")

class ModelSource:
    @staticmethod
    def built_in_sm():
        return "sm"

class Generator:
    def __init__(self, config):
        assert config.color.accuracy == "full"
    def generate(self, process, output, *, model):
        assert (process, model) == ("g g > t t~", "sm") and not os.path.exists(output)
        os.mkdir(output)
        return SimpleNamespace(output=output)

class Runtime:
    physics = SimpleNamespace(model_parameters=[SimpleNamespace(name=name, mutable=True) for name in NAMES])
    @classmethod
    def load(cls, output):
        return cls()
    def set_model_parameters(self, given):
        self.given = given
    def evaluate(self, points):  # leading order, from its textbook formula
        open(os.environ["STAND_IN_LOG"], "a").write(f"{len(points)}\\n")
        assert os.environ["OMP_NUM_THREADS"] == os.environ["RAYON_NUM_THREADS"] == "1" and len(os.sched_getaffinity(0)) == 1
        return tuple((SCALE * self.squared(points.transpose(1, 2, 0)) + 0j).tolist())
    def squared(self, p):
        def dot(a, b):
            return a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3]
        s = 2 * dot(p[0], p[1])
        t, u, rho = 2 * dot(p[0], p[2]) / s, 2 * dot(p[1], p[2]) / s, 4 * self.given["particle.6.mass"] ** 2 / s
        g4 = (4 * math.pi * self.given["normalization.alpha_s_me_check"]) ** 2
        return g4 * (1 / (6 * t * u) - 3 / 8) * (t * t + u * u + rho - rho * rho / (4 * t * u))
"""
CONFIG = """
from types import SimpleNamespace
def ColorConfig(accuracy): return SimpleNamespace(accuracy=accuracy)
def RunConfig(color): return SimpleNamespace(color=color)
"""
NAMES = ("normalization.alpha_s_me_check", "particle.6.mass", "particle.6.width")


def environment(place: Path, scale: float = 1.0, names: tuple[str, ...] = NAMES) -> Path:
    """Return an environment with stand-ins for both packages, one of them with its terms in a folder, one without any."""
    found = place / "environment"
    packages = found / "lib" / "python3.11" / "site-packages"
    (packages / "pyamplicol").mkdir(parents=True)
    (packages / "pyamplicol" / "__init__.py").write_text(f"SCALE, NAMES = {scale}, {names}\n{STAND_IN}")
    (packages / "pyamplicol" / "config.py").write_text(CONFIG)
    metadata = "Metadata-Version: 2.4\nName: {}\nVersion: {}\nLicense-Expression: {}\n"
    files = {
        "pyamplicol-1.0.1.dist-info/METADATA": metadata.format("pyamplicol", "1.0.1", "0BSD"),
        "pyamplicol-1.0.1.dist-info/licenses/LICENSE": "PERMISSION IS GRANTED TO EVERYONE",
        "pyamplicol-1.0.1.dist-info/licenses/licenses/symbolica/LICENSE.md": "THE ENGINE IS NOT FREE",
        "pyamplicol-1.0.1.dist-info/licenses/licenses/rust/LICENSE-MIT.txt": "A BUNDLED CRATE",
        "symbolica-3.0.dist-info/METADATA": metadata.format("symbolica", "3.0", "LicenseRef-Symbolica")
        + "Project-URL: Homepage, https://symbolica.io\n",
    }
    for name, text in files.items():
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text)
    for name in ("pyamplicol-1.0.1", "symbolica-3.0"):
        recorded = [f"{file},,\n" for file in files if file.startswith(name)]
        (packages / f"{name}.dist-info" / "RECORD").write_text("".join(recorded))
    python = found / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return found


def run(found: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script on an environment, as few as possible of the points and rounds."""
    line = [sys.executable, str(SCRIPT), "--environment", str(found), "--processes", "ttx", "--rounds", "3", "--seconds", "0.002"]
    variables = os.environ | {"STAND_IN_LOG": str(found / "log")}
    return subprocess.run(
        [*line, *words], capture_output=True, text=True, env=variables, cwd=SCRIPT.parent, timeout=60, check=False
    )


def module() -> Any:
    """Return the script as a module."""
    found = importlib.util.spec_from_file_location("peer_pyamplicol", SCRIPT)
    assert found and found.loader
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def calls(found: Path) -> list[str]:
    """Return what the stand-in noted."""
    log = found / "log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def host() -> None:
    try:
        compiler.find()
    except Unavailable as error:
        pytest.skip(str(error))


def test_terms_are_printed_and_without_a_right_nothing_of_the_peer_runs(tmp_path: Path) -> None:
    found = environment(tmp_path)
    ended = run(found)
    assert ended.returncode == 1 and "--i-have-a-right-to-use-it" in ended.stderr
    for text in ("pyamplicol 1.0.1", "License-Expression: 0BSD", "PERMISSION IS GRANTED TO EVERYONE", "THE ENGINE IS NOT FREE"):
        assert text in ended.stdout
    for text in ("symbolica 3.0", "LicenseRef-Symbolica", "https://symbolica.io", "no licence text", "need a right to use"):
        assert text in ended.stdout
    assert "A BUNDLED CRATE" not in ended.stdout and "rust/LICENSE-MIT.txt: of what it bundles" in ended.stdout
    assert not calls(found)


def test_what_is_not_installed_is_not_installed_unasked(tmp_path: Path) -> None:
    ended = run(tmp_path / "none", "--i-have-a-right-to-use-it")
    assert ended.returncode == 1 and "lacks pyamplicol and symbolica: add --install" in ended.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("host")
def test_rounds_ratios_and_agreement(tmp_path: Path) -> None:
    found, output = environment(tmp_path), tmp_path / "report.json"
    ended = run(found, "--i-have-a-right-to-use-it", "--batches", "4,512", "--output", str(output))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.index("need a right") < ended.stdout.index('"ratio"') and "a banner" in ended.stderr
    report: dict[str, Any] = json.loads(output.read_text())
    assert report["versions"] == {"pyamplicol": "1.0.1", "symbolica": "3.0"}
    (one,) = report["processes"]
    assert one["process"] == "g g > t t~" and 0 < one["max_relative_difference"] < 1e-12
    assert one["peer_parameters"] == {NAMES[0]: 0.118, NAMES[1]: 173.0, NAMES[2]: 0.0}
    ratios = sorted(each["ours"] / each["peer"] for each in one["rounds"])
    assert [one["ratio_min"], one["ratio"], one["ratio_max"]] == ratios and len(ratios) == 3
    assert one["ours_per_s"] == sorted(each["ours"] for each in one["rounds"])[1]
    assert one["peer_per_s"] == sorted(each["peer"] for each in one["rounds"])[1]
    assert {"4", "512"} <= set(calls(found)) and one["peer_batch"] in (4, 512)


@pytest.mark.usefixtures("host")
def test_sides_are_timed_in_turn_and_the_peer_in_its_fastest_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    script, order, speeds = module(), list[str](), iter([30.0, 20.0, 80.0, 50.0])

    def measured(*_: object) -> float:
        order.append("ours")
        return next(speeds)

    def ask(name: str, **asked: Any) -> dict[str, Any]:
        if name == "prepare":
            np.save(asked["values"], np.ones(1 << 14))
            return {"generation_s": 1.0, "parameters": asked["parameters"]}
        order.append(f"peer {asked['batch']}")
        return {"per_s": {4: 5.0, 16: 10.0, 64: 2.0}[asked["batch"]]}

    monkeypatch.setattr(script, "measured", measured)
    chosen = SimpleNamespace(width=0.0, batches="4,16,64", rounds=4, seconds=0.0)
    one = script.compared("ttx", SimpleNamespace(ask=ask), chosen)
    assert order[:3] == ["peer 4", "peer 16", "peer 64"] and one["peer_batch"] == 16
    assert [sorted(order[first : first + 2]) for first in range(3, 11, 2)] == [["ours", "peer 16"]] * 4 and len(order) == 11
    assert (one["ratio_min"], one["ratio"], one["ratio_max"]) == (2.0, 4.0, 8.0)
    assert (one["ours_per_s"], one["peer_per_s"]) == (40.0, 10.0)


def test_install_makes_the_environment_and_asks_for_wheels_of_one_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script, lines = module(), list[list[str]]()
    monkeypatch.setattr(script.subprocess, "run", lambda line, **_: lines.append(line))
    script.install(tmp_path / "new")
    script.install(environment(tmp_path))
    pip = ["-m", "pip", "install", "--only-binary", ":all:", "pyamplicol==1.0.1"]
    assert lines[0] == [sys.executable, "-m", "venv", str(tmp_path / "new")]
    assert lines[1:] == [[str(tmp_path / name / "bin" / "python"), *pip] for name in ("new", "environment")]


@pytest.mark.usefixtures("host")
def test_values_that_differ_are_told_and_end_in_an_error(tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    ended = run(environment(tmp_path, scale=1 + 1e-6), "--i-have-a-right-to-use-it", "--output", str(output))
    assert ended.returncode == 1 and "values differ by more than 1e-09" in ended.stderr and "g g > t t~" in ended.stderr
    assert json.loads(output.read_text())["processes"][0]["max_relative_difference"] == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.usefixtures("host")
def test_a_parameter_that_cannot_be_set_is_an_error(tmp_path: Path) -> None:
    ended = run(environment(tmp_path, names=NAMES[:2]), "--i-have-a-right-to-use-it")
    assert ended.returncode == 1 and "does not let particle.6.width be set" in ended.stderr
