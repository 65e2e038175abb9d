"""The names that the suite itself declares: all that an anonymised report shows of workloads, implementations and metrics."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ngtbench import workloads
from ngtbench.analysis.amdahl import CHAIN
from ngtbench.harness.plan import SUITES
from ngtbench.model.case import DTYPES
from ngtbench.report import weights, wording
from ngtbench.report.withheld import telling


@dataclass(frozen=True)
class Declared:
    """Names by what they name, without those of a user's own files and of vendors' libraries; sizes without `CHAIN`."""

    families: frozenset[str]
    workloads: frozenset[str]
    sizes: frozenset[str]
    implementations: frozenset[str]
    metrics: frozenset[str]
    events: frozenset[str]
    invariants: frozenset[str]
    dtypes: frozenset[str] = frozenset(DTYPES)
    flags: frozenset[str] = frozenset(wording.FLAGS)
    suites: frozenset[str] = frozenset(SUITES)


@cache
def declared() -> Declared:
    """Return the names; imports every shipped workload, so it is called where a report is anonymised and nowhere else."""
    names = workloads.names()
    found = [workloads.load(name) for name in names]
    asked = [family for name in weights.known() for family in weights.find(name).families]
    return Declared(
        families=frozenset({"user", *(name.partition("/")[0] for name in names), *asked}),  # "user": of files that name none
        workloads=frozenset(names),
        sizes=frozenset(size.removesuffix(CHAIN) for one in found for size in one.sizes),
        implementations=frozenset(impl.name for one in found for impl in one.impls if not telling(impl.name)),
        metrics=frozenset({metric.name for one in found for metric in one.metrics} | wording.NAMES.keys()),
        events=frozenset(one.work(size, 8).event for one in found for size in one.sizes.values()),
        invariants=frozenset(name for one in found if one.invariants for name in _keys(one.invariants)),
    )


def _keys(function: Callable[..., Any]) -> set[str]:
    """Return the texts that are keys of a dict in a function: running it would take inputs and outputs."""
    tables = [node for node in ast.walk(ast.parse(inspect.getsource(function))) if isinstance(node, ast.Dict)]
    return {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
