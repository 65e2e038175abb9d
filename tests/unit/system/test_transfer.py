"""Transfers: bytes by hand, both ways exact, the link in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import Unavailable
from ngtbench.harness.inputs import HostInputs
from ngtbench.kernels.system import link, transfer
from ngtbench.model.case import Work
from ngtbench.model.workload import Setup
from ngtbench.workloads.system.transfer import Size, work


def test_bytes_are_those_that_cross_the_link() -> None:
    assert work(Size(1000, "h2d"), 4) == Work(0, bytes=4000, memory_b=12000, events=1, event="transfer")
    assert work(Size(1000, "both"), 4) == Work(0, bytes=8000, memory_b=12000, events=2, event="transfer")


def test_every_size_has_its_directions() -> None:
    sizes = workloads.load("system/transfer").sizes
    assert {name: size.direction for name, size in sizes.items() if name.startswith("M")} == {
        "M": "both",
        "M-h2d": "h2d",
        "M-d2h": "d2h",
    }


@pytest.mark.parametrize("direction", ["both", "h2d", "d2h"])
def test_torch_moves_every_bit(direction: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, where there is no link and nothing to pin: the copies themselves."""
    kernel: Any = pytest.importorskip("ngtbench.kernels.system.transfer_torch", reason="package torch is not installed")
    backend_file: Any = pytest.importorskip("ngtbench.backends.torch")
    monkeypatch.setattr(kernel, "_bus_id", lambda device: "ffff:ff:1f.0")
    size, said = Size(1000, direction), list[str]()
    backend = backend_file.TorchBackend("cpu:0", kernel.torch.device("cpu"))
    given = HostInputs(workloads.load("system/transfer").inputs(size, 1), "float32")
    run = kernel.pageable(Setup(size, "float32", "cpu:0", 1, 1, backend, said.append), **given.on(backend))
    wanted = given.wide()["x"].astype(np.float32)
    for _ in range(2):
        outputs = run()
        assert np.array_equal(backend.get(outputs["y"]), wanted)
        backend.poison(outputs["y"])
    assert said == ["pageable host memory; link not read: /sys shows none for ffff:ff:1f.0"]


def test_the_baseline_copies_as_often_as_the_link_is_crossed() -> None:
    backend = HostBackend("numpy", "cpu:0")
    x = np.arange(5, dtype=np.float32)
    for direction in ("both", "h2d"):
        y = transfer.copy(Setup(Size(5, direction), "float32", "cpu:0", 1, 1, backend), x)()["y"]
        assert np.array_equal(y, x)
        assert not np.shares_memory(y, x)


def test_too_little_host_memory_is_unavailable() -> None:
    transfer.check_room(1)
    with pytest.raises(Unavailable, match="host memory"):
        transfer.check_room(1 << 60)


def test_a_link_is_named_from_sys(tmp_path: Path) -> None:
    folder = tmp_path / "0000:9a:00.0"
    folder.mkdir()
    (folder / "current_link_speed").write_text("32.0 GT/s PCIe\n")
    (folder / "current_link_width").write_text("16\n")
    (folder / "max_link_speed").write_text("64.0 GT/s PCIe\n")
    assert link.named("0000:9A:00.0", tmp_path) == "PCIe x16 at 32.0 GT/s PCIe, at most 64.0 GT/s PCIe"
    assert "not read" in link.named("0000:9b:00.0", tmp_path)


def test_a_chip_to_chip_link_is_named_from_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_c2c", lambda bus_id: True)
    assert "C2C" in link.named("0009:01:00.0", tmp_path)
