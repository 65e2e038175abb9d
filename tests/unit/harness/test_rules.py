"""`[tool.ngtbench.gate]`: what it may say, and that a mistake in it never becomes a pass."""

from pathlib import Path

import pytest

from ngtbench.errors import BadInput
from ngtbench.harness import rules
from ngtbench.harness.rules import Rules
from ngtbench.model.gate import Rule

WHOLE = """
[tool.ngtbench.gate]
cases = ["ml/jet_mlp@1/M/*", "lattice"]
tolerance = 0.03
max_pairs = 60

[[tool.ngtbench.gate.case]]
match = "ml/*"
metric = "latency_p99_s"
better = "lower"
tolerance = 0.1

[[tool.ngtbench.gate.case]]
match = "ml/*/torch/*"
tolerance = 0.2
floor = 1e-6
"""


def load(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return rules.load(path)


def test_the_last_match_wins_and_what_it_does_not_set_stays(tmp_path: Path) -> None:
    known = load(tmp_path, WHOLE)
    assert known.cases == ("ml/jet_mlp@1/M/*", "lattice")
    assert known.rule("system/triad@1/S/numpy/float64") == Rule(0.03, 60)
    assert known.rule("ml/jet_mlp@1/M/numpy/float32") == Rule(0.1, 60, "latency_p99_s", "lower")
    assert known.rule("ml/jet_mlp@1/M/torch/float32") == Rule(0.2, 60, "latency_p99_s", "lower", 1e-6)


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1\n"])
def test_a_file_that_says_nothing_gives_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == Rules()
    assert rules.load(tmp_path / "absent.toml") == Rules()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tolerance = 1.5", "tool.ngtbench.gate.tolerance: 1.5 makes no sense"),
        ("tolerance = 0", "tool.ngtbench.gate.tolerance: 0 makes no sense"),
        ("tolerance = nan", "tool.ngtbench.gate.tolerance"),
        ("tolerance = '5 %'", "tool.ngtbench.gate.tolerance: Input should be a valid number"),
        ("max_pairs = 5", "tool.ngtbench.gate.max_pairs: 5 makes no sense"),
        ("max_pairs = 6.5", "tool.ngtbench.gate.max_pairs"),
        ("floor = -1.0", "tool.ngtbench.gate.floor: -1.0 makes no sense"),
        ("better = 'faster'", "tool.ngtbench.gate.better: Input should be 'lower' or 'higher'"),
        ("tolerence = 0.1", "tool.ngtbench.gate.tolerence: no such key: there are tolerance, max_pairs, metric, better, floor"),
        ("cases = 'ml'", "tool.ngtbench.gate.cases: must be a list"),
        ("cases = [1]", "tool.ngtbench.gate.cases: must be a list"),
        ("case = 'ml'", "tool.ngtbench.gate.case: write it as [[tool.ngtbench.gate.case]]"),
        ("tolerance = 1979-05-27", "tool.ngtbench.gate.tolerance"),
        ("[[tool.ngtbench.gate.case]]\ntolerance = 0.1", "tool.ngtbench.gate.case[0].match: must be a glob"),
        ("[[tool.ngtbench.gate.case]]\nmatch = 'a'\nfloor = 'b'", "tool.ngtbench.gate.case[0].floor"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput) as error:
        load(tmp_path, f"[tool.ngtbench.gate]\n{text}\n")
    assert str(error.value).startswith(f"{tmp_path / 'pyproject.toml'}: {words}")


@pytest.mark.parametrize("text", ["[tool", "[tool.ngtbench]\ngate = 3\n", "[tool]\nngtbench = 'x'\n", "tool = 1\n"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"pyproject\.toml"):
        load(tmp_path, text)


KEYS = (
    "ml/jet_mlp@1/M/numpy/float32 on cpu:0",
    "ml/jet_mlp@1/S/numpy/float32 on cpu:0",
    "lattice/wilson_dslash@1/S/x/f on cuda:0",
)


def test_globs_choose_cases_workloads_and_families() -> None:
    assert rules.chosen(KEYS, ()) == list(KEYS)
    assert rules.chosen(KEYS, ("ml/jet_mlp@1/M/*",)) == [KEYS[0]]
    assert rules.chosen(KEYS, ("ml",)) == list(KEYS[:2])
    assert rules.chosen(KEYS, ("lattice/wilson_dslash", "ml/*@1/S/*")) == list(KEYS[1:])
    assert rules.chosen((*KEYS, *KEYS), ("*",)) == list(KEYS)


@pytest.mark.parametrize("globs", [("mll",), ("ml", "lattice/wilson@*"), ("ml/jet_mlp@2/*",)])
def test_a_glob_that_matches_nothing_is_an_error_and_not_a_pass(globs: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match=f"no case of either side matches {globs[-1]}".replace("*", r"\*")):
        rules.chosen(KEYS, globs)
    with pytest.raises(BadInput, match="no case of either side matches anything"):
        rules.chosen((), ())


def test_what_the_sides_must_list() -> None:
    (quick,) = rules.selections(())
    assert (quick.workloads, quick.suite) == (("*",), "quick")
    found = {one.workloads: one.suite for one in rules.selections(("ml", "lattice/wilson_dslash@1/L/*"))}
    assert found == {("ml",): "quick", ("lattice/wilson_dslash",): "all"}


def test_the_command_lines_pairs_replace_the_rules() -> None:
    known = Rules(common=Rule(max_pairs=60))
    assert rules.ruled(known, KEYS[:1], None)[KEYS[0]].max_pairs == 60
    assert rules.ruled(known, KEYS[:1], 8)[KEYS[0]].max_pairs == 8


def test_a_rule_for_no_case_is_said(tmp_path: Path) -> None:
    known = load(tmp_path, WHOLE)
    assert rules.idle(known, KEYS) == ["the rule for 'ml/*/torch/*' matches no case that was judged"]
    assert rules.idle(known, (*KEYS, "ml/jet_mlp@1/M/torch/float32 on cuda:0")) == []
