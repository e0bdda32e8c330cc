"use strict";
// The table: rows are data, every text is set as text, so nothing in a run's name can act on the page.
const data = JSON.parse(document.getElementById("data").textContent);
const state = { table: "runs", sort: null, ascending: true };
const listeners = [];  // the charts, once they are there

const table = () => data.tables[state.table];
const column = key => table().columns.findIndex(c => c.key === key);
const valueOf = (row, key) => row.values[column(key)];
const isEmpty = value => value === null || value === undefined || value === "";

const CONDITION = /^([\w.+-]+?)(>=|<=|!=|=|>|<)(.+)$/;
const HOLDS = {
  ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

function pattern(text) {
  const plain = text.toLowerCase().replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp("^" + plain.replace(/\*/g, ".*").replace(/\?/g, ".") + "$", "s");
}

// One word of the filter: KEY=TEXT, KEY>NUMBER, or letters to be found anywhere in the row.
function test(word) {
  const found = CONDITION.exec(word), key = found && column(found[1]);
  if (!found || key < 0) {
    const letters = word.toLowerCase();
    return row => row.texts.some(text => text.toLowerCase().includes(letters));
  }
  const [, , sign, wanted] = found;
  return row => {
    const value = row.values[key];
    if (typeof value === "number") return wanted !== "" && !isNaN(wanted) ? HOLDS[sign](value, Number(wanted)) : sign === "!=";
    const same = pattern(wanted).test(String(value ?? "").toLowerCase());
    return sign === "=" ? same : sign === "!=" ? !same : false;
  };
}

function shownRows() {
  const words = document.getElementById("filter").value.split(/\s+/).filter(Boolean), tests = words.map(test);
  const all = document.getElementById("all")?.checked ?? true;
  const unfolded = all || words.some(word => word.startsWith("status"));
  const rows = table().rows.filter(row => (unfolded || !row.folded) && tests.every(t => t(row)));
  const at = state.sort === null ? -1 : column(state.sort);
  if (at < 0) return rows;
  const sign = state.ascending ? 1 : -1;
  return rows.sort((a, b) => {
    const x = a.values[at], y = b.values[at];
    if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y);
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y));
  });
}

function element(tag, text, css) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (css) made.className = css;
  return made;
}

function head() {
  const row = element("tr");
  for (const c of table().columns) {
    const cell = element("th", c.title, c.number ? "number" : "text");
    if (c.key === state.sort) cell.setAttribute("aria-sort", state.ascending ? "ascending" : "descending");
    cell.tabIndex = 0;
    cell.title = c.key;
    const sort = () => {
      state.ascending = c.key === state.sort ? !state.ascending : c.best === "least" || !c.number;
      state.sort = c.key;
      draw();
    };
    cell.addEventListener("click", sort);
    cell.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
    row.append(cell);
  }
  const made = element("thead");
  made.append(row);
  return made;
}

function line(row) {
  const made = element("tr", undefined, valueOf(row, "pareto") ? "best" : "");
  table().columns.forEach((c, i) => {
    const cell = element("td", undefined, c.number ? "number" : "text"), box = element("div");
    if (c.key === "run" && row.link) {
      const link = element("a", row.texts[i]);
      link.href = row.link;
      box.append(link);
    } else box.textContent = row.texts[i];
    cell.append(box);
    made.append(cell);
  });
  return made;
}

function draw() {
  const rows = shownRows(), body = element("tbody");
  body.append(...rows.map(line));
  document.getElementById("runs").replaceChildren(head(), body);
  document.getElementById("shown").textContent = `${rows.length} of ${table().rows.length} shown`;
  for (const listener of listeners) listener(rows);
}

let pause;
document.getElementById("filter").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(draw, 120); });
document.getElementById("all")?.addEventListener("change", draw);
document.getElementById("means")?.addEventListener("change", event => {
  state.table = event.target.checked ? "means" : "runs";
  draw();
});
draw();
performance.mark("interactive");
