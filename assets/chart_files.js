// A figure to take away ----------------------------------------------------------------------------

function saver(chart, format) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = format.toUpperCase();
  button.title = `Save this figure as ${format.toUpperCase()}`;
  button.addEventListener("click", () => save(chart, format));
  return button;
}

// A vector file is drawn without the page's fonts, so it names one that every machine has or replaces; into a picture of
// pixels the page's own type is put.
const FILE_FONT = "Arial, Helvetica, sans-serif";

let pageType;
function typeOfPage(family) {
  return (pageType ??= (async () => {
    const first = family.split(",")[0].trim().replace(/["']/g, "");
    for (const sheet of document.styleSheets) {
      let rules = [];
      try { rules = [...sheet.cssRules]; } catch { continue; }
      for (const rule of rules) {
        if (!(rule instanceof CSSFontFaceRule) || rule.style.getPropertyValue("font-style") === "italic") continue;
        if (rule.style.getPropertyValue("font-family").replace(/["']/g, "").trim() !== first) continue;
        const [, path] = rule.style.getPropertyValue("src").match(/url\(["']?([^"')]+)/) ?? [];
        if (!path) continue;
        const blob = await (await fetch(new URL(path, sheet.href ?? location.href))).blob();
        const data = await new Promise((resolve) => {
          const reader = new FileReader();
          reader.onload = () => resolve(reader.result);
          reader.readAsDataURL(blob);
        });
        return `@font-face{font-family:"${first}";font-weight:100 900;src:url(${data}) format("woff2")}`;
      }
    }
    return "";
  })().catch(() => ""));
}

// Plotly's drawing as a document, with the hatching of the screen.
async function drawing(chart, figure, size) {
  const Plotly = await plotly(chart.spec.base);
  const url = await Plotly.toImage(figure, { format: "svg", ...size });
  const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (chart.onMap) patterned(chart.plot, chart, { root: svg, falls: fallen(chart.plot) });
  return svg;
}

async function pixels(svg, { width, height }, type) {
  if (type) {
    const style = svg.ownerDocument.createElementNS("http://www.w3.org/2000/svg", "style");
    style.textContent = type;
    svg.prepend(style);
  }
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }));
  await image.decode();
  // Type inside a picture may come a moment after the picture itself.
  await new Promise((resolve) => setTimeout(resolve, 60));
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  URL.revokeObjectURL(image.src);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function download(blob, chart, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${(chart.spec.title ?? "figure").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 80) || "figure"}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A clean head and rows that any program reads; where they come from stands at the foot.
function saveTable(chart) {
  const { table, title, subtitle, source } = chart.spec;
  const tame = (text) => {
    const clean = String(text).replace(/[\u0000-\u0008\u000b-\u001f]/g, " ").replace(/([;\t|]\s*)(?=[=+\-@])/g, "$1'");
    return /^[=+\-@\t\r]/.test(clean) ? `'${clean}` : clean;
  };
  const cell = (value) => (typeof value === "number" ? String(value) : value === null ? "" : `"${tame(value).replace(/"/g, '""')}"`);
  const lines = [table.heads.map(cell).join(","), ...table.rows.map((row) => row.map(([value]) => cell(value)).join(","))];
  const notes = [title, subtitle, source, linkTo(chart)].filter(Boolean).map((text) => cell(`# ${text}`));
  download(new Blob(["\ufeff", [...lines, "", ...notes, ""].join("\n")], { type: "text/csv" }), chart, "csv");
}

// The words around the figure are HTML; in a file they stand in margins of their own.
async function save(chart, format) {
  await chart.busy;
  if (!chart.shown) return;
  const { data, layout, config, colours } = chart.shown;
  const { title, subtitle, source } = chart.spec;
  const type = format === "png" ? await typeOfPage(chart.family ?? "") : "";
  const FONT = type ? `"${chart.family.split(",")[0].trim().replace(/["']/g, "")}", ${FILE_FONT}` : FILE_FONT;
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
    font: { ...layout.font, family: FONT },
    paper_bgcolor: colours.$surface,
    margin: { l: l + pad + extra, r: r + pad, t: t + above, b: b + below },
  };
  const svg = await drawing(chart, { data, layout: whole, config }, { width, height });
  const blob = format === "png"
    ? await pixels(svg, { width, height }, type)
    : new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  download(blob, chart, format);

  function namesWidth(axis) {
    const context = document.createElement("canvas").getContext("2d");
    const lines = (axis?.ticktext ?? []).flatMap((name) => String(name).split(/<br>/));
    return Math.max(0, ...lines.map((line) => {
      context.font = `${/<b>/.test(line) ? "bold " : ""}${axis.tickfont?.size ?? layout.font?.size ?? 13}px ${FONT}`;
      return context.measureText(line.replace(/<[^>]*>/g, "")).width;
    })) + (axis?.ticklabelstandoff ?? 0);
  }
  function wrapped(text, size, colour) {
    const context = document.createElement("canvas").getContext("2d");
    context.font = `${text.startsWith("<b>") ? "bold " : ""}${size}px ${FONT}`;
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

