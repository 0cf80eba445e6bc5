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
    '<figcaption><h3></h3><p></p></figcaption><div class="ft-plot" role="img"></div><footer></footer>';
  root.append(figure);
  const chart = {
    root: figure,
    title: figure.querySelector("h3"),
    subtitle: figure.querySelector("p"),
    plot: figure.querySelector(".ft-plot"),
    source: figure.querySelector("footer"),
    width: 0,
    busy: Promise.resolve(),
  };
  chart.observer = new ResizeObserver(() => {
    const width = Math.round(figure.clientWidth);
    if (width && Math.abs(width - chart.width) > 1 && chart.spec) queue(chart);
  });
  chart.observer.observe(figure);
  return chart;
}

// Paper is narrower than the screen: charts are drawn to its width while the browser prints, then as before.
const PAPER = 1000;
function toPaper() {
  for (const chart of charts.values()) {
    if (!chart.drawn) continue;
    const page = chart.root.closest("[data-testid=stMainBlockContainer]") ?? document.body;
    const share = Math.min(1, chart.root.clientWidth / (page.clientWidth - 56));
    const width = Math.round(PAPER * share);
    const height = chart.spec.height ?? Math.round(width * chart.spec.aspect);
    chart.plot.style.height = `${height}px`;
    window.Plotly.relayout(chart.plot, { width, height });
  }
}

function fromPaper() {
  for (const chart of charts.values()) {
    chart.drawn = null;
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
  chart.plot.setAttribute("aria-label", [title, subtitle].filter(Boolean).join(". "));
  chart.root.dataset.kind = kind;
}

function size(chart) {
  const { height, aspect } = chart.spec;
  chart.width = Math.round(chart.root.clientWidth);
  return Math.round(height ?? Math.min(Math.max(chart.width * aspect, 260), 640));
}

// Only the latest spec is drawn: what arrives while a drawing is under way replaces what waits.
function queue(chart) {
  chart.busy = chart.busy.then(() => draw(chart)).catch((error) => {
    chart.plot.textContent = error.message;
    chart.root.dataset.failed = error.message;
  });
}

async function draw(chart) {
  const { spec } = chart;
  if (chart.gone || !chart.root.clientWidth) return;
  const height = size(chart);
  const theme = palette(chart.root);
  const key = JSON.stringify([spec, theme, chart.width, height]);
  if (key === chart.drawn) return;
  chart.plot.style.height = `${height}px`;
  const Plotly = await plotly(spec.base);
  const colours = Object.fromEntries(
    Object.entries(theme).map(([name, colour]) => [name, name[0] === "$" ? resolved(colour) : colour]),
  );
  const data = painted(spec.data, colours);
  const layout = painted(spec.layout, colours);
  layout.width = chart.width;
  layout.height = height;
  layout.autosize = false;
  layout.font = { ...layout.font, family: theme.font };
  chart.drawing = spec.hash;
  const config = { ...CONFIG, displayModeBar: spec.kind === "map" ? "hover" : false };
  config.topojsonURL = `${spec.base}/app/static/topojson/`;
  await Plotly.react(chart.plot, data, layout, config);
  chart.drawn = key;
  if (!chart.listening) listen(chart);
  stamp(chart);
}

function stamp(chart) {
  chart.root.dataset.result = chart.drawing;
}

function listen(chart) {
  chart.listening = true;
  chart.plot.on("plotly_afterplot", () => stamp(chart));
  chart.plot.on("plotly_click", ({ points: [point] }) => {
    const picked = point?.customdata;
    if (Number.isInteger(picked)) chart.send("picked", picked);
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  let chart = charts.get(parentElement);
  if (!chart) charts.set(parentElement, (chart = create(parentElement)));
  chart.spec = data;
  chart.send = setTriggerValue;
  chart.root.hidden = false;
  label(chart);
  chart.plot.style.height = `${size(chart)}px`;
  queue(chart);
  return () => {
    chart.gone = true;
    chart.observer.disconnect();
    charts.delete(parentElement);
    window.Plotly?.purge(chart.plot);
    chart.root.remove();
  };
}
