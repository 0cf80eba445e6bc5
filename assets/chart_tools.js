// What stands under every chart: its views (chart, map, table), a scale that holds still, and what can be taken away.

function button(words, title, act) {
  const node = document.createElement("button");
  node.type = "button";
  node.textContent = words;
  node.title = title;
  // What a sign or a bare head does is its name; words that say it already stay as they are.
  if (title.endsWith(words) || words.length === 1) node.setAttribute("aria-label", title);
  node.addEventListener("click", act);
  return node;
}

function tools(chart) {
  const row = document.createElement("div");
  row.className = "ft-tools";
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Views of this chart, and files");
  chart.views = document.createElement("span");
  chart.views.className = "ft-views";
  chart.holder = button("Hold scale", "Keeps this scale while the numbers change; what lies beyond is counted", () => {
    chart.held = chart.held ? null : (chart.drawnRange ?? null);
    chart.holder.setAttribute("aria-pressed", Boolean(chart.held));
    chart.drawn = null;
    queue(chart);
  });
  chart.stripes = button("Stripes", "Stripes over what falls, so that colour is not needed", () => {
    localStorage.firmtradeStripes = localStorage.firmtradeStripes ? "" : "1";
    for (const other of charts.values()) { pressed(other); patterned(other.plot, other); }
  });
  const files = document.createElement("span");
  files.className = "ft-save";
  chart.csv = button("CSV", "The table behind this chart, notes at its foot", () => saveTable(chart));
  files.append(chart.csv, saver(chart, "svg"), saver(chart, "png"));
  chart.linker = button("Link", "Copies a link that opens this page at this chart", () => copied(chart, chart.linker, linkTo(chart)));
  chart.embedder = button("Embed", "Copies code that shows this chart alone on another page", () => copied(chart, chart.embedder, embedOf(chart)));
  chart.slider = button("Slide", "Puts this chart among the slides of the Briefing's presenter, as it stands", () => {
    chart.sendSlide({ at: Date.now() });
    chart.said.textContent = "Among the slides";
  });
  files.append(chart.linker, chart.embedder, chart.slider);
  chart.said = document.createElement("span");
  chart.said.className = "ft-said";
  chart.said.setAttribute("role", "status");
  row.append(chart.views, chart.holder, chart.stripes, chart.said, files);
  chart.row = row;
  return row;
}

function pressed(chart) {
  chart.stripes.setAttribute("aria-pressed", Boolean(localStorage.firmtradeStripes));
}

// Which tools make sense for what is shown.
function equip(chart) {
  const { spec } = chart;
  chart.row.hidden = Boolean(spec.room);
  const native = spec.kind === "map" ? "Map" : "Chart";
  const offered = [["", native], ...(spec.others ? [["other", spec.others]] : []), ...(spec.table ? [["table", "Table"]] : [])];
  const wanted = JSON.stringify(offered);
  if (chart.offered !== wanted) {
    chart.offered = wanted;
    chart.views.replaceChildren(...(offered.length > 1 ? offered.map(([view, words]) => {
      const node = button(words, `Shows this as a ${words.toLowerCase()}`, () => see(chart, view));
      node.dataset.view = view;
      return node;
    }) : []));
  }
  if (spec.view !== undefined && chart.told !== spec.view) chart.view = chart.told = spec.view;
  for (const node of chart.views.children) node.setAttribute("aria-pressed", node.dataset.view === (chart.view ?? ""));
  chart.holder.hidden = !range(spec) || chart.view === "table" || chart.view === "other";
  const onMap = (spec.kind === "map") !== (chart.view === "other");
  chart.stripes.hidden = !onMap || chart.view === "table" || (spec.kind !== "map" && spec.others !== "Map");
  chart.csv.hidden = !spec.table || spec.private;
  chart.linker.hidden = chart.embedder.hidden = chart.slider.hidden = Boolean(spec.private);
  pressed(chart);
}

function see(chart, view) {
  chart.view = chart.told = view;
  chart.spec.view = view;
  chart.drawn = null;
  equip(chart);
  chart.sendView(view);
  queue(chart);
}

// Scales -------------------------------------------------------------------------------------------

function range(spec) {
  const axis = spec.layout?.xaxis;
  return axis?.range && !axis.ticktext && spec.data.some((trace) => trace.type === "bar") ? axis.range : null;
}

function held(chart, layout, data) {
  if (!range(chart.spec) || chart.view) return layout;
  chart.drawnRange = layout.xaxis.range;
  if (!chart.held) { chart.said.textContent = ""; return layout; }
  const [low, high] = chart.held;
  const beyond = data.filter((t) => t.type === "bar").flatMap((t) => t.x).filter((v) => v < low || v > high).length;
  chart.said.textContent = beyond ? `${beyond} ${beyond === 1 ? "value" : "values"} beyond the held scale` : "scale held";
  return { ...layout, xaxis: { ...layout.xaxis, range: chart.held, autorange: false } };
}

// Series are told apart by more than their colour: lines by dashes, points by shapes, bars by patterns.
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SHAPES = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down"];
const FILLS = ["", "/", ".", "x", "-", "\\", "+", "|"];

function distinct(data) {
  const named = [...new Set(data.filter((t) => t.name && t.showlegend !== false && ["scatter", "scattergl", "bar", undefined].includes(t.type)).map((t) => t.name))];
  if (named.length < 2) return data;
  return data.map((trace) => {
    const i = named.indexOf(trace.name);
    if (i < 0) return trace;
    if (trace.type === "bar") {
      if (trace.marker?.pattern) return trace;
      const fill = FILLS[i % FILLS.length];
      return fill ? { ...trace, marker: { ...trace.marker, pattern: { shape: fill, fillmode: "overlay", fgopacity: 0.45, size: 6, solidity: 0.22 } } } : trace;
    }
    const mode = trace.mode ?? "lines";
    const out = { ...trace };
    if (mode.includes("lines") && !trace.line?.dash) out.line = { ...trace.line, dash: DASHES[i % DASHES.length] };
    if (mode.includes("markers") && !trace.marker?.symbol) out.marker = { ...trace.marker, symbol: SHAPES[i % SHAPES.length] };
    return out;
  });
}

// Hatching ------------------------------------------------------------------------------------------

const GREY = /rgb\(154, ?154, ?154\)|#9a9a9a/i;

function pattern(svg, id, content, size) {
  const ns = "http://www.w3.org/2000/svg";
  let defs = svg.querySelector("defs");
  if (!defs) svg.prepend((defs = svg.ownerDocument.createElementNS(ns, "defs")));
  if (defs.querySelector(`#${id}`)) return;
  const node = svg.ownerDocument.createElementNS(ns, "pattern");
  for (const [name, value] of Object.entries({ id, width: size, height: size, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }))
    node.setAttribute(name, value);
  node.innerHTML = content;
  defs.append(node);
}

let patterns = 0;

// Areas without data are hatched; what falls is striped where that is asked for, on paper and in what is taken away in grey.
function patterned(plot, chart, { root = plot, falls = null, stripes = Boolean(localStorage.firmtradeStripes) || chart?.onPaper } = {}) {
  const svg = root.querySelector?.("svg.main-svg") ?? (root.tagName === "svg" ? root : root.querySelector?.("svg"));
  if (!svg) return;
  chart.patternId ??= `ft-pattern-${(patterns += 1)}`;
  const [none, fall] = [`${chart.patternId}-none`, `${chart.patternId}-fall`];
  const areas = [...root.querySelectorAll(".choroplethlayer path")].filter((node) => !node.classList.contains("ft-stripe"));
  root.querySelectorAll(".ft-stripe").forEach((node) => node.remove());
  const grey = [...areas, ...root.querySelectorAll(".legend .legendsymbols path")]
    .filter((node) => GREY.test(node.style.fill || node.getAttribute("fill") || "") || node.dataset.hatched);
  if (grey.length) pattern(svg, none, '<rect width="6" height="6" fill="#9a9a9a" fill-opacity="0.3"/><rect width="2.2" height="6" fill="#9a9a9a"/>', 6);
  for (const node of grey) { node.dataset.hatched = "1"; node.style.fill = `url(#${none})`; node.style.fillOpacity = 1; }
  if (!stripes) return;
  pattern(svg, fall, '<rect width="1.3" height="5" fill="#000" fill-opacity="0.55"/><rect x="1.3" width="0.7" height="5" fill="#fff" fill-opacity="0.5"/>', 5);
  falls ??= fallen(plot);
  areas.forEach((node, i) => {
    if (!falls[i]) return;
    const over = node.cloneNode();
    over.classList.add("ft-stripe");
    over.style.fill = `url(#${fall})`;
    over.style.stroke = "none";
    over.style.pointerEvents = "none";
    node.after(over);
  });
}

// Which areas fall, in the order in which they are drawn; what two decimals would not show does not.
function fallen(plot) {
  return [...plot.querySelectorAll(".choroplethlayer path")].filter((node) => !node.classList.contains("ft-stripe"))
    .map((node) => !node.dataset.hatched && (node.__data__?.z ?? 0) < -0.005);
}

// The table -----------------------------------------------------------------------------------------

const SHOWN_ROWS = 400;

function showTable(chart) {
  const { table, pins = [] } = chart.spec;
  const state = (chart.tableState ??= { sort: null, down: true, find: "", sign: "" });
  const place = table.measured;
  if (!chart.tableNode) {
    chart.tableNode = document.createElement("div");
    chart.tableNode.className = "ft-chart-table";
    chart.plot.after(chart.tableNode);
  }
  const focused = document.activeElement?.dataset?.tool && chart.tableNode.contains(document.activeElement) ? document.activeElement.dataset.tool : null;
  const find = document.createElement("input");
  Object.assign(find, { type: "search", value: state.find, placeholder: "Search rows" });
  find.dataset.tool = "find";
  find.setAttribute("aria-label", "Search rows");
  find.oninput = () => { state.find = find.value; body(); };
  const sign = document.createElement("select");
  sign.setAttribute("aria-label", "Which rows");
  for (const [value, words] of [["", "All rows"], ["up", "Above zero"], ["down", "Below zero"]]) sign.append(new Option(words, value, false, state.sign === value));
  sign.onchange = () => { state.sign = sign.value; body(); };
  const count = document.createElement("span");
  count.className = "ft-quiet";
  count.setAttribute("role", "status");
  const bar = document.createElement("div");
  bar.className = "ft-table-tools";
  bar.append(find, ...(place === null ? [] : [sign]), count);
  const scroll = document.createElement("div");
  scroll.className = "ft-table";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `Table: ${chart.spec.title}`);
  const node = document.createElement("table");
  const head = node.createTHead().insertRow();
  table.heads.forEach((words, i) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    const sorter = button(words, `Sort by ${words}`, () => {
      state.down = state.sort === i ? !state.down : place !== null && i >= place;
      state.sort = i;
      showTable(chart);
    });
    sorter.dataset.tool = `sort${i}`;
    if (state.sort === i) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    if (!numeric(i)) cell.className = "ft-left";
    cell.append(sorter);
    head.append(cell);
  });
  const lines = node.createTBody();
  scroll.append(node);
  chart.tableNode.replaceChildren(bar, scroll);
  body();
  if (focused) chart.tableNode.querySelector(`[data-tool="${focused}"]`)?.focus();

  function numeric(i) {
    return table.rows.some((row) => typeof row[i][0] === "number");
  }
  function body() {
    const wanted = state.find.trim().toLowerCase();
    let rows = table.rows.map((row, i) => ({ row, code: table.codes[i] ?? "" }));
    if (wanted) rows = rows.filter(({ row }) => row.some(([value]) => typeof value === "string" && value.toLowerCase().includes(wanted)));
    if (state.sign) rows = rows.filter(({ row }) => (state.sign === "up" ? row[place][0] > 0 : row[place][0] < 0));
    if (state.sort !== null) {
      const side = state.down ? -1 : 1;
      rows.sort(({ row: a }, { row: b }) => {
        const [x, y] = [a[state.sort][0], b[state.sort][0]];
        if (x === null || y === null) return (x === null) - (y === null);
        return side * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
      });
    }
    rows = [...rows.filter(({ code }) => pins.includes(code)), ...rows.filter(({ code }) => !pins.includes(code))];
    count.textContent = `${rows.length} of ${table.rows.length} rows${rows.length > SHOWN_ROWS ? `, the first ${SHOWN_ROWS} shown` : ""}`;
    lines.replaceChildren(...rows.slice(0, SHOWN_ROWS).map(({ row, code }) => {
      const line = document.createElement("tr");
      row.forEach(([value, words], i) => {
        const cell = document.createElement(i === 0 ? "th" : "td");
        if (i === 0) cell.scope = "row";
        if (!numeric(i)) cell.className = "ft-left";
        cell.textContent = words;
        if (i === 0 && code) {
          const pin = button(pins.includes(code) ? "★" : "☆", `${pins.includes(code) ? "Take the pin out of" : "Pin"} ${words}`, () => chart.sendPin({ code, at: Date.now() }));
          pin.className = "ft-pin";
          pin.setAttribute("aria-label", pin.title);
          pin.setAttribute("aria-pressed", pins.includes(code));
          cell.prepend(pin);
        }
        line.append(cell);
      });
      return line;
    }));
  }
}

// Links ---------------------------------------------------------------------------------------------

function stateOf() {
  return location.search || window.firmtradeAddress?.links || "";
}

function linkTo(chart) {
  const here = location.pathname === "/" || location.search ? stateOf() : "";
  const open = location.pathname.replace(/\/$/, "") === chart.spec.base && here ? `${chart.spec.base}/briefing` : location.pathname;
  return `${location.origin}${open}${here}#${chart.spec.key}`;
}

function embedOf(chart) {
  const query = new URLSearchParams(stateOf());
  query.set("embed", "true");
  query.set("only", chart.spec.key);
  const address = `${location.origin}${location.pathname}?${query}`;
  const height = Math.ceil(chart.root.getBoundingClientRect().height + 40);
  const words = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
  return `<iframe src="${words(address)}" title="${words(chart.spec.title)}" width="100%" height="${height}" style="border:0" loading="lazy"></iframe>`;
}

async function copied(chart, node, text) {
  chart.root.dataset.copied = text;
  try {
    await navigator.clipboard.writeText(text);
    chart.said.textContent = node === chart.linker ? "Link copied" : "Code copied";
  } catch {
    // Where the browser gives no clipboard, as on a page without a certificate, it is shown to be copied by hand.
    window.prompt("Copy this:", text);
  }
}
