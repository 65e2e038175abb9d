"""`ngtbench fpga verify`: a layer as a circuit, its cells counted by yosys and its outputs compared bit for bit."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.cli import fpga_verify
from ngtbench.kernels.fpga import synthesis
from ngtbench.kernels.fpga.circuit import REMEDY
from ngtbench.kernels.fpga.estimate import Estimate
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.network_file import write
from ngtbench.kernels.fpga.verify import Verified
from ngtbench.physics.fpga.fixed_point import parse
from tests.conftest import CommandLine


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Write a dense layer of 16 inputs and 32 outputs, half of its 5-bit weights zero."""
    random = np.random.default_rng(1)
    kernel = random.integers(-15, 16, (16, 32)) / 16 * (random.random((16, 32)) < 0.5)
    dense = Layer("d", "dense", ("input",), parse("ap_fixed<16,9>"), parse("ap_fixed<5,1>"), arrays={"kernel": kernel})
    write(Network((16,), parse("ap_fixed<8,4>"), (dense,)), tmp_path / "net.json")
    return tmp_path / "net.json"


def test_a_layer_costs_what_is_estimated_and_computes_what_is_inferred(
    ngtbench: CommandLine, tool: Callable[[str, str], str], layer: Path
) -> None:
    for name in ("yosys", "iverilog"):
        tool(name, "apt-get install yosys iverilog")
    if importlib.util.find_spec("da4ml") is None:
        (pytest.fail if os.environ.get("NGTBENCH_REQUIRE_ALL") == "1" else pytest.skip)(f"da4ml is not installed: {REMEDY}")
    ended = ngtbench("fpga", "verify", layer, "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["schema"] == "ngtbench.fpga-verify/1"
    (found,) = told["circuits"]
    assert found["outputs"] >= 6400
    assert found["unequal"] == 0
    assert found["resources"]["dsp"] == found["resources"]["ff"] == 0
    assert 0.9 < found["resources"]["lut"] / found["cost"] < 1.1
    assert found["estimate"]["low"] <= found["resources"]["lut"] <= found["estimate"]["high"]


def test_missing_tools_are_a_skip_with_what_installs_them(ngtbench: CommandLine, layer: Path) -> None:
    ended = ngtbench("fpga", "verify", layer, PATH="/nonexistent")
    assert ended.returncode == 3
    assert "skipped: yosys, iverilog, vvp not installed (apt-get install yosys iverilog)" in ended.stderr


def test_bad_models_and_types_end_with_2(ngtbench: CommandLine, layer: Path) -> None:
    for words, said in (
        (("nothing.json",), "nothing.json: no JSON file of a network"),
        ((layer, "--weight-type", "ap_float<8>"), "'ap_float<8>' is no fixed-point type"),
        ((layer, "--input-type", "ap_fixed<8,2>"), "net.json: a .json network says all its types"),
        ((layer, "--seed", "-1"), "Invalid value for '--seed'"),
        ((layer, "--outputs", "10000000000"), "Invalid value for '--outputs'"),
        ((layer, "--limit", "nan"), "Invalid value for '--limit'"),
    ):
        ended = ngtbench("fpga", "verify", *words)
        assert ended.returncode == 2
        assert said in ended.stderr


def test_a_clock_that_is_none_ends_with_2(ngtbench: CommandLine, layer: Path) -> None:
    for clock in ("inf", "nan", "-1"):
        ended = ngtbench("fpga", "estimate", layer, "--part", "xcu250", "--preset", "cms-l1", f"--clock-mhz={clock}")
        assert ended.returncode == 2
        assert "Invalid value for '--clock-mhz'" in ended.stderr


def test_outputs_that_differ_end_with_1(layer: Path, monkeypatch: Any, capsys: Any) -> None:
    wrong = Verified("network", "da4ml", None, 100.0, 0, Estimate(100, 90, 110, "rule"), "lut", 6400, 7)
    monkeypatch.setattr(fpga_verify, "verify", lambda *given, **told: [wrong])
    monkeypatch.setattr(synthesis, "missing", lambda: ())
    monkeypatch.setattr(synthesis, "version", lambda: "Yosys 0.23")
    assert fpga_verify.command(layer) == 1
    assert "6400 outputs simulated, 7 DIFFER from fixed-point inference" in capsys.readouterr().out
