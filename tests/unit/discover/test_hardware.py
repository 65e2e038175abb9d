"""`ngtbench check hardware`: the shipped files are good, and every class of fault is caught with its place and remedy."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench import shipped
from ngtbench.discover import faults, profiles, rules
from ngtbench.errors import ProfileError

HARDWARE = shipped.folder("hardware")
H100 = (HARDWARE / "h100-sxm5-80gb.toml").read_text(encoding="utf-8")
UNITS = next(line for line in H100.splitlines() if line.startswith("units = {"))
TDP = next(line for line in H100.splitlines() if line.startswith("tdp_w"))
PEAK = next(line for line in H100.splitlines() if "9.8942976e14" in line)
CLOCK = next(line for line in H100.splitlines() if "1.83e9" in line)


def test_all_shipped_files_are_good() -> None:
    assert faults.check(HARDWARE) == []
    assert len(profiles.load()) == len(list(HARDWARE.glob("*.toml"))) >= 30


@pytest.mark.parametrize("file", sorted(HARDWARE.glob("*.toml")), ids=lambda file: file.stem)
def test_a_shipped_file_has_units_peaks_identity_and_no_remembered_source(file: Path) -> None:
    profile = faults.examine(file)[0][file.stem]
    assert not {"mem", "memory"} & set(profile.sources)
    assert profile.units.value
    assert all(name.split("/")[1] in ("vector", "matrix", "packed") for name in profile.peaks)
    assert profile.kind == "cpu" or (profile.match.pci_ids and profile.match.names)


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        (UNITS + "\n", "", "units", "missing: add it"),
        ('label = "', 'labell = "', "labell", "no such key"),
        ('kind = "cuda"', 'kind = "tpu"', "kind", "correct the value"),
        ('id = "h100-sxm5-80gb"', 'id = "h100"', "id", "rename the file"),
        ('label = "NVIDIA H100 SXM5 80 GB"', 'label = " "', "label", "name it"),
        (TDP, TDP.replace("700.0", '"700"'), "tdp_w.value", "correct the value"),
        (TDP, TDP.replace("700.0", "-700.0"), "tdp_w", "write it unscaled"),
        (TDP, TDP.replace("700.0", "nan"), "tdp_w.value", "finite number"),
        (TDP, TDP.replace("700.0", "inf"), "tdp_w.value", "finite number"),
        (TDP, TDP.replace("700.0", "2024-01-01"), "tdp_w.value", "correct the value"),
        (TDP, TDP.replace('"W"', '"kW"'), "tdp_w", "unit 'kW', expected 'W'"),
        (TDP, 'tdp_w = { value = 700.0, source = ["stas"] }', "tdp_w.unit", "missing: add it"),
        (TDP, 'tdp_w = { value = 700.0, unit = "W" }', "tdp_w", "no source"),
        (TDP, 'tdp_w = { unit = "W" }', "tdp_w", "no value and no reason"),
        (TDP, 'tdp_w = { unit = "W", reason = " " }', "tdp_w", "no value and no reason"),
        (TDP, 'tdp_w = { unit = "W", reason = "why", source = ["stas"] }', "tdp_w", "a source without a value"),
        (TDP, TDP.replace(" }", ', reason = "why" }'), "tdp_w", "a value and a reason"),
        (TDP, TDP.replace('"stas"', '"nobody"'), "tdp_w", "source 'nobody' does not stand in [sources]"),
        ("[sources]", '[sources]\nspare = "a page"', "sources.spare", "no number names this source"),
        ('stas = "Machine', 'stas = ""\nspare = "Machine', "sources.stas", "write title"),
        ("3.35e12", "3350.0", "bandwidth_b_per_s", "write it unscaled, in B/s"),
        (UNITS, UNITS.replace("132.0", "114.0"), "match.units", "differs from units (114.0)"),
        (PEAK, PEAK.replace("9.8942976e14", "1.979e15"), "peaks.float16/matrix.flop_per_s", "100.0% off units x rate x clock"),
        (PEAK, PEAK.replace("9.8942976e14", "9.5e14"), "peaks.float16/matrix.flop_per_s", "3 % allowed"),
        (CLOCK, CLOCK.replace("1.83e9", "1.98e9"), "peaks.tf32/matrix.flop_per_s", "correct the wrong one of the four"),
        ('[peaks."int8/matrix"]', '[peaks."int8/tensor"]', "peaks.int8/tensor", "no dtype and kind of unit"),
        ('"OP/s"', '"FLOP/s"', "peaks.int8/matrix.flop_per_s", "expected 'OP/s'"),
        ('"10de:2330"', '"10DE:2330"', "match.pci_ids", "lower-case hexadecimal"),
        ('names = ["NVIDIA H100 80GB HBM3"]\npci_ids = ["10de:2330"]\n', "", "match", "neither names nor pci_ids"),
        ("power_w = [630.0, 770.0]", "power_w = [770.0, 630.0]", "match.power_w", "is no range"),
        ("power_w = [630.0, 770.0]", "power_w = [300.0, 350.0]", "match.power_w", "leaves out the profile's own 700"),
        ("power_w = [630.0, 770.0]", "power_w = [630.0]", "match.power_w.1", "missing: add it"),
        ("units = 132", "units = 132.5", "match.units", "correct the value"),
        ("units = 132", 'family_model = "Milan"', "match.family_model", "write both numbers in decimal"),
        ("units = 132", 'pci_revisions = ["0xa1"]', "match.pci_revisions", "does not read like 'c8'"),
        ("units = 132", 'colour = "green"', "match.colour", "no such key"),
        ("[caches_b]", "[caches]", "caches", "no such key"),
    ],
)
def test_a_fault_is_said_with_file_line_key_and_remedy(tmp_path: Path, old: str, new: str, key: str, said: str) -> None:
    assert old in H100
    file = tmp_path / "h100-sxm5-80gb.toml"
    file.write_text(H100.replace(old, new, 1), encoding="utf-8")
    found = [fault for fault in faults.check(file) if f": {key}: " in fault]
    assert len(found) == 1, faults.check(file)
    assert said in found[0]
    place = re.match(rf"{re.escape(str(file))}:(\d+): ", found[0])
    assert place
    line = file.read_text(encoding="utf-8").splitlines()[int(place[1]) - 1]
    wanted = [part for part in re.split(r"\.(?!\d)", key) if part in line]
    assert wanted or said == "missing: add it", f"line {place[1]} is {line!r}"
    with pytest.raises(ProfileError, match=re.escape(str(file.parent))):
        profiles.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'id = "card"\nlabel = \n', "card.toml:2: label: not TOML: Invalid value at column 9: correct this line"),
        (b'id = "card"\n\n[match\nunits = 1\n', "card.toml:3: match: not TOML"),
        (b'id = "card"\nid = "card"\n', "card.toml:2: id: not TOML: Cannot overwrite a value"),
        (b'id = "card', "card.toml:1: id: not TOML"),
        (b"\x89PNG\xff", "card.toml:1: file: byte 0 is not UTF-8 text: save it as UTF-8"),
        (b"", "card.toml:1: id: missing: add it"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "card.toml").write_bytes(content)
    assert said in faults.check(tmp_path)[0]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert faults.check(tmp_path / "none.toml") == [
        f"{tmp_path / 'none.toml'}:1: file: cannot be read (No such file or directory): make it readable"
    ]


def test_all_faults_of_a_file_are_said_in_the_order_of_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "h100-sxm5-80gb.toml"
    file.write_text(H100.replace(TDP, TDP.replace("700.0", "0.7")).replace('id = "h100-sxm5-80gb"', 'id = "x"'), encoding="utf-8")
    numbers = [int(fault.removeprefix(f"{file}:").partition(":")[0]) for fault in faults.check(file)]
    assert len(numbers) == 3, "id, TDP out of size, TDP outside the rule's range"
    assert numbers == sorted(numbers)
    with pytest.raises(ProfileError, match=r"and 2 more: ngtbench check"):
        profiles.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "clashes"),
    [
        ([], True),
        ([("units = 132", "units = 114"), ("132.0", "114.0")], False),
        ([('"10de:2330"', '"10de:2331"')], False),
        ([('"NVIDIA H100 80GB HBM3"', '"NVIDIA H100 64GB HBM3"')], False),
        ([('"NVIDIA H100 80GB HBM3"', '"H100 80GB HBM3"')], True),
        ([("pci_ids = [", 'pci_revisions = ["a2"]\npci_ids = [')], True),
        ([("[76_000_000_000, 85_899_345_920]", "[80_000_000_000, 99_000_000_000]")], True),
        ([("[76_000_000_000, 85_899_345_920]", "[90_000_000_000, 99_000_000_000]")], False),
        ([("[76_000_000_000, 85_899_345_920]", "[40_000_000_000, 50_000_000_000]")], False),
        ([("[630.0, 770.0]", "[690.0, 710.0]")], True),
        ([('kind = "cuda"', 'kind = "rocm"')], False),
        ([('names = ["NVIDIA H100 80GB HBM3"]\n', "")], True),
    ],
)
def test_two_files_that_can_match_one_device(tmp_path: Path, change: list[tuple[str, str]], clashes: bool) -> None:
    (tmp_path / "h100-sxm5-80gb.toml").write_text(H100, encoding="utf-8")
    text = H100.replace('id = "h100-sxm5-80gb"', 'id = "twin"')
    for old, new in change:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "twin.toml").write_text(text, encoding="utf-8")
    found = [fault for fault in faults.check(tmp_path) if "can match" in fault]
    assert bool(found) == clashes
    if clashes:
        number = H100.splitlines().index('pci_ids = ["10de:2330"]') + 1
        assert found[0].startswith(f"{tmp_path / 'h100-sxm5-80gb.toml'}:{number}: match.pci_ids: a device 10de:2330 can match")
        assert "twin.toml too: add what tells them apart" in found[0]


def test_names_do_not_tell_amd_cards_apart() -> None:
    mi300x = profiles.load()["mi300x"]
    twin = replace(mi300x, match=replace(mi300x.match, names=("AMD Instinct MI300X Twin",)))
    assert rules.clash(mi300x, twin) == ("match.pci_ids", "1002:74a1")
