"""`ngtbench fpga estimate`: what is printed, the document, the page, exit codes."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.cli.fpga_estimate import command
from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import Layer, Network, estimate_network
from ngtbench.kernels.fpga.estimate import Estimate
from ngtbench.kernels.fpga.fit import checks
from ngtbench.kernels.fpga.network_file import read, write
from ngtbench.kernels.fpga.parts import find_part
from ngtbench.kernels.fpga.variants import VARIANTS
from ngtbench.physics.fpga.fixed_point import parse
from ngtbench.report import fpga_page
from ngtbench.report.fpga_bars import Bar, drawn


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
    for words in ("the next reuse factor", "Against the part", "LUT", "unproven", "<h3>The tightest: ", "% of the limit"):
        assert words in page
    assert len(re.findall(r'data-label="verdict">fits<', page)) == 3


def test_the_page_says_where_a_small_change_would_alter_the_verdict(model: Path) -> None:
    whole, other = (estimate_network(one) for one in (read(model), VARIANTS["10 % of the weights left out"](read(model))))
    part = replace(find_part("zu9eg"), lut=round((other.total.lut.high + whole.total.lut.high) / 2))
    page = fpga_page.render("net", whole, part, None, checks(whole.total, part, None), {"less": other})
    assert f"net on {part.label}: undecided" in page
    against = page[page.index("Against the part") : page.index("% of the limit")]
    used, limit = whole.total.lut.value / part.lut, places(against, "limit")[0]
    assert places(against, "value")[0] / limit == pytest.approx(used, rel=1e-3)
    assert float(re.findall(r">([\d.]+)</text>", against)[-1]) >= 100
    assert 'data-label="verdict">fits<' in page
    moved = f"{other.total.lut.value:,.0f} ({other.total.lut.value - whole.total.lut.value:+,.0f}"
    assert f'data-label="LUT">{moved}' in page


def places(text: str, what: str) -> list[float]:
    return [float(one) for one in re.findall(rf'class="{what}" x1?="([\d.]+)%"', text)]


def test_bars_stand_on_one_scale_with_ticks() -> None:
    bars = [Bar("<a>", Estimate(30, 20, 45, ""), "30 & more"), Bar("b", Estimate(0, 0, 0, ""), "none")]
    alone = drawn(bars, "LUT")
    assert places(alone, "value") == [60.0, 0.0]  # of 50
    assert places(alone, "band") == [40.0, 0.0]
    assert 'width="50.00%"' in alone
    assert re.findall(r">([\d,.]+)</text>", alone) == ["0", "10", "20", "30", "40", "50"]
    assert "&lt;a&gt;" in alone
    assert "30 &amp; more" in alone
    assert places(drawn(bars, "LUT", 100.0), "limit") == []  # so far off that bars would be dots
    near = drawn(bars, "LUT", 60.0)
    assert places(near, "limit") == [pytest.approx(100 * 60 / 70, abs=0.01)] * 2
    assert places(near, "value")[0] == pytest.approx(100 * 30 / 70, abs=0.01)
    beyond = drawn(bars, "LUT", 25.0)
    assert places(beyond, "limit") == [50.0] * 2
    assert re.findall(r">([\d,.]+)</text>", drawn([Bar("z", Estimate(0, 0, 0, ""), "")], "DSP")) == ["0", "1"]
    assert re.findall(r">([\d,.]+)</text>", drawn([Bar("s", Estimate(0.07, 0, 0.07, ""), "")], "%")) == [
        "0",
        "0.02",
        "0.04",
        "0.06",
        "0.08",
    ]


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
