"""Whether a network fits a part and keeps a trigger's constraints: yes, no, or undecided where a band crosses the limit."""

from dataclasses import dataclass
from typing import Literal

from ngtbench.kernels.fpga.estimate import DenseEstimate, Estimate
from ngtbench.kernels.fpga.parts import Constraints, Part

Answer = Literal["yes", "no", "undecided"]
RESOURCES = ("lut", "ff", "dsp", "bram18")
TIMES = ("cycles", "ii")


@dataclass(frozen=True)
class Check:
    """One figure against its limit."""

    what: str
    figure: Estimate
    limit: float

    @property
    def answer(self) -> Answer:
        """Tell whether the figure stays within the limit."""
        return "yes" if self.figure.high <= self.limit else "no" if self.figure.low > self.limit else "undecided"

    @property
    def used(self) -> float:
        """The figure over its limit."""
        return self.figure.value / self.limit if self.limit else float(self.figure.value > 0)


def checks(total: DenseEstimate, part: Part, constraints: Constraints | None) -> tuple[Check, ...]:
    """Hold resources against a share of the part, all of it without constraints, and times against the constraints."""
    share = constraints.share if constraints else 1.0
    found = [Check(what, getattr(total, what), share * getattr(part, what)) for what in RESOURCES]
    if constraints:
        found += [Check("cycles", total.cycles, constraints.budget_cycles), Check("ii", total.ii, constraints.most_ii)]
    return tuple(found)


def together(found: tuple[Check, ...]) -> Answer:
    """Return no if any check says so, undecided if any is, else yes."""
    answers = {check.answer for check in found}
    return "no" if "no" in answers else "undecided" if "undecided" in answers else "yes"


def tightest(found: tuple[Check, ...]) -> Check:
    """Return the check whose figure is nearest its limit, or furthest beyond."""
    return max(found, key=lambda check: check.used)
