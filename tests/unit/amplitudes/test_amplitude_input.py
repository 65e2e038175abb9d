"""Momenta, parameters and precisions that squared matrix elements are refused for, and what the refusal says."""

import itertools
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes.evaluate import matrix_element_squared
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes, singular


def points(text: str) -> Array:
    return phase_space.momenta(processes.parse(text).masses(173.0)[2:], 1500.0, 4, 5)[0]


PARALLEL = np.array([[[750, 0, 0, 750], [750, 0, 0, -750], [375, 375, 0, 0], [375, 375, 0, 0], [750, -750, 0, 0]]], float)
FORWARD = np.array([[[750, 0, 0, 750], [750, 0, 0, -750], [750, 0, 0, 750], [750, 0, 0, -750]]], float)


@pytest.mark.parametrize("compiler", ["", "/nowhere/to/be/found"])
@pytest.mark.parametrize("dtype", ["float64", "mixed", "float32"])
@pytest.mark.filterwarnings("ignore:matrix elements in array operations")
def test_parallel_particles_are_refused(dtype: str, compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGTBENCH_CXX", compiler)
    good = points("g g > g g g")[:3]
    with pytest.raises(
        BadInput,
        match=r"event 3 .*parallel: 2 p_i.p_j is below 1e-(12|05) E_i E_j.*, 1 of 4 do.*particles 2 and 3 are",
    ):
        matrix_element_squared("g g > g g g", np.concatenate((good, PARALLEL)), dtype=dtype)
    with pytest.raises(BadInput, match=r"event 0 has momenta that are parallel.*particles 0 and 2 are nearest"):
        matrix_element_squared("g g > g g", FORWARD, dtype=dtype)
    with pytest.raises(BadInput, match=rf"\|M\|\^2 is not finite and positive in {dtype} for 3 of 3 events, the first is 0"):
        matrix_element_squared("g g > g g g", good, dtype=dtype, alpha_s=1e-300)


@pytest.mark.parametrize(("angle", "refused"), [(5e-7, True), (5e-6, False)])
def test_nearly_parallel_in_any_direction(angle: float, refused: bool) -> None:
    way, other = np.array([1.0, 2.0, 3.0]) / 14**0.5, np.array([3.0, 0.0, -1.0]) / 10**0.5
    first = 400 * (way + 0.5 * angle * other)
    second = 200 * (way - angle * other)  # their sum is along `way`
    out = [[np.linalg.norm(p), *p] for p in (first, second, -(first + second))]
    half = sum(energy for energy, *_ in out) / 2
    event = np.array([[[half, 0, 0, half], [half, 0, 0, -half], *out]])
    if refused:
        with pytest.raises(BadInput, match=r"event 0 has momenta that are parallel.*particles 2 and 3 are nearest"):
            matrix_element_squared("g g > g g g", event)
    else:
        assert matrix_element_squared("g g > g g g", event) > 0


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1e13, "float64"), (1e-13, "float64"), (1e5, "float32"), (1e5, "mixed"), (1e-6, "mixed")]
)
def test_energies_beyond_the_range_are_refused(factor: float, dtype: str) -> None:
    with pytest.raises(BadInput, match=rf"event 0 has an energy out of the range of {dtype}"):
        matrix_element_squared("g g > g g", factor * points("g g > g g"), dtype=dtype)


def changed(particle: int, component: int, value: float) -> Array:
    """Return three events of which the one in the middle has this number."""
    momenta = points("g g > t t~ g")[:3].copy()
    momenta[1, particle, component] = value
    return momenta


def scaled(factor: float) -> Array:
    momenta = points("g g > t t~ g")[:3].copy()
    momenta[1, 4] *= factor
    return momenta


FAULTS: dict[str, tuple[Any, str]] = {
    "no events axis": (np.zeros((5, 4)), "momenta are float64 (5, 4), wanted real numbers (events, 5, 4) for g g > t t~ g"),
    "another number of particles": (np.zeros((3, 4, 4)), "momenta are float64 (3, 4, 4)"),
    "another number of components": (np.zeros((3, 5, 3)), "momenta are float64 (3, 5, 3)"),
    "complex": (np.zeros((3, 5, 4), complex), "momenta are complex128"),
    "text": (np.full((3, 5, 4), "x"), "momenta are <U1"),
    "booleans": (np.zeros((3, 5, 4), bool), "momenta are bool"),
    "ragged": ([[1, 2], [3]], "momenta are no array (events, 5, 4)"),
    "masked": (np.ma.masked_array(points("g g > t t~ g"), mask=True), "momenta are a masked array"),
    "NaN": (changed(3, 1, np.nan), "event 1 has momenta that are not finite, 1 of 3 do"),
    "infinite": (changed(0, 0, np.inf), "event 1 has momenta that are not finite"),
    "a negative energy": (changed(2, 0, -500.0), "event 1 has an energy that is not positive"),
    "no energy": (np.zeros((2, 5, 4)), "event 0 has an energy that is not positive, 2 of 2 do"),
    "off shell": (changed(4, 0, 999.0), "event 1 is off shell: E^2 - p^2 is not m^2 within 2e-08 E^2, 1 of 3 do"),
    "not conserved": (scaled(1 + 1e-5), "event 1 does not conserve energy and momentum within 1e-08 of the energy, 1 of 3 do"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_momenta_at_fault_are_refused(fault: str) -> None:
    momenta, words = FAULTS[fault]
    with pytest.raises(BadInput) as error:
        matrix_element_squared("g g > t t~ g", momenta)
    assert words in str(error.value)
    if fault not in ("no events axis", "another number of particles") and "momenta are" not in words:
        assert "Its momenta in GeV: g [" in str(error.value)
        assert "masses 0 and 173" in str(error.value)


def test_the_mass_that_momenta_have_is_the_one_given() -> None:
    with pytest.raises(BadInput, match=r"is off shell.*masses 0 and 172.5"):
        matrix_element_squared("g g > t t~ g", points("g g > t t~ g"), top_mass=172.5)


def test_momenta_a_little_more_off_shell_are_refused() -> None:
    momenta = points("g g > t t~ g")
    momenta[:, 4, 0] *= 1 + 3e-8
    with pytest.raises(BadInput, match="event 0 is off shell"):
        matrix_element_squared("g g > t t~ g", momenta)


@pytest.mark.parametrize("component", [0, 1, 2, 3])
def test_each_component_must_be_conserved(component: int) -> None:
    momenta = phase_space.momenta((0.0, 0.0, 0.0), 1500.0, 2, 5)[0].copy()
    if component == 0:
        momenta[1, :2] *= 1 + 1e-7
    else:
        momenta[1, 4, component] += 1e-4  # of 1500 GeV
        momenta[1, 4, 0] = np.linalg.norm(momenta[1, 4, 1:])
        momenta[1, :2, 0] = momenta[1, 2:, 0].sum() / 2
        momenta[1, :2, 3] = np.copysign(momenta[1, :2, 0], momenta[1, :2, 3])
    with pytest.raises(BadInput, match="event 1 does not conserve energy and momentum"):
        matrix_element_squared("g g > g g g", momenta)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(2, 6), 2)))
def test_any_two_parallel_momenta_are_refused(pair: tuple[int, int]) -> None:
    momenta, others = points("g g > g g g g"), [leg for leg in range(2, 6) if leg not in pair]
    way, other = np.array([0.6, 0.0, 0.8]), np.array([0.0, 1.0, 0.0])
    momenta[0, list(pair), 1:] = 375 * way
    momenta[0, others, 1:] = -375 * way + np.array([[300.0], [-300.0]]) * other
    momenta[0, 2:, 0] = np.linalg.norm(momenta[0, 2:, 1:], axis=-1)
    half = momenta[0, 2:, 0].sum() / 2
    momenta[0, :2] = [[half, 0, 0, half], [half, 0, 0, -half]]
    with pytest.raises(BadInput, match=f"event 0 has momenta that are parallel.*, 1 of 4 do.*les {pair[0]} and {pair[1]} are"):
        matrix_element_squared("g g > g g g g", momenta)


@pytest.mark.parametrize(("energy_gev", "mass_gev"), [(1e9, 173.0), (1500.0, 1e-4)])
def test_a_mass_that_is_lost_in_the_energy_is_refused(energy_gev: float, mass_gev: float) -> None:
    half, way = energy_gev / 2, np.array([0.0, 0.0, 1.0])
    momentum = np.sqrt((half - mass_gev) * (half + mass_gev)) * way
    event = np.array([[[half, *(half * way)], [half, *(-half * way)], [half, *momentum], [half, *-momentum]]])
    with pytest.raises(BadInput, match="has momenta that are parallel"):
        matrix_element_squared("g g > t t~", event, top_mass=mass_gev)


def test_momenta_written_with_few_digits_are_refused_where_they_do_not_suffice() -> None:
    masses = processes.parse("g g > t t~ g").masses(173.0)[2:]
    exact = singular.singular(masses, 1500.0, 100, 3, 1e-10)
    rounded = np.array([[[float(f"{x:.9e}") for x in leg] for leg in event] for event in exact])
    taken = refused = 0
    for event, good in zip(rounded, exact, strict=True):
        try:
            found = matrix_element_squared("g g > t t~ g", event[None])
        except BadInput as error:
            assert "of its smallest 2 p_i.p_j" in str(error)
            refused += 1
        else:
            taken += 1
            assert found == pytest.approx(matrix_element_squared("g g > t t~ g", good[None]), rel=0.05)
    assert taken > 20
    assert refused > 10


def test_momenta_a_little_off_are_taken() -> None:
    for factor in (1 - 1e-9, 1 + 1e-9):
        matrix_element_squared("g g > t t~ g", scaled(factor))


PARAMETERS: list[tuple[str, Any]] = [
    *((name, value) for name in ("alpha_s", "top_mass", "top_width") for value in (-1.0, np.nan, np.inf, "1", None, True, 1j)),
    ("alpha_s", 0.0),
    ("top_mass", 0),
    ("alpha_s", 10**400),
    ("top_mass", 10**400),
]


@pytest.mark.parametrize(("name", "value"), PARAMETERS)
def test_parameters_out_of_range_are_refused(name: str, value: Any) -> None:
    bound = "0 or more" if name == "top_width" else "more than 0"
    with pytest.raises(BadInput, match=rf"{name} is .*, which must be {bound} and finite"):
        matrix_element_squared("g g > t t~", points("g g > t t~"), **{name: value})


@pytest.mark.parametrize("dtype", ["float16", "double", "", None, np.dtype("float64"), np.float64])
def test_other_precisions_are_refused(dtype: Any) -> None:
    with pytest.raises(BadInput, match="there are float64, float32, mixed"):
        matrix_element_squared("g g > t t~", points("g g > t t~"), dtype=dtype)


def test_other_processes_are_refused() -> None:
    with pytest.raises(BadInput, match="flavour is not conserved"):
        matrix_element_squared("g g > t t", points("g g > t t~"))
