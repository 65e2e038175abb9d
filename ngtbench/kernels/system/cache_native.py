"""Passes over memory of each thread's own, again and again: what the cache that holds it delivers."""

from collections.abc import Callable

from ngtbench.codegen import compiler, native, pages, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.system import numa
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.units import binary_bytes

CHAINS = 8  # sums side by side: more than an addition's latency times the loads per cycle
_APART = 136  # numbers between sets: threads do not walk through the same lines of a shared cache in step
_SET = (("T *", "x"), ("U", "items"), ("U", "apart"))


def _sums(lines: tuple[str, ...]) -> str:
    return "\n".join(line.format(k=k) for line in lines for k in range(CHAINS))


_START = "V *const set = (V *)(x + worker * apart);\n" + _sums(("V s{k} = V{{}};",)) + "\n"
_END = f"V all = {' + '.join(f's{k}' for k in range(CHAINS))};\nsums[{CHAINS} * worker] = total(all);"
_ADDED = f"for (U i = 0; i < items / W; i += {CHAINS}) {{\n" + _sums(("s{k} += set[i + {k}];",)) + "\n}\nagain;\n"


def _updated(sign: str) -> str:
    lines = _sums((f"low[i + {{k}}] = low[i + {{k}}] {sign} scale * high[i + {{k}}]; s{{k}} += low[i + {{k}}];",))
    return f"for (U i = 0; i < items / 2 / W; i += {CHAINS}) {{\n{lines}\n}}\nagain;\n"


FILL = raw.Text(
    "cache_fill",
    (*_SET, ("const T *", "pattern"), ("U", "period"), ("U", "turns")),
    "T *const set = x + worker * apart;\nfor (U i = 0; i < items; ++i) set[i] = pattern[i % period] + T(i / period % turns);",
)
READ = raw.Text("cache_read", (*_SET, ("U", "pairs"), ("T *", "sums")), f"{_START}each(p, pairs) {{\n{_ADDED}{_ADDED}}}\n{_END}")
UPDATE = raw.Text(
    "cache_update",
    (*_SET, ("U", "pairs"), ("T *", "sums"), ("T", "scale")),
    f"{_START}V *const low = set, *const high = set + items / 2 / W;\n"
    f"each(p, pairs) {{\n{_updated('+')}{_updated('-')}}}\n{_END}",
)


def passes(setup: Setup, pattern: Array, turns: Array, scale: Array) -> Run:
    """Fill a set per thread and compile.

    Raises Unavailable where the sets of all threads do not fit the memory.
    """
    size, threads, host = setup.size, setup.threads, compiler.find()
    needed_b, free_b = size.set_b * threads, numa.available_b()
    if free_b is not None and needed_b > free_b:
        raise Unavailable(
            f"{threads} sets need {binary_bytes(needed_b)}, {binary_bytes(free_b)} are available", "choose fewer --threads"
        )
    lanes, apart = native.lanes(host, setup.dtype), size.items + _APART
    x, sums = pages.empty(threads * apart, setup.dtype), pages.empty(threads * CHAINS, setup.dtype)
    sums.fill(0)

    def bound(text: raw.Text, *given: object) -> Callable[[], None]:
        return raw.called(raw.built(text, setup.dtype, lanes, host), text, threads, x, size.items, apart, *given)

    bound(FILL, pattern, pattern.size, int(turns))()
    update = bound(UPDATE, size.pairs, sums, float(scale)) if size.update else bound(READ, size.pairs, sums)
    setup.say(f"{host.description}, {threads} threads with {binary_bytes(size.set_b)} each")
    found = sums[:1].copy()

    def run() -> Arrays:
        update()
        found[0] = sums[::CHAINS].sum()
        return {"sum": found}

    return run
