"""The process that holds a case while it is measured: JSON lines in on stdin, answers out on stdout.

Protocol 1. At the start it says {"ready": {protocol, version, package, pid}}. Then
{"do": "warm", backend, device} -> {"warm": true}, which may be left out,
{"do": "prepare", case, resources, seed, workloads} -> {"prepared": true} or {"outcome": ...}, and
{"do": "measure", "budget_s"} -> {"outcome": ...}. Several cases may be prepared to run side by side, "unwatched": true:
{"do": "serve", "who": [number of a case], "window_s"} -> {"served": [...]} or {"outcome": ..., "client": place in "who"}.
Whatever else is printed goes to stderr.
"""

import contextlib
import ctypes
import dataclasses
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

PROTOCOL = 1
_PR_SET_PDEATHSIG = 1
_NO_MEMORY = ("out of memory", "can't allocate memory", "failed to allocate memory")  # of GPUs, PyTorch, ONNX Runtime


def main() -> None:
    """Serve until stdin ends; die with the parent."""
    parent = int(os.environ.get("NGTBENCH_PARENT", os.getppid()))
    _die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import ngtbench

    package = str(Path(ngtbench.__file__).parent)
    _say(answers, {"ready": {"protocol": PROTOCOL, "version": ngtbench.__version__, "package": package, "pid": os.getpid()}})
    held: list[Any] = []  # prepared cases: of a worker that measures at most one
    probes: dict[str, Any] = {}  # device -> its probe
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _do(asked, held, probes)
        if "outcome" in answer:
            _let_go(held)
        _say(answers, answer)


def _do(asked: dict[str, Any], held: list[Any], probes: dict[str, Any]) -> dict[str, Any]:
    if asked["do"] == "warm":
        return _warm(asked, probes)
    if asked["do"] == "serve":
        return _serve(held, asked)
    return _prepare(asked, held, probes) if asked["do"] == "prepare" else _measure(held, asked, probes)


def _warm(asked: dict[str, Any], probes: dict[str, Any]) -> dict[str, Any]:
    """Do once what cases would wait for: import, learn what the device draws at rest."""
    from ngtbench import backends
    from ngtbench.harness import measure, prepare  # noqa: F401 - to have it imported
    from ngtbench.harness.probes import open_probe

    device = asked["device"]
    with contextlib.suppress(Exception):  # the first case tells of it, as every case would
        backends.imported(asked["backend"])
        probes[device] = open_probe(device)
    return {"warm": True}


def _prepare(asked: dict[str, Any], held: list[Any], probes: dict[str, Any]) -> dict[str, Any]:
    from ngtbench.errors import NgtBenchError, Unavailable
    from ngtbench.harness.prepare import prepare
    from ngtbench.harness.probes import open_probe
    from ngtbench.model.case import Case, Resources
    from ngtbench.model.record import Outcome

    try:
        case, resources = Case(**asked["case"]), Resources(**asked["resources"])
        if resources.device not in probes and not asked.get("unwatched"):  # of clients that others keep from being at rest
            probes[resources.device] = open_probe(resources.device)
        held.append(prepare(case, resources, asked["seed"], asked["workloads"]))
    except Unavailable as error:
        return _outcome(Outcome("skipped", reason=error.reason, remedy=error.remedy or None))
    except NgtBenchError as error:
        return _outcome(Outcome("failed", reason=str(error)))
    except Exception as error:  # noqa: BLE001 - the case boundary: code under test may raise anything
        return _outcome(Outcome("failed", reason=_describe(error)))
    ready = held[-1]
    if ready.verdict.passed:
        return {"prepared": True}
    return _outcome(Outcome("wrong", reason=ready.verdict.reason, verdict=ready.verdict, **_common(ready)))


def _measure(held: list[Any], asked: dict[str, Any], probes: dict[str, Any]) -> dict[str, Any]:
    from ngtbench.errors import Unavailable
    from ngtbench.harness.measure import measure
    from ngtbench.model.record import Outcome

    if not held:
        return _outcome(Outcome("failed", reason="measure was asked for before prepare"))
    try:
        probe = probes[held[0].backend.device]
        measurement, verdict = measure(
            held[0], asked["budget_s"], probe, flush_b=asked.get("flush_b"), slower=asked.get("slower", 0.0)
        )
    except Unavailable as error:  # as a trial may find out
        return _outcome(Outcome("skipped", reason=error.reason, remedy=error.remedy or None))
    except Exception as error:  # noqa: BLE001 - the case boundary: code under test may raise anything
        return _outcome(Outcome("failed", reason=_describe(error), verdict=held[0].verdict, **_common(held[0])))
    if not verdict.passed:
        reason = f"right before timing, wrong after it: {verdict.reason}"
        return _outcome(Outcome("wrong", reason=reason, verdict=verdict, **_common(held[0])))
    return _outcome(Outcome("done", measurement=measurement, verdict=verdict, **_common(held[0])))


def _serve(held: list[Any], asked: dict[str, Any]) -> dict[str, Any]:
    from ngtbench.harness.serve import ClientFailed, serve
    from ngtbench.model.record import Outcome

    try:
        return {"served": serve([held[k] for k in asked["who"]], asked["window_s"])}
    except ClientFailed as error:
        return _outcome(Outcome("failed", reason=_describe(error.__cause__ or error))) | {"client": error.client}
    except Exception as error:  # noqa: BLE001 - the case boundary: code under test may raise anything
        return _outcome(Outcome("failed", reason=_describe(error)))


def _common(prepared: Any) -> dict[str, Any]:
    return {"work": prepared.work, "metrics": prepared.workload.metrics, "variant": prepared.variant}


def _let_go(held: list[Any]) -> None:
    """Drop the case and its arrays, then give their memory back, so that the next one starts from an empty device.

    What is left are modules and caches of compilers; looking through them again takes a tenth of a second each time.
    """
    backends = [prepared.backend for prepared in held]
    held.clear()
    gc.collect()
    gc.freeze()
    for backend in backends:
        with contextlib.suppress(Exception):  # a broken device cannot: the answer tells what broke it, or the next one does
            backend.release()


def _outcome(outcome: Any) -> dict[str, Any]:
    return {"outcome": dataclasses.asdict(outcome)}


def _describe(error: BaseException) -> str:
    """Return the error with the place it was raised at: the innermost frame."""
    lacking = isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)
    kind = "out of memory: " if lacking else ""
    trace, where = error.__traceback__, ""
    while trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    said = str(error)[:500].encode("utf-8", "backslashreplace").decode()  # a lone surrogate fits no record
    return f"{kind}{type(error).__name__}: {said}{where}"


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        text = json.dumps(message, allow_nan=False)
    except ValueError:
        from ngtbench.model.record import Outcome

        text = json.dumps(_outcome(Outcome("failed", reason="the measurement holds NaN or an infinity")))
    answers.write(text + "\n")
    answers.flush()


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends; a worker left over would disturb what runs next.

    Under a profiler, which stands between, the end of file on stdin ends the worker, for some end their own starter first.
    """
    if os.getppid() != parent and Path(f"/proc/{parent}").exists():
        return
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # not Linux: end of file on stdin ends the worker, once the case is through
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
