"""Processes: what their text means, how many ways their sums are averaged, and which ones are refused."""

from math import factorial

import pytest

from ngtbench.errors import BadInput
from ngtbench.physics import processes

DENOMINATORS = {
    "g g > t t~": 256,
    "g g > t t~ g": 256,
    "g g > t t~ g g": 512,
    "g g > t t~ g g g": 256 * 6,
    "u u~ > t t~": 36,
    "u u~ > t t~ g": 36,
    "u u~ > t t~ g g": 72,
    "g u > t t~ u": 96,
    "u u~ > t t~ c c~": 36,
    "u u~ > t t~ u u~": 36,
    "u u > t t~ u u": 72,
    "g g > g g": 512,
    "g g > g g g": 1536,
    "g g > g g g g": 256 * 24,
    "u u > u u": 72,
}


@pytest.mark.parametrize("text", DENOMINATORS)
def test_a_supported_process_is_averaged_over_its_initial_states_and_identical_particles(text: str) -> None:
    process = processes.parse(text)
    assert process.text == text
    assert process.denominator == DENOMINATORS[text]
    assert process.couplings == len(text.replace(">", "").split()) - 2


def test_spaces_do_not_matter() -> None:
    assert processes.parse("  g g>t   t~ g ") == processes.parse("g g > t t~ g")


def test_incoming_antiquarks_leave_as_quarks() -> None:
    process = processes.parse("u~ u > t~ t g")
    assert process.quarks() == [(0, "u"), (3, "t")]
    assert process.antiquarks() == [(1, "u"), (2, "t")]
    assert process.gluons() == [4]
    assert process.masses(170.0) == (0, 0, 170.0, 170.0, 0)
    assert [particle.colours for particle in process.particles] == [3, 3, 3, 3, 8]
    assert processes.parse("g d~ > t t~ d~").quarks() == [(1, "d"), (2, "t")]


def test_only_antiquarks_and_quarks_of_one_name_are_identical() -> None:
    initial = 4 * 9
    assert processes.parse("u u~ > u u~ g g").denominator == initial * factorial(2)
    assert processes.parse("u u > u u c c~").denominator == initial * factorial(2)


def gluons(count: int) -> str:
    return " ".join("g" * count)


LIMITS = {0: (4, 6), 1: (2, 5), 2: (0, 2), 3: (0, 0)}  # quark lines -> fewest and most gluons


@pytest.mark.parametrize("lines", LIMITS)
def test_limits_are_where_they_are_said_to_be(lines: int) -> None:
    flavours = ("t", "u", "d")[:lines]
    ends = " ".join(f"{flavour} {flavour}~" for flavour in flavours)
    for count in range(8):
        total = 2 * lines + count
        if not 4 <= total <= 7 or (count < 2 and lines < 2):
            continue
        taken = f"u u~ > {ends.replace('u u~', '')} {gluons(count)}"
        text = f"g g > {ends} {gluons(count - 2)}" if count >= 2 else taken
        if LIMITS[lines][0] <= count <= LIMITS[lines][1]:
            assert len(processes.parse(text).particles) == total
        else:
            with pytest.raises(BadInput, match=f"it has {lines} quark lines and {count} gluons"):
                processes.parse(text)


REFUSED = {
    "": "does not name 2 incoming",
    "g g": "does not name 2 incoming",
    "g > t t~": "does not name 2 incoming",
    "g g g > t t~": "does not name 2 incoming",
    "g g > t": "does not name 2 incoming",
    "g g > g g g g g g": "does not name 2 incoming",
    "g g > t t~ > g": "does not name 2 incoming",
    "g g > h h": "'h' is no particle",
    "g g > b b~": "'b' is no particle",
    "g g > g~ g": "'g~' is no particle",
    "g g > t t~~": "'t~~' is no particle",
    "g g > T t~": "'T' is no particle",
    "p p > t t~": "'p' is no particle",
    "t t~ > g g": "top quarks can only leave",
    "g t > g t": "top quarks can only leave",
    "g g > t t": "flavour is not conserved",
    "u u > t t~": "flavour is not conserved",
    "u c~ > t t~": "flavour is not conserved",
    "g u > t t~ u~": "flavour is not conserved",
    "g g > t t~ t t~": "more than one pair of top quarks",
    "u u~ > t t~ t t~": "more than one pair of top quarks",
    "g g > g g g g g": "0 quark lines and 7 gluons",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_supported_is_told_why_and_what_is(text: str) -> None:
    with pytest.raises(BadInput, match=REFUSED[text]) as error:
        processes.parse(text)
    assert repr(text) in str(error.value)
    assert 'for example "g g > t t~ g g"' in str(error.value)


@pytest.mark.parametrize("thing", [None, 7, b"g g > t t~", ["g", "g"]])
def test_what_is_no_text_is_refused(thing: object) -> None:
    with pytest.raises(BadInput, match="does not name 2 incoming"):
        processes.parse(thing)  # type: ignore[arg-type]


def test_the_example_of_the_message_is_supported() -> None:
    example = processes.SUPPORTED.split('"')[1]
    assert processes.parse(example).text == example
