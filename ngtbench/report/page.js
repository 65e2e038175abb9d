"use strict";
// Draws the charts of the page when they come into view or are printed, and filters the rows of its tables.
(() => {
  // Okabe and Ito's colours, which the colour-blind can tell apart; symbols and patterns say the same again.
  const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];
  const symbols = ["circle", "square", "diamond", "triangle-up", "cross", "star", "x", "triangle-down"];
  const patterns = ["", "/", "x", ".", "-", "\\", "+", "|"];
  const of = (list, slot) => list[slot % list.length];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  let words;  // of all charts, to whose places `told` points

  function trace({ slot, open, told, ...rest }) {
    const plain = { ...rest, ...Object.fromEntries(Object.entries(told).map(([key, places]) => [key, places.map((n) => words[n])])) };
    const own = of(palette, slot);
    const ink = colour("--text");
    const symbol = of(symbols, slot + Math.floor(slot / 8));
    const marker = plain.type === "bar"
      ? { color: own, line: { color: ink, width: 1 }, pattern: { shape: of(patterns, slot), fgcolor: "#000", fillmode: "overlay", size: 6 } }
      : { color: own, size: 10, symbol: (open || [false]).map((o) => symbol + (o ? "-open" : "")), line: { color: open ? own : ink, width: open ? 2 : 1 } };
    if (!open && marker.symbol) marker.symbol = symbol;
    const bars = plain.error_x ? { error_x: { ...plain.error_x, color: ink, thickness: 1.5 } } : {};
    return { ...plain, ...bars, marker, line: { ...plain.line, color: own } };
  }

  // A narrow chart has its axis' title on several lines, and its mark small.
  const folded = (title, narrow) => title && (narrow ? { text: title.text.replace(/(.{20,}?) /g, "$1<br>") } : title);

  function layout(plain, narrow) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--quiet"), linecolor: colour("--line") };
    return {
      ...plain,
      autosize: true,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: { l: 70, r: 20, t: 40, b: 55 },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
      hoverlabel: { bgcolor: colour("--band"), bordercolor: colour("--line"), font: { color: colour("--text") }, align: "left" },
      xaxis: { ...axis, automargin: true, ...plain.xaxis, title: folded(plain.xaxis.title, narrow) },
      yaxis: { ...axis, ...plain.yaxis },
      annotations: (plain.annotations || []).map((mark) => (narrow ? { ...mark, font: { ...mark.font, size: 24 } } : mark)),
      shapes: (plain.shapes || []).map((shape) => ({ ...shape, line: { ...shape.line, color: colour("--text") } })),
    };
  }

  const places = [...document.querySelectorAll(".chart")];
  const drawn = new Set();

  function draw(place) {
    drawn.add(place);
    const source = JSON.parse(place.closest("figure").querySelector("script").textContent);
    Plotly.react(place, source.data.map(trace), layout(source.layout, place.clientWidth < 900), { responsive: true, displayModeBar: false });
  }

  async function charts() {
    words = JSON.parse(document.getElementById("words").textContent);
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    }, { rootMargin: "400px" });
    for (const place of places) seen.observe(place);
    const rest = () => places.filter((place) => !drawn.has(place)).forEach(draw);
    const again = () => [...drawn].forEach(draw);
    addEventListener("beforeprint", rest);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    matchMedia("print").addEventListener("change", again);
  }

  const form = document.getElementById("filters");
  const homes = new Map();  // row -> what has the family and dtype of its case
  for (const row of document.querySelectorAll("main [data-table] tr")) {
    const link = row.querySelector("a");
    const home = row.closest("[data-f]") ?? (link && document.getElementById(link.hash.slice(1))?.closest("[data-f]"));
    if (home) homes.set(row, home);
  }
  const rows = [...homes.keys()];
  const count = form.querySelector("output");

  function fits(row, wanted) {
    const tag = (key) => (row.closest(`[data-${key}]`) ?? homes.get(row)).dataset[key] ?? (key === "t" ? "done" : "");
    if (wanted.s && !tag("s").split(" ").includes(wanted.s)) return false;
    if (["f", "d", "t"].some((key) => wanted[key] && tag(key) !== wanted[key])) return false;
    if (!wanted.q) return true;
    const group = row.closest("tbody[data-f]");
    return ((group ? group.rows[0].textContent : "") + row.textContent).toLowerCase().includes(wanted.q.toLowerCase());
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form));
    const own = rows.filter((row) => !row.classList.contains("case"));
    for (const row of own) row.hidden = !fits(row, wanted);
    for (const group of document.querySelectorAll("tbody[data-f]")) group.hidden = ![...group.rows].slice(1).some((row) => !row.hidden);
    count.textContent = `${own.filter((row) => !row.hidden).length} of ${own.length} rows of results shown; charts show all`;
  }

  // A link to a case that a filter hides shows it again.
  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]")) { form.reset(); target.scrollIntoView(); }
    if (target?.matches(".case")) history.replaceState(null, "", `#${target.parentElement.id}`);  // an address to keep
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  if (places.length) charts();
})();
