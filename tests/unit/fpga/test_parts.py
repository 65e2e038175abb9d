"""Parts and presets, networks in files, and whether one fits the other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.cli.check import command as check
from ngtbench.errors import BadInput, ProfileError
from ngtbench.kernels.fpga import Layer, Network, estimate_network
from ngtbench.kernels.fpga.estimate import DenseEstimate, Estimate, exact
from ngtbench.kernels.fpga.fit import Check, checks, tightest, together
from ngtbench.kernels.fpga.network_file import read, write
from ngtbench.kernels.fpga.parts import Constraints, find_part, find_preset, parts, presets, read_part, read_preset
from ngtbench.physics.fpga.fixed_point import parse

BITS8 = parse("ap_fixed<8,2,RND,SAT>")
HEAD = (
    '{"schema": "ngtbench.network/1", "input": {"shape": [2], "type": "ap_fixed<8,2>"},'
    ' "layers": [{"name": "d", "kind": "dense", "result_type": "ap_fixed<8,2>", '
)


def test_networks_come_back_from_files(tmp_path: Path) -> None:
    arrays = {"kernel": np.random.default_rng(1).normal(size=(16, 8)), "bias": np.zeros(8)}
    first = Layer("one", "dense", ("input",), BITS8, BITS8, arrays=arrays, style="da")
    net = Network((16,), BITS8, (first, Layer("p", "activation", ("one",), BITS8, options={"function": "tanh"})))
    write(net, tmp_path / "net.json")
    back = read(tmp_path / "net.json")
    assert str(estimate_network(back)) == str(estimate_network(net))
    assert np.array_equal(back.layers[0].arrays["kernel"], net.layers[0].arrays["kernel"])
    assert back.layers[1].options == {"function": "tanh"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "schema"),
        ("{", "no JSON"),
        ('{"schema": "ngtbench.network/1", "input": {"shape": [2], "type": "ap_fixed<0,2>"}, "layers": []}', "0 bits"),
        ('{"schema": "ngtbench.network/1", "input": {"shape": [2], "type": "ap_fixed<8,2>"}, "layers": []}', "0 layers"),
        (
            HEAD + '"weight_type": "ap_fixed<0,1>", "arrays": {"kernel": [[1], [2]]}}]}',
            "layer 'd': weight_type: .*0 bits",
        ),
        (
            HEAD + '"weight_type": "ap_fixed<8,1>", "arrays": {"kernel": [[NaN], [2]]}}]}',
            "layer 'd' .*NaN",
        ),
        (
            HEAD + '"weight_type": "ap_fixed<8,1>", "arrays": {"kernel": "lost"}}]}',
            "layer 'd': kernel: no array 'lost'",
        ),
    ],
)
def test_files_with_faults_are_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=f"bad.json.*{words}"):
        read(file)


def test_parts_and_presets_have_sources_and_names() -> None:
    assert find_part("alveo-u250") == parts()["xcu250"]
    assert find_part("XCU250").lut == 1728000
    assert (find_preset("cms-l1").most_ii, find_preset("cms-l1").budget_cycles) == (9, 360)
    assert set(presets()) == {"atlas-l0", "cms-l1"}
    with pytest.raises(BadInput, match="no part 'xcu999': there are"):
        find_part("xcu999")
    with pytest.raises(BadInput, match="no preset 'alice'"):
        find_preset("alice")
    with pytest.raises(BadInput, match="less than one cycle"):
        replace(find_preset("cms-l1"), latency_s=1e-9)


def test_part_files_with_faults_are_named(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "hardware" / "fpga" / "zu9eg.toml").read_text(encoding="utf-8")
    for wrong, words in (
        (text.replace('unit = "LUT"', 'unit = "kLUT"'), "lut"),
        (text.replace('source = ["rule4ml"]', "source = []", 1), "lut: source"),
        (text.replace("2520", '"many"'), "dsp: value"),
        (text.replace('id = "zu9eg"', 'id = "other"'), "id"),
        (text + 'unused = "nobody"\n', "unused"),
        (text + "[more]\n", "more"),
    ):
        file = tmp_path / "zu9eg.toml"
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ProfileError, match=f"zu9eg.toml: .*{words}"):
            read_part(file)
    with pytest.raises(ProfileError, match="clock_hz"):
        read_preset(file)


def test_parts_and_presets_are_checked_as_other_hardware_is(tmp_path: Path, capsys: Any) -> None:
    hardware = Path(__file__).parents[3] / "hardware"
    assert check([hardware]) == 0
    told = capsys.readouterr().out
    assert told.count("fpga/presets/") == 2
    assert told.count(": good") == 1 + 5 + 2
    (tmp_path / "fpga").mkdir()
    text = (hardware / "fpga" / "vu9p.toml").read_text(encoding="utf-8")
    for name, wrong in (("vu9p", text), ("other", text)):
        (tmp_path / "fpga" / f"{name}.toml").write_text(wrong, encoding="utf-8")
    assert check([tmp_path / "fpga"]) == 2
    heard = capsys.readouterr()
    assert "vu9p.toml: good" in heard.out
    assert "other.toml: id" in heard.err


def test_answers_are_yes_no_or_undecided() -> None:
    limit, rule = 100.0, "test"
    for low, high, answer in ((10, 100, "yes"), (10, 101, "undecided"), (100.5, 200, "no")):
        assert Check("lut", Estimate((low + high) / 2, low, high, rule), limit).answer == answer
    total = DenseEstimate(*(exact(value, rule) for value in (1, 250000, 10, 0, 10, 1)))
    part, limits = find_part("zu9eg"), Constraints("x", "X", 200e6, 25e-9, 50e-9, 0.75)
    found = checks(total, part, limits)
    assert together(found) == "no"
    assert tightest(found).what == "lut"
    assert {check.what: check.answer for check in found}["cycles"] == "yes"
    assert {check.what: check.answer for check in checks(total, part, replace(limits, latency_s=45e-9))}["cycles"] == "no"
    assert together(checks(total, part, None)) == "yes"  # all of the part, and no times
