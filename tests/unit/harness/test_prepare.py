"""From a case to something that may be timed: what is refused, and that nothing of the first result is left."""

from typing import Any

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import WorkloadError
from ngtbench.harness.prepare import poison, prepare, resolve
from ngtbench.model.case import Case, Resources
from tests.fakes.timing import prepared

HERE = Resources("cpu:0", 1, False)


def test_the_first_result_is_judged_and_then_poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = HostBackend.poison

    def noting(self: HostBackend, array: Any) -> None:
        seen.append(array.copy())
        real(self, array)

    monkeypatch.setattr(HostBackend, "poison", noting)
    ready = prepared()
    assert ready.verdict.passed
    assert len(seen) == 1
    assert ready.check({"a": seen[0]}).passed


def test_other_seeds_give_other_inputs_and_other_digests() -> None:
    case = Case("system/triad", 1, "XS", "numpy", "float64")
    first, again, other = (prepare(case, HERE, seed) for seed in (1, 1, 2))
    assert first.verdict.inputs_digest == again.verdict.inputs_digest != other.verdict.inputs_digest
    assert not other.check(first.run()).passed


@pytest.mark.parametrize(("entry", "words"), [("no.such:thing", "no kernel module"), ("system.triad:thing", "has no function")])
def test_an_entry_that_is_not_there(entry: str, words: str) -> None:
    with pytest.raises(WorkloadError, match=words):
        resolve(entry, prepared().workload, None)


def test_an_implementation_that_is_not_there() -> None:
    with pytest.raises(WorkloadError, match=r"no implementation 'fortran': there are \['numpy'"):
        prepare(Case("system/triad", 1, "XS", "fortran", "float64"), HERE, 1)


@pytest.mark.parametrize("outputs", [None, 7, [np.ones(3)], {"a": "text"}, {"a": None}])
def test_what_cannot_be_poisoned_is_passed_over(outputs: Any) -> None:
    poison(HostBackend("numpy", "cpu:0"), outputs)


def test_building_is_timed_by_itself() -> None:
    ready = prepared()
    assert ready.build_s > 0
    assert ready.proof_s > 0
