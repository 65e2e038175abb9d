"""The script that replays event graphs beside oneTBB: the interval of its ratio, and one round of every figure that it prints."""

import importlib.util
import json
import math
import sys
from pathlib import Path
from statistics import NormalDist
from types import ModuleType

import pytest

from ngtbench.codegen import compiler
from ngtbench.errors import Unavailable

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "peers" / "event_graph.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("peer_event_graph", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("rounds", "t"), [(2, 12.706), (3, 4.303), (5, 2.776), (21, 2.086), (101, 1.984)]
)  # tables of Student's t
def test_the_interval_is_as_wide_as_so_many_rounds_make_it(script: ModuleType, rounds: int, t: float) -> None:
    logs = [NormalDist(0.1, 0.02).inv_cdf((k + 0.5) / rounds) for k in range(rounds)]
    middle = math.fsum(logs) / rounds
    error = math.sqrt(math.fsum((one - middle) ** 2 for one in logs) / (rounds - 1) / rounds)
    found = script.ratio([math.exp(one) for one in logs], [1.0] * rounds)
    assert [math.log(one) for one in found] == pytest.approx([middle, middle - t * error, middle + t * error], abs=1e-3 * error)


def test_one_round_says_nothing_of_how_far_it_is_off(script: ModuleType) -> None:
    assert script.ratio([2.0], [1.0]) == (2.0, 0.0, math.inf)


def test_rounds_are_judged_kept_and_told(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        compiler.find()
    except Unavailable as error:
        pytest.skip(str(error))
    output, trace = tmp_path / "kept.json", tmp_path / "trace.json"
    words = ("0.0002:1:2:3", "--rounds", "2", "--engines", "native,serial", "--output", str(output), "--trace", str(trace))
    monkeypatch.setattr(sys, "argv", ["event_graph.py", *words])
    script.main()
    script.main()
    kept = json.loads(output.read_text())
    assert len(kept) == 2
    samples = kept[0]["cases"]["0.0002:1:2:3"]
    assert list(samples) == ["native", "serial"]
    assert all(len(values) == 2 for metrics in samples.values() for values in metrics.values())
    assert kept[0]["bound_of_serial"] == {"0.0002:1:2:3": 1.0}
    assert len(json.loads(trace.read_text())["traceEvents"]) == 3 * 814
    assert "| `native` |" in capsys.readouterr().out


def test_ours_is_set_against_every_engine_of_onetbb(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    samples = {
        name: dict.fromkeys(script.KEPT, [took_s] * 2)
        for name, took_s in (("native", 1.0), ("task_group", 2.0), ("flow_graph", 3.0))
    }
    told = {"cpu": "", "graph": "", "date": "", "load_before": [0.0], "load_after": [0.0], "bound_of_serial": {"case": 1.0}}
    script.show({**told, "cases": {"case": samples}})
    out = capsys.readouterr().out
    assert "native over task_group: 2.000 (2.000 to 2.000)" in out
    assert "native over flow_graph: 3.000 (3.000 to 3.000)" in out
