"""Bad input gives exit 2 and one message that names the place and the remedy; never a traceback."""

from pathlib import Path

import pytest

from tests.conftest import CommandLine

EVIL = Path(__file__).parent / "workloads"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "system/nope"], "no workload matches 'system/nope': there are"),
        (["run", "system/triad", "--size", "XXL"], "no size 'XXL'"),
        (["run", "system/triad", "--dtype", "float8"], "no dtype 'float8'"),
        (["run", "system/triad", "--impl", "fortran"], "no implementation 'fortran'"),
        (["run", "system/triad", "--device", "cuda:9"], "no device 'cuda:9'"),
        (["run", "system/gemm", "--impl", "numpy", "--dtype", "bfloat16"], "nothing matches"),
        (["run", "--suite", "slow"], "no suite 'slow'"),
        (["run", "--budget", "soon"], "'soon' is not a duration"),
        (["run", "--launches", "0"], "--launches"),
        (["run", "--workloads", "nowhere"], "no such folder"),
        (["run", "--workloads", "."], "no file here assigns WORKLOAD"),
        (["run", "system/triad", "--output", "/proc/none/records.jsonl"], "cannot be written"),
        (["run", "--resume", "none.jsonl"], "none.jsonl: cannot be read: No such file or directory"),
        (["run", "system/triad", "--resume", "none.jsonl"], "leave out every other choice"),
        (["check", "none.jsonl"], "none.jsonl: no such file or folder"),
        (["check", "."], "holds no .jsonl and no .toml file"),
        (["compare", "none.jsonl", "none.jsonl"], "none.jsonl: cannot be read"),
        (["report", "none.jsonl", "--html", "page"], "none.jsonl: cannot be read"),
        (["list", "--family", "chemistry"], "no family 'chemistry': there are"),
        (["fly"], "No such command 'fly'"),
        (["run", "--speed", "9"], "No such option"),
    ],
)
def test_bad_words(ngtbench: CommandLine, words: list[str], said: str) -> None:
    ended = ngtbench(*words)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("syntax", "WORKLOAD = (", "syntax.py:1: SyntaxError"),
        ("raising", "\nWORKLOAD = 1 / 0\n", "raising.py:2: ZeroDivisionError"),
        ("typed", "WORKLOAD = 3\n", "typed.py: WORKLOAD must be an ngtbench.model.workload.Workload, not int"),
    ],
)
def test_a_faulty_workload_file(ngtbench: CommandLine, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / f"{name}.py").write_text(text)
    ended = ngtbench("run", f"user/{name}", "--workloads", tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_workload_without_an_oracle_is_refused(ngtbench: CommandLine, tmp_path: Path) -> None:
    text = (EVIL / "evil" / "double.py").read_text().replace("    reference=reference,\n", "")
    (tmp_path / "blind.py").write_text(text)
    ended = ngtbench("run", "user/blind", "--workloads", tmp_path)
    assert ended.returncode == 2
    assert "needs `reference`: nothing is timed that no oracle has checked" in ended.stderr


@pytest.mark.parametrize("verb", [["check"], ["compare", "GOOD"], ["report", "--html", "page"], ["run", "--resume"]])
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\xff", b'{"schema":"ngtbench.run/9"}\n', b'{"schema"\n{}\n'])
def test_a_file_of_another_kind(ngtbench: CommandLine, tmp_path: Path, verb: list[str], content: bytes) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_bytes(content)
    good = Path(__file__).parents[1] / "golden" / "version-1.jsonl"
    ended = ngtbench(*(str(good) if word == "GOOD" else word for word in verb), file)
    assert ended.returncode == 2
    assert f"{file}:1: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert file.read_bytes() == content, "the user's file was changed"


def test_broken_hardware_file(ngtbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('id = "card"\nlabel = \n')
    ended = ngtbench("check", tmp_path)
    assert ended.returncode == 2
    assert "card.toml:2" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_output_over_an_existing_file_is_refused(ngtbench: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text("precious")
    ended = ngtbench("run", "system/triad", "--size", "XS", "--output", file)
    assert ended.returncode == 2
    assert "exists already" in ended.stderr
    assert file.read_text() == "precious"
