"""The published matrix elements per second load, are sourced and possible, and stand on a page apart from what was measured."""

import re

from ngtbench import shipped
from ngtbench.report import provenance, published

FIGURES = [one for one in published.load(shipped.folder("published")) if one.what.startswith("generators/")]
WHAT = re.compile(
    r"generators/matrix_element: MadGraph cudacpp, (MECalcOnly|whole kernels), all helicities, full colour, flat phase space, "
    r"g g > t t~((?: g)*)(?: \(M-ggttx(g*)-width\))?, (float64|float32|float64 with the colour sum in float32)(?:, .+)?"
)
SOURCE = re.compile(
    r"https://github\.com/madgraph5/madgraph4gpu, epochX/cudacpp/tput/\S+, commit [0-9a-f]{9} \(20\d\d-\d\d-\d\d\)"
)
CORE = {0: (4e5, 3e6), 1: (8e4, 6e5), 2: (8e3, 5e4), 3: (3e2, 2e3)}  # gluons -> what one core does: catches a slip of a digit
GPU = {0: (1e7, 1e9), 1: (2e6, 1e8), 2: (2e5, 2e6), 3: (3e3, 4e4), 4: (2e2, 3e2)}


def test_figures_are_sourced_named_after_our_sizes_and_listed_once() -> None:
    assert len(FIGURES) >= 99
    assert len({(one.hardware, one.what) for one in FIGURES}) == len(FIGURES)
    for one in FIGURES:
        found = WHAT.fullmatch(one.what)
        assert found, one.what
        gluons = found[2].count("g")
        assert gluons == 4 or len(found[3]) == gluons, one.what
        assert SOURCE.fullmatch(one.source), one.source
        assert one.unit == "matrix element/s"
        assert one.hardware.startswith(("1 core of an ", "1 NVIDIA ", "1 GCD of an AMD "))
        assert not re.search("H100|H200|L40S|MI300", one.hardware), "nobody has published any"
        low, high = (CORE if "core" in one.hardware else GPU)[gluons]
        assert low <= one.value <= high, one
        if "logs_" in one.source and gluons < 4:
            precision = {"float64": "d", "float32": "f"}.get(found[4], "m")
            name = "ggtt" + "g" * gluons
            assert re.search(rf"/logs_{name}_(mad|manu)/log_{name}_\1_{precision}_", one.source), "the log of another process"


def test_single_precision_is_faster_than_double() -> None:
    values = {(one.hardware, one.what, one.source.partition("commit")[2]): one.value for one in FIGURES}
    doubles = {key: value for key, value in values.items() if ", float64" in key[1] and "colour sum" not in key[1]}
    pairs = [(value, values.get((key[0], key[1].replace("float64", "float32"), key[2]))) for key, value in doubles.items()]
    found = [single / double for double, single in pairs if single is not None]
    assert len(found) >= 38
    assert all(1.3 < ratio < 2.9 for ratio in found)


def test_a_page_shows_them_apart() -> None:
    table = provenance.published(FIGURES)
    rows = [" | ".join(" ".join(cell.lines) for cell in row) for row in table.rows]
    assert "measured by nobody here" in table.note
    for words in (
        "1 NVIDIA V100S PCIe 32 GB | generators/.*M-ggttxgg-width.*, float64, peak of the scaling curve | 457 kmatrix",
        "1 NVIDIA A100 SXM4 80 GB | generators/.*M-ggttxgg-width.*, float64, code of 2022 | 925 kmatrix",
        "1 GCD of an AMD MI250X .* | generators/.*M-ggttxgg-width.*, float32, peak of the scaling curve | 483 kmatrix",
        "1 core of an AMD EPYC 7A53 | generators/.*M-ggttxggg-width.*, float64, AVX2 | 460 matrix element/s",
    ):
        pattern = words.replace("|", r"\|").replace("(LUMI)", r"\(LUMI\)")
        assert sum(re.match(pattern, row) is not None for row in rows) == 1, words
