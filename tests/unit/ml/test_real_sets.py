"""The real data sets are those of scikit-learn, are split as they should be, and can be learned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput, NgtBenchError
from ngtbench.model.workload import Array
from ngtbench.physics.samples import real

Load = Callable[[], tuple[Array, Array]]
SETS = pytest.mark.parametrize(("load", "theirs"), [(real.digits, "load_digits"), (real.breast_cancer, "load_breast_cancer")])
SCORE = 0.97  # of both


def sklearn(module: str) -> Any:
    return pytest.importorskip(f"sklearn.{module}", reason="package sklearn is not installed: pip install 'ngtbench[ml]'")


def test_files_hold_the_bits_of_scikit_learn() -> None:
    for name, features in (("digits", "pixels"), ("breast_cancer", "features")):
        wanted = getattr(sklearn("datasets"), f"load_{name}")()
        with np.load(Path(real.__file__).parent / "data" / f"{name}.npz") as held:
            assert held[features].astype(np.float64).tobytes() == wanted.data.tobytes()
            assert np.array_equal(held["label"], wanted.target)


@SETS
def test_sets_are_those_of_scikit_learn_scaled(load: Load, theirs: str) -> None:
    wanted = getattr(sklearn("datasets"), theirs)()
    x, label = load()
    assert x.dtype == np.float32
    assert label.dtype == np.int64
    assert np.array_equal(label, wanted.target)
    assert np.array_equal(x, (wanted.data / (16 if load is real.digits else wanted.data.max(axis=0))).astype(np.float32))


@SETS
def test_ranges(load: Load, theirs: str) -> None:
    x, label = load()
    assert x.min() >= 0
    assert x.max() == 1
    assert set(label) == set(range(10 if load is real.digits else 2))


@SETS
def test_a_split_keeps_the_shares_of_classes(load: Load, theirs: str) -> None:
    label = load()[1]
    train = real.split(label)
    for kind in np.unique(label):
        assert np.count_nonzero(train[label == kind]) == round(0.8 * np.count_nonzero(label == kind))
    assert np.array_equal(train, real.split(label))
    other = real.split(label, seed=1)
    assert 0.6 < np.mean(other == train) < 0.8  # 0.8^2 + 0.2^2 = 0.68 by chance


def test_a_seed_means_the_same_events() -> None:
    train = real.split(np.array([0] * 10 + [1] * 5))
    assert np.nonzero(~train)[0].tolist() == [0, 6, 11]


@pytest.mark.parametrize(("label", "training"), [(np.zeros((3, 2)), 0.5), (np.zeros(3), 0.0), (np.zeros(3), 1.0)])
def test_no_split(label: Array, training: float) -> None:
    with pytest.raises(BadInput, match="share between 0 and 1"):
        real.split(label, 0, training)


@SETS
def test_logistic_regression_has_the_score_that_is_told(load: Load, theirs: str) -> None:
    """Of five folds, each fifth judged by what was fitted to the others."""
    fit, cross = sklearn("linear_model").LogisticRegression, sklearn("model_selection").cross_val_score
    folds = sklearn("model_selection").StratifiedKFold(5, shuffle=True, random_state=1)
    x, label = load()
    found = cross(fit(C=10, max_iter=2000), x.astype(np.float64), label, cv=folds)
    assert np.mean(found) == pytest.approx(SCORE, abs=0.015)
    assert np.mean(cross(fit(C=10, max_iter=2000), x, np.roll(label, 1), cv=folds)) < 0.7


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (Path(real.__file__).parent / "data" / "digits.npz").read_bytes()
    monkeypatch.setattr(real, "_HERE", tmp_path)
    file = tmp_path / "digits.npz"
    damaged = [
        whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :] for place in (70, 5000)
    ]  # seen by zlib, by zipfile
    for wrong in (b"", whole[:1000], b"no such thing", *damaged):
        file.write_bytes(wrong)
        with pytest.raises(NgtBenchError, match=r"digits\.npz: cannot be read .*install ngtbench again"):
            real.digits()
    file.unlink()
    with pytest.raises(NgtBenchError, match=r"digits\.npz"):
        real.digits()
    np.savez(file, pixels=np.zeros((3, 64), np.uint8), label=np.zeros(3, np.uint8))
    with pytest.raises(NgtBenchError, match=r"pixels has shape \(3, 64\)"):
        real.digits()


def test_sources_and_licence_lie_beside_the_files() -> None:
    folder = Path(real.__file__).parent / "data"
    notice = (folder / "NOTICE.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in notice
    assert all(path.name in notice for path in folder.glob("*.npz"))


def test_files_are_in_the_wheel() -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="package hatchling is not installed: pip install hatchling")
    builder = wheel.WheelBuilder(str(Path(real.__file__).parents[3]))
    found = {included.distribution_path for included in builder.recurse_included_files()}
    names = ("digits.npz", "breast_cancer.npz", "NOTICE.txt")
    assert {f"ngtbench/physics/samples/data/{name}" for name in names} <= found
