"""The gate's reports: the same verdicts in all four, the worst first, and nothing from a record that acts."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from ngtbench import shipped
from ngtbench.analysis.gate import decide
from ngtbench.errors import BadInput
from ngtbench.model.gate import GateRecord, GateStatus, Judged, Modes, Pair, Rule, Side
from ngtbench.report import verdict
from ngtbench.store import codec

HOSTILE = "<script>alert(1)</script>|`@all` ]]>&\"' \x00\x1b[31m \ud800\n## x"


def judged(status: GateStatus, slower: float = 0.0, name: str = "triad", pairs: int = 6) -> Judged:
    ratios = [slower + 0.001 * k for k in range(pairs)]
    taken = tuple(Pair("baseline", 1e-3, 1e-3 * (1 + ratio), ratio) for ratio in ratios)
    decision = decide(ratios) if ratios else None
    case = f"system/{name}@1/M/numpy/float64"
    return Judged(case, "cpu:0", 2, status, f"because of {name}", Rule(), "wall_s", decision, pairs=taken)


MADE = (
    judged("pass", name="quick"),
    judged("skipped", name="absent", pairs=0),
    judged("fail", 0.1, "slow"),
    replace(
        judged("fail", 0.3, "slower"),
        confirmation=decide([0.29] * 6),
        fresh_pairs=(Pair("candidate", 1e-3, 1.3e-3, 0.29),) * 6,
        discarded=("baseline, pair 0: throttled",),
        modes={"candidate": Modes((1e-3, 1e-3), (1.3e-3, 1.3e-3))},
        fastest_ratio=1.01,
        notes=("launches of the candidate fall into two groups",),
    ),
    judged("inconclusive", name="noisy"),
    judged("error", name="wrong", pairs=0),
)


def gate(*cases: Judged, code: int = 2, **changes: object) -> GateRecord:
    side = Side("main", "revision", "c0ffee" * 6, False, "/cache/ngtbench")
    found = GateRecord(
        "2026-11-01T00:00:00+00:00", 61.0, "0.1.0", 1, 1.0, "host: a CPU", "00ff", "interleaved launches",
        side, replace(side, asked=".", kind="tree", dirty=True), cases or MADE, code, ("constraints.txt differs",),
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def test_all_four_are_written_and_an_earlier_gates_are_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gate"
    paths = verdict.write(gate(), folder)
    assert [path.name for path in paths] == ["gate.json", "gate.xml", "gate.md", "gate.html"]
    for name in ("baseline.jsonl", "candidate.jsonl", "mine.jsonl"):
        (folder / name).write_text("x")
    verdict.clear(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.jsonl"]
    verdict.clear(tmp_path / "never")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"gate\.json: cannot be written: .*--output"):
        verdict.write(gate(), tmp_path / "file")


def test_the_json_holds_everything_and_its_schema_is_shipped() -> None:
    found = gate()
    plain = json.loads(verdict.plain(found))
    assert plain["schema"] == "ngtbench.gate/1"
    assert TypeAdapter(GateRecord).validate_python(plain) == found
    shipped_schema = json.loads((shipped.folder("schema") / "gate.json").read_text())
    assert shipped_schema == codec.gate_schema(), "docs/schema/gate.json is stale"


def test_the_junit_counts_and_names_every_case() -> None:
    suite = ET.fromstring(verdict.junit(gate()))
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "1", "skipped": "2",
    }  # fmt: skip
    kinds = {case.get("name", ""): [child.tag for child in case] for case in suite}
    assert len(kinds) == 6, "GitLab drops all but one of the same name"
    found = {name.split("@")[0].split("/")[1]: tags for name, tags in kinds.items()}
    assert found == {
        "wrong": ["error"], "slower": ["failure"], "slow": ["failure"], "noisy": ["skipped"], "quick": ["system-out"],
        "absent": ["skipped"],
    }  # fmt: skip
    failure = next(case for case in suite if "slower" in case.get("name", "")).find("failure")
    assert failure is not None
    assert "because of slower" in failure.get("message", "")
    for words in (
        "6 + 6, redone: 1",
        "on fresh pairs +33.6 %",
        "tolerance 5 %",
        "two groups",
        "redone: baseline, pair 0",
    ):
        assert words in (failure.text or "")


def test_the_note_has_the_worst_first() -> None:
    text = verdict.markdown(gate())
    assert text.startswith("## Performance gate: error (1 error, 2 fail, 1 inconclusive, 1 pass, 1 skipped)\n")
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    assert [re.findall(r"\*\*(\w+)\*\*.*?/(\w+)@", row.replace("`system", ""))[0] for row in rows] == [
        ("error", "wrong"), ("fail", "slower"), ("fail", "slow"),
        ("inconclusive", "noisy"), ("pass", "quick"), ("skipped", "absent"),
    ]  # fmt: skip
    assert len({row.count(" | ") for row in rows}) == 1
    assert "| +10.8 % (+10.5 % to +11.1 %) | 6 | " in rows[2]
    assert "| 1 ms | 1.103 ms |" in rows[2]
    assert "main (revision at c0ffeec0ffee); candidate . (tree at c0ffeec0ffee, with uncommitted changes)" in text
    assert "the fastest launches differ by +1.0 %: a second opinion" in text
    assert "constraints.txt differs" in text


@pytest.mark.parametrize(("code", "word"), [(0, "pass"), (1, "regression"), (2, "error"), (3, "inconclusive")])
def test_the_headline_is_the_exit_codes(code: int, word: str) -> None:
    assert verdict.headline(gate(judged("pass"), code=code)).startswith(f"{word} (1 pass)")
    assert verdict.headline(replace(gate(code=2), cases=())) == "error (nothing was judged)"


def test_only_interleaved_gates_state_the_simulated_error_rates() -> None:
    assert any("under 0.5 %" in line for line in verdict.legend(gate()))
    assert not any("under 0.5 %" in line for line in verdict.legend(gate(method="stored records")))


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "wbr", "br", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_draws_every_pair() -> None:
    tags = Tags()
    tags.feed(verdict.page(gate()))
    assert not tags.open
    names = [tag for tag, _ in tags.seen]
    assert names.count("tr") == 1 + len(MADE)
    assert names.count("svg") == 4
    assert names.count("circle") == sum(len(one.pairs) + len(one.fresh_pairs) for one in MADE)
    assert not any("src" in attributes or "href" in attributes for _, attributes in tags.seen)
    inside = [float(attributes["cx"] or "nan") for tag, attributes in tags.seen if tag == "circle"]
    assert all(0 <= x <= 300 for x in inside)


def test_nothing_from_a_record_acts(tmp_path: Path) -> None:
    bad = replace(judged("error", pairs=0), case=HOSTILE, device=HOSTILE, reason=HOSTILE, notes=(HOSTILE,))
    found = gate(bad, machine=HOSTILE, notes=(HOSTILE,), baseline=Side(HOSTILE, "revision", HOSTILE, None, HOSTILE))
    paths = {path.suffix: path for path in verdict.write(found, tmp_path)}
    assert json.loads(paths[".json"].read_text())["machine"] == HOSTILE
    tags = Tags()
    tags.feed(paths[".html"].read_text())
    assert "script" not in [tag for tag, _ in tags.seen]
    suite = ET.fromstring(paths[".xml"].read_text())
    assert "<script>" in suite[0].get("name", "")
    note = paths[".md"].read_text()
    outside = re.sub(r"`[^`]*`", "", note)  # code spans show what they hold
    assert "<script" not in outside
    assert "@all" not in outside
    assert not any(line.startswith("## x") for line in note.splitlines())
    (row,) = [line for line in note.splitlines() if line.startswith("| **")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 9
