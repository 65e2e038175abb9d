"""`ngtbench check`: what no reader of a line can know, that a tier is none of ours."""

from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.cli import check
from ngtbench.model.record import RunRecord
from tests.machines import machine
from tests.records import case, run, written


def of_tier(tier: str, impl: str) -> RunRecord:
    one = run(of=case(impl=impl))
    return replace(one, provenance=replace(one.provenance, tier=tier))


def test_an_unknown_tier_is_a_fault_once_with_its_records_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [of_tier("ported", "a"), of_tier("optimised", "b"), of_tier("gold", "c"), of_tier("gold", "d")]
    path = written(tmp_path / "a.jsonl", machine(), *runs).path
    assert check.command([path]) == 2
    told = capsys.readouterr()
    assert told.out == f"{path}: 1 faults\n"
    assert told.err.startswith(f"{path}: provenance.tier: 'gold' is none of ported, optimised: ")
    assert told.err.endswith(f"takes these 2 records, first {runs[2].key}\n")


def test_known_tiers_are_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "a.jsonl", machine(), of_tier("ported", "a"), of_tier("optimised", "b")).path
    assert check.command([tmp_path]) == 0
    assert capsys.readouterr().out == f"{path}: good\n"
