"""What a page shows of jobs that fill a node, and of events in flight."""

from dataclasses import replace

import pytest

from ngtbench.report import filling, in_flight
from tests.unit.report.shared import cells, figures, filled, flown, made, tables


def test_a_node_is_filled_by_jobs_of_equal_threads_up_to_one_each() -> None:
    parts = filling.parts(made(filled(8, single=True), filled(2), filled(4), filled(8)))
    events, gain, memory = figures(parts)
    assert events.layout["xaxis"]["ticktext"] == ["2 × 4", "4 × 2", "8 × 1"]
    assert gain.data[0]["y"] == [pytest.approx(0.995 * (1 + 0.04 * jobs), rel=1e-3) for jobs in (2, 4, 8)]
    assert [(one["y0"], one["name"]) for one in gain.layout["shapes"]] == [(1, "one job of all threads: 1")]
    assert not events.layout["shapes"]
    assert memory.layout["yaxis"]["ticksuffix"] == "B"
    table = tables(parts)[0]
    assert [row.cells[0].lines for row in table.rows] == [
        ("2 × 4", "S"),
        ("4 × 2", "S-jobs4"),
        ("8 × 1", "M"),
        ("8 × 1", "S-single"),
    ]
    assert cells(table)["8 × 1", "native"][3].startswith("1.592 GB 95 %: ")


def test_utilisation_stands_against_events_in_flight_with_both_bounds() -> None:
    runs = [flown("S-slots16", 0.95), flown("S", 0.8), flown("S-slot1", 0.9), flown("S", 0.6, "serial"), flown("S-fine", 0.5)]
    runs.append(flown("S-memory", 0.4))  # another kind of work
    parts = in_flight.parts(made(*runs))
    (drawn,), (table,) = figures(parts), tables(parts)
    native, serial = drawn.data
    assert (native["x"], serial["x"]) == ([1, 4, 16], [4])
    assert native["y"] == [pytest.approx(0.995 * share, rel=1e-3) for share in (0.9, 0.8, 0.95)]
    assert native["error_y"]["array"][0] == pytest.approx(0.9 * (1.05 - 0.995), rel=1e-2)
    bound, needed = drawn.layout["shapes"]
    assert (bound["y0"], bound["y1"]) == (1, 1)
    assert needed["x0"] == pytest.approx(8 / 2.43, rel=0.01)  # T C / W, of the drawn graph
    assert "Bars: least and most of the samples" in drawn.words
    assert len(table.rows) == 4


def test_one_number_of_events_in_flight_is_no_picture_and_one_thread_needs_no_more() -> None:
    assert in_flight.parts(made(flown("S", 0.8), flown("S", 0.6, "serial"), flown("S-fine", 0.5))) == []
    parts = in_flight.parts(made(flown("S", 0.8, threads=1), flown("S-slot1", 0.9, threads=1)))
    (drawn,) = figures(parts)
    assert len(drawn.layout["shapes"]) == 1
    assert "one event in flight could keep all T threads busy" in drawn.words


def test_a_workflow_of_a_user_is_a_picture_of_its_own_without_what_is_not_known() -> None:
    plain = [replace(one, case=replace(one.case, workload="user/other")) for one in (flown("S", 0.8), flown("S-slot1", 0.9))]
    assert in_flight.parts(made(*plain)) == []  # its sizes are its own
    of_file = [
        replace(one, case=replace(one.case, workload="user/atlas", size=f"{one.case.size}-2fe23216"))
        for one in (flown("S", 0.8), flown("S-slot1", 0.9))
    ]
    on_gpu = [replace(one, resources=replace(one.resources, device="gpu:0")) for one in (flown("S", 0.8), flown("S-slot1", 0.9))]
    assert len(figures(in_flight.parts(made(*on_gpu)))[0].layout["shapes"]) == 1
    (drawn,) = figures(in_flight.parts(made(*of_file, flown("S", 0.7))))
    assert "graph 2fe23216" in drawn.title
    assert drawn.data[0]["x"] == [1, 4]
    assert len(drawn.layout["shapes"]) == 1
    assert "T C / W" not in drawn.words
