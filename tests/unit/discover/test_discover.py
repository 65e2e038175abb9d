"""The whole machine: every fake explained, written and read back; the table and the document."""

import dataclasses
import io
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from ngtbench.cli import discover as command_line
from ngtbench.discover import profiles
from ngtbench.discover.answers import unexplained
from ngtbench.discover.machine import discover
from ngtbench.discover.source import Source
from ngtbench.model.machine import Cache, HardwareProfile, Machine, NumaNode
from ngtbench.model.record import MachineRecord
from ngtbench.store import codec
from tests.fakes import drivers, host

FOLDERS = Path(drivers.__file__).parent


@cache
def known() -> dict[str, HardwareProfile]:
    return profiles.load()


def replayed(name: str, root: Path) -> Machine:
    if name in drivers.AMD:
        source, amdsmi = drivers.amd(name, root, "amd-epyc-guest")
        return discover(source, nvml=drivers.nvml("broken-driver"), amdsmi=amdsmi, known=known())
    return discover(host.build("amd-epyc-guest", root), nvml=drivers.nvml(name), known=known())


@pytest.mark.parametrize("name", [*drivers.CARDS, *drivers.AMD, "broken-driver"])
def test_every_machine_is_explained_matched_and_survives_its_file(tmp_path: Path, name: str) -> None:
    machine = replayed(name, tmp_path)
    assert unexplained(machine) == []
    assert [match.device for match in machine.matches] == [device.id for device in machine.devices]
    record = MachineRecord(codec.digest(machine), machine)
    assert codec.from_line(codec.to_json(record)) == record


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("a100-sxm4-80gb", "a100-sxm4-80gb"),
        ("h100-sxm", "h100-sxm5-80gb"),
        ("h100-sxm-capped", "h100-sxm5-80gb"),
        ("h100-nvl", "h100-nvl-94gb"),
        ("h200", "h200-sxm-141gb"),
        ("gh200", "gh200-96gb"),
        ("l40s", "l40s"),
        ("mi300x", "mi300x"),
        ("mi250x", "mi250x-gcd"),
    ],
)
def test_each_card_gets_its_profile(tmp_path: Path, name: str, profile: str) -> None:
    machine = replayed(name, tmp_path)
    assert {match.profile for match in machine.matches if match.device != "cpu:0"} == {profile}


@pytest.mark.parametrize("name", ["a100-mig", "mi300x-cpx"])
def test_a_slice_never_gets_the_whole_cards_profile(tmp_path: Path, name: str) -> None:
    machine = replayed(name, tmp_path)
    assert {machine.match(gpu.id).profile for gpu in machine.gpus}.isdisjoint({"a100-sxm4-80gb", "mi300x"})


def test_a_broken_driver_leaves_a_machine_without_gpus(tmp_path: Path) -> None:
    machine = replayed("broken-driver", tmp_path)
    assert machine.gpus == ()
    assert "version mismatch" in machine.missing["gpus.cuda"]
    assert machine.cpu.cores == 4


def test_this_machine() -> None:
    machine = discover()
    assert unexplained(machine) == []
    assert machine.cpu.usable_threads >= 1
    assert machine.cpu.memory_b is not None
    assert machine.packages["numpy"]


def test_an_unexplained_none_is_found_wherever_it_hides(tmp_path: Path) -> None:
    machine = replayed("l40s", tmp_path)
    cpu = dataclasses.replace(machine.cpu, name=None, caches=(Cache(1, "data", 1, 1),), numa=(NumaNode(0, (), None),))
    gpu = dataclasses.replace(machine.gpus[0], uuid=None)
    broken = dataclasses.replace(machine, cpu=cpu, gpus=(gpu,))
    assert unexplained(broken) == ["cpu.name", "cpu.caches.0.line_b", "cpu.numa.0.memory_b", "gpus.0.uuid"]
    cpu.missing.update({"name": "why", "caches.0.line_b": "why", "numa.0.memory_b": "why"})
    gpu.missing["uuid"] = "why"
    assert unexplained(broken) == []


@pytest.mark.parametrize("name", ["h100-sxm-capped", "a100-mig", "mi300x", "broken-driver"])
def test_the_table_fits_80_columns_and_says_every_reason(tmp_path: Path, name: str) -> None:
    machine = replayed(name, tmp_path)
    text = table(machine, 80)
    assert max(map(len, text.splitlines())) <= 80
    wide = table(machine, 1000)
    for missing in (machine.missing, machine.host.missing, machine.cpu.missing, *(gpu.missing for gpu in machine.gpus)):
        for reason in missing.values():
            assert reason in wide
    for gpu in machine.gpus:
        assert str(gpu.name) in wide


def test_the_table_shows_cap_and_cause(tmp_path: Path) -> None:
    text = table(replayed("h100-sxm-capped", tmp_path), 200)
    assert "500 W set, 700 W default, 500 W enforced" in text
    assert "sw_power_cap" in text
    assert "a guest hides the model" in text


def table(machine: Machine, width: int) -> str:
    out = io.StringIO()
    command_line.show(machine, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_json_is_the_machine_line_of_a_record_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.command(json=True) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["schema"] == "ngtbench.machine/1"
    record = codec.from_line(text)
    assert isinstance(record, MachineRecord)
    assert record.machine.cpu.affinity == discover().cpu.affinity


def test_discovery_loads_no_framework() -> None:
    heavy = ("torch", "cupy", "numba", "triton", "scipy", "pandas", "plotly")
    code = f"""
import sys
from ngtbench.cli.discover import command
command()
print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert "cpu:0" in done.stdout


def test_every_fake_says_that_it_is_none_of_a_real_machine() -> None:
    files = [*FOLDERS.glob("*/*.json")]
    assert len(files) >= 15
    for file in files:
        label = next(iter(json.loads(file.read_text(encoding="utf-8")).items()))
        assert label[0] == "label"
        assert label[1].startswith(("constructed from documented", "recorded on"))


def test_a_host_that_shows_nothing_still_gives_a_machine(tmp_path: Path) -> None:
    empty = Source(tmp_path, {}, "riscv64", frozenset({0, 1}), host.no_command)
    machine = discover(empty, nvml=drivers.nvml("broken-driver"))
    assert unexplained(machine) == []
    assert machine.cpu.threads == 2
    assert table(machine, 80)
