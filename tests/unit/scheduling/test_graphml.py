"""Workflow files: what a good one says, and that a hostile one does no harm."""

import time
import tracemalloc
from pathlib import Path

import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling import graphml

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="k0" for="node" attr.name="type" attr.type="string"/>
  <key id="k1" for="node" attr.name="node_id" attr.type="string"/>
  <key id="k2" for="node" attr.name="runtime_average_s" attr.type="double"/>
  <graph edgedefault="directed">
"""
TAIL = "</graph></graphml>"


def algorithm(node: str, name: str, runtime: str | None = None) -> str:
    timed = "" if runtime is None else f'<data key="k2">{runtime}</data>'
    return f'<node id="{node}"><data key="k0">Algorithm</data><data key="k1">{name}</data>{timed}</node>'


def thing(node: str) -> str:
    return f'<node id="{node}"><data key="k0">DataObject</data><data key="k1">object {node}</data></node>'


def edge(source: str, target: str) -> str:
    return f'<edge source="{source}" target="{target}"/>'


TWO = algorithm("0", "First&lt;x&gt;::a", "0.25") + algorithm("1", "Second")
GOOD = TWO + algorithm("4", "Third", "1e-3") + thing("2") + thing("3")
GOOD += edge("0", "2") + edge("2", "1") + edge("0", "3") + edge("3", "1") + edge("1", "4")


def written(tmp_path: Path, body: str, head: str = HEAD, tail: str = TAIL) -> Path:
    path = tmp_path / "graph.graphml"
    path.write_text(head + body + tail)
    return path


def test_objects_become_edges_once_and_a_missing_runtime_is_none(tmp_path: Path) -> None:
    graph = graphml.read(written(tmp_path, GOOD))
    assert graph.names == ("First<x>::a", "Second", "Third")
    assert graph.runtimes_s.tolist() == [0.25, 0.0, 1e-3]
    assert graph.edges.tolist() == [[0, 1], [1, 2]]


def test_who_reads_an_object_waits_for_all_that_make_it(tmp_path: Path) -> None:
    body = TWO + algorithm("4", "Third") + thing("2") + edge("0", "2") + edge("1", "2") + edge("2", "4")
    assert graphml.read(written(tmp_path, body)).edges.tolist() == [[0, 2], [1, 2]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (TWO + algorithm("0", "Other"), "node '0' is there twice"),
        (TWO + algorithm("9", "Second"), "algorithm 'Second' is there twice"),
        (algorithm("0", "Bad", "-0.5"), "algorithm 'Bad' runs for -0.5 s"),
        (algorithm("0", "Bad", "nan"), "algorithm 'Bad' runs for nan s"),
        (algorithm("0", "Bad", "soon"), "Algorithm 'Bad' has runtime_average_s 'soon'"),
        (algorithm("0", "Bad", "1_0"), "runtime_average_s '1_0', which is no number"),
        (algorithm("0", "Bad", "\uff11"), r"runtime_average_s '\\uff11', which is no number"),
        (algorithm("0", "Bad\x9b2J"), r"'Bad\\x9b2J': a name is printable"),
        (algorithm("0", "x" * 1001), "at most 1000 characters"),
        (algorithm("", "Bad"), "a node has no id, after 0 that have"),
        (TWO + edge("0", "0"), "algorithm 'First<x>::a' waits for itself"),
        (TWO + thing("2") + edge("0", "2") + edge("2", "0"), "algorithm 'First<x>::a' waits for itself"),
        (thing("2"), "an algorithm or more"),
        ("<a>" * 50_000 + "</a>" * 50_000, "an algorithm or more"),
        (algorithm("0", "Bad", "1e12"), "Algorithm 'Bad' runs for '1e12' s: no algorithm takes more"),
        (TWO + '<edge source="0" target="1" directed="false"/>', "from node '0' to node '1' is not directed"),
        (TWO + "<hyperedge/>", "hyperedge"),
        (TWO + edge("0", "7"), "dangles: there is no node '7'"),
        (TWO + edge("0", "1") + edge("1", "0"), "waits for itself: there is a cycle"),
        (TWO + edge("0", "1") + edge("0", "1"), "from node '0' to node '1' is there twice"),
        (thing("2") + thing("3") + edge("2", "3"), "joins the objects 'object 2' and 'object 3'"),
        ('<node id="0"><data key="k0">Alchemy</data></node>', "node '0' is of type 'Alchemy'"),
        ('<node id="0"/>', "node '0' is of type ''"),
        ('<node id="0"><data key="k0">Algorithm</data><data key="k0">Algorithm</data></node>', "node '0' gives type twice"),
        ("", "an algorithm or more"),
        ("<node", "no XML"),
    ],
)
def test_a_faulty_graph_is_refused_by_file_and_node(tmp_path: Path, body: str, words: str) -> None:
    path = written(tmp_path, body)
    with pytest.raises(BadInput, match=words) as caught:
        graphml.read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (HEAD.replace('attr.type="double"', 'attr.type="string"'), "runtime_average_s is declared as 'string'"),
        (HEAD.replace("directed", "undirected"), "not directed"),
        ("<svg><g>", "no GraphML"),
        (HEAD.replace("utf-8", "klingon"), "no XML: 'unknown encoding: klingon'"),
        (HEAD.replace("utf-8", "shift-jis"), "no XML: '.*encoding"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        graphml.read(written(tmp_path, TWO, head, TAIL if head.startswith("<?xml") else "</g></svg>"))


BOMB = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "boom"}">' for k in range(12))


@pytest.mark.parametrize(
    "declared",
    [
        f"<!DOCTYPE graphml [{BOMB}]>",
        '<!DOCTYPE graphml [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE graphml SYSTEM "http://localhost:1/x.dtd">',
        '<!DOCTYPE graphml [<!ENTITY % p SYSTEM "http://localhost:1/p"> %p;]>',
    ],
)
def test_nothing_is_expanded_or_fetched(tmp_path: Path, declared: str) -> None:
    head = HEAD.replace("<graphml", f"{declared}<graphml", 1)
    body = algorithm("0", "&e11;" if "e11" in declared else "&x;")
    start = time.monotonic()
    with pytest.raises(BadInput, match="document type or entities"):
        graphml.read(written(tmp_path, body, head))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("piece", "words"),
    [(" " * 4096, "larger than 33554432 bytes"), ("<a>" * 1000, "more than 262144 elements"), (thing("2") * 40, "there twice")],
)
def test_a_file_of_a_gigabyte_is_refused_in_little_memory(tmp_path: Path, piece: str, words: str) -> None:
    path = written(tmp_path, "", tail="")
    with path.open("ab") as file:
        for _ in range((40 << 20) // len(piece)):
            file.write(piece.encode())
        file.truncate(1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match=words):
            graphml.read(path)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def test_an_object_that_joins_everything_is_refused_before_it_is_multiplied_out(tmp_path: Path) -> None:
    body = thing("o") + "".join(algorithm(str(k), f"a{k}") for k in range(2050))
    body += "".join(edge(str(k), "o") for k in range(1025)) + "".join(edge("o", str(k)) for k in range(1025, 2050))
    with pytest.raises(BadInput, match="more than 1048576 pairs of algorithms"):
        graphml.read(written(tmp_path, body))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"<a{' ' * (33 << 16)}/>", "line 7: a tag or comment of more than 1048576 bytes"),
        (f"<!--{' ' * (33 << 16)}-->", "line 7: a tag or comment of more than 1048576 bytes"),
        (f'<a xmlns="{"u" * 201}"/>', "line 7: a namespace of more than 200 characters"),
    ],
)
def test_what_a_parser_would_go_through_again_and_again_is_refused(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        graphml.read(written(tmp_path, TWO + body))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_may_be_in_any_encoding_of_xml(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "graph.graphml"
    path.write_bytes((HEAD.replace("utf-8", encoding[:6].strip("-")) + GOOD + TAIL).encode(encoding))
    assert graphml.read(path).names == ("First<x>::a", "Second", "Third")


def test_text_and_comments_that_are_long_in_all_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, TWO + "<!-- nothing -->\n" * (1 << 17) + "no matter " * (1 << 18))
    assert graphml.read(path).count == 2


@pytest.mark.parametrize("name", ["missing.graphml", ".", "/dev/zero"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is no file that can be read"):
        graphml.read(tmp_path / name)
