"""The estimate of a plan counts what each case takes, and keeps the family of networks on one GPU below its bound."""

from dataclasses import replace

import pytest

from ngtbench import workloads
from ngtbench.harness import estimate
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
from tests.machines import gpu, machine

HERE = machine(gpu())


def test_calls_cost_their_budget_and_trials_what_they_take() -> None:
    calls = plan(HERE, Selection(("system/triad",), ("XS",), impls=("numpy",), budget_s=2.0))
    assert len(calls.jobs) == 2
    assert estimate.seconds(calls) == pytest.approx(3.0 + 2 * (0.5 + 0.8 * 2.0))
    longer = replace(calls, selection=replace(calls.selection, budget_s=4.0))
    assert estimate.seconds(longer) - estimate.seconds(calls) == pytest.approx(2 * 0.8 * 2.0)
    train = plan(HERE, Selection(("ml/train",), ("S",), ("float32",), ("torch",), ("cpu:0",)))
    workload = workloads.load("ml/train")
    assert workload.takes_s is not None
    assert estimate.seconds(train) == pytest.approx(3.0 + 0.5 + 6 * workload.takes_s(workload.sizes["S"], "cpu"))


def test_the_whole_family_takes_less_than_forty_minutes_on_one_gpu() -> None:
    planned = plan(HERE, Selection(("ml",), suite="full", devices=("cuda:0",)))
    assert len(planned.jobs) > 100
    assert estimate.seconds(planned) < 40 * 60
