"""Cold files: dropped from the page cache before each epoch, which is proved; where that does not work, skipped and said."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ngtbench.errors import Unavailable
from ngtbench.kernels.ml.loader import Records
from ngtbench.kernels.ml.loader_cache import Cache
from ngtbench.kernels.ml.loader_file import RECORD
from ngtbench.workloads.ml import loader
from tests.unit.ml.loaders import IMPLS, Loading

SIZE = loader.Size(4003, block=500, batch=64, together=3)
COLD = loader.Size(4003, block=500, batch=64, together=3, cold=True)
MEMORY = Path("/dev/shm")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not droppable(tmp_path):
        pytest.skip(f"{tmp_path}: its file system keeps what it is told to drop")
    yield tmp_path


def droppable(folder: Path) -> bool:
    path = folder / "other"
    path.write_bytes(bytes(300_000))
    cache = Cache(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    path.unlink()
    return cache.held_b() == 0


def stored(folder: Path) -> Cache:
    path = folder / "some"
    path.write_bytes(bytes(300_000))
    cache = Cache(path)
    path.unlink()
    assert cache.held_b() >= cache.size_b == 300_000
    return cache


@pytest.mark.parametrize("name", IMPLS)
def test_each_epoch_begins_with_nothing_in_the_cache(name: str, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, drop = list[tuple[int, int]](), Cache.drop

    def noted(cache: Cache, *readers: object) -> None:
        before_b = cache.held_b()
        drop(cache, *readers)  # type: ignore[arg-type]
        seen.append((before_b, cache.held_b()))

    monkeypatch.setattr(Cache, "drop", noted)
    loading = Loading(name, COLD)
    assert "page cache cold" in loading.said[0]
    trial = loading.trial(0)
    assert loading.judge(trial.outputs).passed
    assert len(seen) == 2, "before loading alone, and before both"
    assert all(before_b > 0 == after_b for before_b, after_b in seen)
    Loading(name, SIZE).trial(0)
    assert len(seen) == 2, "not where it is to be warm"


def test_what_a_map_holds_is_let_go_first(disk: Path) -> None:
    path = disk / "jets.npy"
    np.save(path, np.zeros(SIZE.samples, RECORD))
    records, cache = Records(path, SIZE), Cache(path)
    assert records._records["event"].sum() == 0, "all pages are mapped"
    with pytest.raises(Unavailable, match="the page cache keeps"):
        cache.drop([])
    cache.drop([records])
    assert cache.held_b() == 0
    assert records._records["event"].sum() == 0


@pytest.mark.skipif(not (MEMORY.is_mount() and os.access(MEMORY, os.W_OK)), reason="no file system in memory")
def test_files_in_memory_cannot_be_dropped() -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, pytest.raises(Unavailable, match="the page cache keeps") as caught:
        stored(Path(folder)).drop([])
    assert caught.value.remedy == "set TMPDIR to a folder on a disk"
