"""From a fresh clone: `asv machine`, `asv run` in both kinds of environment, `asv compare`, `asv publish`."""

import json
import os
import platform
import re
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.doors import LAUNCH, TRIAD, Clone, clone


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clone, str]:
    """Return a clone with its machine file, and its only commit."""
    made = clone(tmp_path_factory.mktemp("asv"))
    commit = made.commit("one")
    ended = made.run(str(made.python), "-m", "ngtbench", "machine", "--asv")
    assert ended.returncode == 0, ended.stderr
    return made, commit


def results(made: Clone, commit: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return asv's columns per case id, without the quotes asv puts around it."""
    (path,) = (made.place / ".asv" / "results" / platform.node()).glob(f"{commit[:8]}-{kind}-*.json")
    plain, found = json.loads(path.read_text()), {}
    for row in plain["results"].values():
        columns = dict(zip(plain["result_columns"], row, strict=False))
        values = columns["result"] or [None] * len(columns["params"][0])
        samples = columns.get("samples") or [None] * len(values)
        for case, value, taken in zip(columns["params"][0], values, samples, strict=True):
            found[case.strip("'")] = {"value": value, "samples": taken, "version": columns["version"], **plain["params"]}
    return found


def test_the_machine_file_survives_asv_machine(ready: tuple[Clone, str]) -> None:
    made, _ = ready
    path = made.place.parent / ".asv-machine.json"
    text = path.read_text()
    ours = json.loads(text)[platform.node()]
    cards = {"gpu": "NVIDIA H100 NVL", "gpu_count": "2", "gpu_power_limit_w": "400", "gpu_mig": "off"}
    path.write_text(json.dumps({platform.node(): ours | cards, "version": 1}))
    for words in ((), (), ("--machine", platform.node())):
        ended = made.asv("machine", "--yes", *words)
        assert ended.returncode == 0, ended.stderr
    entry = json.loads(path.read_text())[platform.node()]
    changed = {key for key in entry if entry[key] != (ours | cards).get(key)}
    assert changed <= {"os"}  # asv puts the kernel's release there
    assert {key: entry[key] for key in cards} == cards
    assert made.run(str(made.python), "-m", "ngtbench", "machine", "--asv").returncode == 0
    assert path.read_text() == text


def test_runs_compares_and_publishes(ready: tuple[Clone, str]) -> None:
    made, first = ready
    existing, absent = ("-E", f"existing:{made.python}"), "system/triad@1/XS/cupy/float64"
    cases = f"{LAUNCH} {TRIAD} {absent}"
    ended = made.asv("run", *existing, "--set-commit-hash", first, "--record-samples", cases=cases)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = results(made, first, "existing")
    assert set(found) == {LAUNCH, TRIAD, absent}
    assert 1e-8 < found[LAUNCH]["value"] < 1e-3
    assert len(found[TRIAD]["samples"]) >= 2 * 10, "two launches with at least ten samples each"
    assert found[absent]["value"] != found[absent]["value"], "skipped is NaN, not failed"
    assert found[TRIAD]["version"] == "1"
    assert found[TRIAD]["gpu_count"].isdigit()

    made.break_triad()
    second = made.commit("two: the triad is wrong")
    ended = made.asv("run", *existing, "--set-commit-hash", second, "--quick", "--show-stderr", cases=cases)
    assert ended.returncode == 2
    assert f"{TRIAD}: wrong: error 0.0" in ended.stdout
    found = results(made, second, "existing")
    assert found[TRIAD]["value"] is None
    assert found[LAUNCH]["value"] > 0

    compared = made.asv("compare", first, second).stdout
    lines = {case: next(line for line in compared.splitlines() if case in line) for case in (LAUNCH, TRIAD)}
    assert lines[TRIAD].split("|")[1:4][0].strip() == "!", "what worked and fails now"
    assert "failed" in lines[TRIAD]
    assert "failed" not in lines[LAUNCH]
    ended = made.asv("publish")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    site = made.place / ".asv" / "html"
    index = json.loads((site / "index.json").read_text())
    assert index["benchmarks"]["system.Launch.track_wall"]["unit"] == "seconds"
    graphs = [path for path in (site / "graphs").rglob("system.Launch.track_wall*.json") if "summary" not in path.parts]
    assert len(json.loads(graphs[0].read_text())) == 2
    assert not made.run("git", "status", "--porcelain").stdout, "what asv writes is ignored"


def test_a_managed_environment_is_built_from_the_commit(ready: tuple[Clone, str]) -> None:
    made, first = ready
    torch = "system/launch@1/XS/torch/float64"
    native = "system/launch@1/XS/numba/float64"
    ended = made.asv("run", f"{first}^!", "--quick", "--show-stderr", cases=f"{LAUNCH} {native} {torch}", timeout=280)
    if re.search("NewConnectionError|No matching distribution", ended.stdout) and os.environ.get("NGTBENCH_REQUIRE_ALL") != "1":
        pytest.skip("pip reaches no package index: asv cannot fill an environment")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = results(made, first, "virtualenv")
    assert found[LAUNCH]["value"] > 0
    assert found[native]["value"] > 0
    assert found[torch]["value"] != found[torch]["value"]
    assert "package torch is not installed" in ended.stdout
    (site,) = (made.place / ".asv" / "env").glob("*/lib/python*/site-packages")
    assert {path.name for path in site.glob("asv_runner-*")} == {"asv_runner-0.3.2.dist-info"}
    assert not Path(site / "torch").exists()
