"""Hunts what is fast because it does not do its work: calls skipped or put off, answers kept from earlier ones."""

import math
import random
import time
from dataclasses import replace
from typing import Any

import numpy as np

from ngtbench.harness import blocked
from ngtbench.harness.prepare import Prepared, poison
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Array, Clock, Timing

SHARE = 0.05  # of the time, for judging: it lies between samples, and energy is counted over all
_SEEN = 4096  # elements of an output that must not all stay the same
PROOF_SHARE = 0.2  # of the budget: changing inputs and asking the oracle again may take as long


class Hunt:
    """Judges samples that cannot know it: outputs are poisoned before, and judged right after.

    Of the warm-up some in a row; then some chosen by chance, about log2 of their number where judging is cheap; then the last.
    A run that does nothing in a share s of its calls is missed with a chance of about (1 - s)^k, where k were judged.
    """

    def __init__(self, prepared: Prepared, budget_s: float) -> None:
        self._prepared, self._budget_s = prepared, budget_s
        self._chance = random.Random()  # unseeded: nothing of a run that works depends on it
        self._next = self._chance.randint(1, 2)
        self._cost_s, self._spent_s = 0.0, 0.0
        self._outputs: Any = None
        self.verdict = prepared.verdict

    def due(self, number: int, spent_s: float) -> bool:
        """Tell whether sample `number`, `spent_s` seconds after the first began, is to be judged; asked of each in turn."""
        if number < self._next or self._spent_s + self._cost_s > SHARE * spent_s:
            return False
        self._next = number + self._chance.randint(1, number)
        self._spent_s += self._cost_s
        return True

    def poison(self) -> None:
        """Overwrite the outputs of the sample before."""
        start = time.perf_counter()
        poison(self._prepared.backend, self._outputs)
        self._cost_s = time.perf_counter() - start

    def take(self, clock: Clock, calls: int) -> Timing:
        """Take a sample; of all outputs only its own are held."""
        self._outputs = None
        timing = clock.time(self._prepared.run, calls)
        self._outputs = timing.outputs
        return replace(timing, outputs=None)

    def judge(self, sample: str, calls: int, *, last: bool = False) -> None:
        """Judge what a sample returned; of a batch also two calls by themselves, for a batch hides calls that did nothing.

        The verdict on the last one is that of the record.
        """
        start, check = time.perf_counter(), self._prepared.check if last else self._prepared.glance
        self._find(f"in {sample}, before which outputs were poisoned", check(self._outputs))
        for _ in range(2 if calls > 1 and self.verdict.passed else 0):
            poison(self._prepared.backend, self._outputs)
            self._outputs = self._call()
            self._find(f"in a call after {sample}, before which outputs were poisoned", check(self._outputs))
        self._cost_s += time.perf_counter() - start

    def change_inputs(self) -> dict[str, str]:
        """Change the live inputs and judge again: what was kept from when it was built, or called first, is wrong now.

        Return why that was not done, as a record's `missing` tells it.
        """
        prepared = self._prepared
        if not prepared.workload.live:
            return {}
        if prepared.changed is None:
            return {"changed_inputs": "the live inputs are too large for a second copy"}
        if prepared.proof_s > PROOF_SHARE * self._budget_s:
            why = f"it would take about {prepared.proof_s:.2g} s, more than {PROOF_SHARE:.0%} of the budget"
            return {"changed_inputs": f"{why}{self._move_inputs()}"}
        check = prepared.changed()
        found = check(self._call())
        if not found.passed:  # else the verdict stays the one on the inputs of this seed
            self._find("right for the inputs it was built with, wrong once they change", found)
        return {}

    def _move_inputs(self) -> str:
        """Move the live inputs by one element, and see that results are others: cheap, for the oracle is not asked."""
        before = self._seen()
        if self._prepared.moved is None or not self._prepared.moved():
            return ""
        after = self._seen()
        if all(np.array_equal(before[name], after[name], equal_nan=True) for name in before):
            words = "results are the same bit for bit when its inputs are others: answers are kept from when it was built"
            self._find("with inputs moved by one", replace(self.verdict, passed=False, reason=words))
        return "; inputs were moved instead, and results did change"

    def _seen(self) -> dict[str, Array]:
        """Return elements of each output, spread over it."""
        backend, found = self._prepared.backend, dict[str, Array]()
        for name, output in self._call().items():
            count = math.prod(output.shape)
            index = np.unique(np.linspace(0, count - 1, min(count, _SEEN)).astype(np.int64))
            found[name] = np.array(blocked.take(backend, output, index))
        return found

    def _call(self) -> Any:
        outputs = self._prepared.run()
        self._prepared.backend.synchronise()
        return outputs

    def _find(self, where: str, verdict: Verdict) -> None:
        if self.verdict.passed:  # the first fault stands
            self.verdict = verdict if verdict.passed else replace(verdict, reason=f"{where}: {verdict.reason}")
