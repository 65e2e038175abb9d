"""The page in a browser: offline, without a console error, charts drawn, and nothing from a record executed."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from ngtbench import shipped
from ngtbench.model.case import Case, Work
from ngtbench.model.machine import Git, Host, Machine, Match
from ngtbench.model.record import Energy, Outcome, RunRecord
from ngtbench.report import html, published, weights
from ngtbench.store.read import Reading
from tests.machines import cpu, gpu, machine
from tests.records import STEADY, VERDICT, case, done, measurement, run, written

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)><a href='http://evil.example/'>x</a>\"'&{{7*7}}"
PRODUCT = Work(flop=2 * 10**8, bytes=24 * 10**5, memory_b=24 * 10**5, events=10**5, event="element")
BIG = Work(flop=2 * 10**7, bytes=24 * 10**7, memory_b=24 * 10**7, events=10**7, event="element")
REMEDY = "apt install chromium chromium-driver"


def plain() -> tuple[RunRecord, ...]:
    launches = tuple(run(done([(1 + 0.01 * k) * x for x in STEADY], BIG), of=case(impl="numba"), launch=k) for k in range(3))
    return (
        *launches,
        run(done(work=BIG)),
        run(done(work=PRODUCT), of=case("system/gemm")),
        run(done(work=PRODUCT), of=case("lattice/wilson_dslash", size="S")),
        run(Outcome("wrong", reason="off by 1", verdict=replace(VERDICT, passed=False, error=1.0)), of=case("ml/jet_mlp")),
        run(Outcome("failed", reason="signal 9 (SIGKILL)"), of=case("ml/jet_mlp", "numba")),
        run(Outcome("skipped", reason="no torch", remedy="pip install torch"), of=case("ml/jet_mlp", "torch")),
    )


def hostile() -> tuple[RunRecord, ...]:
    taken = replace(
        measurement(STEADY, **{HOSTILE: STEADY}),
        flags={HOSTILE: 0.5},
        timer=HOSTILE,
        energy=Energy(None, 1.0, None, None, HOSTILE, HOSTILE),
    )
    verdict = replace(VERDICT, worst=HOSTILE, invariants={HOSTILE: (0.1, 1.0)}, inputs_digest=HOSTILE)
    good = replace(done(), measurement=taken, verdict=verdict, variant=HOSTILE, work=replace(PRODUCT, event=HOSTILE))
    of = Case(f"{HOSTILE}/{HOSTILE}", 1, HOSTILE, HOSTILE, "float64")
    runs = [run(good, of=of), run(done(work=PRODUCT), of=case("system/gemm")), run(done(work=BIG))]
    for status in ("wrong", "failed", "skipped"):
        bad = Outcome(status, reason=HOSTILE, remedy=HOSTILE, verdict=replace(verdict, passed=False, reason=HOSTILE))
        runs.append(run(bad, of=replace(of, impl=status)))
    origin = replace(runs[0].provenance, suite=HOSTILE, commit=HOSTILE, tier=HOSTILE, environment={HOSTILE: HOSTILE})
    return tuple(replace(one, provenance=origin) for one in runs)


def hostile_machine() -> Machine:
    host = Host(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return replace(
        machine(replace(gpu(), name=HOSTILE), processor=replace(cpu(), name=HOSTILE, flags=(HOSTILE,))),
        host=host,
        git=Git(HOSTILE, HOSTILE, True),
        matches=(Match("cpu:0", HOSTILE, (HOSTILE,), HOSTILE),),
        compilers={HOSTILE: HOSTILE},
        packages={HOSTILE: HOSTILE},
        missing={HOSTILE: HOSTILE},
    )


@pytest.fixture
def readings(tmp_path: Path) -> list[Reading]:
    return [
        written(tmp_path / "a.jsonl", machine(hostname="node-a"), *plain()),
        written(tmp_path / "b.jsonl", machine(gpu(), hostname="node-b"), *plain()),
        written(tmp_path / "hostile.jsonl", hostile_machine(), *hostile()),
    ]


@pytest.fixture
def url(readings: list[Reading], tmp_path: Path) -> str:
    equal = weights.load(shipped.folder("weights") / "equal.toml")
    figure = published.Figure(HOSTILE, HOSTILE, 1.0, HOSTILE, HOSTILE)
    return html.write(html.render(readings, {}, (figure,), equal), tmp_path / "out").as_uri()


@pytest.fixture
def browser(tool: Callable[[str, str], str], tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = tool("chromium", REMEDY)
    quiet = "no-first-run disable-background-networking disable-component-update disable-sync disable-quic disable-gpu"
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", *quiet.split(), f"user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(tool("chromedriver", REMEDY)))
    try:
        yield driver
    finally:
        driver.quit()


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    return list(browser.get_log(kind))  # type: ignore[no-untyped-call]


def requests(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    sent = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    return [address for address in sent if not address.startswith("data:")]  # the icon, an empty data address


def test_the_page_in_a_browser(browser: webdriver.Chrome, url: str) -> None:
    browser.get("about:blank")
    log(browser, "performance")  # what the browser's own first page asked for
    browser.get(url)
    assert log(browser, "browser") == []
    assert requests(browser) == [url]
    names = {part.get_attribute("data-table") for part in browser.find_elements(By.CSS_SELECTOR, "[data-table]")}
    wanted = "summary-1 summary-2 summary-3 machines deviations missing limits family-lattice family-system wrong failed skipped"
    wanted += " unrecorded watched published files provenance comparison-1 score-1 comparison-2 score-2"
    assert names == {*wanted.split(), f"family-{HOSTILE.partition('/')[0]}"}
    assert browser.title.startswith("ngtbench: node-a, node-b, <script>alert(1)</script>")
    hosts = browser.find_elements(By.CSS_SELECTOR, "table[data-table=machines] thead th")
    assert [cell.text for cell in hosts][:3] == ["", "node-a", "node-b"]
    assert HOSTILE in hosts[3].text


def test_every_chart_is_drawn_and_none_holds_what_is_wrong(browser: webdriver.Chrome, url: str) -> None:
    browser.get(url)
    charts = browser.find_elements(By.CSS_SELECTOR, "[data-chart]")
    kinds = {str(chart.get_attribute("data-chart")).partition("-")[0] for chart in charts}
    assert kinds == {"shares", "roofline", "spread", "ratios"}
    for chart in charts:
        marks = chart.find_elements(By.CSS_SELECTOR, ".main-svg .point, .main-svg .box, .main-svg path.js-line")
        assert marks, chart.get_attribute("data-chart")
        words = str(chart.get_attribute("textContent"))
        assert "jet_mlp" not in words
    assert browser.execute_script("return document.querySelectorAll('.chart a').length") == 0


def test_nothing_from_a_record_becomes_markup(browser: webdriver.Chrome, url: str) -> None:
    browser.get(url)  # an open alert would raise at the next command
    assert len(browser.find_elements(By.CSS_SELECTOR, "img, main a, iframe, object")) == 0
    scripts = browser.find_elements(By.CSS_SELECTOR, "script:not([type='application/json'])")
    assert len(scripts) == 2
    body = browser.find_element(By.TAG_NAME, "body").text
    assert body.count("<script>alert(1)</script>") > 40
    assert "49" not in browser.find_element(By.CSS_SELECTOR, "table[data-table=published]").text
    chart = browser.find_element(By.CSS_SELECTOR, "[data-chart^='spread-'][data-chart*='script']")
    assert "<script>alert(1)</script>" in str(chart.get_attribute("textContent"))


def shade(colour: str) -> int:
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1400)])
def test_it_fits_the_window_and_reads_in_both_schemes(browser: webdriver.Chrome, url: str, scheme: str, width: int) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    window = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    browser.get(url)
    body = browser.find_element(By.TAG_NAME, "body")
    ink, ground = body.value_of_css_property("color"), body.value_of_css_property("background-color")
    reach = browser.execute_script("return document.documentElement.scrollWidth")
    assert reach <= width
    assert (shade(ink) < shade(ground)) == (scheme == "light")
    tick = browser.find_element(By.CSS_SELECTOR, ".chart .ytick text")
    assert shade(tick.value_of_css_property("fill")) == shade(ink)
