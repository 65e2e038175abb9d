"""RAMBO as a loop for processors and GPUs: `physics.phase_space` line by line, with a logarithm and a circle of its own.

All is computed in double precision, whatever is stored. The logarithm is right to one unit in the last place, sine and cosine to
2e-16 of 1: the series are cut off below 2^-57, and arguments are reduced exactly.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache

from ngtbench.codegen import cpp
from ngtbench.codegen.raw import Text
from ngtbench.physics import counter, phase_space

_PI = Fraction(3141592653589793238462643383279502884197, 10**39)
_LN2 = Fraction(6931471805599453094172321214581765680755, 10**40)
_LN2_HIGH = Fraction(int(_LN2 * 2**42), 2**42)  # times an exponent it is exact
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
_ONE = 0x3FF0000000000000  # bits of 1
_FUNCTIONS = """\
inline_body VU bits(V x) { union { V numbers; VU words; } both = {x}; return both.words; }
inline_body V number(VU x) { union { VU words; V numbers; } both = {x}; return both.numbers; }
inline_body V uniform(VU z)
{
  z = (z ^ (z >> 30)) * MIX_1;
  z = (z ^ (z >> 27)) * MIX_2;
  return real((z ^ (z >> 31)) >> 11) * 0x1p-53;
}
inline_body V minus_log(V x)  // x from 2^-106 to 1 is 2^-k m, m from sqrt(1/2) to sqrt(2), log(m) = 2 artanh((m - 1) / (m + 1))
{
  const VU power = (bits(x) + UP) >> 52;
  const V f = number(bits(x) - (power << 52) + ONE) - 1.0, k = 1023.0 - real(power), s = f / (f + 2.0), z = s * s;
  return k * LN2_HIGH - (f - (s * (f - z * (ARTANH)) + k * LN2_LOW));
}
inline_body void circle(V turn, V &sine, V &cosine)  // of 2 pi turn, which is t quarters off a whole number of them
{
  const V y = 4.0 * turn, whole = y + 0x1.8p52, t = y - (whole - 0x1.8p52), z = t * t;
  const VU quarter = bits(whole);
  const V s = t * (SINE), c = COSINE;
  sine = number(bits((quarter & 1) != 0 ? c : s) ^ ((quarter & 2) << 62));
  cosine = number(bits((quarter & 1) != 0 ? s : c) ^ (((quarter + 1) & 2) << 62));
}
"""


def text(massive: Sequence[bool], lanes: int, dtype: str) -> Text:
    """Return the loop for outgoing particles of which these have mass, and blocks of so many events, a multiple of W.

    A group is W events, one after the other in `weights`; event e is lane e % lanes of block e / lanes in `momenta`, of `dtype`,
    [block][4 particle + component][lane], incoming particles first. Event 0 is number `first[0]` of the stream of `key`; `flat`
    is the weight of massless particles, `begin` where Newton's method begins, and `squares` are of the masses.
    """
    n, real = len(massive), cpp.TYPES[dtype]
    which = "".join("m" if one else "0" for one in massive)
    given = (("U", "groups"), ("U", "key"), ("const U *", "first"), ("T", "energy"), ("T", "flat"), ("T", "begin"))
    pointers = (("const T *", "squares"), (f"{real} *", "momenta"), ("T *", "weights"))
    heavy = [i for i in range(n) if massive[i]]
    start = f"const VU z = (lane() + (*first + g * W)) * {_word(4 * n * counter.GAMMA)} + key;"
    steps = [start, *_drawn(n), *_at_rest(n), *(_slowed(n, heavy) if heavy else []), *_stored(n, heavy, lanes, real)]
    lines = ["each(g, groups) {", *(f"  {line}" for line in steps), "}"]
    return Text(f"rambo_{which}_{lanes}_{dtype}", (*given, *pointers), "\n".join(lines), _functions())


@cache
def _functions() -> str:
    half, made = _PI / 2, _FUNCTIONS
    for name, value in {
        "MIX_1": _word(counter.MIX_1),
        "MIX_2": _word(counter.MIX_2),
        "UP": _word(_ONE - _ROOT_HALF),
        "ONE": _word(_ONE),
        "LN2_HIGH": float(_LN2_HIGH).hex(),
        "LN2_LOW": float(_LN2 - _LN2_HIGH).hex(),
        "ARTANH": _series(Fraction(2, 2 * k + 3) for k in range(10)),
        "COSINE": _series((-1) ** k * half ** (2 * k) / math.factorial(2 * k) for k in range(10)),
        "SINE": _series((-1) ** k * half ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(9)),
    }.items():
        made = made.replace(name, value)
    return made


def _word(value: int) -> str:
    return f"{value & counter.MASK:#x}ull"


def _series(coefficients: Iterable[Fraction]) -> str:
    first, *others = (float(one).hex() for one in coefficients)
    return first + "".join(f" + z * ({one}" for one in others) + ")" * len(others)


def _drawn(n: int) -> list[str]:
    """Write directions x y z and energies e of massless particles."""
    lines = []
    for i in range(n):
        polar, turn, third, fourth = (f"uniform(z + {_word((4 * i + k) * counter.GAMMA)})" for k in range(4))
        lines += [
            f"const V u{i} = {polar}, e{i} = minus_log((1.0 - {third}) * (1.0 - {fourth}));",
            f"const V across{i} = 2.0 * root(u{i} * (1.0 - u{i})), z{i} = u{i} + u{i} - 1.0;",
            f"V x{i}, y{i}; circle({turn}, y{i}, x{i}); x{i} *= across{i}; y{i} *= across{i};",
        ]
    return lines


def _at_rest(n: int) -> list[str]:
    """Write vectors px py pz that sum to zero, their lengths l, and `scale`, by which these sum to the energy."""
    lines = [
        f"const V d{i}_{j} = e{i} * e{j} * ({' + '.join(f'({a}{i} - {a}{j}) * ({a}{i} - {a}{j})' for a in 'xyz')});"
        for i, j in itertools.combinations(range(n), 2)
    ]
    pairs = _sum(f"d{i}_{j}" for i, j in itertools.combinations(range(n), 2))
    lines += [f"const V mass = root({pairs}), half = 0.5 / mass, all = {_sum(f'e{i}' for i in range(n))};"]
    lines += [f"const V s{a} = {_sum(f'e{i} * {a}{i}' for i in range(n))};" for a in "xyz"]
    lines += ["const V shared = 1.0 / (all + mass);"]
    for i in range(n):
        lines += [f"const V own{i} = half * ({_sum(f'd{min(i, j)}_{max(i, j)}' for j in range(n) if j != i)});"]
        lines += [f"const V back{i} = (e{i} + own{i}) * shared, part{i} = 2.0 * half * own{i};"]
        lines += [f"V p{a}{i} = e{i} * {a}{i} - s{a} * back{i};" for a in "xyz"]
    lines += [f"const V rest{a} = {_sum(f'p{a}{i}' for i in range(n))};" for a in "xyz"]
    for i in range(n):
        lines += [f"p{a}{i} -= rest{a} * part{i};" for a in "xyz"]
        lines += [f"const V l{i} = root({_sum(f'p{a}{i} * p{a}{i}' for a in 'xyz')});"]
    return [*lines, f"V scale = energy / ({_sum(f'l{i}' for i in range(n))});"]


def _slowed(n: int, heavy: Sequence[int]) -> list[str]:
    """Write the factor xi by which momenta shrink to make room for masses; a lane stops by itself, whatever is in the others."""
    light = _sum(f"l{i}" for i in range(n) if i not in heavy) or "V{}"
    every = " * ".join(f"w{i}" for i in heavy)
    return [
        f"const V light = scale * ({light});",
        *(f"const V a{i} = l{i} * l{i} * scale * scale;" for i in heavy),
        "V xi = begin + V{}, moving = 1.0 + V{};",
        f"for (int step = 0; step < {phase_space.STEPS}; ++step) {{",
        *(f"  const V w{i} = root(squares[{i}] + xi * xi * a{i});" for i in heavy),
        f"  const V above = {_sum(f'w{i}' for i in heavy)} + xi * light - energy, every = {every};",
        f"  const V change = above * every / (xi * ({_shares(heavy, 'a', 'w')}) + light * every);",
        "  xi -= moving * change;",
        f"  moving = change > {phase_space.CONVERGED!r} * xi ? moving : V{{}};",
        "  if (total(moving) == 0) break;",
        "}",
        "scale *= xi;",
        *(f"const V k{i} = l{i} * scale, E{i} = root(squares[{i}] + k{i} * k{i}), b{i} = k{i} * k{i};" for i in heavy),
    ]


def _stored(n: int, heavy: Sequence[int], lanes: int, real: str) -> list[str]:
    weight = "flat + V{}"
    if heavy:
        every, lengths = (" * ".join(f"{name}{i}" for i in heavy) for name in "Ek")
        shrunk = " * ".join(["xi"] * (2 * n - 3))
        weight = f"flat * energy * {shrunk} * ({lengths}) / ({_shares(heavy, 'b', 'E')} + xi * light * ({every}))"
    width, half = 4 * (n + 2), "0.5 * energy + V{}"
    lines = [
        f"put(weights + g * W, {weight});",
        f"{real} *const at = momenta + g * W / {lanes} * {width * lanes} + g * W % {lanes};",
    ]
    values = [half, "V{}", "V{}", half, half, "V{}", "V{}", "-0.5 * energy + V{}"]
    for i in range(n):
        values += [f"E{i}" if i in heavy else f"l{i} * scale", *(f"p{a}{i} * scale" for a in "xyz")]
    return [*lines, *(f"put(at + {number * lanes}, {value});" for number, value in enumerate(values))]


def _shares(heavy: Sequence[int], of: str, over: str) -> str:
    """Write the sum of `of` / `over`, times the product of all `over`: a division less for each."""
    return _sum(" * ".join([f"{of}{i}", *(f"{over}{j}" for j in heavy if j != i)]) for i in heavy)


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms)
