"""The CI templates are executed: their script lines run as runners run them, in clones of a repository with merge requests."""

import importlib
import importlib.util
import inspect
import json
import os
import random
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ngtbench import units
from ngtbench.analysis.gate import decide, pairs_needed
from ngtbench.cli.gate import command
from ngtbench.discover.machine import discover
from ngtbench.harness import rules
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
from ngtbench.model.gate import GateRecord, Rule, Side
from ngtbench.report import verdict
from tests.end_to_end.doors import TRIAD, Clone, clone

yaml: Any = importlib.import_module("yaml")
CI = Path(__file__).parents[2] / "docs" / "ci"
GITLAB: dict[str, Any] = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
GITHUB: dict[Any, Any] = yaml.safe_load((CI / "github-actions.yml").read_text())
README = (CI / "README.md").read_text()
QUICK = "--pairs 6 --budget 0.02s"
# How GitLab runners evaluate a job, by version and feature flag; `set -e` inside the first reports every code as 1.
EVALS = (": | eval {}", ": | (eval {})", "exec < /dev/null; eval {}")
# A branch name that git allows, and that runs commands where it stands in a script.
EVIL = 'x";touch${IFS}hacked;"$(touch${IFS}hacked)'
FAKE = """#!/bin/sh
mkdir -p "$3/bin"
printf '#!/bin/sh\\nexit "${FAKE_PIP:-0}"\\n' > "$3/bin/python"
cat > "$3/bin/ngtbench" <<'END'
#!/bin/sh
echo "$*" > arguments
if [ -n "$FAKE_REPORT" ]; then mkdir -p gate; echo "$FAKE_REPORT" > gate/gate.md; fi
echo "said by ngtbench"
exit "$FAKE_CODE"
END
chmod +x "$3/bin/python" "$3/bin/ngtbench"
"""


@dataclass
class Done:
    """What a job of GitHub Actions came to."""

    failed: bool = False
    output: str = ""
    summary: str = ""
    reached: list[str] = field(default_factory=list)
    uploaded: set[str] = field(default_factory=set)


def merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a job with what it extends, tables joined, as GitLab does it."""
    both = {key: merged(base[key], own[key]) for key in base.keys() & own.keys() if isinstance(own[key], dict)}
    return base | own | both


def gitlab_job(name: str) -> dict[str, Any]:
    job: dict[str, Any] = GITLAB[name]
    return merged(GITLAB[job["extends"]], job)


def colour(job: dict[str, Any], code: int) -> str:
    """Return what GitLab shows for an exit code."""
    return "green" if code == 0 else "orange" if code in job["allow_failure"]["exit_codes"] else "red"


def environment(place: Path, tools: Path) -> dict[str, str]:
    """Return what a runner has: tools, a home, and a pip that asks no package index."""
    own = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "HOME": str(place.parent), "LANG": "C.UTF-8"}
    return own | {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_CONFIG_FILE": os.devnull}


def gitlab(name: str, place: Path, tools: Path, evaluate: str = EVALS[0], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a job as a runner does: both scripts in one shell, evaluated as one text."""
    job = gitlab_job(name)
    lines = "\n".join([*job["before_script"], *job["script"]])
    script = f"set -o pipefail; set -o errexit\n{evaluate.format(shlex.quote(lines))}\nexit 0\n"
    env = environment(place, tools) | GITLAB["variables"] | job["variables"] | variables
    ended = subprocess.run(["bash"], input=script, cwd=place, env=env, capture_output=True, text=True, timeout=200, check=False)
    skip_unpinned(ended.stdout + ended.stderr)
    return ended


def github(name: str, place: Path, tools: Path, target: str = "main", options: str = "", **variables: str) -> Done:
    """Run a job's steps in order; an expression that is not known here fails."""
    known = {"github.base_ref": target, "vars.GATE_OPTIONS": options, "vars.GATE_PACKAGES || '.[cpu]'": ".[cpu]"}
    summary, script = place.parent / f"{place.name}-summary", place.parent / f"{place.name}-step.sh"
    summary.write_text("")

    def filled(table: dict[str, str]) -> dict[str, str]:
        return {key: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], text) for key, text in table.items()}

    shells = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], None: ["bash", "-e"]}
    shell = shells[GITHUB.get("defaults", {}).get("run", {}).get("shell")]
    env = environment(place, tools) | filled(GITHUB["env"]) | {"GITHUB_STEP_SUMMARY": str(summary)} | variables
    done = Done()
    for step in GITHUB["jobs"][name]["steps"]:
        if done.failed and {None: True, "always()": False}[step.get("if")]:
            continue
        done.reached.append(step.get("name") or step["uses"])
        if "uses" in step:
            if "upload-artifact" in step["uses"]:
                done.uploaded = {str(path.relative_to(place)) for path in (place / step["with"]["path"]).rglob("*.*")}
            continue
        script.write_text(step["run"])
        own = env | filled(step.get("env", {}))
        ended = subprocess.run([*shell, script], cwd=place, env=own, capture_output=True, text=True, timeout=200, check=False)
        done.failed |= ended.returncode != 0
        done.output += ended.stdout + ended.stderr
    done.summary = summary.read_text()
    skip_unpinned(done.output)
    return done


def skip_unpinned(output: str) -> None:
    """Skip where this environment does not hold what constraints.txt pins: pip has nothing to install from."""
    if "No matching distribution found" in output and os.environ.get("NGTBENCH_REQUIRE_ALL") != "1":
        pytest.skip("this environment is not the pinned one: make test installs it")


def annotations(done: Done) -> list[str]:
    return [line.split(" ")[0] for line in done.output.splitlines() if line.startswith("::")]


def tool(folder: Path, text: str) -> Path:
    """Return a folder with a `python` and `python3` of this text."""
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Return tools whose environments hold a fake pip and a fake ngtbench."""
    return tool(tmp_path / "fake", FAKE)


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return tools whose environments borrow this one's packages, so that pip finds all it wants."""
    bare = "--without-pip" if importlib.util.find_spec("pip") else ""
    site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/lent.pth"
    text = f"""#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec {sys.executable} "$@"
{sys.executable} -m venv {bare} "$3" && echo {sysconfig.get_paths()["purelib"]} > "$3/{site}"
"""
    return tool(tmp_path_factory.mktemp("lent") / "bin", text)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a repository whose main moved on after two branches left it: one harmless, one with a wrong kernel."""
    made = clone(tmp_path_factory.mktemp("origin"))

    def change(name: str, text: str) -> None:
        with (made.place / name).open("a") as file:
            file.write(text)

    project = made.place / "pyproject.toml"  # rules of its own instead of the project's
    others = re.sub(
        r"^\[+tool\.ngtbench\.gate.*?(?=^\[(?!\[?tool\.ngtbench\.gate)|\Z)", "", project.read_text(), flags=re.M | re.S
    )
    project.write_text(f'{others}\n[tool.ngtbench.gate]\ncases = ["{TRIAD}"]\n')
    made.commit("where the branches leave")
    made.run("git", "tag", "left")
    for branch in ("harmless", "wrong"):
        made.run("git", "checkout", "--quiet", "-b", branch, "left")
        change("README.md", f"\n{branch}\n")
        if branch == "wrong":
            made.break_triad()
        made.commit(branch)
    made.run("git", "checkout", "--quiet", "main")
    change("docs/methodology.md", "\nmain moves on\n")
    made.commit("main moves on")
    made.run("git", "branch", EVIL, "main")
    for branch in ("harmless", "wrong"):
        made.run("git", "checkout", "--quiet", "-b", f"merge-{branch}", "main")
        git(made.place, "merge", "--quiet", "--no-ff", "--message", "merge", branch)
    return made


def git(place: Path, *words: str) -> str:
    """Run git in a folder and return what it says."""
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    return subprocess.run(["git", "-C", place, *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def checkout(origin: Clone, place: Path, branch: str, *words: str) -> Path:
    """Return what a runner checks out: no branch, only a commit."""
    git(place.parent, "clone", "--quiet", "--branch", branch, *words, str(origin.place), str(place))
    git(place, "checkout", "--quiet", "--detach")
    return place


def commit(place: Path, name: str) -> str:
    return git(place, "rev-parse", name)


@pytest.fixture
def request_of_gitlab(origin: Clone, tmp_path: Path) -> Path:
    return checkout(origin, tmp_path / "work", "harmless", "--single-branch", "--no-tags")


@pytest.fixture
def request_of_github(origin: Clone, tmp_path: Path) -> Path:
    return checkout(origin, tmp_path / "work", "merge-harmless")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the reports a gate writes."""
    side = Side("", "tree", None, None, None)
    empty = GateRecord("2026-01-01T00:00:00+00:00", 0.0, "", 1, 1.0, "", "", "interleaved launches", side, side, (), 2)
    return {f"gate/{path.name}" for path in verdict.write(empty, tmp_path_factory.mktemp("reports"))}


# --- What the files say


def test_gitlab_collects_what_the_gate_writes_in_every_case(reports: set[str]) -> None:
    default = inspect.signature(command).parameters["output"].default
    gate, test = gitlab_job("gate")["artifacts"], gitlab_job("gate-self-test")["artifacts"]
    assert gate["when"] == test["when"] == "always"
    assert gate["paths"] == test["paths"] == [f"{default}/"]
    assert gate["reports"]["junit"] in reports
    assert gate["reports"].keys() == test["reports"].keys() == {"junit"}, "other reports need a paid tier"
    assert re.fullmatch(r"\w[-\w ]*", gate["expose_as"]), "GitLab allows letters, digits, '-', '_' and spaces"
    assert all(path.endswith("/") and not re.search(r"[*$]|^\./", path) for path in gate["paths"]), "else nothing is exposed"


def test_gitlab_keeps_gates_apart_and_outlasts_them() -> None:
    gate, test = gitlab_job("gate"), gitlab_job("gate-self-test")
    limit_s = units.duration_s(inspect.signature(command).parameters["time_limit"].default)
    assert gate["resource_group"] == test["resource_group"] == "ngtbench-gate-$GATE_RUNNER"
    assert gate["tags"] == test["tags"] == ["$GATE_RUNNER"]
    assert GITLAB["variables"]["GATE_RUNNER"]
    assert units.duration_s(gate["timeout"]) >= 1.5 * limit_s
    assert gate["variables"]["GIT_DEPTH"] == "0"
    assert gate["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert not any("merge_request" in rule["if"] for rule in test["rules"])


def test_github_keeps_gates_apart_and_outlasts_them() -> None:
    limit_s = units.duration_s(inspect.signature(command).parameters["time_limit"].default)
    assert GITHUB["concurrency"] == {"group": "ngtbench-gate", "cancel-in-progress": False, "queue": "max"}
    assert GITHUB["permissions"] == {"contents": "read"}
    assert set(GITHUB[True]) == {"pull_request", "schedule", "workflow_dispatch"}, "YAML reads `on` as true"
    conditions = {name: job["if"] for name, job in GITHUB["jobs"].items()}
    event = "github.event_name {} 'pull_request'"
    assert conditions == {"gate": event.format("=="), "self-test": event.format("!=")}, "never both, never none"
    for job in GITHUB["jobs"].values():
        assert 60 * job["timeout-minutes"] >= 1.5 * limit_s
        assert job["runs-on"] == "${{ vars.GATE_RUNNER || 'benchmark' }}"


def test_github_runs_no_text_of_a_pull_request() -> None:
    for job in GITHUB["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "it is filled in before the shell sees quotes"
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
    assert GITHUB["jobs"]["gate"]["steps"][0]["with"]["fetch-depth"] == 0


# --- How the script lines pass the gate's code on


@pytest.mark.parametrize("evaluate", EVALS)
def test_gitlab_shows_each_code_in_its_colour(request_of_gitlab: Path, fake: Path, evaluate: str) -> None:
    seen = {}
    for code in (0, 1, 2, 3, 130):
        variables = {"FAKE_CODE": str(code), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "GATE_OPTIONS": "--pairs 9"}
        ended = gitlab("gate", request_of_gitlab, fake, evaluate, **variables)
        assert ended.returncode == code, ended.stderr
        seen[code] = colour(gitlab_job("gate"), ended.returncode)
        assert gitlab("gate-self-test", request_of_gitlab, fake, evaluate, FAKE_CODE=str(code)).returncode == code
    assert seen == {0: "green", 1: "red", 2: "red", 3: "orange", 130: "red"}


def test_gitlab_gates_the_merge_base_against_the_tree(request_of_gitlab: Path, fake: Path) -> None:
    variables = {"FAKE_CODE": "0", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "GATE_OPTIONS": "--pairs 9"}
    gitlab("gate", request_of_gitlab, fake, **variables)
    base = commit(request_of_gitlab, "HEAD~1")
    assert (request_of_gitlab / "arguments").read_text() == f"gate --baseline {base} --candidate . --pairs 9\n"


@pytest.mark.parametrize(
    "broken", [{"FAKE_PIP": "1"}, {"FAKE_PIP": "3"}, {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "gone"}, {"unrelated": "yes"}]
)
def test_what_fails_before_the_gate_is_an_error_on_gitlab(request_of_gitlab: Path, fake: Path, broken: dict[str, str]) -> None:
    variables = {"FAKE_CODE": "0", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"} | broken
    if "unrelated" in broken:
        git(request_of_gitlab, "checkout", "--quiet", "--orphan", "other")
        git(request_of_gitlab, "commit", "--quiet", "--message", "unrelated")
    ended = gitlab("gate", request_of_gitlab, fake, **variables)
    assert ended.returncode == 2, ended.stderr
    assert not (request_of_gitlab / "arguments").exists(), "the gate was not asked"


@pytest.mark.parametrize(
    ("code", "failed", "said"),
    [(0, False, []), (1, True, ["::error"]), (2, True, ["::error"]), (3, False, ["::warning"]), (130, True, ["::error"])],
)
def test_github_shows_each_code(request_of_github: Path, fake: Path, code: int, failed: bool, said: list[str]) -> None:
    done = github("gate", request_of_github, fake, options="--pairs 9", FAKE_CODE=str(code), FAKE_REPORT="## verdict")
    assert done.failed is failed, done.output
    assert annotations(done) == said
    assert done.summary == "## verdict\n"
    assert done.uploaded == {"gate/gate.md"}
    tip = commit(request_of_github, "origin/main")
    assert (request_of_github / "arguments").read_text() == f"gate --baseline {tip} --candidate . --pairs 9\n"


def test_github_tells_of_a_gate_without_a_report(request_of_github: Path, fake: Path) -> None:
    done = github("gate", request_of_github, fake, FAKE_CODE="2")
    assert done.failed
    assert "no verdict" in done.summary
    assert "actions/upload-artifact@v7" in done.reached


def test_github_tells_of_an_installation_that_failed(request_of_github: Path, fake: Path) -> None:
    done = github("gate", request_of_github, fake, FAKE_CODE="0", FAKE_PIP="3")
    assert done.failed
    assert "Gate" not in done.reached
    assert "no verdict" in done.summary


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_github_passes_the_self_test_on_through_its_pipe(request_of_github: Path, fake: Path, code: int) -> None:
    done = github("self-test", request_of_github, fake, FAKE_CODE=str(code))
    assert done.failed is (code != 0)
    assert done.summary == "- said by ngtbench\n"


def test_a_branch_named_like_a_command_is_a_branch(origin: Clone, tmp_path: Path, fake: Path) -> None:
    first = checkout(origin, tmp_path / "gitlab", "harmless", "--single-branch")
    ended = gitlab("gate", first, fake, FAKE_CODE="0", CI_MERGE_REQUEST_TARGET_BRANCH_NAME=EVIL)
    assert ended.returncode == 0, ended.stderr
    second = checkout(origin, tmp_path / "github", "merge-harmless")
    assert not github("gate", second, fake, target=EVIL, FAKE_CODE="0").failed
    assert not list(tmp_path.rglob("hacked"))


# --- With the gate itself


def judged(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "gate" / "gate.json").read_text())
    return found


def errors(place: Path) -> list[str]:
    suite = ET.parse(place / gitlab_job("gate")["artifacts"]["reports"]["junit"]).getroot()
    assert suite.get("errors") == str(len(suite.findall("testcase/error")))
    return [error.get("message", "") for error in suite.iter("error")]


def test_gitlab_gates_unchanged_code(request_of_gitlab: Path, lent: Path, reports: set[str]) -> None:
    ended = gitlab("gate", request_of_gitlab, lent, GATE_OPTIONS=QUICK, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr
    found = judged(request_of_gitlab)
    assert found["exit_code"] == ended.returncode
    assert found["baseline"]["commit"] == commit(request_of_gitlab, "HEAD~1"), "the merge base, not the tip of main"
    assert found["candidate"]["commit"] == commit(request_of_gitlab, "HEAD")
    assert found["candidate"]["dirty"] is False, "the installation leaves the tree as it was"
    assert [case["case"] for case in found["cases"]] == [TRIAD]
    assert all((request_of_gitlab / name).is_file() for name in reports)


def test_github_gates_unchanged_code(request_of_github: Path, lent: Path, reports: set[str]) -> None:
    done = github("gate", request_of_github, lent, options=QUICK)
    assert not done.failed, done.output
    found = judged(request_of_github)
    assert annotations(done) == {0: [], 3: ["::warning"]}[found["exit_code"]]
    assert found["baseline"]["commit"] == commit(request_of_github, "origin/main")
    assert found["candidate"]["dirty"] is False
    assert done.uploaded == reports | {"gate/baseline.jsonl", "gate/candidate.jsonl"}
    assert TRIAD in done.summary


def test_gitlab_shows_a_wrong_candidate_as_an_error(origin: Clone, tmp_path: Path, lent: Path, reports: set[str]) -> None:
    place = checkout(origin, tmp_path / "work", "wrong", "--single-branch")
    ended = gitlab("gate", place, lent, GATE_OPTIONS=QUICK, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert all((place / name).is_file() for name in reports)
    (error,) = errors(place)
    assert "wrong on the candidate's side" in error


def test_github_shows_a_wrong_candidate_as_an_error(origin: Clone, tmp_path: Path, lent: Path, reports: set[str]) -> None:
    place = checkout(origin, tmp_path / "work", "merge-wrong")
    done = github("gate", place, lent, options=QUICK)
    assert done.failed
    assert annotations(done) == ["::error"]
    assert done.uploaded >= reports
    assert "wrong on the candidate's side" in done.summary


def test_the_self_test_writes_what_the_templates_collect(request_of_github: Path, lent: Path) -> None:
    done = github("self-test", request_of_github, lent, options=f"{TRIAD} {QUICK}")
    assert gitlab_job("gate-self-test")["artifacts"]["reports"]["junit"] in done.uploaded
    assert re.search(r"^- self-test: (this machine can be gated|too noisy|the gate is wrong)", done.summary, re.MULTILINE)
    assert len(re.findall(rf"^- \d+% injected: {TRIAD}", done.summary, re.MULTILINE)) == 2


# --- What the guide says


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def test_the_rules_of_the_guide_are_rules(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    known = rules.load(path)
    assert known.cases == tuple(tomllib.loads(text)["tool"]["ngtbench"]["gate"]["cases"])
    assert known.rule("system/triad@1/XS/numpy/float64") == Rule()
    assert known.rule("ml/jet_mlp@1/M/numpy/float32") == Rule(tolerance=0.10, floor=5e-6)
    assert known.rule("system/memory@1/S/numba/float64") == Rule(metric="capacity_b", better="higher")
    made = plan(discover(), Selection(workloads=("*",), suite="all"))
    cases = {job.case.id for job in made.jobs} | {skip.case.id for skip in made.skipped}
    assert rules.chosen(cases, known.cases), "each glob names cases there are"


def test_the_commands_of_the_guide_are_commands() -> None:
    parameters = inspect.signature(command).parameters
    lines = [line for text in blocks("sh") for line in text.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[:2] == ["ngtbench", "gate"]
        assert all(word[2:].replace("-", "_") in parameters for word in words if word.startswith("--"))


def test_the_guide_has_a_row_for_every_code_and_links_to_what_is_there() -> None:
    rows = re.findall(r"^\| (\d|other) \| (\w+).*? \| (\w+).*? \| (\w+)", README, flags=re.MULTILINE)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "other"]
    assert [row[2] for row in rows[:4]] == [colour(gitlab_job("gate"), code) for code in range(4)]
    assert [row[3] for row in rows[:4]] == ["green", "red", "red", "green"]
    links = re.findall(r"\]\((.*?)\)", README)
    assert links
    assert all((CI / link).is_file() for link in links)


def test_the_noise_of_the_guide_is_that_of_the_decision() -> None:
    told = re.search(r"wants (\d+) pairs at 1 % noise, (\d+) at 2 %, (\d+) at 3 % and (\d+) at 5 %", README)
    assert told
    assert [int(count) for count in told.groups()] == [pairs_needed(sd) for sd in (0.01, 0.02, 0.03, 0.05)]
    assert share_undecided(0.05) < 0.02
    assert 0.08 < share_undecided(0.08) < 0.25


def share_undecided(sd: float, trials: int = 200) -> float:
    """Return how often unchanged code is inconclusive where a pair has normal noise of this size."""
    chance, rule, count = random.Random(1), Rule(), 0
    for _ in range(trials):
        ratios: list[float] = []
        state = "continue"
        while state == "continue":
            ratios.append(chance.gauss(0, sd))
            state = decide(ratios, tolerance=rule.tolerance, max_pairs=rule.max_pairs).state
        count += state == "inconclusive"
    return count / trials
