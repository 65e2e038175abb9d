"""Text that records would hide, bloat or act with, and names that links point to."""

import pytest

from ngtbench.report.shown import Anchors, shown, slug
from ngtbench.report.tables import Row, Table, cell


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("plain – ×, µs", "plain – ×, µs"),
        ("a\u202eb\x07c\ud800", "a⟨U+202E⟩b⟨U+0007⟩c⟨U+D800⟩"),
        ("two\nlines", "two lines"),
        ("x" * 10_485_760, "x" * 400 + "… (10,485,760 characters)"),
        ("日本", "日本"),
    ],
)
def test_text_shows_what_it_hides_and_is_cut_with_its_length(given: str, seen: str) -> None:
    assert shown(given) == seen


def test_anchors_are_unique_and_point_to_one_place() -> None:
    anchors = Anchors()
    assert [anchors.name(name) for name in ("a/b", "a-b", "a/b", "???", "!!!")] == [
        "case-a-b",
        "case-a-b-2",
        "case-a-b",
        "case-x",
        "case-x-2",
    ]
    assert [anchors.place("a/b"), anchors.place("a/b"), anchors.place("a-b")] == [True, False, True]
    assert [anchors.short(name) for name in ("a/b", "a-b", "a/b")] == ["c0", "c1", "c0"]
    assert len(slug("x" * 10**6)) < 100


def test_labels_of_narrow_tables_cannot_leave_their_style() -> None:
    table = Table("t", "T", ("A", '"}</style><script>'), (Row((cell("a"), cell("b"))),))
    assert not set(table.labels) & set("</")
    assert "nth-child(2)" in table.labels
