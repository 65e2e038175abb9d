"""Matrix elements per second on one core, ours and pyAmpliCol's in turn, medians of rounds, and how far their values agree.

    python benchmarks/peers/pyamplicol.py --environment DIR [--install] [--i-have-a-right-to-use-it] [--rounds 10] [--width 0]
        [--processes ttx,gggggg] [--batches 16,128,1024] [--output pyamplicol.json]

DIR is a virtual environment for the peer alone; `--install` makes it and puts the peer there, as wheels, so that none of its code
runs. Its terms and those of symbolica, which it cannot run without, are printed first, and without `--i-have-a-right-to-use-it`
that is all: symbolica asks professional users for a licence. The peer runs in a process of DIR, in double precision, all
helicities, full colour, called as its documentation shows, in the fastest of `--batches`; its time includes making Python numbers
of its results. Both have the same points, one thread, one processor. Exits with an error where values differ by more than 1e-9.
"""  # fmt: skip

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.codegen import compiler
from ngtbench.kernels.amplitudes import compiled
from ngtbench.kernels.amplitudes.compiled import Evaluator, Model
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes

VERSION = "1.0.1"
PACKAGES = ("pyamplicol", "symbolica")
ENERGY_GEV = 1500.0
TOLERANCE = 1e-9
PROCESSES = {
    "ttx": ("g g > t t~", 1 << 14),
    "ttgx": ("g g > t t~ g", 1 << 12),
    "ttggx": ("g g > t t~ g g", 1 << 10),
    "ttgggx": ("g g > t t~ g g g", 1 << 7),
    "gggggg": ("g g > g g g g", 1 << 10),
}
WORKER = """
import json, os, sys, tempfile, time
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no answer
import numpy as np
from pyamplicol import Generator, ModelSource, Runtime
from pyamplicol.config import ColorConfig, RunConfig

def prepare(process, momenta, values, parameters):
    global runtime, points
    begin = time.perf_counter()
    made = Generator(RunConfig(color=ColorConfig(accuracy="full"))).generate(
        process, os.path.join(place, str(len(os.listdir(place)))), model=ModelSource.built_in_sm()
    )
    runtime, points = Runtime.load(made.output), np.load(momenta)
    known = {one.name for one in runtime.physics.model_parameters if one.mutable}
    given = {name: value for name, value in parameters.items() if name in known}
    runtime.set_model_parameters(given)
    np.save(values, [value.real for value in runtime.evaluate(points)])
    return {"generation_s": time.perf_counter() - begin, "parameters": given}

def measure(batch, seconds):
    parts = [points[first : first + batch] for first in range(0, len(points), batch)]
    events, part, begin, spent = 0, 0, time.perf_counter(), 0.0
    while spent < seconds:
        runtime.evaluate(parts[part])
        events, part, spent = events + len(parts[part]), (part + 1) % len(parts), time.perf_counter() - begin
    return {"per_s": events / spent}

with tempfile.TemporaryDirectory() as place:
    for line in sys.stdin:
        name, asked = json.loads(line)
        print(json.dumps({"prepare": prepare, "measure": measure}[name](**asked)), file=answers, flush=True)
"""


class Peer:
    """The peer in a process of its own environment, which waits while we run."""

    def __init__(self, python: Path) -> None:
        names = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        variables = os.environ | dict.fromkeys(names, "1")
        variables.pop("PYTHONPATH", None)
        line = [str(python), "-P", "-c", WORKER]  # -P: in this folder, this file would be the peer
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)

    def ask(self, name: str, **asked: object) -> dict[str, Any]:
        """Return the answer to one question; SystemExit where the peer has ended, which has said why."""
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([name, asked]) + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"pyamplicol ended with status {self._process.wait()} when asked to {name}: see above")
        return dict(json.loads(answer))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def main() -> None:
    """Print the terms, and with a right to go on, run the rounds and print the figures."""
    chosen = arguments()
    if chosen.install:
        install(chosen.environment)
    versions = terms(chosen.environment)
    if not chosen.i_have_a_right_to_use_it:
        raise SystemExit("nothing was run: read the terms above; with a right to use both, add --i-have-a-right-to-use-it")
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})
    peer, report = Peer(chosen.environment / "bin" / "python"), []
    for name in chosen.processes.split(","):
        report.append(compared(name, peer, chosen))
        print(json.dumps({key: value for key, value in report[-1].items() if key != "rounds"}), flush=True)  # noqa: T201 - a script
    peer.close()
    if chosen.output:
        told = {"versions": versions, "compiler": compiler.find().description, "processor": processor, "width_gev": chosen.width}
        Path(chosen.output).write_text(json.dumps(told | {"processes": report}, indent=1))
    differing = [one["process"] for one in report if not one["max_relative_difference"] <= TOLERANCE]
    if differing:
        raise SystemExit(f"values differ by more than {TOLERANCE}, so speeds do not compare: {', '.join(differing)}")


def arguments() -> argparse.Namespace:
    """Return the command line's words."""
    words = argparse.ArgumentParser(allow_abbrev=False)
    words.add_argument("--environment", type=Path, required=True)
    words.add_argument("--install", action="store_true")
    words.add_argument("--i-have-a-right-to-use-it", action="store_true")
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--seconds", type=float, default=0.5, help="of each side in a round")
    words.add_argument("--width", type=float, default=0.0, help="of the top quark, in GeV")
    words.add_argument("--processes", default=",".join(PROCESSES))
    words.add_argument("--batches", default="16,128,1024")
    words.add_argument("--output")
    chosen = words.parse_args()
    chosen.environment = chosen.environment.absolute()
    return chosen


def install(environment: Path) -> None:
    """Make the environment where there is none, and put the peer there; only wheels, for building would run its code."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    words = ["-m", "pip", "install", "--only-binary", ":all:", f"pyamplicol=={VERSION}"]
    subprocess.run([str(python), *words], check=True)


def terms(environment: Path) -> dict[str, str]:
    """Print the terms of what is installed, without running any of it, and return the versions."""
    places = [str(place) for place in environment.glob("lib/python*/site-packages")]
    installed = {one.metadata["Name"].lower(): one for one in distributions(path=places)}
    lacking = [name for name in PACKAGES if name not in installed]
    if lacking:
        raise SystemExit(f"{environment} lacks {' and '.join(lacking)}: add --install, or name another environment")
    for name in PACKAGES:
        print("\n".join(told(installed[name])))  # noqa: T201 - a script
    print(  # noqa: T201 - a script
        "You need a right to use both packages, by the terms above. Those of symbolica ask professional users for a licence;"
        " this script gives you none.\n",
        flush=True,
    )
    return {name: installed[name].version for name in PACKAGES}


def told(of: Distribution) -> list[str]:
    """Return lines with what a package says of its licence: metadata, and texts whole unless they are of what it bundles."""
    fields = ("License-Expression", "License", "Classifier", "Home-page", "Project-URL")
    lines = [f"==== {of.metadata['Name']} {of.version}"]
    said = [(field, text) for field in fields for text in of.metadata.get_all(field) or []]
    lines += [f"{field}: {text}" for field, text in said if field != "Classifier" or text.startswith("License")]
    found = [file for file in of.files or [] if any(word in str(file).lower() for word in ("licen", "notice", "copying", "eula"))]
    texts = [file for file in found if file.suffix.lower() in ("", ".md", ".txt", ".rst")]
    own = [file for file in texts if len(file.parts) <= 3 or any(name in str(file).lower() for name in PACKAGES[1:])]
    for file in own:
        text = Path(str(of.locate_file(file)))
        lines += [f"---- {file}", text.read_text(errors="replace") if text.is_file() else "(missing)"]
    lines += [f"---- {file}: of what it bundles, not shown" for file in texts if file not in own]
    return lines if own else [*lines, "---- no licence text is installed with it: read its terms where its metadata points"]


def compared(name: str, peer: Peer, chosen: argparse.Namespace) -> dict[str, Any]:
    """Return medians over rounds, ratios ours over theirs of the same round, and the agreement of values."""
    text, events = PROCESSES[name]
    process, model = processes.parse(text), Model(top_width=chosen.width)
    momenta, _ = phase_space.momenta(process.masses(model.top_mass)[2:], ENERGY_GEV, events, seed=1)
    ours = compiled.on_processor(process, model, events, "float64", 1)
    compiled.fill(ours.momenta, momenta.reshape(events, -1))
    ours.run()
    prepared, values = prepare(text, momenta, model, peer)
    found = ours.out.reshape(-1)[:events]
    difference = float(np.max(np.abs(found - values) / np.abs(values)))

    def theirs(batch: int) -> float:
        return float(peer.ask("measure", batch=batch, seconds=chosen.seconds)["per_s"])

    batch = max((int(word) for word in chosen.batches.split(",")), key=theirs)
    sides = {"ours": lambda: measured(ours, events, chosen.seconds), "peer": lambda: theirs(batch)}
    rounds = [{side: sides[side]() for side in random.sample(sorted(sides), 2)} for _ in range(chosen.rounds)]
    ratios = [one["ours"] / one["peer"] for one in rounds]
    medians = {f"{side}_per_s": statistics.median(one[side] for one in rounds) for side in sides}
    ratio = {"ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}
    agreed = {"max_relative_difference": difference, "events": events, "peer_batch": batch}
    return (
        {"process": text}
        | medians
        | ratio
        | agreed
        | {"peer_" + key: value for key, value in prepared.items()}
        | {"rounds": rounds}
    )


def prepare(text: str, momenta: Array, model: Model, peer: Peer) -> tuple[dict[str, Any], Array]:
    """Let the peer generate a process and evaluate the points; returns what it says and its values."""
    wanted = {"normalization.alpha_s_me_check": model.alpha_s}
    if " t " in text:
        wanted |= {"particle.6.mass": model.top_mass, "particle.6.width": model.top_width}
    with tempfile.TemporaryDirectory() as place:
        given, values = f"{place}/momenta.npy", f"{place}/values.npy"
        np.save(given, momenta)
        prepared = peer.ask("prepare", process=text, momenta=given, values=values, parameters=wanted)
        found = np.load(values)
    lacking = sorted(set(wanted) - set(prepared["parameters"]))
    if lacking:
        raise SystemExit(f"{text}: pyamplicol does not let {', '.join(lacking)} be set, so values do not compare")
    return prepared, found


def measured(ours: Evaluator, events: int, seconds: float) -> float:
    """Return our matrix elements per second."""
    calls, begin, spent = 0, time.perf_counter(), 0.0
    while spent < seconds:
        ours.run()
        calls, spent = calls + 1, time.perf_counter() - begin
    return calls * events / spent


if __name__ == "__main__":
    main()
