"""Files of jets that are no such thing, and places where none can be written: each is named, and the next case runs."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.ml import loader_file
from ngtbench.kernels.ml.loader import Records, write_records
from ngtbench.kernels.ml.loader_file import RECORD, Samples, folder, proved, stored
from ngtbench.workloads.ml import loader
from tests.conftest import CommandLine
from tests.unit.ml.loaders import IMPLS, Loading

SIZE = loader.Size(1000, block=100)
Spoil = Callable[[Path], object]


def samples(count: int = 1000) -> Samples:
    random = np.random.default_rng(1)
    return Samples(random.normal(size=(count, 16)).astype(np.float32), random.integers(0, 5, count), np.arange(count))


def module(name: str, package: str) -> Any:
    pytest.importorskip(package, reason=f"package {package} is not installed: pip install 'ngtbench[ml]'")
    return __import__(f"ngtbench.kernels.ml.{name}", fromlist=["x"])


def formats() -> dict[str, Callable[[], tuple[Any, Any]]]:
    def hdf5() -> tuple[Any, Any]:
        kernel = module("loader_hdf5", "h5py")
        return partial(kernel.write, options={}), kernel.Columns

    def parquet(kind: str) -> tuple[Any, Any]:
        kernel = module("loader_parquet", "pyarrow")
        return partial(kernel.write, kind=getattr(kernel, kind)), partial(kernel.RowGroups, kind=getattr(kernel, kind))

    return {
        "memmap": lambda: (write_records, Records),
        "hdf5": hdf5,
        "parquet": partial(parquet, "LISTS"),
        "parquet-binary": partial(parquet, "BINARY"),
    }


FORMATS = pytest.mark.parametrize("name", formats())


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


SPOILS: dict[str, Spoil] = {
    "truncated": halved,
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_text("pt,eta,phi\n1,2,3\n" * 1000),
    "overwritten": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("spoil", SPOILS)
@FORMATS
def test_a_corrupt_file_is_named(name: str, spoil: str, tmp_path: Path) -> None:
    write, opened = formats()[name]()
    path = tmp_path / "jets"
    write(path, samples(), 100)
    proved(path, SIZE, opened)
    SPOILS[spoil](path)
    with pytest.raises(BadInput, match=str(path)):
        proved(path, SIZE, opened)


@pytest.mark.parametrize("count", [900, 1100])
@FORMATS
def test_another_number_of_jets_is_named(name: str, count: int, tmp_path: Path) -> None:
    write, opened = formats()[name]()
    path = tmp_path / "jets"
    write(path, samples(count), 100)
    with pytest.raises(BadInput, match=f"{path}: .*(1000|shape)"):
        proved(path, SIZE, opened)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@FORMATS
def test_features_that_are_no_numbers_are_named(name: str, value: float, tmp_path: Path) -> None:
    write, opened = formats()[name]()
    path, wrong = tmp_path / "jets", samples()
    wrong.x[321, 7] = value
    write(path, wrong, 100)
    with pytest.raises(BadInput, match=f"{path}: jet 321 has features that are not finite"):
        proved(path, SIZE, opened)


@FORMATS
def test_jets_out_of_order_are_named(name: str, tmp_path: Path) -> None:
    write, opened = formats()[name]()
    path, wrong = tmp_path / "jets", samples()
    wrong.event[[410, 411]] = wrong.event[[411, 410]]
    write(path, wrong, 100)
    with pytest.raises(BadInput, match=f"{path}: jets from 400 on are not numbered in order"):
        proved(path, SIZE, opened)


def test_other_types_are_named(tmp_path: Path) -> None:
    path = tmp_path / "jets"
    for wrong in (
        np.zeros(1000),
        np.zeros((1000, 18), np.float32),
        np.zeros(1000, [("x", np.float64, (16,)), *RECORD.descr[1:]]),
    ):
        with path.open("wb") as file:
            np.save(file, wrong)
        with pytest.raises(BadInput, match=rf"{path}: holds .*, not 1000 jets"):
            proved(path, SIZE, Records)


def test_other_types_in_hdf5_are_named(tmp_path: Path) -> None:
    kernel, path = module("loader_hdf5", "h5py"), tmp_path / "jets"
    h5py = pytest.importorskip("h5py")
    right: dict[str, Any] = {"x": np.zeros((1000, 16), np.float32), "label": np.zeros(1000, np.int64), "event": np.arange(1000)}
    others: dict[str, list[Any]] = {
        "x": [right["x"].astype(np.float64), right["x"][:, :15]],
        "label": [np.zeros(1000, np.int32)],
        "event": [None],
    }
    for name, wrong in others.items():
        for values in wrong:
            with h5py.File(path, "w") as file:
                for column, array in {**right, name: values}.items():
                    if array is not None:
                        file[column] = array
            with pytest.raises(BadInput, match=f"{path}: {name} is .*not a data set of"):
                proved(path, SIZE, kernel.Columns)


def test_other_columns_and_groups_of_parquet_are_named(tmp_path: Path) -> None:
    kernel, path = module("loader_parquet", "pyarrow"), tmp_path / "jets"
    kernel.write(path, samples(), 100, kind=kernel.LISTS)
    with pytest.raises(BadInput, match=f"{path}: columns are x: fixed_size_list"):
        proved(path, SIZE, partial(kernel.RowGroups, kind=kernel.BINARY))
    kernel.write(path, samples(), 250, kind=kernel.LISTS)
    with pytest.raises(BadInput, match=f"{path}: 1000 rows in 4 groups, not 1000 in 10"):
        proved(path, SIZE, partial(kernel.RowGroups, kind=kernel.LISTS))


@pytest.mark.parametrize("impl", IMPLS)
def test_nothing_is_left_in_the_folder(impl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loading = Loading(impl, loader.Size(1000, block=100, ahead=2))
    assert list(tmp_path.iterdir()) == []
    assert loading.judge(loading.trial(0).outputs).passed


def test_nothing_is_left_of_a_file_that_is_corrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def write(path: Path, jets: Samples, block: int) -> None:
        write_records(path, jets, block)
        halved(path)

    with pytest.raises(BadInput, match=f"{tmp_path}/ngtbench-loader-.*/jets"):
        stored(SIZE, write, Records, samples(), str)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match=r"no temporary folder can be written: .*none") as caught, folder(5 << 20):
        pass
    assert caught.value.remedy == "set TMPDIR to a folder with 5 MiB free"


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Unavailable, match=f"{tmp_path} has .* MiB free, not {1 << 40} MiB"), folder(1 << 60):
        pass
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, sys
from ngtbench.errors import Unavailable
from tests.unit.ml.test_loader_faults import formats, samples, SIZE
from ngtbench.kernels.ml.loader_file import stored
write, opened = formats()[sys.argv[1]]()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    stored(SIZE, write, opened, samples(), str)
except Unavailable as error:
    print(error.reason)
"""


@FORMATS
def test_a_disk_that_gets_full(name: str, tmp_path: Path) -> None:
    """A limit on the size of files ends writing as a full disk does: midway, with an error of the system."""
    formats()[name]()
    command, root = [sys.executable, "-c", LIMITED, name], Path(loader_file.__file__).parents[3]
    ended = subprocess.run(command, cwd=root, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "/jets cannot be written: " in ended.stdout
    assert list(tmp_path.iterdir()) == []


WORKLOAD = """
from dataclasses import replace
from ngtbench.model.case import Impl
from ngtbench.workloads.ml import loader
impls = (Impl("halved", "halved:build", "numpy"), Impl("memmap", "ml.loader:memmap", "numpy"))
WORKLOAD = replace(loader.WORKLOAD, impls=impls)
"""
KERNEL = """
from ngtbench.kernels.ml.loader import Records, trial, write_records
def build(setup, x, label, **weights):
    def write(path, jets, block):
        write_records(path, jets, block)
        path.write_bytes(path.read_bytes()[:-1])
    return trial(setup, write, Records, x, label, weights, "half a file")
"""


def test_a_corrupt_file_is_recorded_and_the_next_case_runs(ngtbench: CommandLine, tmp_path: Path) -> None:
    own, output = tmp_path / "own", tmp_path / "out.jsonl"
    own.mkdir()
    (own / "jets.py").write_text(WORKLOAD)
    (own / "halved.py").write_text(KERNEL)
    ended = ngtbench("run", "user/jets", "--workloads", own, "--size", "XS", "--budget", "0.1s", "--output", output)
    assert ended.returncode == 1, ended.stderr
    runs = [json.loads(line) for line in output.read_text().splitlines()]
    found = {run["case"]["impl"]: run["outcome"] for run in runs if "outcome" in run}
    assert {name: outcome["status"] for name, outcome in found.items()} == {"halved": "failed", "memmap": "done"}
    assert "/jets: not a readable file of jets: ValueError: mmap length is greater than file size" in found["halved"]["reason"]
