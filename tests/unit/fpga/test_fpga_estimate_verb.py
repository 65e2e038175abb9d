"""`ngtbench fpga estimate`: what is printed, the document, the page, exit codes."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.cli.fpga_estimate import command
from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Layer, Network
from ngtbench.kernels.fpga.network_file import write
from ngtbench.physics.fpga.fixed_point import parse


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a network of a script's name, for pages escape."""
    random, to = np.random.default_rng(1), parse("ap_fixed<8,2>")
    first = Layer("<script>", "dense", ("input",), to, to, arrays={"kernel": random.normal(size=(16, 32))})
    layers = (first, Layer("relu", "activation", ("<script>",), to))
    last = Layer("last", "dense", ("relu",), to, to, arrays={"kernel": random.normal(size=(32, 5))}, multiplier="lut")
    write(Network((16,), to, (*layers, last)), tmp_path / "net.json")
    return tmp_path / "net.json"


def test_a_network_that_fits_is_told_with_layers_rules_and_changes(model: Path, capsys: Any) -> None:
    assert command(model, part="xcu250", preset="cms-l1") == 0
    out = capsys.readouterr().out
    assert "CMS Phase-2 Level-1 trigger: fits" in out
    for words in ("<script>", "last", "total", "DSP = min(N3", "the next reuse factor", "10 % of the weights left out"):
        assert words in out


def test_the_document_has_every_band_and_rule(model: Path, capsys: Any) -> None:
    assert command(model, part="xc7z020", preset="cms-l1", style="da", json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "ngtbench.fpga-estimate/1"
    assert told["fits"] == "yes"
    assert set(told["layers"]) == {"<script>", "relu", "last"}
    assert told["total"]["dsp"]["value"] == 0
    for figure in (one for layer in told["layers"].values() for one in layer.values()):
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["rule"]


def test_what_does_not_fit_is_exit_1(model: Path, capsys: Any) -> None:
    assert command(model, part="xcu250", preset="cms-l1", clock_mhz=40, latency_ns=26) == 1
    assert "cycles: no" in capsys.readouterr().out


def test_the_page_stands_alone_and_escapes(model: Path, tmp_path: Path, capsys: Any) -> None:
    command(model, part="zu9eg", preset="atlas-l0", html=tmp_path / "page")
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt; dominates" in page
    assert not re.search(r'(src|href)="', page)
    assert page.count("<svg") >= 4
    for words in ("the next reuse factor", "Against the part", "LUT", "unproven"):
        assert words in page


def test_a_page_that_cannot_be_written_is_bad_input(model: Path) -> None:
    with pytest.raises(BadInput, match="--html"):
        command(model, part="zu9eg", html=model)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"part": "xcu999"}, "no part"),
        ({"part": "xcu250", "preset": "cms-l1", "latency_ns": 1}, "less than one cycle"),
        ({"part": "xcu250", "clock_mhz": 100}, "--preset"),
    ],
)
def test_garbage_is_bad_input(model: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        command(model, **more)
