"""Read a workflow from a GraphML file, which may be anybody's: it is data, and nothing in it is followed.

Nodes have `type` Algorithm or DataObject and a name `node_id`; algorithms may have `runtime_average_s`, missing is 0. An edge
from an algorithm to an object says it makes it, one from an object to an algorithm that it reads it: who reads an object waits
for all that make it. Edges between algorithms are taken too. This is the form of key4hep's workflow files.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Never
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling.graph import Graph, shown

LARGEST_B = 32 << 20
_LARGEST_ELEMENTS = 1 << 18  # ten times those of a real job
_PIECE_B = 1 << 16
_LONGEST_TAG_B = 1 << 20  # of a tag or comment: the parser begins anew with each piece until it has all of it
_LONGEST_NAME = 1000
_LONGEST_SPACE = 200  # characters of a namespace, which stand in the name of every element in it
_SPACE = "http://graphml.graphdrawing.org/xmlns}"
_KINDS = ("Algorithm", "DataObject")
_KEYS = {"type": "string", "node_id": "string", "runtime_average_s": "double"}
_LARGEST_EDGES = 1 << 20  # 200 times those of a real job: an object with 10 000 makers and as many readers would be 10^8
_LONGEST_S = 1e5  # of an algorithm: more than a day, of one event


@dataclass
class _Found:
    """What a file says, by the ids of its nodes."""

    path: Path
    keys: dict[str, str] = field(default_factory=dict)  # id -> attribute
    kinds: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    runtimes_s: dict[str, float] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)

    def refuse(self, what: str) -> Never:
        raise BadInput(f"{self.path}: {what}")


def read(path: Path) -> Graph:
    """Return the graph of algorithms; objects and duplicates that objects make are gone.

    Raises BadInput for what is no such file, is larger than 32 MiB, declares a document type or entities, or is no graph that
    can run; the message names the file and the node.
    """
    found = _Found(path)
    _parse(path, found)
    try:
        return _graph(found)
    except BadInput as error:
        raise error if str(path) in str(error) else BadInput(f"{path}: {error}") from error


def _parse(path: Path, found: _Found) -> None:
    """Take what is found, element by element as each ends; nothing else is kept of a file that may be large."""
    builder, parser = ElementTree.TreeBuilder(), expat.ParserCreate(namespace_separator="}")
    seen = list[str]()

    def start(tag: str, words: dict[str, str]) -> None:
        seen.append(tag)
        if seen[0].removeprefix(_SPACE) != "graphml":
            found.refuse("is XML, but no GraphML")
        if len(seen) > _LARGEST_ELEMENTS:
            found.refuse(f"more than {_LARGEST_ELEMENTS} elements, which no workflow needs")
        builder.start(tag, words)

    def space(prefix: str | None, name: str | None) -> None:
        if name and len(name) > _LONGEST_SPACE:
            found.refuse(f"line {parser.CurrentLineNumber}: a namespace of more than {_LONGEST_SPACE} characters")

    parser.StartElementHandler, parser.EndElementHandler = start, lambda tag: _take(found, builder.end(tag))
    parser.CharacterDataHandler, parser.StartNamespaceDeclHandler = builder.data, space
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _declared
    try:
        _feed(parser, path, found)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except expat.ExpatError as error:
        raise BadInput(f"{path}:{error.lineno}: no XML: {expat.errors.messages[error.code]}") from error
    except (LookupError, ValueError) as error:  # of an encoding that Python does not know, or expat cannot take
        raise BadInput(f"{path}:{parser.CurrentLineNumber}: no XML: {shown(str(error))}") from error
    except _DeclaredError as error:
        raise BadInput(f"{path}:{parser.CurrentLineNumber}: declares a document type or entities: none is wanted") from error


def _feed(parser: expat.XMLParserType, path: Path, found: _Found) -> None:
    if not path.is_file():
        found.refuse("is no file that can be read")
    with path.open("rb") as file:
        for first in range(0, LARGEST_B + 1, _PIECE_B):
            piece = file.read(_PIECE_B)
            if piece and first == LARGEST_B:
                found.refuse(f"larger than {LARGEST_B} bytes, which no workflow needs")
            parser.Parse(piece, not piece)
            if first + len(piece) - parser.CurrentByteIndex > _LONGEST_TAG_B:
                found.refuse(f"line {parser.CurrentLineNumber}: a tag or comment of more than {_LONGEST_TAG_B} bytes")
            if not piece:
                return


def _take(found: _Found, element: ElementTree.Element) -> None:
    tag = element.tag.removeprefix(_SPACE)
    if tag == "key" and element.get("for") in ("node", "all"):
        _key(found, element)
    elif tag == "node":
        _node(found, element)
    elif tag == "edge":
        _edge(found, element)
    elif tag == "hyperedge":
        found.refuse("has a hyperedge: edges join two nodes")
    elif tag == "graph" and element.get("edgedefault", "directed") != "directed":
        found.refuse("the graph is not directed")
    if tag in ("node", "edge"):
        element.clear()


class _DeclaredError(Exception):
    """Something that XML could be told to expand or to fetch."""


def _declared(*words: object) -> Never:
    raise _DeclaredError


def _key(found: _Found, element: ElementTree.Element) -> None:
    name = element.get("attr.name", "")
    if name in _KEYS:
        kind = element.get("attr.type", "")
        if kind not in ((_KEYS[name], "float") if _KEYS[name] == "double" else (_KEYS[name],)):
            found.refuse(f"attribute {name} is declared as {shown(kind)}, wanted {_KEYS[name]}")
        found.keys[element.get("id", "")] = name


def _node(found: _Found, element: ElementTree.Element) -> None:
    node = element.get("id", "")
    if not node:
        found.refuse(f"a node has no id, after {len(found.kinds)} that have")
    if node in found.kinds:
        found.refuse(f"node {shown(node)} is there twice")
    said = dict[str, str]()
    for data in element:
        name = found.keys.get(data.get("key", ""))
        if name in said:
            found.refuse(f"node {shown(node)} gives {name} twice")
        if name is not None:
            said[name] = (data.text or "").strip()
    kind = said.get("type", "")
    if kind not in _KINDS:
        found.refuse(f"node {shown(node)} is of type {shown(kind)}: there are {' and '.join(_KINDS)}")
    found.kinds[node], found.names[node] = kind, said.get("node_id") or node
    if len(found.names[node]) > _LONGEST_NAME or not found.names[node].isprintable():
        found.refuse(f"{kind} {shown(found.names[node])}: a name is printable, and at most {_LONGEST_NAME} characters")
    text = said.get("runtime_average_s", "0")
    plain = text.isascii() and "_" not in text  # Python takes 1_000, and the digits of any script
    try:
        found.runtimes_s[node] = float(text if plain else "")
    except ValueError:
        found.refuse(f"{kind} {shown(found.names[node])} has runtime_average_s {shown(text)}, which is no number")
    if found.runtimes_s[node] > _LONGEST_S:
        found.refuse(f"{kind} {shown(found.names[node])} runs for {shown(text)} s: no algorithm takes more than {_LONGEST_S:g}")


def _edge(found: _Found, element: ElementTree.Element) -> None:
    pair = element.get("source", ""), element.get("target", "")
    if pair in found.edges:
        found.refuse(f"the edge from node {shown(pair[0])} to node {shown(pair[1])} is there twice")
    if element.get("directed", "true") != "true":
        found.refuse(f"the edge from node {shown(pair[0])} to node {shown(pair[1])} is not directed")
    found.edges.add(pair)


def _graph(found: _Found) -> Graph:
    """Return the graph of algorithms, in the order of the file."""
    algorithms = [node for node, kind in found.kinds.items() if kind == "Algorithm"]
    number = {node: k for k, node in enumerate(algorithms)}
    makers, readers = dict[str, list[int]](), dict[str, list[int]]()
    pairs = set[tuple[int, int]]()
    for source, target in found.edges:
        for end in (source, target):
            if end not in found.kinds:
                found.refuse(f"an edge from {shown(source)} to {shown(target)} dangles: there is no node {shown(end)}")
        if source in number and target in number:
            pairs.add((number[source], number[target]))
        elif source in number:
            makers.setdefault(target, []).append(number[source])
        elif target in number:
            readers.setdefault(source, []).append(number[target])
        else:
            found.refuse(f"an edge joins the objects {shown(found.names[source])} and {shown(found.names[target])}")
    if sum(len(made) * len(readers.get(node, ())) for node, made in makers.items()) > _LARGEST_EDGES:
        found.refuse(f"more than {_LARGEST_EDGES} pairs of algorithms share an object")
    for node, made in makers.items():
        pairs.update((a, b) for a in made for b in readers.get(node, ()))
    runtimes_s = np.array([found.runtimes_s[node] for node in algorithms], np.float64)
    edges = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return Graph(tuple(found.names[node] for node in algorithms), runtimes_s, edges)
