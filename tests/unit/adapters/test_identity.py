"""The identity of a machine holds what stays, tells GPUs apart, and merges into asv's file without loss."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.adapters.identity import asv_entry, machine_info
from ngtbench.cli.machine import merge
from ngtbench.errors import BadInput
from tests import machines
from tests.conftest import CommandLine

CARD = replace(machines.gpu(), name="NVIDIA H100 NVL", power_limit_w=400.0, mig="off")


def test_gpus_are_told_by_model_count_cap_and_slice() -> None:
    entry = asv_entry(machines.machine(CARD, replace(CARD, id="cuda:1", mig="1g.10gb")))
    assert (entry["gpu"], entry["gpu_count"]) == ("NVIDIA H100 NVL", "2")
    assert (entry["gpu_power_limit_w"], entry["gpu_mig"]) == ("400", "off, 1g.10gb")
    assert asv_entry(machines.machine())["gpu"] == "none"


def test_nothing_volatile_is_in_it() -> None:
    now = machines.machine(CARD)
    card = replace(CARD, driver="999.1", clock_hz=1.0, temperature_c=99.0, memory_free_b=1, throttle=("hw_slowdown",))
    host, cpu = replace(now.host, kernel="9.9"), replace(now.cpu, clock_hz=9e9)
    later = replace(now, taken_at="2027", host=host, cpu=cpu, gpus=(card,), packages={"numpy": "9"})
    assert asv_entry(later) == asv_entry(now)
    assert machine_info(later) == machine_info(now)


def test_another_card_cap_host_or_count_is_another_machine() -> None:
    here = machine_info(machines.machine(CARD))
    for card in (replace(CARD, power_limit_w=300.0), replace(CARD, uuid="GPU-other"), replace(CARD, name="L40S")):
        assert machine_info(machines.machine(card)) != here
    assert machine_info(machines.machine(CARD, hostname="b")) != here
    assert machine_info(machines.machine(CARD, CARD)) != here


def test_other_machines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "machines.json"
    path.write_text(json.dumps({"other": {"machine": "other"}, "testhost": {"machine": "testhost", "gpu": "old"}, "version": 1}))
    entry = asv_entry(machines.machine(CARD))
    merge(path, entry)
    assert json.loads(path.read_text()) == {"other": {"machine": "other"}, "testhost": entry, "version": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["machines.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version": 1,\n', r"json:2: not JSON"),
        ("[]", r"json:1: version: no machine file"),
        ('{"version": 2}', r"json:1: version: no machine file"),
        ('{"version": 1, "a": 3}', r"json:1: a: not a machine's entry but 3"),
    ],
)
def test_a_corrupt_file_is_named_and_left_alone(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "machines.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        merge(path, asv_entry(machines.machine()))
    assert path.read_text() == text


def test_the_verb_writes_where_asv_looks_and_says_what_is_wrong(ngtbench: CommandLine, tmp_path: Path) -> None:
    shown = ngtbench("machine", "--asv", "--json", HOME=str(tmp_path))
    assert not (tmp_path / ".asv-machine.json").exists()
    assert ngtbench("machine", "--asv", HOME=str(tmp_path)).returncode == 0
    written = json.loads((tmp_path / ".asv-machine.json").read_text())
    entry = json.loads(shown.stdout)
    assert written == {entry["machine"]: entry, "version": 1}
    (tmp_path / "file").write_text("")
    refused = ngtbench("machine", "--asv", HOME=str(tmp_path / "file"))
    assert refused.returncode == 2
    assert "cannot be" in refused.stderr and "Traceback" not in refused.stderr
    assert ngtbench("machine").returncode == 2
