"""Two ranks that share a batch take the steps of one: losses, gradients and parameters."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="package torch is not installed: pip install 'ngtbench[torch]'")

STEPS, RANKS = 5, 2
RANK = f"""
import json, sys
import torch
from torch import distributed
from ngtbench import backends
from ngtbench.harness.inputs import HostInputs
from ngtbench.kernels.ml.ranks_torch import part
from ngtbench.kernels.ml.train_torch import Training
from ngtbench.model.workload import Setup
from ngtbench.workloads.ml import jet_mlp, train
rank, ranks, meeting, batch = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(1)
if ranks > 1:
    distributed.init_process_group("gloo", init_method=f"file://{{meeting}}", rank=rank, world_size=ranks)
size = train.Size(jet_mlp.TASK, events=4096, tests=256, epochs=1, batch=batch, fraction=0.1, steps=2, checked=256)
backend = backends.load("torch", "cpu:0", 1)
arrays = HostInputs(train.inputs(size, 1), "float32").on(backend)
training = Training(Setup(size, "float32", "cpu:0", 1, 1, backend), arrays)
training.start(1, 1e-3)
order = training.order(1, 0)
losses = [float(training.step(order[k], 1e-3)) for k in range({STEPS})]
own = part(order[0]).tolist()
print(json.dumps({{"own": own, "losses": losses, "slopes": training.slopes().tolist(), "weights": training.row().tolist()}}))
"""


def trained(ranks: int, meeting: Path, batch: int = 256) -> list[Any]:
    """Return what each rank says."""
    command = [sys.executable, "-c", RANK]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(ranks), str(meeting), str(batch)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for rank in range(ranks)
    ]
    said = [one.communicate(timeout=120) for one in started]
    for one, (_, error) in zip(started, said, strict=True):
        if one.returncode:
            raise RuntimeError(error.decode())
    return [json.loads(out) for out, _ in said]


def test_two_ranks_take_the_steps_of_one(tmp_path: Path) -> None:
    (alone,) = trained(1, tmp_path / "none")
    both = trained(RANKS, tmp_path / "meeting")
    assert both[0]["own"] + both[1]["own"] == alone["own"]
    assert both[0]["losses"] == both[1]["losses"]
    assert both[0]["weights"] == both[1]["weights"]
    np.testing.assert_allclose(both[0]["losses"], alone["losses"], rtol=1e-5)
    assert max(np.abs(np.diff(alone["losses"]))) > 1e-3, "they do train"
    rms = np.sqrt(np.mean(np.square(alone["slopes"])))
    np.testing.assert_allclose(both[0]["slopes"], alone["slopes"], rtol=0, atol=0.02 * rms)


def test_a_batch_that_ranks_cannot_share_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a batch of 255 is not shared evenly by 2 ranks"):
        trained(RANKS, tmp_path / "meeting", batch=255)
