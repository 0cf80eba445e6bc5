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
    '<figcaption><h3></h3><p></p><span class="ft-save"></span></figcaption>' +
    '<div class="ft-plot" role="img"></div><footer></footer>';
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
  for (const format of ["svg", "png"]) figure.querySelector(".ft-save").append(saver(chart, format));
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
  // A map has buttons inside, which a picture may not have.
  chart.plot.setAttribute("role", kind === "map" ? "group" : "img");
  chart.plot.setAttribute("aria-label", [title, subtitle].filter(Boolean).join(". "));
  chart.root.dataset.kind = kind;
}

function size(chart) {
  const { height, aspect, room } = chart.spec;
  chart.width = Math.round(chart.root.clientWidth);
  // In a room a chart may take what the screen leaves of its height.
  const most = room ? Math.max(400, window.innerHeight - chart.plot.getBoundingClientRect().top - 150) : 640;
  return Math.round(height ?? Math.min(Math.max(chart.width * aspect, 260), most));
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
  const themed = isDark(theme.$surface) ? forDark : (value) => value;
  const data = painted(themed(spec.data), colours);
  const layout = painted(themed(spec.layout), colours);
  layout.width = chart.width;
  layout.height = height;
  layout.autosize = false;
  layout.font = { ...layout.font, family: theme.font };
  chart.drawing = spec.hash;
  const config = { ...CONFIG, displayModeBar: spec.kind === "map" ? "hover" : false };
  config.topojsonURL = `${spec.base}/app/static/topojson/`;
  await Plotly.react(chart.plot, data, layout, config);
  chart.shown = { data, layout, config, colours };
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

// A figure to take away ----------------------------------------------------------------------------

function saver(chart, format) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = format.toUpperCase();
  button.title = `Save this figure as ${format.toUpperCase()}`;
  button.addEventListener("click", () => save(chart, format));
  return button;
}

// A file is drawn without the page's fonts, so it names one that every machine has or replaces.
const FILE_FONT = "Arial, Helvetica, sans-serif";

// The words around the figure are HTML; in a file they stand in margins of their own.
async function save(chart, format) {
  await chart.busy;
  if (!chart.shown) return;
  const { data, layout, config, colours } = chart.shown;
  const { title, subtitle, source, base } = chart.spec;
  const { l = 0, r = 0, t = 0, b = 0 } = layout.margin ?? {};
  // The file's font may be wider than the page's: names of rows then get a wider margin.
  const extra = Math.max(0, Math.ceil(namesWidth(layout.yaxis) + 10 - l));
  const [pad, width] = [18, layout.width + 36 + extra];
  const head = [
    ...wrapped(`<b>${plain(title)}</b>`, 16, colours.$text),
    ...wrapped(plain(subtitle), 12, colours.$muted),
  ];
  const foot = wrapped(plain(source), 11, colours.$muted);
  const [above, below] = [depth(head) + pad + 6, depth(foot) + pad + 12];
  const annotations = [
    ...(layout.annotations ?? []).map((words) => (l && words.xshift === -l ? { ...words, xshift: -l - extra } : words)),
    ...placed(head, above - pad, "top"),
    ...placed(foot, -b - 12, "foot"),
  ];
  const height = layout.height + above + below;
  const whole = {
    ...layout, width, height, annotations,
    font: { ...layout.font, family: FILE_FONT },
    paper_bgcolor: colours.$surface,
    margin: { l: l + pad + extra, r: r + pad, t: t + above, b: b + below },
  };
  const Plotly = await plotly(base);
  const url = await Plotly.toImage({ data, layout: whole, config }, { format, width, height, scale: format === "png" ? 2 : 1 });
  const link = document.createElement("a");
  link.href = url;
  link.download = `${(title ?? "figure").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 80) || "figure"}.${format}`;
  link.click();

  function namesWidth(axis) {
    const context = document.createElement("canvas").getContext("2d");
    const lines = (axis?.ticktext ?? []).flatMap((name) => String(name).split(/<br>/));
    return Math.max(0, ...lines.map((line) => {
      context.font = `${/<b>/.test(line) ? "bold " : ""}${axis.tickfont?.size ?? layout.font?.size ?? 13}px ${FILE_FONT}`;
      return context.measureText(line.replace(/<[^>]*>/g, "")).width;
    })) + (axis?.ticklabelstandoff ?? 0);
  }
  function wrapped(text, size, colour) {
    const context = document.createElement("canvas").getContext("2d");
    context.font = `${text.startsWith("<b>") ? "bold " : ""}${size}px ${FILE_FONT}`;
    const lines = [];
    // Not \s, which takes the narrow space within numbers for a place to break.
    for (const word of text.replace(/<\/?b>/g, "").split(/[ \t\n]+/).filter(Boolean)) {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      if (lines.length && context.measureText(longer).width <= 0.97 * layout.width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    const bold = text.startsWith("<b>");
    return lines.map((line) => ({ text: bold ? `<b>${line}</b>` : line, size, colour }));
  }
  function depth(lines) {
    return lines.reduce((sum, { size }) => sum + 1.35 * size, 0);
  }
  function placed(lines, start, where) {
    let y = start;
    return lines.map(({ text, size, colour }) => {
      const yshift = where === "top" ? y + t : y;
      y -= 1.35 * size;
      return {
        text, xref: "paper", yref: "paper", x: 0, y: where === "top" ? 1 : 0, xanchor: "left", yanchor: "top",
        xshift: -l - extra, yshift, showarrow: false, align: "left", font: { size, color: colour },
      };
    });
  }
}

// Plotly reads some tags in texts; here every sign means itself.
function plain(text) {
  return (text ?? "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
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
    chart.root.hidden = true;
    // Plotly must not lose its node while it draws.
    chart.busy.finally(() => {
      window.Plotly?.purge(chart.plot);
      chart.root.remove();
    });
  };
}
