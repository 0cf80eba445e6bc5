// The world as one drawing whose areas only change colour: fast enough to follow a finger. Natural Earth projection, shapes of
// assets/served/topojson, cut through the Bering Strait as the product's other maps are.
import { written } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const WEST_EDGE = -169;
const MIDDLE = WEST_EDGE + 180;
const [SOUTH, NORTH] = [-56, 84];
export const LIGHT = ["#543005", "#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5", "#c7eae5", "#80cdc1", "#35978f", "#01665e", "#003c30"];
export const DARK = ["#f7dcae", "#e8b86d", "#c98d3c", "#93662c", "#5b4527", "#333a42", "#27504d", "#2a7b73", "#3aa598", "#79cfc0", "#c0f0e5"];
const NO_DATA = "#9a9a9a";

export function projected(longitude, latitude) {
  const l = ((longitude - MIDDLE) * Math.PI) / 180;
  const p = (latitude * Math.PI) / 180;
  const p2 = p * p;
  const p4 = p2 * p2;
  return [
    l * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4))),
    -p * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4))),
  ];
}

const SCALE = 170;
const HALF = projected(MIDDLE + 180, 0)[0] * SCALE;
const TOP = projected(MIDDLE, NORTH)[1] * SCALE;
const FOOT = projected(MIDDLE, SOUTH)[1] * SCALE;
export const BOX = { x: -HALF, y: TOP, width: 2 * HALF, height: FOOT - TOP };

function rings(topology) {
  const { scale: [sx, sy], translate: [tx, ty] } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => [(x += dx) * sx + tx, (y += dy) * sy + ty]);
  });
  return (ring) => {
    const points = ring.flatMap((k, i) => (k < 0 ? [...arcs[~k]].reverse() : arcs[k]).slice(i ? 1 : 0).map((point) => [...point]));
    // An outline that crosses the date line goes on beyond it; then all of it lies where most of it belongs.
    let last = points[0][0];
    for (const point of points) {
      while (point[0] - last > 180) point[0] -= 360;
      while (last - point[0] > 180) point[0] += 360;
      last = point[0];
    }
    const mean = points.reduce((sum, [x]) => sum + x, 0) / points.length;
    const turn = mean < WEST_EDGE ? 360 : mean > WEST_EDGE + 360 ? -360 : 0;
    return points.map(([x, y]) => projected(x + turn, y));
  };
}

// Every area's outline and its middle, once for all maps of a page.
export function shapes(topology) {
  const ring = rings(topology);
  return topology.objects.countries.geometries.filter((g) => g.id !== "ATA").map((geometry) => {
    const polygons = geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs;
    const path = polygons.map((polygon) => polygon.map((one) =>
      `M${ring(one).map(([x, y]) => `${(x * SCALE).toFixed(1)},${(y * SCALE).toFixed(1)}`).join("L")}Z`).join("")).join("");
    const [lon, lat] = geometry.properties?.ct ?? [0, 0];
    const middle = projected(lon < WEST_EDGE ? lon + 360 : lon, lat).map((v) => v * SCALE);
    return { id: geometry.id, path, middle };
  });
}

function mixed(colours, share) {
  const place = Math.max(0, Math.min(1, share)) * (colours.length - 1);
  const low = Math.min(Math.floor(place), colours.length - 2);
  const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [a, b] = [channels(colours[low]), channels(colours[low + 1])];
  return `rgb(${a.map((v, i) => Math.round(v + (place - low) * (b[i] - v))).join(",")})`;
}

function node(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

export class WorldMap {
  // areas: {own: [[area, place]], rest: [[area, place]], grey: [area]}; names by place.
  constructor(parent, drawn, areas, names, { chosen = -1, label = "" } = {}) {
    this.names = names;
    this.svg = node("svg", { viewBox: `${BOX.x} ${BOX.y} ${BOX.width} ${BOX.height}`, role: "img", "aria-label": label, class: "map" }, parent);
    const place = new Map([...areas.own, ...areas.rest]);
    const own = new Map(areas.own);
    this.paths = [];
    this.middles = new Map();
    const ground = node("g", {}, this.svg);
    for (const { id, path, middle } of drawn) {
      const i = place.get(id);
      const made = node("path", { d: path, class: own.has(id) ? "area" : "area rest", "fill-rule": "evenodd" }, ground);
      if (i === undefined) made.setAttribute("fill", NO_DATA);
      else {
        this.paths.push([made, i]);
        node("title", {}, made);
        if (own.has(id) && !this.middles.has(i)) this.middles.set(i, middle);
        if (i === chosen && own.has(id)) this.outline = path;
      }
    }
    // Too small to see: a dot at their middle.
    for (const [id, i] of areas.dots ?? []) {
      const at = drawn.find((one) => one.id === id)?.middle;
      if (at) this.paths.push([node("circle", { cx: at[0], cy: at[1], r: 3.2, class: "dot" }, ground), i]);
    }
    if (this.outline) node("path", { d: this.outline, class: "chosen" }, ground);
    this.notes = node("g", { class: "callouts" }, this.svg);
    this.chosen = chosen;
  }

  paint(values, scale, unit, dark) {
    const colours = dark ? DARK : LIGHT;
    const known = new Map();
    for (const [path, i] of this.paths) {
      const value = values[i];
      if (!known.has(i)) known.set(i, value === null ? NO_DATA : mixed(colours, 0.5 + value / (2 * scale)));
      // Most areas keep their colour from one frame to the next.
      if (path.filled !== known.get(i)) path.setAttribute("fill", (path.filled = known.get(i)));
    }
    for (const { text, i } of this.labels ?? []) text.lastChild.textContent = ` ${written(values[i])} ${unit}`;
    this.svg.dataset.value = values[0];
  }

  // Hover, which need not follow the finger.
  tell(values, unit) {
    for (const [path, i] of this.paths) {
      const title = path.querySelector("title");
      if (title) title.textContent = `${this.names[i]}: ${written(values[i])} ${unit}`;
    }
  }

  // Names with values at those that move most and the country looked at; plain names at other large ones, where there is room.
  call(values, unit, large, most = 3, size = 13) {
    this.notes.replaceChildren();
    this.labels = [];
    const known = values.map((v, i) => [v, i]).filter(([v, i]) => v !== null && Math.abs(v) >= 0.005 && this.middles.has(i));
    const down = known.filter(([v]) => v < 0).sort((a, b) => a[0] - b[0]).slice(0, most);
    const up = known.filter(([v]) => v > 0).sort((a, b) => b[0] - a[0]).slice(0, most);
    const told = [...new Set([this.chosen, ...down.map(([, i]) => i), ...up.map(([, i]) => i)])].filter((i) => this.middles.has(i));
    const taken = [];
    for (const i of told) this.place(i, values[i], unit, taken, size, true);
    for (const i of large) if (!told.includes(i) && this.middles.has(i)) this.place(i, null, unit, taken, size * 0.8, false);
  }

  place(i, value, unit, taken, size, called) {
    const [x, y] = this.middles.get(i);
    const text = node("text", { class: called ? "called" : "name", "font-size": size }, this.notes);
    node("tspan", {}, text).textContent = this.names[i];
    if (called) node("tspan", { class: "figure" }, text).textContent = ` ${written(value)} ${unit}`;
    const width = text.getBBox().width || size * 0.55 * this.names[i].length;
    const away = called ? [[0, 0], [0, -28], [0, 28], [0, -52], [0, 52], [70, -40], [-70, -40], [70, 40], [-70, 40], [0, 80], [0, -80], [110, 0], [-110, 0], [130, 70], [-130, 70]] : [[0, 0]];
    for (const [dx, dy] of away) {
      const left = Math.max(BOX.x + 2, Math.min(x + dx - width / 2, BOX.x + BOX.width - width - 2));
      const box = [left - 2, y + dy - 0.85 * size, left + width + 2, y + dy + 0.4 * size];
      if (box[1] < BOX.y || box[3] > BOX.y + BOX.height) continue;
      if (taken.some((t) => box[0] < t[2] && t[0] < box[2] && box[1] < t[3] && t[1] < box[3])) continue;
      taken.push(box);
      text.setAttribute("x", left);
      text.setAttribute("y", y + dy);
      if (called && (dx || dy)) {
        const line = node("line", { x1: x, y1: y, x2: Math.max(left, Math.min(x, left + width)), y2: y + dy + (dy > 0 ? -0.8 * size : 0.25 * size), class: "leader" });
        this.notes.prepend(line);
        node("circle", { cx: x, cy: y, r: 2, class: "pin" }, this.notes);
      }
      if (called) this.labels.push({ text, i });
      return;
    }
    text.remove();
  }
}

// Five marks of the colours, ends open.
export function legend(scale, unit, dark) {
  const row = document.createElement("div");
  row.className = "legend";
  const bar = document.createElement("i");
  bar.style.background = `linear-gradient(to right, ${(dark ? DARK : LIGHT).join(",")})`;
  const marks = document.createElement("span");
  [-1, -0.5, 0, 0.5, 1].forEach((share) => {
    const mark = document.createElement("b");
    mark.textContent = `${share === -1 ? "≤ " : share === 1 ? "≥ " : ""}${written(share * scale)}${share === 1 ? ` ${unit}` : ""}`;
    marks.append(mark);
  });
  const grey = document.createElement("em");
  grey.textContent = "no data";
  row.append(bar, marks, grey);
  return row;
}
