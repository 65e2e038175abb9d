"""From the command line: a workflow of the user's own, and replays that go wrong, each one record."""

import json
from pathlib import Path
from typing import Any

import pytest

from ngtbench import workloads
from ngtbench.errors import BadInput, WorkloadError
from tests.conftest import CommandLine

NODE = '<node id="{0}"><data key="t">Algorithm</data><data key="n">{1}</data><data key="r">{2}</data></node>'
FILE = """<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="t" for="node" attr.name="type" attr.type="string"/><key id="n" for="node" attr.name="node_id" attr.type="string"/>
<key id="r" for="node" attr.name="runtime_average_s" attr.type="double"/><graph edgedefault="directed">
{}<edge source="0" target="1"/></graph></graphml>"""
BROKEN = '''"""Replays that go wrong."""
from ngtbench.kernels.scheduling import event_graph as kernel
from ngtbench.kernels.scheduling.job import Fault
from ngtbench.model.case import Impl
from ngtbench.workloads.scheduling.event_graph import Size, workload
from dataclasses import replace

def build(engine, kind):
    def built(setup, **arrays):
        job = kernel.job_of(setup.size, setup.threads, arrays, stall_s=1.0, fault=Fault(kind, 400, 1))
        replays = kernel.engine(engine, job)
        def trial(k, watch):
            with watch():
                replays.run()
            job.raise_failure()
        return trial
    return built

throws, gone = build("native", "throws"), build("asyncio", "vanishes")
impls = (Impl("throws", "broken:throws", "native"), Impl("gone", "broken:gone", "native"))
WORKLOAD = replace(workload({"XS": Size(2, 2, 0.0001)}, "Broken"), impls=impls)
'''


def written(tmp_path: Path, name: str, runtime: str = "0.1") -> Path:
    path = tmp_path / name
    path.write_text(FILE.format(NODE.format(0, "First", runtime) + NODE.format(1, "Second", "0.2")))
    return path


def outcomes(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["case"]["impl"]: line["outcome"] for line in lines if line["schema"] == "ngtbench.run/2"}


def test_a_workflow_is_a_workload_whose_sizes_name_its_contents(tmp_path: Path) -> None:
    path = written(tmp_path, "my.graph-1.graphml")
    assert workloads.names(str(path)).keys() - workloads.names().keys() == {"user/my.graph-1"}
    workload = workloads.load("user/my.graph-1", str(path))
    ours = workloads.load("scheduling/event_graph").sizes
    (digest,) = {name.rpartition("-")[2] for name in workload.sizes}
    assert set(workload.sizes) == {f"{name}-{digest}" for name in ours}
    assert workload.sizes[f"S-{digest}"].graph.names == ("First", "Second")
    other = workloads.load("user/other", str(written(tmp_path, "other.graphml", "0.3")))
    assert not set(other.sizes) & set(workload.sizes)


def test_what_cannot_be_named_or_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=r"use letters, digits"):
        workloads.names(str(written(tmp_path, "a b@1.graphml")))
    with pytest.raises(BadInput, match=r"'First' runs for -1\.0 s"):
        workloads.load("user/bad", str(written(tmp_path, "bad.graphml", "-1")))


def test_a_workflow_runs_and_a_faulty_one_ends_with_its_node(ngtbench: CommandLine, tmp_path: Path) -> None:
    path, file = written(tmp_path, "mine.graphml"), tmp_path / "records.jsonl"
    digest = next(iter(workloads.load("user/mine", str(path)).sizes)).rpartition("-")[2]
    words = ("--size", f"XS-{digest}", "--impl", "native", "--budget", "0.05s", "--output", file)
    ended = ngtbench("run", "--workflow", path, *words)
    assert ended.returncode == 0, ended.stderr
    assert outcomes(file)["native"]["verdict"]["passed"]
    ended = ngtbench("run", "--workflow", written(tmp_path, "bad.graphml", "nan"))
    assert ended.returncode == 2
    assert "algorithm 'First' runs for nan s" in ended.stderr
    assert ngtbench("run", "system/triad", "--workflow", path).returncode == 2
    assert ngtbench("run", "--workflow", tmp_path / "mine.xml").returncode == 2


def test_a_replay_that_goes_wrong_is_one_failed_record_that_names_the_algorithm(ngtbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    file = tmp_path / "records.jsonl"
    ended = ngtbench("run", "user/broken", "--workloads", tmp_path, "--budget", "0.05s", "--size", "XS", "--output", file)
    assert ended.returncode == 1
    found = outcomes(file)
    assert {outcome["status"] for outcome in found.values()} == {"failed"}
    assert "algorithm 'Algorithm400' of event 1 threw an exception" in found["throws"]["reason"]
    assert "algorithm 'Algorithm400' of event 1 never ended, nor did the run" in found["gone"]["reason"]
