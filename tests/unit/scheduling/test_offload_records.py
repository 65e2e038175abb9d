"""From the command line: a device that stalls, fails or is gone is one failed record each, and nothing is left running."""

import json
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types

from tests.conftest import CommandLine

BROKEN = '''"""Offloaded replays that go wrong."""
from dataclasses import replace
from ngtbench.kernels.scheduling import event_graph as kernel
from ngtbench.kernels.scheduling.job import Fault
from ngtbench.kernels.scheduling.offload import Way
from ngtbench.model.case import Impl
from ngtbench.workloads.scheduling.event_graph import Size, workload

def build(kind):
    def built(setup, **arrays):
        first = int(arrays["offloaded"][0])
        offload = kernel.offload_of(setup.size, arrays, kernel.host_port(), Way())
        job = kernel.job_of(setup.size, 2, arrays, stall_s=0.5, fault=Fault(kind, first, 1), offload=offload)
        replays = kernel.engine("native", job)
        def trial(k, watch):
            with watch():
                replays.run()
            job.raise_failure()
        return trial
    return built

stalls, fails, gone = build("device-stalls"), build("kernel-fails"), build("device-vanishes")
impls = tuple(Impl(name, f"broken:{name}", "native") for name in ("stalls", "fails", "gone"))
WORKLOAD = replace(workload({"XS": Size(3, 2, 0.0001)}, "Broken"), impls=impls)
'''


def test_a_device_that_goes_wrong_is_a_failed_record_that_names_the_algorithm(ngtbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    file = tmp_path / "records.jsonl"
    ended = ngtbench("run", "user/broken", "--workloads", tmp_path, "--budget", "0.05s", "--size", "XS", "--output", file)
    assert ended.returncode == 1
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    found = {line["case"]["impl"]: line["outcome"] for line in lines if line["schema"] == "ngtbench.run/2"}
    assert {outcome["status"] for outcome in found.values()} == {"failed"}
    for name, words in (("stalls", "never ended"), ("fails", "failed on its device (as asked)"), ("gone", "never ended")):
        assert f"of event 1 {words}" in found[name]["reason"]
        assert "algorithm 'Algorithm" in found[name]["reason"]
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or ())]
