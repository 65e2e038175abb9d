"""An anonymised report names no vendor, product, host or person anywhere, and says the same about the systems."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench import shipped, workloads
from ngtbench.errors import BadInput
from ngtbench.model.record import MachineRecord
from ngtbench.report import bundle, html, weights
from ngtbench.report.anonymise import SAID, anonymised, system_names
from ngtbench.report.anonymous_machine import Machines, device_ids, held_back, letters
from ngtbench.report.anonymous_names import Names
from ngtbench.report.bundle import named
from ngtbench.report.html import Report
from ngtbench.report.systems import systems
from ngtbench.report.withheld import StandIns, telling
from ngtbench.store import codec
from ngtbench.store.read import Reading
from tests.machines import gpu, machine
from tests.records import case, run, written
from tests.unit.report import anonymous


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("records")
    made = anonymous.report(anonymous.fakes(folder / "machines"), folder / "files")
    return replace(made, readings=named(made.readings))


@pytest.fixture(scope="module")
def hidden(original: Report) -> Report:
    return anonymised(original)


def lines(report: Report) -> str:
    found = [repr((report.labels, report.prices, report.reference, report.published, report.command))]
    for reading in report.readings:
        machines = [MachineRecord(digest, one) for digest, one in reading.machines.items()]
        found += [str(reading.path), *reading.notes, *map(codec.to_json, (*machines, *reading.plans, *reading.runs))]
    return "\n".join([*found, *map(codec.to_json, report.profiles.values()), *report.profiles])


def test_the_fakes_hold_what_must_go(original: Report) -> None:
    found = set(anonymous.leaks(lines(original)))
    assert {"nvidia", "instinct", "mi300x", "h100", "l40s", "gh200", "epyc", "xeon", "10de:2330", "gfx942", "cupy"} <= found
    assert {"jqx", "cern", "slurm", "4711", "dell", "cublas", "nvml", "rocm", "550.54.15", "intel", "amd"} <= found


def test_no_record_profile_price_or_label_names_anybody(hidden: Report) -> None:
    text = lines(hidden)
    assert anonymous.leaks(text) == []
    for word in ("/jqx", "jqx/", "topic", "12.4.99", "6.2.99", "13.4.99", "PCI_BUS_ID", "PRIVATE"):
        assert word not in text


def test_the_page_names_nobody_and_says_what_was_done(original: Report, hidden: Report) -> None:
    page = html.render(hidden)
    shown = re.sub(r"[A-Za-z0-9+/=]{1000,}|<script>.*?</script>", "", page, flags=re.DOTALL)  # plotly, packed, and our own code
    assert anonymous.leaks(shown) == []
    assert hidden.readings[0].sha256 in shown
    assert not [one.sha256 for one in original.readings if one.sha256 in shown]
    for words in SAID:
        assert words.split(":")[0] in shown.replace("<wbr>", "").replace("&#39;", "'")


def test_systems_results_and_limits_are_those_of_the_original(original: Report, hidden: Report) -> None:
    before = systems(original.readings, original.profiles, original.labels)
    after = systems(hidden.readings, hidden.profiles, hidden.labels)
    assert len(after) == len(before) > 8
    assert after[0].label == hidden.reference == hidden.prices[0].system == "System 1"
    for old, new in zip(before, after, strict=True):
        assert (len(old.jobs), len(old.machines), old.synthetic) == (len(new.jobs), len(new.machines), new.synthetic)
        for a, b in zip(old.results, new.results, strict=True):
            assert (a.intervals, a.work, a.status, a.quantiles, a.flags, a.event_j, a.whole) == (
                b.intervals, b.work, b.status, b.quantiles, b.flags, b.event_j, b.whole,
            )  # fmt: skip
            assert len(a.deviations) == len(b.deviations)
        gpu_limits = [limits for device, limits in old.limits.items() if device != "cpu:0"]
        assert [one.bandwidth and one.bandwidth.value for one in gpu_limits] == [
            one.bandwidth and one.bandwidth.value for device, one in new.limits.items() if device != "cpu:0"
        ]
        for one, other in zip(old.profiles.values(), new.profiles.values(), strict=True):
            assert (one is None) == (other is None)
            if one and other:
                assert one.bandwidth_b_per_s.value == other.bandwidth_b_per_s.value
                assert {key: peak.flop_per_s.value for key, peak in one.peaks.items()} == {
                    key: peak.flop_per_s.value for key, peak in other.peaks.items()
                }


def test_equal_names_get_equal_stand_ins_and_others_do_not(original: Report, hidden: Report) -> None:
    pairs = [
        (old, new)
        for a, b in zip(original.readings, hidden.readings, strict=True)
        for old, new in zip(a.machines.values(), b.machines.values(), strict=True)
    ]
    cards = [both for old, new in pairs for both in zip(old.gpus, new.gpus, strict=True)]
    for stands in (
        {(old.host.hostname, new.host.hostname) for old, new in pairs},
        {(old.cpu.name, new.cpu.name) for old, new in pairs},
        {((old.name, old.memory_b, old.mig, old.partition), new.name) for old, new in cards},
    ):
        assert len(stands) == len({old for old, _ in stands}) == len({new for _, new in stands}) > 1
    assert len({tuple(name for name, why in new.missing.items() if why == "withheld") for _, new in cards}) == 1, "order tells"
    vendors = {(old.vendor, new.vendor) for old, new in cards}
    processors = {other.cpu.vendor for old, other in pairs if old.cpu.vendor and "AMD" in old.cpu.vendor}
    assert len(vendors) == 2
    assert processors == {new for old, new in vendors if old == "AMD"}
    assert {new.kind for _, new in cards} == {"cuda"}
    assert {profile.units.unit for profile in hidden.profiles.values()} == {"unit", "core"}


def test_files_read_again_as_they_are(hidden: Report) -> None:
    for reading in hidden.readings:
        for digest, one in reading.machines.items():
            assert codec.digest(one) == digest
        for record in (*reading.plans, *reading.runs):
            assert codec.from_line(codec.to_json(record)) == record
            assert record.machine in reading.machines
        assert reading.missing == ("system/triad@1/S/implementation-1/float64 on gpu:2 x8 #0",) or len(reading.missing) == 1
        assert "half a line at the end was skipped" in reading.notes[0]


def test_the_sha256_is_of_the_anonymised_file_and_of_no_original(original: Report, hidden: Report) -> None:
    for reading in hidden.readings:
        assert reading.sha256 == hashlib.sha256(b"".join(bundle.lines(reading))).hexdigest()
    assert not {one.sha256 for one in hidden.readings} & {one.sha256 for one in original.readings}
    assert [str(one.path) for one in hidden.readings][:2] == ["records-1.jsonl", "records-2.jsonl"]


def test_free_text_keeps_neutral_words_and_numbers() -> None:
    given = StandIns()
    for words, expected in (
        ("power limit 400 W of the data sheet's 700 W", "power limit 400 W of the data sheet's 700 W"),
        ("package cupy is not installed", "package [withheld 1] is not installed"),
        ("package cupy is missing", "package [withheld 1] is missing"),
        ("driver 550 is too old", "[withheld 2] is too old"),
        ("AMD EPYC 7763 64-Core, 12 cores", "[withheld 3], 12 cores"),
        ("the host 7763", "the host [withheld 4]"),
        ("jqx@lxnode17: /users/jqx", "[withheld 5]@[withheld 6]: /[withheld 7]"),
        ("PCIe x8 of x16, x60", "PCIe x8 of x16, [withheld 8]"),
        ("an H 100 here", "an [withheld 9] here"),
        ("", ""),
        ("机器 7", "[withheld 10]"),
        ("error 1e-17 at a[3].", "error 1e-17 at a[3]."),
    ):
        assert given.text(words) == expected


def test_ids_and_parts_of_devices_lose_their_vendors() -> None:
    machines = Machines(StandIns(), Names(StandIns(), []), {})
    assert machines.text("14 of 132 SMs on cuda:1, not rocm:0", {"cuda:1": "gpu:1", "rocm:0": "gpu:2"}) == (
        "14 of 132 units on gpu:1, not gpu:2"
    )
    assert "cuda" not in machines.text("see cuda:10", {"cuda:1": "gpu:1"})
    assert device_ids(["cpu:0", "cuda:3", "rocm:3", "cuda:3", "cpu:0"]) == {
        "cpu:0": "cpu:0",
        "cuda:3": "gpu:0",
        "rocm:3": "gpu:1",
    }


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("gpu_idle", "idle"), ("app_clocks", "idle"), ("sw_power_cap", "power"), ("hw_thermal", "heat"), ("power_0", "power"),
        ("temp_hotspot", "heat"), ("prochot", "heat"), ("tdc_gfx", "power"), ("hw_slowdown", "other"),
    ],
)  # fmt: skip
def test_reasons_of_throttling_lose_their_drivers(reason: str, word: str) -> None:
    assert held_back(reason) == word


def test_letters_go_on_after_z() -> None:
    assert [letters(n) for n in (1, 26, 27, 52, 53)] == ["A", "Z", "AA", "AZ", "BA"]


def test_of_the_shipped_names_only_those_of_vendors_libraries_are_telling() -> None:
    names = set()
    for name in workloads.names():
        found = workloads.load(name)
        names |= {
            name,
            *found.sizes,
            *(impl.name for impl in found.impls),
            *found.tolerance,
            *(one.name for one in found.metrics),
        }
    assert {name for name in names if telling(name)} == {
        "cupy",
        "cupy-mixed",
        "cutensornet",
        "onnx-cuda",
        "onnx-rocm",
        "onnx-tensorrt",
    }


def test_shipped_weights_stand_and_of_others_the_numbers(original: Report) -> None:
    found = [weights.load(path) for path in sorted(shipped.folder("weights").glob("*.toml"))]
    bad = replace(found[0], use_case="for our H200 nodes", requester="Jqx", families={"jqx": 1.0, "lattice": 2.0})
    small = replace(original, readings=original.readings[:1], labels=original.labels[:1])
    made = list(anonymised(replace(small, weights=[bad, *found])).weights)
    assert made[1:] == found
    assert (made[0].name, made[0].requester, made[0].other) == ("weights-1", "withheld", bad.other)
    assert re.fullmatch(r"for \[withheld \d+\] nodes", made[0].use_case)
    assert made[0].families == {"generators-then-family-1": 1.0, "lattice": 2.0}


def test_a_reference_that_is_no_system_is_named(original: Report) -> None:
    with pytest.raises(BadInput, match=r"--reference 'Z': no such system; there are: .*NVIDIA H100"):
        anonymised(replace(original, reference="Z"))


def test_names_of_systems_are_those_of_the_page(original: Report) -> None:
    found = systems(original.readings, original.profiles, original.labels)
    assert system_names(original.readings, original.labels) == [system.label for system in found]


def test_two_gpus_of_two_vendors_in_one_machine_keep_their_ids_apart(tmp_path: Path) -> None:
    other = replace(gpu(0), id="rocm:0", kind="rocm", vendor="AMD", name="Radeon")
    records = (run(device="cuda:0"), run(device="rocm:0"), run(of=case(impl="x"), device="rocm:5"))
    reading: Reading = written(tmp_path / "a.jsonl", machine(gpu(0), other), *records)
    (new,) = anonymised(Report([reading], [None], {}, (), [anonymous.EQUAL])).readings
    assert [one.resources.device for one in new.runs] == ["gpu:0", "gpu:1", "gpu:2"]
    (found,) = new.machines.values()
    assert [one.id for one in found.gpus] == [match.device for match in found.matches[1:]] == ["gpu:0", "gpu:1"]
