"""The gate as CI calls it: revisions and trees of a fresh clone, exit codes, reports, and what stops it."""

import io
import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ngtbench.cli.talk import Talk
from ngtbench.report import verdict
from tests.conftest import CommandLine
from tests.end_to_end.doors import LAUNCH, TRIAD, Clone, clone
from tests.machines import machine
from tests.records import run, written

TWICE = """

_once = into


def into(setup, b, c, s):
    run = _once(setup, b, c, s)

    def twice():
        run()
        return run()

    return twice
"""
KERNEL = "ngtbench/kernels/system/triad.py"
QUICK = ("--budget", "0.1s", "--output", "gate")
LEAST = ("--pairs", "6")  # where not the verdict counts, but that it is reached


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone with one commit."""
    found = clone(tmp_path_factory.mktemp("gate"))
    found.commit("right")
    return found


@pytest.fixture
def clean(made: Clone) -> Clone:
    """Return the clone as committed."""
    made.run("git", "checkout", "--quiet", "--force", "main")
    made.run("git", "clean", "--quiet", "-d", "--force")
    return made


def gate(at: Clone, *words: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    return at.run(str(at.python), "-m", "ngtbench", "gate", *words, *QUICK, timeout=timeout)


def verdicts(at: Clone) -> dict[str, Any]:
    plain = json.loads((at.place / "gate" / "gate.json").read_text())
    return {judged["case"]: judged for judged in plain["cases"]} | {"": plain}


def append(at: Clone, text: str) -> None:
    with (at.place / KERNEL).open("a") as file:
        file.write(text)


def test_a_kernel_that_takes_twice_as_long_is_a_regression(clean: Clone) -> None:
    append(clean, TWICE)
    ended = gate(clean, TRIAD, "--baseline", "HEAD", "--candidate", ".")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stdout.startswith("regression (1 fail)")
    found = verdicts(clean)
    assert found[TRIAD]["status"] == "fail"
    assert found[TRIAD]["confirmation"]["state"] == "fail"
    assert found[TRIAD]["decision"]["estimate"] > 0.4
    sides = found[""]["baseline"], found[""]["candidate"]
    assert [side["kind"] for side in sides] == ["revision", "tree"]
    assert [side["dirty"] for side in sides] == [False, True]
    assert sides[1]["package"] == str(clean.place / "ngtbench")
    assert sides[0]["package"] != sides[1]["package"]
    pairs = len(found[TRIAD]["pairs"]) + len(found[TRIAD]["fresh_pairs"])
    for name in ("baseline", "candidate"):
        lines = [json.loads(line) for line in (clean.place / "gate" / f"{name}.jsonl").read_text().splitlines()]
        assert len(lines) == 1 + pairs
        assert len({line["provenance"]["worker"] for line in lines[1:]}) == 1
    suite = ET.parse(clean.place / "gate" / "gate.xml").getroot()
    assert suite.get("failures") == "1"
    assert TRIAD in (clean.place / "gate" / "gate.md").read_text()
    checked = clean.run(str(clean.python), "-m", "ngtbench", "check", "gate/baseline.jsonl", "gate/candidate.jsonl")
    assert checked.returncode == 0, checked.stdout


def test_unchanged_code_never_fails_and_a_wrong_result_is_an_error(clean: Clone) -> None:
    clean.break_triad()
    broken = clean.commit("wrong")
    clean.run("git", "reset", "--quiet", "--hard", "HEAD~1")
    ended = gate(clean, TRIAD, LAUNCH, "--baseline", "main", "--candidate", broken, "--json")
    assert ended.returncode == 2, ended.stderr
    found = {judged["case"]: judged for judged in json.loads(ended.stdout)["cases"]}
    assert found[TRIAD]["status"] == "error"
    assert "wrong on the candidate's side: error 0.0" in found[TRIAD]["reason"]
    assert found[LAUNCH]["status"] in ("pass", "inconclusive")


def test_a_new_case_is_an_error_because_it_has_no_baseline(clean: Clone) -> None:
    path = clean.place / "ngtbench/workloads/system/triad.py"
    text = path.read_text()
    path.write_text(text.replace('Impl("numpy", "system.triad:into", "numpy")', 'Impl("plain", "system.triad:into", "numpy")'))
    assert path.read_text() != text
    few = [TRIAD.replace("numpy", impl) for impl in ("numpy", "plain", "cupy")]
    ended = gate(clean, *few, "--baseline", "HEAD", "--time-limit", "1s")
    assert ended.returncode == 2, ended.stderr
    found = verdicts(clean)
    assert found[TRIAD]["reason"] == "missing on the candidate's side"
    assert found[TRIAD.replace("numpy", "plain")]["reason"] == "missing on the baseline's side"
    assert found[TRIAD.replace("numpy", "cupy")]["status"] == "skipped"


def test_environments_are_sides_too(clean: Clone) -> None:
    ended = gate(clean, LAUNCH, "--baseline", str(clean.python), "--candidate", str(clean.python.parent.parent), *LEAST)
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr
    found = verdicts(clean)
    assert [found[""][name]["kind"] for name in ("baseline", "candidate")] == ["environment", "environment"]
    assert found[LAUNCH]["status"] in ("pass", "inconclusive")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--baseline is missing"),
        (("--baseline", "no-such-branch"), "the repository here has no such revision"),
        (("--baseline", "HEAD", "system/quad@1/*"), "no case of either side matches system/quad@1/*"),
        (("--baseline", "HEAD", "--candidate", "b.jsonl"), "records can be gated against records only"),
        (("--baseline", "a.jsonl", "--candidate", "b.jsonl"), "a.jsonl: cannot be read"),
        (("--baseline", "HEAD", "--timeout", "soon"), "'soon' is not a duration"),
    ],
)
def test_bad_words_end_with_2_and_leave_no_report_of_an_earlier_gate(clean: Clone, words: tuple[str, ...], said: str) -> None:
    folder = clean.place / "gate"
    folder.mkdir(exist_ok=True)
    (folder / "gate.xml").write_text("<testsuite/>")
    ended = gate(clean, *words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (folder / "gate.xml").exists()


def test_a_faulty_rule_is_named(clean: Clone) -> None:
    with (clean.place / "pyproject.toml").open("a") as file:
        file.write('\n[[tool.ngtbench.gate.case]]\nmatch = "*"\ntolerance = 2\n')
    ended = gate(clean, TRIAD, "--baseline", "HEAD")
    assert ended.returncode == 2
    assert "pyproject.toml: tool.ngtbench.gate.case[" in ended.stderr
    assert "tolerance: 2 makes no sense" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gate_that_is_cut_off_is_neither_pass_nor_regression(clean: Clone, number: signal.Signals) -> None:
    words = [str(clean.python), "-m", "ngtbench", "gate", TRIAD, "--baseline", "HEAD", "--budget", "20s", "--output", "gate"]
    file = clean.place / "gate" / "baseline.jsonl"
    file.unlink(missing_ok=True)  # an earlier gate's
    process = subprocess.Popen(words, cwd=clean.place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        if file.exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "no verdict" in said
    assert not (clean.place / "gate" / "gate.json").exists()


def test_the_self_test_prints_both_figures_and_the_noise(clean: Clone) -> None:
    ended = gate(clean, "--self-test", "ml/jet_mlp@1/S-b256/numpy/float32", *LEAST)
    lines = ended.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["0% injected", "10% injected", "self-test"], ended.stderr
    assert all("noise of a pair" in line for line in lines[:2])
    said = {0: "this machine can be gated", 3: "too noisy to decide"}
    assert lines[2] == f"self-test: {said[ended.returncode]}"
    for name, slower in (("unchanged", False), ("slower", True)):
        plain = json.loads((clean.place / "gate" / name / "gate.json").read_text())
        line = json.loads((clean.place / "gate" / name / "candidate.jsonl").read_text().splitlines()[1])
        assert ("slowed_down" in line["outcome"]["measurement"]["flags"]) is slower
        assert plain["cases"][0]["status"] in (("fail", "inconclusive") if slower else ("pass", "inconclusive"))


def test_stored_records_of_two_machines_are_refused(ngtbench: CommandLine, tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", machine(), *(run(launch=k) for k in range(6)))
    b = written(tmp_path / "b.jsonl", machine(hostname="otherhost"), *(run(launch=k) for k in range(6)))
    ended = ngtbench("gate", "--baseline", a.path, "--candidate", b.path)
    assert ended.returncode == 2
    assert "are not of one machine" in ended.stderr
    assert not (tmp_path / "gate" / "gate.json").exists()
    same = ngtbench("gate", "--baseline", a.path, "--candidate", a.path)
    assert same.returncode == 0, same.stderr
    assert "stored records: the launches were not interleaved" in (tmp_path / "gate" / "gate.md").read_text()


def test_records_of_the_last_gate_can_be_judged_again(ngtbench: CommandLine, tmp_path: Path) -> None:
    for name in ("baseline", "candidate"):
        written(tmp_path / "gate" / f"{name}.jsonl", machine(), *(run(launch=k) for k in range(6)))
    words = ("gate", "--baseline", "gate/baseline.jsonl", "--candidate", "gate/candidate.jsonl")
    for _ in range(2):
        assert ngtbench(*words).returncode == 0
    assert (tmp_path / "gate" / "baseline.jsonl").exists()


def test_two_gates_do_not_write_into_one_folder(ngtbench: CommandLine, tmp_path: Path) -> None:
    with verdict.held(tmp_path / "gate"):
        ended = ngtbench("gate", "--baseline", "HEAD")
    assert ended.returncode == 2
    assert "another gate is writing here" in ended.stderr


def test_a_reader_that_went_away_does_not_change_the_verdict(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", machine(), *(run(launch=k) for k in range(6)))
    words = [sys.executable, "-m", "ngtbench", "gate", "--baseline", str(a.path), "--candidate", str(a.path), "--json"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    talk = Talk(file=Gone())
    talk.print("one")
    talk.print("two")
    assert talk.quiet


class Gone(io.StringIO):
    """A file whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_outside_of_a_checkout_the_installed_package_tests_itself(ngtbench: CommandLine, tmp_path: Path) -> None:
    ended = ngtbench("gate", "--self-test", LAUNCH, "--budget", "0.05s", *LEAST, timeout=280)
    assert ended.returncode in (0, 1, 3), ended.stderr  # a call of 50 ns is below the floor: what counts is that it is tried
    plain = json.loads((tmp_path / "gate" / "unchanged" / "gate.json").read_text())
    assert plain["candidate"]["kind"] == "environment"
    assert plain["cases"][0]["pairs"]


def test_a_crash_of_the_gate_itself_is_no_regression(tmp_path: Path) -> None:
    code = "import sys; from ngtbench.cli import app; sys.argv = ['ngtbench', 'gate', '--baseline', 'HEAD']; "
    code += "import ngtbench.cli.gate as gate; gate.verdict.clear = lambda folder, records: 1 / 0; sys.exit(app.run())"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "ZeroDivisionError" in ended.stderr
