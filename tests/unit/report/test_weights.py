"""Weights say for which use they are and who asks; a fault in a file is named."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.errors import BadInput
from ngtbench.model.comparison import Weights
from ngtbench.report import weights

GOOD = 'name = "mine"\nuse_case = "this"\nrequester = "that"\n'
FAMILIES = {"system", "lattice", "generators", "ml", "tensors", "scheduling", "sharing", "fpga"}


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text(f"{GOOD}other = 0\n[weights]\nml = 2\nlattice = 0.5\n")
    assert weights.load(file) == Weights("mine", "this", "that", {"ml": 2.0, "lattice": 0.5}, 0.0)
    own = weights.find(str(file))
    assert own.name == "mine (a file of the user, not shipped)"
    assert replace(own, name="mine") == weights.load(file)
    file.write_text(f"{GOOD}[weights]\n")
    assert weights.load(file).other == 1.0


def test_what_is_shipped_is_whole() -> None:
    assert set(weights.known()) >= {"equal", "ngt", "lqft", "generators", "trigger-ml", "event-processing"}
    for name in weights.known():
        found = weights.find(name)
        assert found.name == name
        assert set(found.families) <= FAMILIES
        if name == "equal":
            assert (found.families, found.other) == ({}, 1.0)
        else:
            assert (found.families["system"], found.other) == (0.0, 0.0)


def test_what_is_neither_a_name_nor_a_file_is_named() -> None:
    with pytest.raises(BadInput, match="weights nowhere: neither a file nor one of equal, event-processing"):
        weights.find("nowhere")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name", "not readable TOML"),
        (f"{GOOD}weights = 3", "weights: must be a table"),
        (f"{GOOD}[weights]\nml = -1", "weights.ml: must be a number from 0"),
        (f"{GOOD}[weights]\nml = nan", "weights.ml: must be a number from 0"),
        (f"{GOOD}[weights]\nml = inf", "weights.ml: must be a number from 0"),
        (f"{GOOD}[weights]\nml = true", "weights.ml: must be a number from 0"),
        (f'{GOOD}other = "1"\n[weights]', "other: must be a number from 0"),
        (f"{GOOD}other = 0\n[weights]\nml = 0", "no family weighs anything"),
        (f"{GOOD}colour = 1\n[weights]", "colour: a file holds name, use_case, requester"),
        (GOOD, "weights: a file holds name, use_case, requester"),
        ('name = "mine"\nuse_case = "this"\n[weights]', "requester: a file holds"),
        ('name = "mine"\nuse_case = "this"\nrequester = " "\n[weights]', "requester: must be a text"),
        ('name = 3\nuse_case = "this"\nrequester = "that"\n[weights]', "name: must be a text, found 3"),
    ],
)
def test_a_fault_is_named_with_file_and_key(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "w.toml").write_text(content)
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        weights.load(tmp_path / "w.toml")
    assert "w.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml: not readable"):
        weights.load(tmp_path / "none.toml")
