"""Charts of the ranking: scores with their intervals, and how often each system is first."""

from ngtbench.report.answers import ranked
from ngtbench.report.figures import ROW_PX, Figure, Trace, text
from ngtbench.report.findings import Findings


def scores(findings: Findings) -> Figure | None:
    """Draw the score of each system by family, and overall by each weighting, the latter with its 95 % interval."""
    data = [trace for number in range(len(findings.systems)) if (trace := _scores(findings, number))["x"]]
    if not data:
        return None
    rows = list(dict.fromkeys(label for trace in data for label in trace["y"]))
    families = [label for label in rows if not label.startswith("all, ")]
    layout = {
        "height": 150 + ROW_PX * len(rows),
        "xaxis": {"type": "log", "title": {"text": "speed over the reference, logarithmic"}},
        "yaxis": {
            "type": "category",
            "automargin": True,
            "autorange": "reversed",
            "categoryorder": "array",
            "categoryarray": [*families, *(label for label in rows if label not in families)],
        },
        "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "width": 1}}],
        "showlegend": True,
    }
    words = f"Right is faster; 1 is the reference, {findings.reference.label}. Rows are families, then all of them by each "
    words += "weighting, with 95 % intervals over the reference: who is told from the first, the tables of the ranking say."
    return Figure("scores-chart", "Scores over the reference", words, tuple(data), layout, "scores")


def _scores(findings: Findings, number: int) -> Trace:
    label = findings.systems[number].label
    rows: dict[str, tuple[float, float, float]] = {}
    for ranking in findings.rankings:
        for standing in ranking.standings:
            if standing.system == label:
                rows |= {text(family): (score, 0.0, 0.0) for family, score in standing.families.items() if score is not None}
                if standing.overall is not None:
                    low, high = standing.low or standing.overall, standing.high or standing.overall
                    name = text(f"all, {ranking.weights.name}")
                    rows[name] = (standing.overall, high - standing.overall, standing.overall - low)
    values = list(rows.values())
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(label),
        "y": list(rows),
        "x": [value for value, _, _ in values],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [up for _, up, _ in values],
            "arrayminus": [down for _, _, down in values],
        },
        "hoverinfo": "x+y+name",
        "slot": number,
    }


def first(findings: Findings) -> Figure | None:
    """Draw the share of random weightings in which each system is first, a bar per weighting asked for."""
    data, shown = [], [ranking for ranking in findings.rankings if len(ranked(ranking)) > 1]
    for number, system in enumerate(findings.systems):
        shares = {
            text(ranking.weights.name): 100 * standing.first_of_weightings
            for ranking in shown
            for standing in ranked(ranking)
            if standing.system == system.label and standing.first_of_weightings is not None
        }
        if any(shares.values()):
            bars: Trace = {"type": "bar", "orientation": "h", "name": text(system.label), "hoverinfo": "x+y+name", "slot": number}
            data.append(bars | {"y": list(shares), "x": list(shares.values())})
    if not data:
        return None
    layout = {
        "height": 150 + 2 * ROW_PX * len(shown),
        "barmode": "stack",
        "xaxis": {"title": {"text": "% of random weightings in which the system is first"}, "range": [0, 100]},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
        "showlegend": True,
    }
    count = max(ranking.weightings for ranking in shown)
    words = f"{count:,} random weightings of the families that a use case asks for: how much the choice of weights decides."
    return Figure("first-chart", "First under random weightings", words, tuple(data), layout, "ranking-1")
