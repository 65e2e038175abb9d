"""Plans of nodes with devices: never above the bound, never below fewer devices, and every figure said to be modelled."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngtbench.cli.schedule import command
from ngtbench.discover import profiles as hardware
from ngtbench.errors import BadInput
from ngtbench.kernels.scheduling import hetero_plan, speedup
from ngtbench.kernels.scheduling.hetero_plan import PLANNED, RULES, Job, Rule, Step, plan
from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.graph import Graph, chain, made
from ngtbench.physics.scheduling.simulate import Node, simulate
from ngtbench.report.line_chart import Line, drawn
from tests.unit.scheduling.test_graphml import GOOD, written

ROUNDING = 1 + 1e-9
NAMES = "abcdefgh"


def small(speed_cores: int = 8) -> Job:
    graph = atlas_like(1)
    return Job(graph, hetero_plan.longest(graph, 0.25), speed_cores, speed_cores)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    count = draw(st.integers(1, len(NAMES)))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    runtimes_s = [float(t) for t in draw(st.lists(st.integers(1, 20), min_size=count, max_size=count))]
    offloaded = draw(st.frozensets(st.integers(0, count - 1), min_size=1))
    return Job(made(NAMES[:count], runtimes_s, edges), offloaded, draw(st.integers(1, 4)), draw(st.integers(1, 5)))


@settings(max_examples=100, deadline=None)
@given(jobs(), st.sampled_from((0.25, 1.0, 3.0, 50.0)), st.sampled_from(RULES))
def test_no_plan_beats_its_bound_nor_is_slower_than_with_fewer_devices(job: Job, factor: float, rule: Rule) -> None:
    steps = list(plan(job, factor, 3, rule))
    assert [step.devices for step in steps] == [0, 1, 2, 3]
    cores_s = simulate(job.graph, job.events, Node(job.cores, job.slots, rule.order)).makespan_s
    assert all(step.events_per_s >= job.events / cores_s for step in steps)
    for step in steps:
        assert 0 < step.simulated_per_s <= step.bound_per_s * ROUNDING
        assert step.simulated_per_s <= step.events_per_s
    for before, step in pairwise(steps):
        assert step.events_per_s >= before.events_per_s
        assert step.gain == step.events_per_s / before.events_per_s - 1
    if rule.offload == "earliest":
        assert all(step.events_per_s <= step.bound_per_s * ROUNDING for step in steps)


@pytest.mark.parametrize("factor", [0.5, 1.5, 4.0, 10.0, 100.0])
def test_earliest_end_itself_is_never_slower_than_no_device(factor: float) -> None:
    alone, *others = plan(small(), factor, 2)
    for step in others:
        assert step.simulated_per_s >= alone.events_per_s
    if factor >= 4:
        assert others[0].simulated_per_s > 1.05 * alone.events_per_s


def test_always_offloading_is_slower_than_no_device_where_that_is_slow_and_plans_leave_it_idle() -> None:
    alone, one = plan(small(16), 2.0, 1, Rule("oldest", "async"))
    assert one.simulated_per_s < 0.6 * alone.events_per_s
    assert one.events_per_s == alone.events_per_s
    assert one.gain == 0.0
    assert one.bound_per_s < alone.bound_per_s


def test_where_the_rule_of_the_earliest_end_is_slower_than_cores_alone_the_plan_is_not() -> None:
    edges = [(1, 4), (2, 3), (2, 4), (3, 4)]
    job = Job(
        made("abcde", [7.0, 7.0, 6.0, 7.0, 6.0], edges), frozenset({2}), 2, 1
    )  # a takes the core that c leaves, and d waits
    alone, one = plan(job, 2.0, 1)
    assert one.simulated_per_s < 0.96 * alone.events_per_s
    assert one.events_per_s == alone.events_per_s == alone.simulated_per_s
    assert one.gain == 0.0
    assert hetero_plan.used([alone, one], 1) == 0


def test_of_the_devices_those_are_used_that_bring_something() -> None:
    steps = steps_of(10, 12, 12, 14)
    assert [hetero_plan.used(steps, devices) for devices in range(4)] == [0, 1, 1, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"cores": 0}, "0 threads"),
        ({"slots": 0}, "0 slots"),
        ({"offloaded": frozenset({2})}, "no algorithm number 2"),
        ({"graph": chain([0.0, 0.0])}, "2 algorithms take 0 s in all"),
        ({"graph": chain([5e-324, 0.0])}, "2 algorithms take 4.94066e-324 s in all"),
    ],
)
def test_a_job_that_is_none_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Job(**{"graph": chain([1.0, 1.0]), "offloaded": frozenset({1}), "cores": 2, "slots": 2, **words})


@pytest.mark.parametrize(
    ("slots", "factor", "said"),
    [(2, 0.0, "speed-up of 0.0"), (2, np.nan, "speed-up of nan"), (1 << 20, 2.0, "4194304 events of 2 algorithms: simulate")],
)
def test_a_plan_that_cannot_be_simulated_is_refused(slots: int, factor: float, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list(plan(Job(chain([1.0, 1.0]), frozenset({1}), 2, slots), factor, 1))


def test_a_plan_that_is_known() -> None:
    job = Job(made("ab", [3.0, 1.0], []), frozenset({0}), 1, 1)  # a on the device, 1 s and its launch, beside b
    alone, one = plan(job, 3.0, 1)
    assert alone.events_per_s == alone.bound_per_s == 0.25
    assert one.events_per_s == pytest.approx(1 / 1.00001)
    assert one.bound_per_s == pytest.approx(1.0)
    assert one.gain == pytest.approx(3.0, abs=1e-3)


def test_a_device_slower_than_a_core_does_not_lower_the_bound() -> None:
    job = Job(chain([1.0, 3.0]), frozenset({1}), 100, 4)
    assert job.bound_per_s(1, 0.5, PLANNED) == job.bound_per_s(0, 0.5, PLANNED) == 1.0
    assert job.bound_per_s(2, 0.5, Rule("oldest", "async")) == pytest.approx(1 / 3)
    assert Job(chain([1.0, 3.0]), frozenset({1}), 1, 100).bound_per_s(1, 0.5, PLANNED) == pytest.approx(1.5 / 4)


def steps_of(*rates: float) -> list[Step]:
    gains = [None, *(b / a - 1 for a, b in pairwise(rates))]
    return [Step(k, rate, rate, rate, gain) for k, (rate, gain) in enumerate(zip(rates, gains, strict=True))]


def test_enough_is_the_number_before_the_first_that_brings_too_little() -> None:
    assert hetero_plan.enough(steps_of(10, 12, 12.4, 14), 0.05) == 1
    assert hetero_plan.enough(steps_of(10, 10.1), 0.05) == 0
    assert hetero_plan.enough(steps_of(10, 12, 14), 0.05) is None


def test_what_may_be_offloaded_is_chosen_by_share_or_name() -> None:
    graph = Graph(tuple("abcde"), np.array([4.0, 3.0, 2.0, 1.0, 0.0]), np.empty((0, 2), np.int64))
    assert hetero_plan.longest(graph, 0.55) == {0, 3}  # b would be too much, c too, d not
    assert hetero_plan.longest(graph, 1.0) == {0, 1, 2, 3}
    assert hetero_plan.longest(graph, 0.05) == frozenset()
    assert hetero_plan.named(graph, ["e", "b"]) == {1, 4}
    with pytest.raises(BadInput, match="no algorithm 'z'"):
        hetero_plan.named(graph, ["z"])


def test_utilisation_reaches_the_bound_where_nothing_waits() -> None:
    assert hetero_plan.utilisation(Job(chain([1.0, 1.0]), frozenset(), 2, 1), "oldest") == (0.5, 0.5)
    assert hetero_plan.utilisation(Job(chain([1.0, 1.0]), frozenset(), 2, 2), "rank") == (1.0, 1.0)


def test_speedups_are_given_or_assumed_from_two_files_and_say_so() -> None:
    profiles = hardware.load()
    gpu, cpu = speedup.device("h100-sxm5-80gb", profiles), speedup.processor("epyc-9654", profiles)
    assert gpu.bandwidth_b_per_s.value and cpu.bandwidth_b_per_s.value
    ratio = gpu.bandwidth_b_per_s.value * 96 / cpu.bandwidth_b_per_s.value  # 698; of fp32 peaks 871
    found = speedup.assumed(gpu, cpu)
    assert found.factor == float(f"{ratio:.2g}")
    assert found.assumed and "assumption: ratio of bandwidth" in found.source
    assert not speedup.given(gpu, 10.0).assumed
    with pytest.raises(BadInput, match="above 0"):
        speedup.given(gpu, 0.0)
    with pytest.raises(BadInput, match="no GPU"):
        speedup.device("epyc-9654", profiles)
    with pytest.raises(BadInput, match="no processor"):
        speedup.processor("l4", profiles)


def test_the_verb_says_modelled_everywhere_and_writes_page_and_trace(tmp_path: Path, capsys: Any) -> None:
    graph, trace = written(tmp_path, GOOD), tmp_path / "t" / "trace.json"
    assert command(graph, cores=4, most=2, factor=["l4=5"], device=["l40s"], share=1.0, html=tmp_path, trace=trace) == 0
    out = capsys.readouterr().out
    assert out.startswith("Modelled, not measured")
    assert "NVIDIA L4, 5 times a core (given): each of 2 devices per 4 cores brings 5 % or more" in out
    assert "times a core (assumed): " in out
    assert "assumed: the longest: First<x>::a" in out and "assumption: ratio of" in out
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("(modelled)") == page.count("<h2>") == page.count("<figure>") == 3
    assert "An assumed speed-up" in page
    assert "<x>" not in page and "&lt;x&gt;" in page and "<script" not in page and "//" not in page
    told = json.loads(trace.read_text())
    rows = [row for row in told["traceEvents"] if row["ph"] == "X"]
    assert len(rows) == 4 * 3
    names = [row["args"]["name"] for row in told["traceEvents"] if row["name"] in ("process_name", "thread_name")]
    assert "modelled" in names[0] and names[1:5] == [f"core {k}" for k in range(4)] and names[5] == "device 0"


def test_the_document_tells_plans_rules_and_where_speedups_come_from(tmp_path: Path, capsys: Any) -> None:
    assert command(written(tmp_path, GOOD), cores=2, most=1, factor=["l4=5"], offload=["First<x>::a"], json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "ngtbench.schedule/1"
    assert told["modelled"] is True
    assert told["offloaded"] == ["First<x>::a"]
    assert told["chosen"] == "as named"
    assert [one["device"] for one in told["plans"]] == ["l4"]
    assert told["plans"][0]["source"] == "given"
    assert len(told["rules"]) == len(RULES)
    assert all(step["events_per_s"] <= step["bound_per_s"] * ROUNDING for step in told["plans"][0]["steps"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"factor": ["l4=fast"]}, "NAME=FACTOR"),
        ({"factor": ["l5=3"]}, "no GPU"),
        ({"factor": ["l4=nan"]}, "above 0"),
        ({"factor": ["l4=1e-308"]}, "speed-up of 1e-308"),
        ({"factor": ["l4=5"], "share": 0.0}, "--share"),
        ({"factor": ["l4=5"], "share": 1.0, "least_gain": float("nan")}, "--least-gain nan"),
        ({"factor": ["l4=5"], "share": 1.0, "least_gain": float("inf")}, "--least-gain inf"),
        ({"factor": ["l4=5"], "html": Path("/proc/none")}, "cannot be written"),
    ],
)
def test_what_cannot_be_planned_is_refused(words: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=said):
        command(written(tmp_path, GOOD), cores=2, most=1, **words)


def test_charts_place_points_by_value_and_say_them() -> None:
    chart = drawn([Line("a & b", [(1, 0.0), (2, 5.0), (4, 10.0)], 0)], "x", "y", "said <so>", log_x=True)
    assert 'd="M56.0 312.0L380.0 162.0L704.0 12.0"' in chart  # powers of two at equal distances
    assert "a &amp; b" in chart and "said &lt;so&gt;" in chart


def test_a_device_that_is_slower_than_a_thread_leaves_the_bound_of_a_choice_as_it_was() -> None:
    graph = Graph(("only",), np.array([1.0]), np.zeros((0, 2), np.int64))
    assert bounds.events_per_s(graph, 4, 1, devices=1, speedup=0.5, offload=(0,), choice=True) == 1.0
    assert bounds.events_per_s(graph, 4, 1, devices=1, speedup=0.5, offload=(0,)) == 0.5
