"use strict";
// Draws every chart of the page in the colours of its style, again when those change.
(() => {
  const palette = ["#3f87c9", "#d9731a", "#2a9d6f", "#a561b8", "#d1495b", "#7d8590"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function trace(plain) {
    const { slot, ...rest } = plain;
    const own = palette[slot % palette.length];
    return {
      ...rest,
      marker: { ...rest.marker, color: own },
      line: { ...rest.line, color: own },
      ...(rest.error_x ? { error_x: { ...rest.error_x, color: own, thickness: 1.5 } } : {}),
    };
  }

  function layout(plain) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--quiet"), linecolor: colour("--line") };
    return {
      ...plain,
      autosize: true,
      barmode: "group",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: { l: 70, r: 20, t: 40, b: 55 },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
      hoverlabel: { bgcolor: colour("--band"), bordercolor: colour("--line"), font: { color: colour("--text") }, align: "left" },
      xaxis: { ...axis, ...plain.xaxis },
      yaxis: { ...axis, ...plain.yaxis },
      shapes: (plain.shapes || []).map((shape) => ({ ...shape, line: { ...shape.line, color: colour("--text") } })),
    };
  }

  function draw() {
    for (const figure of document.querySelectorAll("figure")) {
      const source = JSON.parse(figure.querySelector("script").textContent);
      const place = figure.querySelector(".chart");
      Plotly.react(place, source.data.map(trace), layout(source.layout), { responsive: true, displayModeBar: false });
    }
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  matchMedia("print").addEventListener("change", draw);
})();
