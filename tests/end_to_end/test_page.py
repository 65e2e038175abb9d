"""The page in a browser, at desktop, phone and print size: offline, quiet, accessible, whole, and nothing of a record acts."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ngtbench.model.case import Case
from ngtbench.model.comparison import Weights
from ngtbench.model.record import Outcome
from ngtbench.report import html, published
from ngtbench.report.html import Report
from ngtbench.report.prices import Price
from tests.end_to_end.pages import CUT, EQUAL, FAINT, HOSTILE, LQFT, hostile, hostile_machine, report
from tests.records import case, written
from tests.systems import Made, readings

REMEDY = "apt install chromium chromium-driver"
SIZES = {"desktop": (1400, "light"), "phone": (390, "dark"), "print": (1060, "light")}
NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return html.write(html.render(report()), tmp_path_factory.mktemp("page")).as_uri()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("odd")
    file = written(folder / "hostile.jsonl", hostile_machine(), *hostile())
    known = report()
    figure = published.Figure(HOSTILE, HOSTILE, 1.0, HOSTILE, HOSTILE)
    weights = [Weights(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: 1.0})]
    prices = [Price(HOSTILE, 1.0, "CHF", "2026-11-01", 1, HOSTILE, "example")]
    made = Report(
        [file, *known.readings], [HOSTILE, *known.labels], {}, (figure,), weights, HOSTILE, prices=prices, command=HOSTILE,
        anonymised=[HOSTILE],
    )  # fmt: skip
    return html.write(html.render(made), folder / "out").as_uri()


@pytest.fixture(scope="module")
def started(tool: Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = tool("chromium", REMEDY)
    profile = tmp_path_factory.mktemp("profile")
    quiet = "no-first-run disable-background-networking disable-component-update disable-sync disable-quic disable-gpu"
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", *quiet.split(), f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(tool("chromedriver", REMEDY))) as driver:
        driver.set_script_timeout(120)
        yield driver


@pytest.fixture
def browser(started: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """Return the browser with an empty tab, which emulates and has logged nothing."""
    (first,) = started.window_handles
    started.switch_to.new_window("tab")
    started.get("about:blank")
    for kind in ("browser", "performance"):
        log(started, kind)
    yield started
    started.close()
    started.switch_to.window(first)


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    return list(browser.get_log(kind))  # type: ignore[no-untyped-call]


def requests(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    asked = [one["request"]["url"] for one in sent if not one["documentURL"].startswith("chrome:")]  # a new tab's own
    return [address for address in asked if not address.startswith("data:")]  # the icon, an empty data address


def show(browser: webdriver.Chrome, url: str, size: str) -> None:
    """Open the page at a size and draw every chart, as printing does."""
    width, scheme = SIZES[size]
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print" if size == "print" else "", "features": features})
    window = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": size == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    browser.get(url)
    WebDriverWait(browser, 30).until(lambda driver: driver.execute_script("return !!window.Plotly"))
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["page", "odd"])
def test_the_page_is_quiet_and_whole(browser: webdriver.Chrome, request: pytest.FixtureRequest, which: str, size: str) -> None:
    url = request.getfixturevalue(which)
    show(browser, url, size)
    assert requests(browser) == [url]
    assert log(browser, "browser") == []
    charts = browser.find_elements(By.CSS_SELECTOR, "[data-chart]")
    assert charts
    for chart in charts:
        marks = chart.find_elements(By.CSS_SELECTOR, ".main-svg .point, .main-svg path.js-line")
        assert marks, chart.get_attribute("data-chart")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= SIZES[size][0]
    assert browser.execute_script(CUT) == []
    assert browser.execute_script(FAINT) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_accessible(browser: webdriver.Chrome, page: str, size: str) -> None:
    show(browser, page, size)
    browser.execute_script("for (const part of document.querySelectorAll('.part')) part.style.contentVisibility = 'visible'")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    found = Axe().run(browser, {"exclude": [[".js-plotly-plot"]]}, {"runOnly": rules})  # charts are images, with words for them
    assert [(one["id"], one["help"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    ran = {one["id"] for one in found["passes"]}
    assert ran >= {"color-contrast", "document-title", "heading-order"}


def test_scripts_are_ours_and_nothing_from_a_record_becomes_markup(browser: webdriver.Chrome, odd: str) -> None:
    show(browser, odd, "desktop")  # an open alert would raise at the next command
    assert len(browser.find_elements(By.CSS_SELECTOR, "main img, iframe, object, a:not([href^='#'])[href]")) == 0
    assert len(browser.find_elements(By.CSS_SELECTOR, "script:not([type])")) == 2
    body = browser.find_element(By.TAG_NAME, "body").text
    assert body.count("<script>alert(1)</script>") > 40
    assert "{{7*7}}" in body
    assert "⟨U+0007⟩⟨U+202E⟩" in body
    assert "\u202e" not in body
    assert "x… (10,000,000 characters)" in body
    assert len(browser.page_source) < 4_500_000 + 3_000_000  # plotly's script, inflated, and the page
    chart = browser.find_element(By.CSS_SELECTOR, "[data-chart='scores-chart']")
    assert "<script>alert(1)</script>" in str(chart.get_attribute("textContent"))
    assert len(chart.find_elements(By.CSS_SELECTOR, "a, img")) == 0


def test_nothing_that_is_wrong_is_in_a_chart_and_every_link_leads_somewhere(browser: webdriver.Chrome, page: str) -> None:
    show(browser, page, "desktop")
    gamma = browser.execute_script(
        "return [...document.querySelectorAll('.chart')]"
        ".flatMap((c) => c.data.filter((t) => t.name === 'Gamma').flatMap((t) => [...t.y, ...(t.hovertext || [])]))"
    )
    assert gamma
    assert not [label for label in gamma if "jet_mlp" in str(label) or "float32" in str(label)]
    dead = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href').slice(1))"
        ".filter((id) => document.querySelectorAll('#' + CSS.escape(id)).length !== 1)"
    )
    assert dead == []
    cases = {str(one.get_attribute("id")) for one in browser.find_elements(By.CSS_SELECTOR, "[id^='case-']")}
    assert len(cases) == 6


def test_filters_hide_rows_count_them_and_a_link_to_what_is_hidden_shows_it(browser: webdriver.Chrome, page: str) -> None:
    show(browser, page, "desktop")
    form = browser.find_element(By.ID, "filters")
    said = form.find_element(By.TAG_NAME, "output")

    def choose(name: str, value: str) -> tuple[int, int]:
        script = "const f = document.querySelector(`#filters [name=${arguments[0]}]`); f.value = arguments[1];"
        browser.execute_script(f"{script} f.dispatchEvent(new Event('input', {{bubbles: true}}))", name, value)
        found = re.match(r"(\d+) of (\d+) rows", said.text)
        assert found
        return int(found[1]), int(found[2])

    shown, every = choose("s", "2")
    rows = browser.find_elements(By.CSS_SELECTOR, "#t-family-system tbody tr:not(.case)")
    assert 0 < shown < every
    assert {"Gamma" in row.text for row in rows if row.is_displayed()} == {True}
    assert choose("t", "wrong")[0] < shown
    choose("t", "")
    assert choose("q", "jet_mlp")[0] < shown
    assert not browser.find_element(By.ID, "case-lattice-wilson-dslash-1-S-numpy-float64").is_displayed()
    browser.execute_script("location.hash = '#case-lattice-wilson-dslash-1-S-numpy-float64'")
    WebDriverWait(browser, 5).until(
        lambda driver: driver.find_element(By.ID, "case-lattice-wilson-dslash-1-S-numpy-float64").is_displayed()
    )
    assert form.find_element(By.CSS_SELECTOR, "[name=s]").get_attribute("value") == ""


def test_made_up_records_say_so_on_every_table_and_chart(browser: webdriver.Chrome, tmp_path: Path) -> None:
    url = html.write(html.render(report(synthetic=True)), tmp_path).as_uri()
    show(browser, url, "desktop")
    assert browser.title.startswith("SYNTHETIC")
    assert browser.find_element(By.CSS_SELECTOR, ".banner").text.startswith("SYNTHETIC")
    headings = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "h3")]
    assert [heading for heading in headings if not heading.startswith("SYNTHETIC")] == []
    for chart in browser.find_elements(By.CSS_SELECTOR, ".chart"):
        assert "SYNTHETIC" in chart.find_element(By.CSS_SELECTOR, ".annotation-text").text


def test_a_printed_page_holds_every_chart_and_reads_without_scripts(browser: webdriver.Chrome, page: str) -> None:
    browser.get(page)
    WebDriverWait(browser, 30).until(lambda driver: driver.execute_script("return !!window.Plotly"))
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    empty = "return [...document.querySelectorAll('.chart')].filter((c) => !c.querySelector('.main-svg')).length"
    assert browser.execute_script(empty) == 0
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page)
    assert not browser.find_element(By.ID, "filters").is_displayed()
    assert "Charts need JavaScript" in browser.find_element(By.CSS_SELECTOR, "figure").text


def wordy(of: Case, outcome: Outcome) -> Outcome:
    """Give a record all that a page says of one: metrics of a GPU, flags, a variant, invariants."""
    taken, verdict = outcome.measurement, outcome.verdict
    assert taken is not None and verdict is not None
    shares = {"wall_s": 1.0, "cold_s": 1.1, "enqueue_s": 0.1, "device_s": 0.9}
    series = {name: tuple(share * x for x in taken.series["wall_s"]) for name, share in shares.items()}
    taken = replace(taken, series=series, flags={"drift": 0.021, "autocorrelated": 0.4})
    checked = replace(verdict, invariants={"unitarity": (1e-12, 1e-9)})
    return replace(outcome, measurement=taken, verdict=checked, variant="compiled, 128 × 64 blocks")


@pytest.mark.slow
def test_a_large_page_is_small_and_drawn(browser: webdriver.Chrome, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """300 wordy cases on 8 systems of 3 jobs: well under 6 MB; the times are printed: they are the machine's as much as ours."""
    names = [("system", "triad"), ("system", "gemm"), *product(("lattice", "generators", "ml"), ("first", "second", "third"))]
    ids = [
        case(f"{family}/{name}", impl, dtype, size)
        for (family, name), size, dtype, impl in product(
            names, ("XS", "S", "M", "L", "L-wide"), ("float64", "float32"), ("numpy", "numba", "torch")
        )
    ][:300]
    made = [Made(name, {"lattice": 1 + 0.1 * n, "ml": 1.5 - 0.1 * n}, change=wordy, energy=True) for n, name in enumerate(NAMES)]
    files, labels = readings(made, ids, launches=1, samples=10)
    started = time.perf_counter()
    text = html.render(Report(files, labels, {}, (), [LQFT, EQUAL]))
    rendered_s, size = time.perf_counter() - started, len(text.encode())
    url = html.write(text, tmp_path).as_uri()
    started = time.perf_counter()
    browser.get(url)
    WebDriverWait(browser, 60).until(lambda driver: driver.execute_script("return !!window.Plotly"))
    with capsys.disabled():
        print(f"\n{size / 1e6:.2f} MB, rendered in {rendered_s:.1f} s, loaded in {time.perf_counter() - started:.1f} s")
    assert size < 5_200_000
    assert log(browser, "browser") == []
