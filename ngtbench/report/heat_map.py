"""What one program suffers beside another on the same device: the matrix of their slowdowns as a map, and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ngtbench.model.comparison import Result
from ngtbench.report.figures import Figure, Trace, hover, text
from ngtbench.report.measured import BELOW, Measured, Place, declared, measured, place
from ngtbench.report.shown import slug
from ngtbench.report.systems import System
from ngtbench.report.tables import Cell, Row, Table, cell

WORKLOAD = "sharing/interference"
_ROW_PX = 56
# From light to dark, so that it reads in grey and with any eyes; the number stands in the cell besides.
_LIGHTEST, _DARKEST = (232, 241, 248), (11, 47, 77)
_LIGHT, _DARK = 1.0, 2.0  # no slowdown; what two get that take turns, or more where there is more
_SLOWER, _TAIL = "slowdown_ratio", "latency_p99_ratio"
_CPU = "Each has half of the threads, alone too: what is lost goes to shared memory, caches, clocks, or to other programs."
_GPU = "Two that take turns on a device that each fills have 2."
Pair = tuple[str, str]  # who suffers, beside which
Told = list[tuple[Result, str]]  # what tells of a pair, and as which of its two; the pair in its own order first


@dataclass(frozen=True)
class Matrix:
    """All pairs of a place, by implementation."""

    where: Place
    system: System
    impls: Mapping[str, Mapping[Pair, Told]]

    @cached_property
    def names(self) -> list[str]:
        """Return the programs."""
        return sorted({name for pairs in self.impls.values() for pair in pairs for name in pair})

    @cached_property
    def most(self) -> float:
        """Return the slowdown that is darkest in the maps of all implementations."""
        found = [self.taken(impl, pair, _SLOWER)[:1] for impl, pairs in self.impls.items() for pair in pairs]
        return max(_DARK, *(one.value for taken in found for one in taken))

    @cached_property
    def readings(self) -> dict[tuple[str, Pair, str], list[Measured]]:
        """Return every reading by implementation, pair and metric; of a program beside its like there are two."""
        made: dict[tuple[str, Pair, str], list[Measured]] = {}
        for impl, pairs in self.impls.items():
            for (pair, told), metric in product(pairs.items(), (_SLOWER, _TAIL)):
                taken = [measured(self.system, result, f"{which}_{metric}") for result, which in told]
                made[impl, pair, metric] = [one for one in taken if one is not None]
        return made

    def taken(self, impl: str, pair: Pair, metric: str) -> list[Measured]:
        """Return the readings of a pair, none where there is nothing."""
        return self.readings.get((impl, pair, metric), [])

    def drawn(self, impl: str) -> bool:
        """Tell whether an implementation has any reading."""
        return any(self.taken(impl, pair, _SLOWER) for pair in self.impls[impl])


def parts(systems: Sequence[System]) -> list[Figure | Table]:
    """Return a map for each implementation and a table, of each place where two programs ran side by side."""
    found: dict[Place, dict[str, dict[Pair, Told]]] = {}
    for number, system in enumerate(systems):
        for result in system.results:
            size = declared(WORKLOAD, result.case.size) if result.case.workload == WORKLOAD and not result.profiler else None
            if size:
                pairs = found.setdefault(place(number, system, result, size.scale), {}).setdefault(result.case.impl, {})
                pairs.setdefault((size.first, size.second), []).insert(0, (result, "first"))
                pairs.setdefault((size.second, size.first), []).append((result, "second"))
    made: list[Figure | Table] = []
    for where, impls in sorted(found.items()):
        matrix = Matrix(where, systems[where.number], dict(sorted(impls.items())))
        drawn = [impl for impl in matrix.impls if matrix.drawn(impl)]
        if drawn:
            table = _table(matrix)
            made += [*(_map(matrix, impl, table.id) for impl in drawn), table]
    return made


def _map(matrix: Matrix, impl: str, table: str) -> Figure:
    where, labels = matrix.where, [text(name) for name in matrix.names]
    layout = {
        "height": 150 + _ROW_PX * max(3, len(labels)),
        "xaxis": {"type": "category", "categoryarray": labels, "title": {"text": "beside"}, "showgrid": False},
        "yaxis": {
            "type": "category", "categoryarray": labels, "title": {"text": "who suffers"}, "automargin": True,
            "autorange": "reversed", "showgrid": False,
        },
        "showlegend": False,
    }  # fmt: skip
    words = (
        "Rate alone over rate beside the other, median of rounds: 1 is undisturbed. On the diagonal two of the same. "
        f"{_CPU if where.device.startswith('cpu') else _GPU}"
    )
    title = f"Slowdown beside each other, measured: {where.words}, {impl}"
    data = (_cells(matrix, impl), *_written(matrix, impl))
    return Figure(f"map-{where.id}-{slug(impl)}", title, words, data, layout, table)


def _cells(matrix: Matrix, impl: str) -> Trace:
    names = matrix.names
    slower = [[matrix.taken(impl, (who, beside), _SLOWER) for beside in names] for who in names]
    return {
        "type": "heatmap",
        "x": [text(name) for name in names],
        "y": [text(name) for name in names],
        "z": [[float(f"{taken[0].value:.4g}") if taken else None for taken in row] for row in slower],
        "hovertext": [[_said(matrix, impl, (who, beside)) for beside in names] for who in names],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
        "colorscale": [[0, _rgb(0.0)], [1, _rgb(1.0)]],
        "zmin": _LIGHT,
        "zmax": float(f"{matrix.most:.4g}"),
        "xgap": 2,
        "ygap": 2,
        "colorbar": {"title": {"text": "slowdown, 1 = alone", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        "slot": 0,
    }


def _written(matrix: Matrix, impl: str) -> list[Trace]:
    """Write the number of each cell in black or white, whichever its colour lets read, and what has none."""
    inks: dict[str, list[tuple[str, str, str]]] = {}
    for who, beside in product(matrix.names, repeat=2):
        taken = matrix.taken(impl, (who, beside), _SLOWER)
        ink = _ink((taken[0].value - _LIGHT) / (matrix.most - _LIGHT)) if taken else ""
        words = f"{taken[0].value:.2f}" if taken else "not<br>measured"
        inks.setdefault(ink, []).append((text(beside), text(who), words))
    made: list[Trace] = []
    for ink, placed in sorted(inks.items()):
        at = {axis: [one[n] for one in placed] for n, axis in enumerate(("x", "y", "text"))}
        font = {"textfont": {"color": ink}} if ink else {}
        made.append({"type": "scatter", "mode": "text", **at, "hoverinfo": "skip", "slot": 0, **font})
    return made


def _mixed(share: float) -> list[float]:
    at = min(max(share, 0.0), 1.0)
    return [light + at * (dark - light) for light, dark in zip(_LIGHTEST, _DARKEST, strict=True)]


def _rgb(share: float) -> str:
    return f"rgb({','.join(f'{part:.0f}' for part in _mixed(share))})"


def _ink(share: float) -> str:
    """Return black or white, by the relative luminance of WCAG 2.1 at which both stand out alike."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (p / 255 for p in _mixed(share))]
    red, green, blue = linear
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def _said(matrix: Matrix, impl: str, pair: Pair) -> str:
    lines = [f"{pair[0]} beside {pair[1]}"]
    for words, metric in (("slowdown", _SLOWER), ("latency p99 over alone", _TAIL)):
        lines += [f"{words} {'; '.join([one.amount, *one.said])}" for one in matrix.taken(impl, pair, metric)]
    return "<br>".join(hover(line) for line in lines)


def _table(matrix: Matrix) -> Table:
    where, impls = matrix.where, matrix.impls
    case = next(result.case for pairs in impls.values() for told in pairs.values() for result, _ in told)
    rows = []
    for who, beside in product(matrix.names, repeat=2):
        pair = (who, beside)
        cells = [_cell(matrix, impl, pair, metric) for impl in impls for metric in (_SLOWER, _TAIL)]
        told = [result for pairs in impls.values() for result, _ in pairs.get(pair, []) if result.variant]
        ran = dict.fromkeys(f"{result.case.impl}: {result.variant}" for result in told)
        rows.append(Row((cell(who), cell(beside), *cells, cell(*(ran or ["–"]))), case, (where.number,)))
    note = "Measured. Slowdown: rate alone over rate beside the other. Latency: 99th percentile of a call's time, beside over "
    note += f"alone. Both in the same round; a sample is a round. Where both are that program, so are two readings. {BELOW}"
    heads = [f"{impl}: {words}" for impl in impls for words in ("slowdown", "latency p99 over alone")]
    columns = ("Who suffers", "Beside", *heads, "What ran, and how")
    return Table(f"interference-{where.id}", f"Two programs side by side: {where.words}", columns, tuple(rows), note)


def _cell(matrix: Matrix, impl: str, pair: Pair, metric: str) -> Cell:
    taken = matrix.taken(impl, pair, metric)
    if not taken:
        ended = dict.fromkeys(result.status for result, _ in matrix.impls[impl].get(pair, []) if result.status != "done")
        return cell("not measured", *ended, kind="quiet")
    first, *others = taken
    again = [line for one in others for line in (f"another reading: {one.amount}", *one.said)]
    return cell(first.amount, *first.said, *again, kind="number")
