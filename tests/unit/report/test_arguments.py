"""Files, folders and labels on the command line."""

from pathlib import Path

import pytest

from ngtbench.errors import BadInput
from ngtbench.report.arguments import accepted, sides


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "jobs/2.jsonl", "jobs/1.jsonl", "jobs/more/3.jsonl", "jobs/notes.txt", "x=y.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_files_folders_and_labels(here: Path) -> None:
    files, labels = sides(["a.jsonl", "jobs", "H200=jobs", " B =a.jsonl"])
    jobs = [Path("jobs/1.jsonl"), Path("jobs/2.jsonl"), Path("jobs/more/3.jsonl")]
    assert files == [Path("a.jsonl"), *jobs, *jobs, Path("a.jsonl")]
    assert labels == [None] * 4 + ["H200"] * 3 + ["B"]


def test_a_file_whose_name_looks_labelled_is_a_file_and_a_label_ends_at_the_first_sign(here: Path) -> None:
    assert sides(["x=y.jsonl"]) == ([Path("x=y.jsonl")], [None])
    assert sides(["z=x=y.jsonl"]) == ([Path("x=y.jsonl")], ["z"])


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("none.jsonl", "^none.jsonl: cannot be read: no such file or folder"),
        ("A=none.jsonl", "^none.jsonl: cannot be read: no such file"),
        ("empty", r"^empty: holds no \.jsonl file"),
        ("=a.jsonl", "^=a.jsonl: write LABEL=FILE"),
        ("  =a.jsonl", "write LABEL=FILE"),
        ("A=", "^A=: write LABEL=FILE"),
    ],
)
def test_what_is_not_there_or_not_named_is_refused(here: Path, argument: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        sides(["a.jsonl", argument])


def test_what_can_be_accepted_is_named() -> None:
    assert accepted(["shared", "threads", "shared"]) == {"shared", "threads"}
    with pytest.raises(BadInput, match="--accept sizes: there are deviations, shared, unconverged, threads"):
        accepted(["shared", "sizes"])
