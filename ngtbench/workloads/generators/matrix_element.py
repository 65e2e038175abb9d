"""Squared matrix elements of leading-order QCD, every helicity and colour: what event generators spend their time on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics import processes
from ngtbench.workloads.generators import _case, _oracle

_OTHERS = 128  # events that are checked of a process that the table does not name
_MEMO = 8  # samples: those of a case in both dtypes, and for other seeds


@dataclass(frozen=True)
class Size:
    """A process in MadGraph's syntax, events of a call, and the top quark's width in GeV.

    `chain`: momenta are made in the call, from random numbers, and results and weights arrive on the host.
    """

    process: str
    events: int
    chain: bool = False
    top_width: float = 0.0

    @property
    def particles(self) -> int:
        """Incoming and outgoing ones."""
        return len(processes.parse(self.process).particles)


def inputs(size: Size, seed: int) -> Inputs:
    """Return momenta (events, particles, 4) in GeV at 1.5 TeV; of a chain, the energy and the seed of random numbers."""
    if size.chain:
        return {"energy_gev": np.array([_case.ENERGY_GEV]), "stream": np.array([seed], np.int64)}
    return {"momenta": _case.momenta(size.process, size.events, seed)}


def reference(size: Size, **given: Array) -> dict[str, Array]:
    """Return |M|^2 of each event, and of a chain its weight."""
    events = np.arange(size.events)
    if not size.chain:
        return {"squared": _given(size, given["momenta"].reshape(-1), events)}
    momenta, weights = _case.flat(size.process, size.events, int(given["stream"][0]), energy_gev=float(given["energy_gev"][0]))
    return {"squared": _oracles(size.process, size.top_width, momenta.tobytes()), "weights": weights}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check events spread over the batch; each output is divided by the rms of what is wanted."""
    events, want = _sample(size, inputs)
    scale = {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in want.items()}
    got = [outputs[name][events] / scale[name] for name in want]
    return np.concatenate(got), np.concatenate([values / scale[name] for name, values in want.items()])


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Check errors relative to each event's own matrix element, and that all are positive.

    Results that are all numbers of single precision are held to what colour sums in single precision can give: they pass in
    double only if the implementation declares a tolerance of its own.
    """
    values, (events, want) = outputs["squared"].whole().reshape(-1), _sample(size, inputs)
    pairs = np.zeros(1) if size.chain or size.events < 2 else _case.paired(values)
    off = np.abs(values[events] / want["squared"] - 1)
    single = dtype == "float64" and bool(np.all(values == values.astype(np.float32)))
    kind = "mixed" if single else dtype
    median, most, worst = _RELATIVE[kind] if len(events) >= _MANY else _FEW.get(kind, _RELATIVE[kind])
    weights = np.abs(outputs["weights"][events] / want["weights"] - 1) if size.chain else np.zeros(1)
    return {
        "relative error, median": (float(np.median(off)), median),
        "relative error, 90th percentile": (float(np.quantile(off, 0.9)), most),
        "relative error, worst": (float(np.max(off)), worst),
        "events turned and permuted, median": (float(np.median(pairs)), median),
        "events turned and permuted, worst": (float(np.max(pairs)), _TURNED[kind]),
        "events without a positive matrix element": (float(np.sum(~((values > 0) & np.isfinite(values)))), 0.0),
        **({"relative error of weights": (float(np.max(weights)), _WEIGHTS)} if size.chain else {}),
    }


def work(size: Size, item_b: int) -> Work:
    """Count the FLOP of a table for each event; momenta read once, and results written once.

    Resident: momenta as they are given and as an implementation keeps them, results, weights in double precision.
    """
    numbers, weight_b = 4 * size.particles, 8 if size.chain else 0
    return Work(
        flop=(_case.FLOP_WIDTH if size.top_width else _case.FLOP)[size.process] * size.events,
        bytes=((0 if size.chain else numbers * item_b) + item_b + weight_b) * size.events,
        memory_b=((1 if size.chain else 2) * numbers * item_b + item_b + weight_b) * size.events,
        events=size.events,
        event="matrix element",
    )


def nearby(size: Size, k: int) -> Size:
    """Return another number of events."""
    return replace(size, events=_case.near(size.events, k))


def _sample(size: Size, given: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
    """Return events spread over the batch and what is wanted of them; of a chain, those of twice as many that are regular."""
    most = _case.CHECKED.get(size.process, _OTHERS)
    if not size.chain:
        events = _case.chosen(
            size.events, most, _case.rows(given["momenta"], np.zeros(1, np.int64), 4 * size.particles).tobytes()
        )
        return events, {"squared": _given(size, given["momenta"], events)}
    one = np.zeros(1, np.int64)
    energy_gev, seed = float(given["energy_gev"][one][0]), int(given["stream"][one][0])
    most = min(most, _OTHERS)
    events = _case.chosen(size.events, 2 * most, str(seed).encode())
    made = [_case.flat(size.process, 1, seed, int(event), energy_gev) for event in events]
    momenta, weights = (np.concatenate(parts) for parts in zip(*made, strict=True))
    kept = np.flatnonzero(_case.regular(momenta))
    kept = kept[_case.chosen(len(kept), most, str(seed).encode())]
    squared = _oracles(size.process, size.top_width, momenta[kept].tobytes())
    return events[kept], {"squared": squared, "weights": weights[kept]}


def _given(size: Size, momenta: Any, events: Array) -> Array:
    """Return what the oracle says of some events, whose momenta are indexed by flat indices."""
    return _oracles(size.process, size.top_width, _case.rows(momenta, events, 4 * size.particles).tobytes())


@lru_cache(maxsize=_MEMO)
def _oracles(process: str, top_width: float, momenta: bytes) -> Array:
    """Return |M|^2; kept, for each of several checks asks for the same, and events take up to seconds."""
    of = processes.parse(process)
    events = np.frombuffer(momenta, np.float64).reshape(-1, len(of.particles), 4)
    found = _oracle.squared(of, events, top_mass=_case.TOP_MASS_GEV, top_width=top_width)
    found.flags.writeable = False
    return found


# Bounds of relative errors: median, 90th percentile, worst. Seen of 10^5 events of each process, in samples as large as those
# checked: float32 1.5e-5 (of two events; of a hundred 1e-6), 2.6e-5, 6.3e-5; mixed 1.2e-7, 2.8e-7, 5.6e-7.
_RELATIVE = {"float64": (1e-11, 1e-10, 1e-9), "float32": (5e-6, 1e-4, 5e-4), "mixed": (3e-7, 1e-6, 3e-6)}
_FEW, _MANY = {"float32": (3e-5, 1e-4, 5e-4)}, 64  # of samples that are smaller than many
_TURNED = {"float64": 1e-11, "float32": 2e-3, "mixed": 5e-6}  # of all events: 5e-14, 6e-5 and 7e-7 seen in up to 6e4 of a process
# Errors over rms are relative ones times what the largest |M|^2 is of the rms, up to the root of the number of events, 32. Seen:
# float32 1.6e-3, mixed 3.5e-6.
_TOLERANCE = {"float64": 1e-10, "float32": 5e-3}
_WEIGHTS = 1e-10  # double precision whatever the dtype
_SINGLE_SUMS = (("float64", 1e-5),)

_TT, _TTG, _TTGG, _TTGGG = (f"g g > t t~{' g' * count}" for count in range(4))

WORKLOAD = Workload(
    version=2,
    title="Matrix elements of QCD, all helicities, full colour",
    inputs=inputs,
    reference=reference,
    spot=spot,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size(_TT, 64),
        "S": Size(_TTG, 128),
        "M": Size(_TTGG, 2**14),
        "L": Size(_TTGG, 2**18),
        "XS-chain": Size(_TT, 64, chain=True),
        "S-ggttxg-chain": Size(_TTG, 64, chain=True),
        "S-ggttx": Size(_TT, 1024),
        "S-ggttxgg": Size(_TTGG, 16),
        "S-ggttxgg-width": Size(_TTGG, 16, top_width=1.4915),
        "S-ggttxggg": Size(_TTGGG, 2),
        "S-gggg": Size("g g > g g", 1024),
        "S-ggggg": Size("g g > g g g", 1024),
        "S-gggggg": Size("g g > g g g g", 8),
        "S-uuxttx": Size("u u~ > t t~", 1024),
        "S-uuxttxg": Size("u u~ > t t~ g", 128),
        "S-uuxttxgg": Size("u u~ > t t~ g g", 64),
        "S-guttxu": Size("g u > t t~ u", 128),
        "S-uuxttxccx": Size("u u~ > t t~ c c~", 128),
        "S-uuxttxuux": Size("u u~ > t t~ u u~", 128),
        "M-ggttx": Size(_TT, 2**18),
        "M-ggttxg": Size(_TTG, 2**16),
        "M-ggttx-width": Size(_TT, 2**18, top_width=1.4915),
        "M-ggttxg-width": Size(_TTG, 2**16, top_width=1.4915),
        "M-ggttxgg-width": Size(_TTGG, 2**14, top_width=1.4915),
        "M-ggttxggg-width": Size(_TTGGG, 2**11, top_width=1.4915),
        "M-ggttxggg": Size(_TTGGG, 2**11),
        "M-ggggg": Size("g g > g g g", 2**15),
        "M-gggggg": Size("g g > g g g g", 2**12),
        "M-uuxttxgg": Size("u u~ > t t~ g g", 2**15),
        "M-ggttx-chain": Size(_TT, 2**18, chain=True),
        "M-ggttxg-chain": Size(_TTG, 2**16, chain=True),
        "M-ggttxgg-chain": Size(_TTGG, 2**14, chain=True),
        "M-ggttxggg-chain": Size(_TTGGG, 2**11, chain=True),
        "L-ggttx": Size(_TT, 2**21),
        "L-ggttxg": Size(_TTG, 2**20),
        "L-ggttxggg": Size(_TTGGG, 2**15),
        "L-ggttx-chain": Size(_TT, 2**22, chain=True),
        "L-ggttxg-chain": Size(_TTG, 2**20, chain=True),
        "L-ggttxgg-chain": Size(_TTGG, 2**18, chain=True),
        "L-ggttxggg-chain": Size(_TTGGG, 2**15, chain=True),
    },
    quick=("S", "S-ggttx"),
    quick_gpu=("M-ggttx", "M-ggttxg", "M"),
    tolerance=_TOLERANCE,
    impls=(
        Impl("numpy", "amplitudes.traced:arrays", "numpy"),
        Impl("native", "amplitudes.traced:native", "native"),
        Impl("native-mixed", "amplitudes.traced:mixed", "native", dtypes=("float64",), tolerance=_SINGLE_SUMS),
        Impl("rtc", "amplitudes.traced_cupy:rtc", "cupy", devices=("gpu",)),
        Impl(
            "rtc-mixed",
            "amplitudes.traced_cupy:mixed",
            "cupy",
            devices=("gpu",),
            dtypes=("float64",),
            tolerance=_SINGLE_SUMS,
        ),
    ),
    live=("momenta", "stream"),
    notes=(
        "A matrix element: |M|^2 of one event, summed over all helicities and colours, averaged over those of the initial state.",
        "alpha_s 0.118, fixed; top mass 173 GeV, width 0, with -width 1.4915 GeV; flat phase space at 1.5 TeV.",
        "Gluons in two linear polarisations each, or whatever basis an implementation takes: sums over states are the same.",
        "Given events in which 2 p_i.p_j of a pair is below s / 1000 are left out; of a chain, such are made but not checked.",
        "Matrix elements only: momenta lie in an implementation's own layout, and packing them is not timed.",
        "-chain: each call makes random numbers, momenta, weights of phase space and matrix elements; results reach the host.",
        "FLOP by a table, one number per process and width or none, whatever an implementation does.",
        "Every event of XS and S against the oracle; of M and L 1024 to 2, at random, for which it takes seconds.",
        "Given events from the middle on are those before, turned about the beam and with gluons permuted: both must agree.",
        "Relative errors are per event; float32 loses digits where momenta are nearly parallel.",
        "-mixed: currents in double, colour sums in single precision, results stored in single precision.",
        "A GPU keeps currents of a batch in its memory, at most half of what is free.",
    ),
)
