"use strict";
// The charts: what the table shows, drawn by Plotly. Texts are escaped, because Plotly reads a little HTML in them.
const COSTS = {
  latency_ms_p50: "latency p50 [ms], batch 1", size_bytes: "bytes to ship", epsilon: "epsilon (less is more private)",
};
const QUALITY = data.quality;  // by which runs are judged first: its key, title and direction
const FIGURES = [QUALITY.key, "latency_ms_p50", "size_bytes", "epsilon"];
const BANDS = ["#3b4cc0", "#2563c9", "#2f9e6e", "#d9822b", "#c2263f"];  // from the worst to the best
const SYMBOLS = ["circle", "square", "diamond", "cross", "triangle-up", "star"];  // by what runs can be compared with
const safe = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const qualityOf = row => valueOf(row, QUALITY.key);
const gain = row => QUALITY.higher_is_better ? qualityOf(row) : -qualityOf(row);
const capital = text => text[0].toUpperCase() + text.slice(1);
const dark = matchMedia("(prefers-color-scheme: dark)");
const place = document.getElementById("charts");
const explained = new Set();  // what has its legend in a chart above
const boxes = {}, order = [];  // a chart keeps its place when the filter takes others away and brings them back

function layout(title, more) {
  const ink = dark.matches ? "#e6e9ee" : "#1d2430", grid = dark.matches ? "#2c3440" : "#e3e7ed";
  const axis = { gridcolor: grid, zerolinecolor: grid, automargin: true };
  return {
    title: { text: safe(title), font: { size: 15 } }, font: { color: ink, family: "system-ui, sans-serif" }, autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", hoverlabel: { align: "left" }, margin: { t: 46, r: 24 },
    legend: { orientation: "h", y: -0.22 }, ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
}

function show(name, traces, shape, wide) {
  if (!order.includes(name)) order.push(name);
  if (!traces.length) {
    boxes[name]?.remove();
    delete boxes[name];
    return;
  }
  const isNew = !boxes[name];
  if (isNew) {
    boxes[name] = element("div", undefined, wide ? "chart wide" : "chart");
    boxes[name].id = name;
    boxes[name].style.order = order.indexOf(name);
    place.append(boxes[name]);
  }
  Plotly.react(boxes[name], traces, shape, { displayModeBar: false, responsive: true });
  if (isNew) boxes[name].on("plotly_click", event => {
    const link = event.points[0].customdata;
    if (link) window.open(link, "_blank", "noopener");
  });
}

const keys = () => table().columns.filter(c => c.setting || FIGURES.includes(c.key));
const NAMED = ["peers", "engine"];  // beside them where the mouse is
const hovered = () => table().columns.filter(c => NAMED.includes(c.key) || keys().some(k => k.key === c.key));
const told = row => [valueOf(row, "run"), ...hovered().map(c => {
  const text = row.texts[column(c.key)];
  return text === "" ? "" : `${c.title.replace(/\s+/g, " ")}: ${text}`;
})].filter(Boolean).map(safe).join("<br>");

// Of the kind of colours a chart has, once for all of its charts.
const legend = kind => !explained.has(kind) && !!explained.add(kind);

// Room around values that are all equal, where Plotly would show one from -1 to 1 around them.
function around(values) {
  const low = Math.min(...values), high = Math.max(...values), room = Math.abs(high) * 0.05 || 1;
  return high - low <= Math.abs(high) * 1e-6 ? { range: [low - room, high + room] } : {};
}

const peers = rows => [...new Set(rows.map(r => valueOf(r, "peers")))];

function points(rows, cost, name, colour) {
  return {
    x: rows.map(r => valueOf(r, cost)), y: rows.map(r => qualityOf(r)), text: rows.map(told),
    customdata: rows.map(r => r.link), mode: "markers", type: "scatter", name, marker: { size: 10, color: colour, symbol: rows.map(r => SYMBOLS[everyPeers.indexOf(valueOf(r, "peers")) % SYMBOLS.length]) },
    hovertemplate: "%{text}<extra></extra>",
  };
}

// From cheap to dear, what no cheaper run reaches in quality: the front of these two figures alone.
function front(rows, cost) {
  const byCost = [...rows].sort((a, b) =>
    valueOf(a, cost) - valueOf(b, cost) || gain(b) - gain(a));
  let best = -Infinity;
  return byCost.filter(row => gain(row) > best && ((best = gain(row)), true));
}

function tradeOff(rows, cost) {
  const known = rows.filter(r => !isEmpty(qualityOf(r)) && !isEmpty(valueOf(r, cost)));
  const shape = layout(`${capital(QUALITY.title)} over ${COSTS[cost]}`, {
    xaxis: { title: { text: COSTS[cost] }, rangemode: "tozero" },
    yaxis: { title: { text: safe(`${QUALITY.title} on the test split`) }, ...around(known.map(qualityOf)) },
  });
  if (known.length < 2) return show(`over_${cost}`, [], shape);
  shape.showlegend = legend("trade-off");
  const edges = peers(known).flatMap(on => [...front(known.filter(r => valueOf(r, "peers") === on), cost), null]);
  const isBest = r => valueOf(r, "pareto") === "*";
  show(`over_${cost}`, [
    { x: edges.map(r => r && valueOf(r, cost)), y: edges.map(r => r && qualityOf(r)), mode: "lines", name: "front of these two",
      line: { shape: "hv", dash: "dot", color: "#8a94a3" }, hoverinfo: "skip", type: "scatter" },
    points(known.filter(isBest), cost, "Pareto *", "#2563c9"),
    points(known.filter(r => !isBest(r)), cost, "beaten by another", "#d9822b"),
  ], shape);
}

// Counts of the texts on which a run and its dense model part; only runs on the same texts can be compared by them.
const FLIPS = [["right_to_wrong", "right to wrong", "#c2263f"], ["wrong_to_right", "wrong to right", "#2f9e6e"]];

function flips(rows) {
  const known = rows.filter(r => FLIPS.every(([key]) => !isEmpty(valueOf(r, key))) && !isEmpty(valueOf(r, "size_bytes")));
  const shape = layout(`Flips over ${COSTS.size_bytes}`, {
    xaxis: { title: { text: COSTS.size_bytes }, rangemode: "tozero" },
    yaxis: { title: { text: "predictions that flipped" }, rangemode: "tozero" }, showlegend: true,
  });
  const trace = ([key, name, colour]) =>
    ({ ...points(known, "size_bytes", name, colour), y: known.map(r => valueOf(r, key)) });
  show("flips", known.length < 2 ? [] : FLIPS.map(trace), shape);
}

const digits = row => qualityOf(row).toPrecision(4);

// Runs fall into five equal bands by quality; each band is one line with gaps, which stays fast with many runs.
function bands(rows) {
  const ranked = rows.filter(r => !isEmpty(qualityOf(r))).sort((a, b) => gain(a) - gain(b));
  const found = BANDS.map(() => []);
  let first = 0;  // of those that read the same, which share a band
  ranked.forEach((row, i) => {
    if (digits(row) !== digits(ranked[first])) first = i;
    found[Math.floor(first * BANDS.length / ranked.length)].push(row);
  });
  return found.map((rows, i) => ({ rows, colour: BANDS[i] })).filter(band => band.rows.length);
}

const bandName = band => {
  const ends = [band.rows[0], band.rows[band.rows.length - 1]].map(digits);
  return ends[0] === ends[1] ? `${safe(QUALITY.title)} ${ends[0]}` : `${safe(QUALITY.title)} ${ends[0]} to ${ends[1]}`;
};

function lines(band, pathOf) {
  const trace = { x: [], y: [], text: [], customdata: [], mode: "lines", type: "scatter", name: bandName(band),
    opacity: .75, line: { color: band.colour, width: 1.5 }, hovertemplate: "%{text}<extra></extra>" };
  for (const row of band.rows) {
    const path = pathOf(row), text = told(row);
    for (const [x, y] of [...path, [null, null]]) {
      trace.x.push(x); trace.y.push(y); trace.text.push(text); trace.customdata.push(row.link);
    }
  }
  return trace;
}

// An axis from 0 to 1 per key: numbers by size, words by the alphabet.
function axisOf(c, rows) {
  const values = [...new Set(rows.map(r => valueOf(r, c.key)).filter(v => !isEmpty(v)))];
  const isNumber = values.every(v => typeof v === "number");
  values.sort(isNumber ? (a, b) => a - b : (a, b) => String(a).localeCompare(String(b)));
  const span = isNumber ? values[values.length - 1] - values[0] : values.length - 1;
  const at = v => isNumber ? (v - values[0]) / (span || 1) : values.indexOf(v) / (span || 1);
  const marked = isNumber ? [values[0], values[values.length - 1]] : values;
  return { key: c.key, title: c.title.replace(/\s+/g, " "), values, at, marked };
}

const textOf = (axis, value, rows) => rows.find(r => valueOf(r, axis.key) === value).texts[column(axis.key)];

function parallel(rows) {
  const known = rows.filter(r => !isEmpty(qualityOf(r)));
  const axes = keys().map(c => axisOf(c, known)).filter(axis => axis.values.length > 1);
  const shape = layout(`Settings and figures of each run, coloured by ${QUALITY.title}`, {
    xaxis: { tickvals: axes.map((_, i) => i), ticktext: axes.map(a => safe(a.title)), showgrid: true, zeroline: false,
      range: [-0.3, axes.length - 0.7] },
    yaxis: { visible: false, range: [-0.06, 1.06] },
    annotations: axes.flatMap((axis, i) => axis.marked.map(v => ({ x: i, y: axis.at(v), xanchor: "left", xshift: 5,
      text: safe(textOf(axis, v, known)), showarrow: false, font: { size: 11 },
      bgcolor: dark.matches ? "#14181fcc" : "#ffffffcc" }))),
  });
  if (axes.length < 2 || known.length < 2) return show("parallel", [], shape);
  shape.showlegend = legend("bands");
  const path = row => axes.flatMap((axis, i) => {
    const value = valueOf(row, axis.key);
    return [[i, isEmpty(value) ? null : axis.at(value)]];
  });
  show("parallel", bands(known).map(band => lines(band, path)), shape, true);
}

function curves(rows, name, title) {
  const known = rows.filter(r => (r.curves[name] || [[]])[0].length > 1);
  const path = row => row.curves[name][0].map((step, i) => [step, row.curves[name][1][i]]);
  const shape = layout(title, { xaxis: { title: { text: "step" } }, yaxis: { title: { text: safe(name) },
    ...around(known.flatMap(row => row.curves[name][1])) } });
  if (known.length) shape.showlegend = legend("bands");
  show(`curve_${name.replace(/\W/g, "_")}`, bands(known).map(band => lines(band, path)), shape);
}

const everyPeers = peers(data.tables.runs.rows);

function drawCharts(rows) {
  explained.clear();
  for (const cost of Object.keys(COSTS)) tradeOff(rows, cost);
  flips(rows);
  parallel(rows);
  for (const [name, title] of Object.entries(data.curves)) curves(rows, name, capital(title));
}

listeners.push(drawCharts);
dark.addEventListener("change", () => drawCharts(shownRows()));
drawCharts(shownRows());
performance.mark("charts");
