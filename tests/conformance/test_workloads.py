"""What every workload inherits: each implementation equals the oracle, and the check rejects what is wrong."""

import ast
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ngtbench
from ngtbench import backends, workloads
from ngtbench.errors import Unavailable
from ngtbench.harness import blocked
from ngtbench.harness.prepare import Prepared, Stopwatch, prepare
from ngtbench.model.case import DTYPES, Case, Resources
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics.rounding import STORAGE_B

NAMES = sorted(workloads.names())
BUILT_LONG = ("torch-aoti",)  # ten seconds each: one engine for all networks, tried on one
TRIED_ON = "ml/deepsets"
CASES = [
    Case(name, workloads.load(name).version, next(iter(workloads.load(name).sizes)), impl.name, dtype)
    for name in NAMES
    for impl in workloads.load(name).impls
    if impl.runs_on("cpu") and (impl.name not in BUILT_LONG or name == TRIED_ON)
    for dtype in (impl.dtypes or workloads.load(name).tolerance)
]
PROBLEMS = list({case.problem: case for case in reversed(CASES)}.values())  # the first implementation of each


def prepared(case: Case, seed: int = 1) -> Prepared:
    impl = next(impl for impl in workloads.load(case.workload).impls if impl.name == case.impl)
    if lacking := backends.missing(impl.backend, impl.needs):
        pytest.skip(f"package {lacking} is not installed: {backends.remedy(lacking)}")
    try:
        return prepare(case, Resources("cpu:0", 1, False), seed)
    except Unavailable as error:
        pytest.skip(str(error))


def outputs(ready: Prepared) -> dict[str, Array]:
    result = ready.run(1, Stopwatch(ready.backend)).outputs if ready.workload.repeat == "trials" else ready.run()
    return {name: np.array(blocked.whole(ready.backend, array)) for name, array in result.items()}


def judged(ready: Prepared, host: dict[str, Array]) -> bool:
    kept = "float32" if ready.case.dtype == "bfloat16" else ready.case.dtype  # whose values float32 holds, as it does losses
    return ready.check({name: ready.backend.put(array, kept) for name, array in host.items()}).passed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_implementation_equals_the_oracle(case: Case) -> None:
    ready = prepared(case)
    assert ready.verdict.passed, ready.verdict.reason
    assert judged(ready, outputs(ready))


@pytest.fixture(scope="module", params=PROBLEMS, ids=lambda case: case.problem)
def problem(request: pytest.FixtureRequest) -> Case:
    """Return a case of each problem in turn; what is prepared of it, oracle and all, serves several tests."""
    case: Case = request.param
    return case


@pytest.fixture(scope="module")
def ready(problem: Case) -> Prepared:
    """Return the problem, prepared."""
    return prepared(problem)


@pytest.fixture(scope="module")
def other(problem: Case) -> Prepared:
    """Return the same with another seed."""
    return prepared(problem, seed=2)


def test_inputs_are_the_same_for_one_seed_and_others_for_another(problem: Case, ready: Prepared, other: Prepared) -> None:
    assert ready.verdict.inputs_digest == prepared(problem).verdict.inputs_digest
    assert ready.verdict.inputs_digest != other.verdict.inputs_digest


def slightly(host: Array, tolerance: float, exact: bool) -> Array:
    """Change one element near the rms by 1 %, or by ten tolerances where these are wide; integers by one."""
    changed = host.copy()
    if host.dtype.kind in "iu":
        changed.flat[host.size // 2] += 1
        return changed
    magnitude = np.abs(host.astype(np.complex128 if host.dtype.kind == "c" else np.float64))
    rms = float(np.sqrt(np.mean(magnitude**2)))
    where = int(np.argmin(np.abs(magnitude - rms)))
    changed.flat[where] = host.flat[where] * 1.01 if exact else host.flat[where] + 10 * tolerance * rms
    return changed


TAMPER: dict[str, Callable[[Array], Array]] = {
    "zeros": np.zeros_like,
    "nan": lambda host: np.full_like(host, np.nan if host.dtype.kind in "fc" else np.iinfo(host.dtype).max),
    "short": lambda host: host.reshape(-1)[:-1],
}


def test_the_check_rejects_what_is_wrong(problem: Case, ready: Prepared) -> None:
    right = outputs(ready)
    assert judged(ready, right)
    for name, host in right.items():
        tolerance = ready.workload.tolerance[problem.dtype]
        wrong = {label: tamper(host) for label, tamper in TAMPER.items()}
        wrong["slightly"] = slightly(host, tolerance, problem.dtype in ("float64", "float32") and tolerance < 1e-3)
        for label, array in wrong.items():
            assert not judged(ready, {**right, name: array}), f"{label} {name} passed"
    assert not judged(ready, {}), "no outputs passed"


def test_the_check_rejects_the_previous_cases_answer(ready: Prepared, other: Prepared) -> None:
    assert not judged(ready, outputs(other))


@pytest.mark.parametrize("name", NAMES)
def test_declarations_are_complete(name: str) -> None:
    workload = workloads.load(name)
    assert {"XS", "S", "M", "L"} <= set(workload.sizes)
    assert set(workload.tolerance) <= set(DTYPES)
    assert all(0 <= tolerance < 0.1 for tolerance in workload.tolerance.values())
    assert set(workload.quick) | set(workload.quick_gpu) <= set(workload.sizes)
    for dtype in workload.tolerance:
        resident = [workload.work(workload.sizes[size], STORAGE_B[dtype]).memory_b for size in ("XS", "S", "M", "L")]
        assert resident == sorted(resident)
    for size in workload.sizes.values():
        assert dataclasses.is_dataclass(size)
        work = workload.work(size, 8)
        assert work.events > 0
        assert work.memory_b > 0
        assert work.bytes >= 0
        assert work.flop >= 0


@pytest.mark.parametrize("name", NAMES)
def test_entries_exist(name: str) -> None:
    for impl in workloads.load(name).impls:
        module, _, function = impl.entry.partition(":")
        file = Path(ngtbench.__file__).parent.joinpath("kernels", *module.split(".")).with_suffix(".py")
        tree = ast.parse(file.read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file} lacks {function}"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_path_and_inputs_are_seeded(name: str) -> None:
    workload = workloads.load(name)
    size = next(iter(workload.sizes.values()))

    def described(seed: int) -> dict[str, Any]:
        made = workload.inputs(size, seed)
        return {key: value if isinstance(value, Uniform) else np.asarray(value).tobytes() for key, value in made.items()}

    assert described(3) == described(3)
    assert described(3) != described(4)
