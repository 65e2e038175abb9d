"""The gate's reports: gate.json for programs, gate.xml for CI, gate.md for a merge request, gate.html for a person."""

import contextlib
import fcntl
import html
import json
import math
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from ngtbench.errors import BadInput
from ngtbench.model.gate import Decision, GateRecord, Judged, Side
from ngtbench.report import verdict_page, wording
from ngtbench.store import codec
from ngtbench.units import percent

REPORTS = ("gate.json", "gate.xml", "gate.md", "gate.html")
RECORDS = ("baseline.jsonl", "candidate.jsonl")
_ORDER = ("error", "fail", "inconclusive", "pass", "skipped")  # the worst first
_SIMULATED = 0.025  # smallest tolerance that the error rates are known for
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKED = re.compile(r"([\\`*_\[\]|])")


def write(found: GateRecord, folder: Path) -> list[Path]:
    """Write the four reports into the folder, and return their paths.

    Raises BadInput where one cannot be written.
    """
    paths = []
    for name, render in zip(REPORTS, (plain, junit, markdown, page), strict=True):
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(render(found), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise BadInput(f"{path}: cannot be written: {error.strerror}; choose another place with --output") from error
        paths.append(path)
    return paths


def clear(folder: Path, *, records: bool = True) -> None:
    """Remove what an earlier gate left, so that none of it is taken for this one's if this one comes to nothing.

    Raises BadInput where something there cannot be removed.
    """
    for name in (*REPORTS, *(RECORDS if records else ())):
        try:
            (folder / name).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise BadInput(
                f"{folder / name}: cannot be replaced: {error.strerror}; choose another place with --output"
            ) from error


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no second gate writes into it meanwhile.

    Raises BadInput where one does, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made: {error.strerror}; choose another place with --output") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BadInput(f"{folder}: another gate is writing here: wait for it, or choose another --output") from error
    finally:
        os.close(file)


def ordered(cases: Sequence[Judged]) -> list[Judged]:
    """Return the cases, the worst verdict first, and among equals the largest change first."""

    def place(judged: Judged) -> tuple[int, float, str]:
        decision = judged.decision
        return _ORDER.index(judged.status), -(decision.estimate or 0.0) if decision else 0.0, judged.case

    return sorted(cases, key=place)


def plain(found: GateRecord) -> str:
    """Return gate.json: everything, by `docs/schema/gate.json`."""
    return json.dumps(json.loads(codec.to_json(found)), indent=1, ensure_ascii=False) + "\n"


def junit(found: GateRecord) -> str:
    """Return JUnit XML: a failure is a regression, an error an error; inconclusive counts as skipped, with its message."""
    counts = {status: sum(judged.status == status for judged in found.cases) for status in _ORDER}
    suite = ET.Element(
        "testsuite",
        name="ngtbench gate",
        tests=str(len(found.cases)),
        failures=str(counts["fail"]),
        errors=str(counts["error"]),
        skipped=str(counts["inconclusive"] + counts["skipped"]),
        time=f"{found.wall_s:.1f}",
        timestamp=found.started_at,
    )
    for judged in ordered(found.cases):
        name = f"{judged.case} on {judged.device}"
        case = ET.SubElement(suite, "testcase", classname=_xml(judged.case.partition("@")[0]), name=_xml(name))
        kind = {"fail": "failure", "error": "error", "inconclusive": "skipped", "skipped": "skipped"}.get(judged.status)
        said = _xml(f"{judged.status}: {change(judged.decision)}: {judged.reason}" if judged.decision else judged.reason)
        if kind:
            ET.SubElement(case, kind, message=said).text = _xml("\n".join(details(judged)))
        else:
            ET.SubElement(case, "system-out").text = said
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown(found: GateRecord) -> str:
    """Return a note for a merge request or a step summary."""
    lines = [f"## Performance gate: {headline(found)}", "", *[f"{_escaped(line)}  " for line in context(found)], ""]
    lines += ["| verdict | case | change | pairs | noise of a pair | baseline | candidate | reason |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for judged in ordered(found.cases):
        cells = (change(judged.decision), pairs(judged), noise(judged), *medians(judged), judged.reason)
        words = (f"**{judged.status}**", _code(f"{judged.case} on {judged.device}"), *map(_escaped, cells))
        lines.append("| " + " | ".join(words) + " |")
    for judged in ordered(found.cases):
        lines += [f"- {_code(judged.case)}: {_escaped(note)}" for note in notes(judged)]
    lines += ["", *(f"*{_escaped(note)}*  " for note in (*found.notes, *legend(found)))]
    return "\n".join(lines) + "\n"


def page(found: GateRecord) -> str:
    """Return one self-contained page."""
    rows = [
        verdict_page.Row(
            judged.status,
            f"{judged.case} on {judged.device}",
            (change(judged.decision), pairs(judged), noise(judged), *medians(judged)),
            (judged.reason, *notes(judged)),
            judged.decision,
            tuple(pair.log_ratio for pair in (*judged.pairs, *judged.fresh_pairs)),
        )
        for judged in ordered(found.cases)
    ]
    return verdict_page.render(headline(found), context(found), rows, (*found.notes, *legend(found)))


def headline(found: GateRecord) -> str:
    """Return the verdict and the counts, such as "regression (1 fail, 4 pass)"."""
    words = {0: "pass", 1: "regression", 2: "error", 3: "inconclusive"}[found.exit_code]
    counts = [f"{n} {status}" for status in _ORDER if (n := sum(judged.status == status for judged in found.cases))]
    return f"{words} ({', '.join(counts) or 'nothing was judged'})"


def context(found: GateRecord) -> list[str]:
    """Return what was compared, where and how."""
    return [
        f"baseline {_side(found.baseline)}; candidate {_side(found.candidate)}",
        f"on {found.machine}",
        f"by {found.method}, seed {found.seed}, {found.wall_s:.0f} s, {found.started_at}",
    ]


def change(decision: Decision | None) -> str:
    """Return the change with its 99 % interval, as a share of the baseline; above 0 is worse."""
    if decision is None or decision.estimate is None or decision.half_width is None:
        return "–"
    ends = (decision.estimate + sign * decision.half_width for sign in (-1, 1))
    return f"{wording.change(decision.estimate)} ({' to '.join(wording.change(end) for end in ends)})"


def pairs(judged: Judged) -> str:
    """Return how many pairs were taken, those of a confirmation apart, and how many launches were thrown away."""
    said = f"{len(judged.pairs)}" + (f" + {len(judged.fresh_pairs)}" if judged.fresh_pairs else "")
    return said + (f", redone: {len(judged.discarded)}" if judged.discarded else "")


def noise(judged: Judged) -> str:
    """Return the noise of one pair, and the pairs that would know the change to 2 %."""
    decision = judged.decision
    if decision is None or decision.sd is None:
        return "–"
    return f"{percent(decision.sd)}, {decision.pairs_needed} pairs for ±2 %"


def medians(judged: Judged) -> tuple[str, str]:
    """Return the median launch of either side."""
    every = (*judged.pairs, *judged.fresh_pairs)
    if not every or judged.metric is None:
        return "–", "–"
    both = median(pair.baseline for pair in every), median(pair.candidate for pair in every)
    return wording.amount(judged.metric, both[0]), wording.amount(judged.metric, both[1])


def notes(judged: Judged) -> list[str]:
    """Return what to know beside the verdict: groups of launches, and the fastest launches as a second opinion."""
    said = list(judged.notes)
    if judged.modes and judged.fastest_ratio is not None:
        said.append(
            f"the fastest launches differ by {wording.change(math.log(judged.fastest_ratio))}: a second opinion, not the verdict"
        )
    return said


def details(judged: Judged) -> list[str]:
    """Return every figure of a case, a line each."""
    lines = [f"change {change(judged.decision)}", f"pairs {pairs(judged)}", f"noise of a pair {noise(judged)}"]
    lines += [f"{name} {value}" for name, value in zip(("baseline", "candidate"), medians(judged), strict=True)]
    if judged.confirmation is not None:
        lines.append(f"on fresh pairs {change(judged.confirmation)}")
    lines.append(f"tolerance {percent(judged.rule.tolerance)}")
    return lines + notes(judged) + [f"redone: {reason}" for reason in judged.discarded]


def legend(found: GateRecord) -> list[str]:
    """Return how to read the verdicts, and how often they are wrong."""
    said = [
        "A change above 0 is worse; its interval holds with 99 %. The tolerance is half the slowdown that is to be caught.",
        "Inconclusive means that this machine is too noisy for this benchmark now, not that it is fine: more pairs, a quieter "
        "machine, or a larger tolerance decide it.",
    ]
    if found.method == "interleaved launches" and any(judged.rule.tolerance >= _SIMULATED for judged in found.cases):
        said.append(
            "Simulated on four levels of noise, unchanged code fails in under 0.5 % of benchmarks before the repeat on fresh "
            "pairs that every failure must survive; a slowdown of twice the tolerance passes in under 1 % (docs/methodology.md)."
        )
    return said


def _side(side: Side) -> str:
    commit = "" if side.commit is None or side.commit.startswith(side.asked) else f" at {side.commit[:12]}"
    return f"{side.asked} ({side.kind}{commit}{', with uncommitted changes' if side.dirty else ''})"


def _escaped(words: str) -> str:
    """Return text that stands in a cell of a Markdown table and is no markup, and notifies nobody."""
    return _MARKED.sub(r"\\\1", html.escape(" ".join(words.split()), quote=False)).replace("@", "&#64;")


def _code(words: str) -> str:
    return f"`{' '.join(words.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _xml(words: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", words)
