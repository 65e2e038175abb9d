"""Momenta made where they are used: the bits of uniform numbers, logarithm and circle, blocks, threads, and what GPUs compile."""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import compiler, cubin, pages, raw
from ngtbench.codegen.compiler import Compiler
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.amplitudes import rambo, rambo_text
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter, phase_space
from tests.unit.system import conftest

host, on_gpu = conftest.host, conftest.on_gpu
W = 1500.0
TOP = 173.0
MASSES = [(0.0, 0.0), (TOP, TOP), (0.0, TOP, 0.0), (TOP, TOP, 0.0, 0.0), (5.0, TOP, 0.0, 80.0, TOP)]
PROBE = raw.Text(
    "rambo_probe",
    (("U", "groups"), ("U", "key"), ("const T *", "x"), *(("T *", name) for name in ("drawn", "logs", "sines", "cosines"))),
    f"""\
each(g, groups) {{
  V sine, cosine;
  circle(((const V *)x)[g], sine, cosine);
  put(drawn + g * W, uniform((lane() + g * W) * {counter.GAMMA:#x}ull + key));
  put(logs + g * W, minus_log(((const V *)x)[g]));
  put(sines + g * W, sine);
  put(cosines + g * W, cosine);
}}""",
    rambo_text.text((False, False), 1, "float64").functions,
)


def rows(momenta: Array, events: int) -> Array:
    """Return blocks as (events, particles, 4)."""
    return momenta.transpose(0, 2, 1).reshape(-1, momenta.shape[1] // 4, 4)[:events]


def boost(masses: tuple[float, ...], events: int, seed: int) -> Array:
    """Return the factor by which rounding of directions grows: that of the boost to the rest frame of what is drawn."""
    n = len(masses)
    numbers = counter.at(Uniform((), seed, 0, 0.0, 1.0), np.arange(4 * n * events)).reshape(events, n, 4)
    energy, cosine, phi = (
        -np.log((1 - numbers[..., 2]) * (1 - numbers[..., 3])),
        2 * numbers[..., 0] - 1,
        2 * np.pi * numbers[..., 1],
    )
    sine = np.sqrt(1 - cosine**2)
    total = np.sum(energy[..., None] * np.stack((sine * np.cos(phi), sine * np.sin(phi), cosine), axis=-1), axis=1)
    gamma: Array = energy.sum(axis=1) / np.sqrt(energy.sum(axis=1) ** 2 - np.sum(total**2, axis=-1))
    return gamma


def probed(x: Array, host: Compiler) -> list[Array]:
    """Return uniform numbers of seed 3, stream 2, and -log(x), sin(2 pi x) and cos(2 pi x)."""
    lanes = host.width_b // 8
    given, *made = (pages.empty(x.size, np.float64) for _ in range(5))
    given[:] = x
    call = raw.called(raw.built(PROBE, "float64", lanes, host), PROBE, 1, x.size // lanes, counter.key(3, 2), given, *made)
    call()
    return made


def test_uniform_numbers_are_the_same_bits(host: Compiler) -> None:
    drawn = probed(np.ones(1 << 12), host)[0]
    assert np.array_equal(drawn, counter.at(Uniform((), 3, 2, 0.0, 1.0), np.arange(1 << 12)))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no wider numbers to compare with")
def test_logarithm_and_circle_are_as_right_as_is_said(host: Compiler) -> None:
    random = np.random.default_rng(1).random(1 << 16)
    parts = (random, random * random[::-1], 2.0 ** (-106 * random), 1 - 2.0 ** (-53 * random), np.arange(1, 65) / 64)
    x = np.concatenate([*parts, math.sqrt(0.5) * (1 + 1e-9 * random), np.arange(1 << 10) / (1 << 10) + 2.0**-53])
    x = np.minimum(np.maximum(x, 2.0**-106), 1.0)[: x.size // 64 * 64]
    _, logs, sines, cosines = probed(x, host)
    wanted = -np.log(x.astype(np.longdouble))
    assert np.abs((logs - wanted) / np.spacing(np.maximum(wanted, 1e-300).astype(np.float64)))[x < 1].max() <= 1
    assert (logs[x == 1] == 0).all()
    angle = 8 * np.arctan(np.longdouble(1)) * x
    assert np.abs(sines - np.sin(angle)).max() < 2e-16
    assert np.abs(cosines - np.cos(angle)).max() < 2e-16


@pytest.mark.parametrize(("lanes", "threads"), [(None, 1), (32, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("masses", MASSES)
def test_momenta_are_those_of_the_definition(masses: tuple[float, ...], lanes: int | None, threads: int, host: Compiler) -> None:
    events = 4001
    made = rambo.generate(masses, W, events, seed=3, backend="native", lanes=lanes, threads=threads)
    made.momenta.fill(np.nan)
    made.weights.fill(np.nan)
    made()
    blocks, numbers, width = made.momenta.shape
    assert (numbers, width) == (4 * (len(masses) + 2), lanes or host.width_b // 8)
    assert made.weights.shape == (blocks, width) == (-(-events // width), width)
    total = blocks * width  # the last block is full
    want, weights = phase_space.momenta(masses, W, total, seed=3)
    off = np.abs(rows(made.momenta, total) - want).max(axis=(1, 2)) / W
    assert (off / boost(masses, total, 3)).max() < 4 * 2.0**-53
    assert np.median(off) < 2.0**-53
    assert np.abs(made.weights.reshape(-1) / weights - 1).max() < 1e-14
    if not any(masses):
        assert set(made.weights.reshape(-1).tolist()) == {phase_space.volume(len(masses), W)}


@pytest.mark.parametrize(
    ("masses", "energy"), [((TOP, TOP, 0.0), 2 * TOP * (1 + 1e-9)), ((TOP, TOP, 0.0), 1e5), ((0.0, 0.0), W), ((TOP, TOP), 1e5)]
)
def test_rows_are_on_shell_and_conserve_momentum(masses: tuple[float, ...], energy: float, host: Compiler) -> None:
    made = rambo.generate(masses, energy, 20_000, seed=3, backend="native")
    made()
    found = rows(made.momenta, 20_000)
    squares = found[..., 0] ** 2 - np.sum(found[..., 1:] ** 2, axis=-1) - np.square((0, 0, *masses))
    assert np.abs(squares / found[..., 0] ** 2).max() < 4e-15
    assert np.abs(found[:, 2:].sum(axis=1) - found[:, :2].sum(axis=1)).max() < 2e-15 * energy


@pytest.mark.parametrize("masses", [(TOP, TOP), (0.0, 0.0, 0.0)])
def test_single_precision_is_rounded_once(masses: tuple[float, ...], host: Compiler) -> None:
    made = rambo.generate(masses, W, 1000, seed=3, backend="native", dtype="float32")
    made()
    assert made.momenta.dtype == np.float32
    assert made.weights.dtype == np.float64
    assert made.momenta.shape[2] == host.width_b // 4
    want, weights = phase_space.momenta(masses, W, 1000, seed=3)
    assert (np.abs(rows(made.momenta, 1000) - want) <= np.abs(want) * 2.0**-24 + 1e-11).all()
    assert np.abs(made.weights.reshape(-1)[:1000] / weights - 1).max() < 1e-14


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_call_begins_where_it_is_told_to(backend: str, host: Compiler) -> None:
    masses, energy = (1e-3, 50.0, 0.0, 3.0), 60.0  # for which Newton's method takes this many steps or that
    whole = rambo.generate(masses, energy, 640, seed=5, stream=4, backend=backend, lanes=8)
    part = rambo.generate(masses, energy, 80, seed=5, stream=4, backend=backend, lanes=8)
    whole()
    part.first[0] = 333
    for _ in range(2):
        part()
        assert np.array_equal(rows(part.momenta, 80), rows(whole.momenta, 640)[333:413])
        assert np.array_equal(part.weights.reshape(-1), whole.weights.reshape(-1)[333:413])
    other = rambo.generate(masses, energy, 640, seed=5, backend=backend, lanes=8)
    other()
    assert not np.any(rows(other.momenta, 640)[:, 2:] == rows(whole.momenta, 640)[:, 2:])


def test_an_array_that_is_given_is_filled(host: Compiler) -> None:
    given = np.zeros((100, 16, 8), np.float32)
    made = rambo.generate((0.0, 0.0), W, 800, seed=5, backend="native", lanes=8, dtype="float32", into=given)
    made()
    assert made.momenta is given
    assert (given[:, 0] == W / 2).all()
    for wrong in (given[:50], given.astype(np.float64), np.zeros((100, 8, 16), np.float32).transpose(0, 2, 1)):
        with pytest.raises(ValueError, match=r"does not hold momenta|must be contiguous"):
            rambo.generate((0.0, 0.0), W, 800, seed=5, backend="native", lanes=8, dtype="float32", into=wrong)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_without_a_compiler_arrays_do_it_and_it_is_said(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Compiler:
        raise Unavailable("no C++ compiler works", "install g++")

    monkeypatch.setattr(compiler, "find", none)
    monkeypatch.setattr(rambo, "_PART", 320)
    made = rambo.generate((TOP, TOP, 0.0), W, 1000, seed=5, dtype=dtype)
    made()
    assert made.said == "array operations of NumPy, 1 thread, for no C++ compiler works (install g++)"
    want, weights = phase_space.momenta((TOP, TOP, 0.0), W, 1024, seed=5)
    assert made.momenta.shape == (32, 20, 32)
    assert np.array_equal(rows(made.momenta, 1024), want.astype(dtype))
    assert np.array_equal(made.weights.reshape(-1), weights)
    assert rambo.generate((0.0, 0.0), W, 1, seed=5, backend="numba").said == "array operations of NumPy, 1 thread"
    with pytest.raises(Unavailable, match="no C"):
        rambo.generate((0.0, 0.0), W, 1000, seed=5, backend="native")


@pytest.mark.parametrize(("dtype", "blocks"), [("float64", 33), ("float32", 1)])
@pytest.mark.parametrize("masses", [(0.0, 0.0), (TOP, TOP, 0.0)])
def test_a_gpu_makes_the_same(
    masses: tuple[float, ...], dtype: str, blocks: int, on_gpu: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ngtbench.kernels.amplitudes.rambo_cupy"
    monkeypatch.setitem(sys.modules, name, on_gpu(name))
    monkeypatch.setattr("ngtbench.backends.imported", lambda name: None)
    made = rambo.generate(masses, W, 32 * blocks - 31, seed=3, backend="cupy", dtype=dtype)
    assert made.first[0] == 0
    made.first[0] = 7
    made()
    assert made.momenta.shape == (blocks, 4 * (len(masses) + 2), 32)
    assert made.momenta.dtype == dtype
    want, weights = phase_space.momenta(masses, W, 32 * blocks, seed=3, first=7)
    exact = 0 if dtype == "float64" else 2.0**-24
    assert (np.abs(rows(np.asarray(made.momenta), 32 * blocks) - want) <= np.abs(want) * exact + 1e-11).all()
    assert np.abs(np.asarray(made.weights).reshape(-1) / weights - 1).max() < 1e-14


@pytest.mark.parametrize("arch", cubin.ARCHITECTURES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gpus_compile_it_without_spills(dtype: str, arch: str, tool: Callable[[str, str], str]) -> None:
    tool("nvcc", "install the CUDA toolkit")
    text = rambo_text.text((True, True, False, False, False), 32, dtype)
    made = cubin.report(raw.device(text, "float64"), text.name, arch)
    assert made.spill_b == 0
    assert made.stack_b == 0
    assert made.registers <= 128


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"masses_gev": (0.0,)}, "two outgoing particles"),
        ({"energy_gev": math.nan}, "threshold"),
        ({"events": -1}, "counts from 0"),
        ({"dtype": "float16"}, "there are float64, float32"),
        ({"backend": "torch"}, "native, cupy, numba, numpy"),
        ({"lanes": 0}, "counts from 1"),
        ({"threads": 0}, "counts from 1"),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        rambo.generate(**{"masses_gev": (0.0, 0.0), "energy_gev": W, "events": 3, "seed": 1, **given})


def test_no_events_are_none(host: Compiler) -> None:
    made = rambo.generate((0.0, 0.0), W, 0, seed=1, backend="native")
    made()
    assert made.momenta.size == 0


def test_a_missing_cupy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ngtbench.backends.missing", lambda name: "cupy")
    with pytest.raises(Unavailable, match="package cupy is not installed"):
        rambo.generate((0.0, 0.0), W, 10, seed=1, backend="cupy")
