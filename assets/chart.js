// Draws a Chart (firmtrade_core.figures) with Plotly.react: node, zoom and hover survive every change.
// The words around the figure are HTML, so that they wrap and are read aloud. Nothing is fetched but
// /app/static: Plotly's own script and the country shapes.

const charts = new Map();
const CONFIG = {
  displaylogo: false,
  scrollZoom: false,
  doubleClick: "reset",
  modeBarButtons: [["zoomInGeo", "zoomOutGeo", "resetGeo"]],
};

let loading;
function plotly(base) {
  loading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = `${base}/app/static/plotly.min.js`;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("Plotly's script is missing: start with `make app`, which puts it in place."));
    document.head.append(script);
  });
  return loading;
}

function palette(root) {
  const style = getComputedStyle(root);
  const get = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const [text, surface] = [get("--st-text-color", "#1f2933"), get("--st-background-color", "#fff")];
  return {
    $text: text,
    $muted: `color-mix(in srgb, ${text} 66%, ${surface})`,
    $surface: surface,
    // Borders between countries: light lines on white; on dark ground a grey that the darkest brown stands out from.
    $edge: isDark(surface) ? "#8b939b" : surface,
    $accent: get("--st-primary-color", "#2457a6"),
    font: get("--st-font", "sans-serif"),
  };
}

function isDark(colour) {
  const [r, g, b] = resolved(colour).match(/[\d.]+/g).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

// Plotly reads plain colours only, so mixtures are resolved by the browser first.
function resolved(colour) {
  const canvas = (resolved.canvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return a === 255 ? `rgb(${r},${g},${b})` : `rgba(${r},${g},${b},${a / 255})`;
}

// On dark ground a light middle would glare: near nothing is near the ground, and colours grow brighter outwards.
// The same hues as on white, losses brown and gains teal.
const DARK_DIVERGING = [
  "#f7dcae", "#e8b86d", "#c98d3c", "#93662c", "#5b4527", "#333a42",
  "#27504d", "#2a7b73", "#3aa598", "#79cfc0", "#c0f0e5",
];
const MIDDLE = "#f5f5f5";

function forDark(value) {
  if (Array.isArray(value)) {
    if (value.length === DARK_DIVERGING.length && value[5]?.[1] === MIDDLE)
      return value.map(([place], i) => [place, DARK_DIVERGING[i]]);
    return value.map(forDark);
  }
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forDark(item)]));
  return value;
}

function painted(value, colours) {
  if (typeof value === "string") return value[0] === "$" ? (colours[value] ?? value) : value;
  if (Array.isArray(value)) return value.map((item) => painted(item, colours));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, painted(item, colours)]));
  return value;
}

function create(root) {
  const figure = document.createElement("figure");
  figure.className = "ft-chart";
  figure.innerHTML =
    '<figcaption><h3></h3><p></p></figcaption><div class="ft-plot" role="img"></div>' +
    '<p class="ft-unseen ft-in-words"></p><footer></footer><span class="ft-unseen ft-live" role="status" aria-live="polite"></span>';
  root.append(figure);
  const chart = {
    root: figure,
    title: figure.querySelector("h3"),
    subtitle: figure.querySelector("p"),
    plot: figure.querySelector(".ft-plot"),
    source: figure.querySelector("footer"),
    words: figure.querySelector(".ft-in-words"),
    live: figure.querySelector(".ft-live"),
    width: 0,
    busy: Promise.resolve(),
  };
  chart.observer = new ResizeObserver(() => {
    const width = Math.round(figure.clientWidth);
    if (width && Math.abs(width - chart.width) > 1 && chart.spec) queue(chart);
  });
  chart.observer.observe(figure);
  figure.append(tools(chart));
  return chart;
}

// Paper is narrower than the screen and white: charts are drawn to its width in light colours while the browser prints, one
// below the other, then as before.
const PAPER = { width: 1000, height: 560 };
const PAPER_COLOURS = { $text: "#1c2733", $muted: "#5b6270", $surface: "#ffffff", $edge: "#ffffff", $accent: "#2b5c8a" };
function toPaper() {
  for (const chart of charts.values()) {
    if (!chart.drawn) continue;
    const spec = seen(chart);
    const height = Math.min(spec.height ?? Math.round(PAPER.width * spec.aspect), PAPER.height);
    const data = distinct(painted(spec.data, PAPER_COLOURS));
    const layout = { ...held(chart, painted(spec.layout, PAPER_COLOURS), data), width: PAPER.width, height, autosize: false };
    layout.font = { ...layout.font, family: chart.family };
    chart.plot.style.height = `${height}px`;
    chart.onPaper = true;
    window.Plotly.react(chart.plot, data, layout, chart.shown.config).then(() => chart.onMap && patterned(chart.plot, chart));
  }
}

function fromPaper() {
  for (const chart of charts.values()) {
    chart.drawn = null;
    chart.onPaper = false;
    if (chart.spec) queue(chart);
  }
}

window.addEventListener("beforeprint", toPaper);
window.addEventListener("afterprint", fromPaper);

function label(chart) {
  const { title, subtitle, source, kind } = chart.spec;
  for (const [node, words] of [[chart.title, title], [chart.subtitle, subtitle], [chart.source, source]]) {
    if (node.textContent !== words) node.textContent = words;
    node.hidden = !words;
  }
  // A map has buttons inside, which a picture may not have.
  chart.plot.setAttribute("role", kind === "map" ? "group" : "img");
  chart.plot.setAttribute("aria-label", [title, subtitle].filter(Boolean).join(". "));
  // The finding and the numbers, for those who hear the page.
  const words = chart.spec.words ?? "";
  if (chart.words.textContent !== words) chart.words.textContent = words;
  chart.words.id = `${chart.spec.key}-words`;
  chart.plot.setAttribute("aria-describedby", chart.words.id);
  chart.root.id = chart.spec.key ?? "";
  // Of several charts that change at once the first one speaks.
  if (chart.spoken && chart.spoken !== words && document.querySelector(".ft-chart:not([hidden])") === chart.root)
    chart.live.textContent = words;
  chart.spoken = words;
  equip(chart);
  chart.root.dataset.kind = kind;
}

// What is drawn: the chart as the page gave it, or the other picture of the same numbers.
function seen(chart) {
  const { spec } = chart;
  return chart.view === "other" && spec.other ? { ...spec, ...spec.other } : spec;
}

function size(chart) {
  chart.width = Math.round(chart.root.clientWidth);
  const { height, aspect, room } = narrowed(seen(chart), chart.width);
  // In a room a chart may take what the screen leaves of its height.
  const most = room ? Math.max(400, window.innerHeight - chart.plot.getBoundingClientRect().top - 150) : 640;
  return Math.round(height ?? Math.min(Math.max(chart.width * aspect, 260), most));
}

// On a telephone names of rows share the width with their bars and go on below themselves; the marks of colours lie flat, what
// else the map says of them comes below.
const NARROW = { width: 480, names: 0.42, size: 12, line: 14.5, legend: 42, columns: 150 };
function narrowed(spec, width) {
  const { layout } = spec;
  if (width >= NARROW.width || spec.room) return spec;
  const out = { ...layout, margin: { ...layout.margin } };
  const names = layout.yaxis?.ticktext;
  const share = Math.round(NARROW.names * width);
  let { height } = spec;
  if (names && layout.margin?.l > share) {
    const folded = names.map((name) => inLines(String(name), share - 8));
    out.margin.l = share;
    out.yaxis = { ...layout.yaxis, ticktext: folded, tickfont: { ...layout.yaxis.tickfont, size: NARROW.size } };
    // Keys above the plot begin where the chart does.
    out.annotations = layout.annotations?.map((one) => (one.xshift === -layout.margin.l ? { ...one, xshift: -share } : one));
    const lines = Math.max(...folded.map((name) => name.split("<br>").length));
    if (height) height = Math.max(height, Math.round(names.length * (NARROW.line * lines + 6) + (layout.margin.t ?? 0) + (layout.margin.b ?? 0)));
  }
  // Names of a table's columns stand on end where they would run into each other.
  if (spec.data.some(({ type }) => type === "heatmap") && layout.xaxis?.side === "top" && layout.xaxis.ticktext) {
    out.xaxis = { ...layout.xaxis, ticktext: layout.xaxis.ticktext.map((name) => name.replace(/<br>/g, " ")), tickangle: -90 };
    out.margin.t = Math.max(layout.margin.t ?? 0, NARROW.columns);
    if (height) height += out.margin.t - (layout.margin.t ?? 0);
  }
  const bar = layout.coloraxis?.colorbar;
  if (bar?.orientation === "h") {
    out.coloraxis = { ...layout.coloraxis, colorbar: { ...bar, len: 1, tickangle: 0 } };
    if (layout.legend?.orientation === "h") {
      out.margin.b = (layout.margin?.b ?? 0) + NARROW.legend;
      const room = Math.max(260, width * (spec.aspect ?? 0.5)) - out.margin.b - (out.margin.t ?? 0);
      out.legend = { ...layout.legend, x: 0, xanchor: "left", y: -NARROW.legend / room };
    }
  }
  return { ...spec, layout: out, height };
}

function inLines(name, width) {
  const pen = (inLines.pen ??= document.createElement("canvas").getContext("2d"));
  pen.font = `${NARROW.size}px "Source Sans", sans-serif`;
  const bold = name.startsWith("<b>");
  const lines = [];
  for (const word of name.replace(/<br>/g, " ").replace(/<\/?b>/g, "").split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width > width) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  const text = lines.join("<br>");
  return bold ? `<b>${text}</b>` : text;
}

// Only the latest spec is drawn: what arrives while a drawing is under way replaces what waits.
function queue(chart) {
  chart.busy = chart.busy.then(() => draw(chart)).catch((error) => {
    chart.plot.textContent = error.message;
    chart.root.dataset.failed = error.message;
  });
}

async function draw(chart) {
  const spec = narrowed(seen(chart), Math.round(chart.root.clientWidth));
  // What is on its way to paper stays as paper needs it.
  if (chart.gone || chart.onPaper || !chart.root.clientWidth) return;
  // Until its texts are there the chart stays.
  const tabled = chart.view === "table" && spec.table && !spec.table.values;
  chart.plot.hidden = Boolean(tabled);
  if (tabled) {
    showTable(chart);
    chart.drawing = spec.hash;
    chart.drawn = null;
    return stamp(chart);
  }
  chart.tableNode?.remove();
  chart.tableNode = null;
  const height = size(chart);
  const theme = palette(chart.root);
  const key = JSON.stringify([spec.data, spec.layout, spec.hash, theme, chart.width, height, chart.held]);
  if (key === chart.drawn) return;
  chart.plot.style.height = `${height}px`;
  const Plotly = await plotly(spec.base);
  const colours = Object.fromEntries(
    Object.entries(theme).map(([name, colour]) => [name, name[0] === "$" ? resolved(colour) : colour]),
  );
  const themed = isDark(theme.$surface) ? forDark : (value) => value;
  const data = distinct(painted(themed(spec.data), colours));
  const layout = held(chart, painted(themed(spec.layout), colours), data);
  layout.width = chart.width;
  layout.height = height;
  layout.autosize = false;
  layout.font = { ...layout.font, family: theme.font };
  chart.drawing = spec.hash;
  const onMap = data.some((trace) => trace.type === "choropleth");
  const config = { ...CONFIG, displayModeBar: onMap ? "hover" : false };
  config.topojsonURL = `${spec.base}/app/static/topojson/`;
  // Between map and bars the node is made anew: each has a toolbar of its own.
  if (chart.onMap !== undefined && chart.onMap !== onMap) Plotly.purge(chart.plot), (chart.listening = false);
  chart.onMap = onMap;
  await Plotly.react(chart.plot, data, layout, config);
  if (onMap) patterned(chart.plot, chart);
  chart.shown = { data, layout, config, colours };
  chart.family = theme.font;
  chart.drawn = key;
  if (!chart.listening) listen(chart);
  stamp(chart);
}

function stamp(chart) {
  chart.root.dataset.result = chart.drawing;
}

function listen(chart) {
  chart.listening = true;
  chart.plot.on("plotly_afterplot", () => {
    if (chart.onMap) patterned(chart.plot, chart);
    stamp(chart);
  });
  chart.plot.on("plotly_click", ({ points: [point] }) => {
    const picked = point?.customdata;
    if (Number.isInteger(picked)) chart.send("picked", picked);
  });
}

// A page sends a chart as bytes; the texts of its table come once the table is asked for, and then with every change.
function unpacked(data) {
  const spec = ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? JSON.parse(new TextDecoder().decode(data)) : data;
  if (spec.table?.values) spec.table.rows = spec.table.values.map((row) => row.map((value) => [value]));
  return spec;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let chart = charts.get(parentElement);
  if (!chart) charts.set(parentElement, (chart = create(parentElement)));
  chart.spec = unpacked(data);
  chart.send = setTriggerValue;
  chart.sendView = (view) => setTriggerValue("view", view);
  chart.sendSlide = (value) => setTriggerValue("slide", value);
  chart.sendPin = (value) => setTriggerValue("pin", value);
  chart.root.hidden = false;
  label(chart);
  chart.plot.style.height = `${size(chart)}px`;
  queue(chart);
  if (!chart.arrived && location.hash === `#${chart.spec.key}`) chart.busy.then(() => chart.root.scrollIntoView({ block: "center" }));
  chart.arrived = true;
  return () => {
    chart.gone = true;
    chart.observer.disconnect();
    charts.delete(parentElement);
    chart.root.hidden = true;
    // Plotly must not lose its node while it draws.
    chart.busy.finally(() => {
      window.Plotly?.purge(chart.plot);
      chart.root.remove();
    });
  };
}
