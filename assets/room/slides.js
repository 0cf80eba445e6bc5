// What slides show of a view: a point that was solved, or what lies between points while the lever moves. A slide is built
// once and then only its numbers, lengths and colours change; what moves rows or names about waits until the lever rests.
import { halfRange, withUnit, written } from "./numbers.js";
import { BOX, WorldMap, legend, shapes } from "./map.js";

export function made(tag, className, text, parent) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

export function dark() {
  return matchMedia("(prefers-color-scheme: dark)").matches && !document.body.classList.contains("paper");
}

let drawn;
export function prepare(topology) {
  drawn = shapes(topology);
}

// The finding of a map: who moves most, each way.
function finding(values, deck) {
  const { label, unit, plural } = deck.outcome;
  const known = values.map((v, i) => [v, i]).filter(([v]) => v !== null);
  if (!known.length) return `${label}: no data`;
  const [low, high] = [known.reduce((a, b) => (b[0] < a[0] ? b : a)), known.reduce((a, b) => (b[0] > a[0] ? b : a))];
  const said = ([v, i]) => `${deck.names[i]} (${written(v)} ${unit})`;
  const [fall, rise] = plural ? ["fall", "rise"] : ["falls", "rises"];
  const [down, up] = [low[0] <= -0.005, high[0] >= 0.005];
  if (!down && !up) return `${label}: nothing changes`;
  if (!down) return `${label} ${rise} most in ${said(high)}`;
  if (!up) return `${label} ${fall} most in ${said(low)}`;
  return `${label} ${fall} most in ${said(low)}, ${rise} most in ${said(high)}`;
}

function head(parent, title, under) {
  const figure = made("div", "head", "", parent);
  return { title: made("h2", "", title, figure), under: made("p", "under", under, figure) };
}

const BUILD = {
  numbers(parent, slide, deck) {
    const grid = made("div", "figures", "", parent);
    let cells = [];
    return (view) => {
      if (cells.length !== view.numbers.length) {
        grid.replaceChildren();
        cells = view.numbers.map((item) => {
          const cell = made("div", "number", "", grid);
          made("span", "label", item.label, cell);
          const value = made("span", "value", "", cell);
          return { value: made("b", "", "", value), unit: made("small", "", item.unit, value), detail: made("span", "detail", "", cell), band: made("span", "band", "", cell), was: made("span", "was", "", cell) };
        });
      }
      view.numbers.forEach((item, i) => {
        const cell = cells[i];
        cell.value.textContent = written(item.value);
        // A second reading and a band belong to a solved value; between them they would be another's.
        cell.detail.textContent = view.exact ? item.detail : "\u00a0";
        cell.band.textContent = view.exact ? [item.band, item.verdict].filter(Boolean).join(" · ") || (deck.bands ? "90 % band follows" : "no interval yet") : "band when the lever rests";
        const before = view.before?.numbers[i];
        cell.was.textContent = before && Math.abs(before.value - item.value) >= 0.005 ? `before ${withUnit(before.value, item.unit)}` : "\u00a0";
      });
      grid.dataset.value = view.value;
    };
  },

  map(parent, slide, deck) {
    const { title, under } = head(parent, "", deck.under);
    const place = made("div", "maps one", "", parent);
    const map = new WorldMap(place, drawn, deck.areas, deck.names, { chosen: deck.chosen, label: deck.outcome.label });
    const foot = made("div", "foot", "", parent);
    return scaled(deck, foot, (view, scale, settle) => {
      title.textContent = finding(view.map, deck);
      map.paint(view.map, scale, deck.outcome.unit, dark());
      place.dataset.value = view.value;
      if (settle) map.tell(view.map, deck.outcome.unit), called(map, place, view.map, deck);
      under.textContent = `${deck.under} · ${view.lever}`;
    });
  },

  both(parent, slide, deck) {
    const { title } = head(parent, "", deck.under);
    const place = made("div", "maps two", "", parent);
    const sides = ["before", "now"].map((side) => {
      const half = made("figure", side, "", place);
      const words = made("figcaption", "", "", half);
      return { words, map: new WorldMap(half, drawn, deck.areas, deck.names, { chosen: deck.chosen, label: `${deck.outcome.label}, ${side}` }) };
    });
    const foot = made("div", "foot", "", parent);
    return scaled(deck, foot, (view, scale, settle) => {
      title.textContent = finding(view.map, deck);
      const [before, now] = sides;
      const { unit } = deck.outcome;
      if (view.before) before.map.paint(view.before.map, scale, unit, dark());
      now.map.paint(view.map, scale, unit, dark());
      before.words.textContent = `Before: ${view.stood}`;
      now.words.textContent = `Now: ${view.lever}`;
      place.dataset.value = view.value;
      if (settle) {
        const size = place.clientWidth < 760 ? large(place) : 24;
        if (view.before) before.map.call(view.before.map, unit, [], 2, size), before.map.tell(view.before.map, unit);
        now.map.call(view.map, unit, [], 2, size);
        now.map.tell(view.map, unit);
      }
    });
  },

  winners(parent, slide, deck) {
    const { title } = head(parent, "", deck.under);
    const bars = rows(parent, deck.outcome.unit);
    let shown = [];
    return (view) => {
      if (view.settle || !shown.length) {
        const order = view.map.map((v, i) => [v, i]).filter(([v]) => v !== null).sort((a, b) => b[0] - a[0]).map(([, i]) => i);
        shown = [...new Set([...order.slice(0, 5), ...order.filter((i) => i === deck.chosen), ...order.slice(-5)])];
        shown.sort((a, b) => view.map[b] - view.map[a]);
      }
      const known = view.map.filter((v) => v !== null);
      title.textContent = `${deck.outcome.label}: ${known.filter((v) => v >= 0.005).length} up, ${known.filter((v) => v <= -0.005).length} down`;
      bars(shown.map((i) => ({ name: deck.names[i], strong: i === deck.chosen, now: view.map[i], before: view.before?.map[i] ?? null })), view);
    };
  },

  sectors(parent, slide, deck) {
    const { title } = head(parent, "", `${deck.country}, change in % against ${deck.against}`);
    const bars = rows(parent, "%");
    return (view) => {
      const most = view.sectors.reduce((best, v, i) => (v !== null && Math.abs(v) > Math.abs(view.sectors[best] ?? 0) ? i : best), 0);
      const word = (view.sectors[most] ?? 0) < 0 ? "fall" : "rise";
      title.textContent = `${deck.country}: ${deck.measure.toLowerCase()} ${word}${deck.measure === "Output" ? "s" : ""} most in ${lower(deck.sectors[most])}`;
      bars(deck.sectors.map((name, i) => ({ name, now: view.sectors[i], before: view.before?.sectors[i] ?? null })), view);
    };
  },

  words(parent, slide) {
    const text = made("p", "tale", "", parent);
    return (view) => { text.textContent = view.words[slide.index] ?? ""; };
  },

  programmes(parent) {
    const place = made("div", "programmes", "", parent);
    const mark = made("p", "nearest", "", parent);
    return (view) => {
      // Programmes are known at solved points alone: while the lever is between them, the nearest one's numbers, marked.
      mark.textContent = view.exact || !view.programmes.length ? "" : `Of the nearest solved point (${view.nearest}); the lever's own when it rests`;
      place.classList.toggle("late", !view.exact);
      place.replaceChildren(...view.programmes.map((programme) => {
        const one = made("section");
        made("h2", "", programme.finding, one);
        made("p", "stamps", programme.stamps.join(" · "), one);
        const grid = made("div", "figures many", "", one);
        for (const item of programme.numbers) {
          const cell = made("div", "number", "", grid);
          made("span", "label", item.label, cell);
          const value = made("span", "value", "", cell);
          made("b", "", item.value === null ? "–" : withUnit(item.value, WITHIN.has(item.unit) ? item.unit : "").trim(), value);
          made("small", "", WITHIN.has(item.unit) ? "" : item.unit, value);
        }
        return one;
      }));
      if (!view.programmes.length) made("p", "tale", "No programme's firms are counted one by one in this scenario.", place);
    };
  },

  list(parent, slide) {
    made("h2", "", slide.title, parent);
    const list = made("ul", "mind", "", parent);
    for (const item of slide.items) made("li", "", item, list);
    return () => {};
  },

  // A chart of any page. One that is a function of the answer is drawn anew where the lever rests, and between says whose it is;
  // any other stands as it stood when it was put among the slides, and says so.
  chart(parent, slide) {
    const place = made("div", "fixed", "", parent);
    const stamp = made("p", "stamp", "", parent);
    let shown = "";
    let draw;
    const show = async (spec) => {
      shown = spec.hash;
      draw ??= (await import("./chart.js")).default;
      // Of what arrives while the script is on its way only the last is drawn.
      if (shown !== spec.hash) return;
      draw({ data: { ...spec, base: document.body.dataset.base, room: true, key: slide.key }, parentElement: place, setTriggerValue() {} });
    };
    return (view) => {
      const { value, lever, charts } = view.redrawn;
      const anew = charts?.[slide.key]?.spec;
      if (anew ? anew.hash !== shown : !shown) show(anew ?? slide.spec);
      const current = Boolean(anew) && Math.abs(value - view.value) < 1e-6;
      place.classList.toggle("late", slide.follows && !current);
      if (!slide.follows) stamp.textContent = `${slide.stamp}. It does not follow the lever.`;
      else stamp.textContent = `${anew ? `As of ${lever}` : slide.stamp}${current ? "" : "; drawn anew where the lever rests"}`;
    };
  },
};

// Units that are part of how a number is written.
const WITHIN = new Set(["%", "firms", "persons", "firm-market pairs"]);

// On a narrow screen fewer names, large enough to be read.
function called(map, place, values, deck) {
  if (place.clientWidth < 760) map.call(values, deck.outcome.unit, [], 2, large(place));
  else map.call(values, deck.outcome.unit, deck.large);
}

function large(place) {
  return (12 * BOX.width) / Math.max(place.clientWidth, 300);
}

function lower(text) {
  return text ? text[0].toLowerCase() + text.slice(1) : "";
}

// A map keeps its colours while the lever moves, and lets them reach further only when it must; at rest it may draw in again.
function scaled(deck, foot, paint) {
  let scale = 0;
  let shown = "";
  return (view) => {
    const wanted = halfRange([...view.map, ...(view.before?.map ?? [])]);
    scale = view.settle && !view.moving && wanted * 10 < scale ? wanted : Math.max(scale, wanted);
    const state = `${scale} ${dark()}`;
    if (state !== shown) foot.replaceChildren(legend(scale, deck.outcome.unit, dark()), made("p", "", deck.borders));
    shown = state;
    paint(view, scale, view.settle);
  };
}

// Bars from zero: now in colour, before as a grey mark on the same scale, which reaches further only when it must.
function rows(parent, unit) {
  const place = made("div", "bars", "", parent);
  made("p", "key", "Coloured: now. Grey mark: before the lever moved.", parent);
  let [low, high] = [0, 0];
  let kept = [];
  let names = "";
  return (items, view) => {
    const values = items.flatMap(({ now, before }) => [now, before]).filter((v) => v !== null);
    const [least, most] = [Math.min(0, ...values), Math.max(0.05, ...values)];
    const again = view.settle && !view.moving && (most - least) * 5 < high - low;
    [low, high] = again ? [least, most] : [Math.min(low, least), Math.max(high, most)];
    const at = (value) => (100 * (value - low)) / (high - low);
    const these = items.map(({ name }) => name).join("|");
    if (these !== names) {
      names = these;
      place.replaceChildren();
      kept = items.map(({ name, strong }) => {
        const row = made("div", "row", "", place);
        made("span", strong ? "name strong" : "name", name, row);
        const track = made("span", "track", "", row);
        return { track, bar: made("i", "", "", track), mark: made("u", "", "", track), value: made("b", "", "", row) };
      });
    }
    items.forEach(({ now, before }, i) => {
      const { track, bar, mark, value } = kept[i];
      track.style.setProperty("--zero", `${at(0)}%`);
      bar.style.left = `${at(Math.min(0, now ?? 0))}%`;
      bar.style.width = `${at(Math.abs(now ?? 0)) - at(0)}%`;
      bar.className = now < 0 ? "loss" : "gain";
      mark.hidden = before === null;
      if (before !== null) mark.style.left = `${at(before)}%`;
      value.textContent = now === null ? "none" : withUnit(now, unit);
    });
    place.dataset.value = view.value;
  };
}

export function build(parent, slide, deck) {
  const place = made("section", `slide ${slide.kind}`, "", parent);
  place.dataset.key = slide.key;
  const heading = made("h1", "scenario", "", place);
  const body = made("div", "body", "", place);
  const update = BUILD[slide.kind](body, slide, deck);
  const caption = made("p", "caption", "", place);
  return { place, update, caption, heading, printed: made("p", "printed", "", place) };
}
