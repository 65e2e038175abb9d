"""A gate whose launches are told what they measure: no process, no clock."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ngtbench.harness import gate, pairs
from ngtbench.harness.pairs import Asked
from ngtbench.harness.run import Ended
from ngtbench.harness.sides import Listed, Place
from ngtbench.model.case import Case, Job, Resources, Skip
from ngtbench.model.gate import Decision, Judged, Rule, Side, SideName
from ngtbench.model.record import Outcome
from tests.records import case, done

Says = Callable[[SideName, Job], Outcome]
FOREVER_S = float("inf")


def job(of: Case | None = None, resources: Resources | None = None) -> Job:
    """Return a job of a side's plan."""
    return Job(of or case(), resources or Resources("cpu:0", 2, True), "numpy", "ported", 0, 1)


def listed(*jobs: Job, skipped: Sequence[Skip] = ()) -> Listed:
    """Return what a side can run."""
    return Listed(
        {f"{one.case.id} on {one.resources.device}": one for one in jobs},
        {f"{one.case.id} on {one.resources.device}": one for one in skipped},
    )


def places() -> dict[SideName, Place]:
    """Return two sides that are never started."""
    side = Side(".", "tree", None, None, "nowhere")
    return {name: Place(side, "python", Path("nowhere"), Path("nowhere")) for name in pairs.NAMES}


@dataclass
class Gate:
    """Runs the gate's loop on launches that `says` answers for; keeps what was kept and told."""

    says: Says
    asked: Asked = field(default_factory=lambda: Asked(1, 1.0, 1.0, FOREVER_S))
    launched: list[tuple[SideName, int, int]] = field(default_factory=list)  # side, launch, seed
    slower: list[float] = field(default_factory=list)
    kept: list[tuple[SideName, Ended]] = field(default_factory=list)
    told: list[Decision] = field(default_factory=list)

    def judge(
        self, patch: pytest.MonkeyPatch, rule: Rule | None = None, listings: dict[SideName, Listed] | None = None
    ) -> list[Judged]:
        """Return the verdicts."""
        known: dict[SideName, Listed] = listings or {"baseline": listed(job()), "candidate": listed(job())}
        keys = dict.fromkeys(key for one in known.values() for key in (*one.jobs, *one.skipped))
        patch.setattr(pairs, "_once", self._once)
        return list(self._verdicts(known, dict.fromkeys(keys, rule or Rule())))

    def one(self, patch: pytest.MonkeyPatch, rule: Rule | None = None, **more: Any) -> Judged:
        """Return the only verdict."""
        (judged,) = self.judge(patch, rule, **more)
        return judged

    def _verdicts(self, known: dict[SideName, Listed], ruled: dict[str, Rule]) -> Iterator[Judged]:
        keep = lambda name, ended: self.kept.append((name, ended))  # noqa: E731 - two words
        tell = lambda key, decision: self.told.append(decision)  # noqa: E731
        yield from gate.judge(places(), known, ruled, self.asked, keep, tell)

    def _once(self, launched: Job, name: SideName, at: Place, asked: Asked, slower: float) -> Ended:
        self.launched.append((name, launched.launch, launched.seed))
        self.slower.append(slower)
        return Ended(launched, self.says(name, launched), "2026-11-01T00:00:00+00:00", 1.0, {}, None)


def steady(baseline_s: float = 1e-3, candidate_s: float = 1e-3) -> Says:
    """Return launches whose samples are all alike."""
    return lambda name, launched: done([baseline_s if name == "baseline" else candidate_s] * 20)


def flagged(outcome: Outcome, **flags: float) -> Outcome:
    """Return the outcome with flags on its measurement."""
    assert outcome.measurement is not None
    return replace(outcome, measurement=replace(outcome.measurement, flags=flags))
