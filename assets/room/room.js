// The room: who presents moves the lever and everything follows at once, read between certified solves; who follows sees it.
import { betweenAll, between, written } from "./numbers.js";
import { build, made, prepare } from "./slides.js";

const ID = location.pathname.split("/").pop();
const KEY = `firmtrade room ${ID}`;
const find = (name) => document.getElementById(name);
const room = { points: [], value: 0, slide: 0, moving: false, lever: 0, people: [], captions: {}, redrawn: {}, presents: false };
let socket, slides = [], frame = 0, resting = 0, settled = "";

// The key comes behind the number sign, which no server is told, and stays with this window.
const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
}

function connect() {
  const address = new URL(`socket/${ID}`, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.onopen = () => say({ key: sessionStorage.getItem(KEY) ?? "", name: sessionStorage.getItem("firmtrade name") ?? "" });
  socket.onmessage = ({ data }) => data && hear(JSON.parse(data));
  socket.onclose = ({ code, reason }) => {
    if (code === 4404 || code === 4403) return problem(reason || "This room is closed.");
    problem("The connection is gone. This screen stays as it was and follows again by itself once the presenter’s machine answers.");
    setTimeout(connect, 1500);
  };
}

function say(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function hear(said) {
  if (said.kind === "hello") {
    Object.assign(room, said);
    problem("");
    role(said.presents);
    begin();
  } else if (said.kind === "state") {
    // Whoever leads is ahead of what the server says of lever and slide: two slides turned in haste would be turned back to one.
    if (!room.presents) Object.assign(room, { value: said.value, moving: said.moving }), turn(said.slide);
  } else if (said.kind === "lever") {
    Object.assign(room, said);
    range();
  } else if (said.kind === "point") {
    room.points = [...room.points.filter(({ value }) => value !== said.point.value), said.point].sort((a, b) => a.value - b.value);
    problem("");
  } else if (said.kind === "redrawn") room.redrawn = said.redrawn;
  else if (said.kind === "captions") room.captions = said.captions;
  else if (said.kind === "people") { room.people = said.people; who(); }
  else if (said.kind === "role") {
    if (said.key) sessionStorage.setItem(KEY, said.key);
    else sessionStorage.removeItem(KEY);
    role(said.presents);
  } else if (said.kind === "problem") problem(said.words);
  settled = "";
  draw();
}

function problem(words) {
  find("problem").textContent = words;
  find("problem").hidden = !words;
}

function begin() {
  const { deck } = room;
  document.title = `${deck.title} · firmtrade`;
  find("slides").replaceChildren();
  slides = deck.slides.map((slide) => build(find("slides"), slide, deck));
  find("back").href = `../${deck.back}`;
  find("levers").replaceChildren(...room.levers.map(({ label }, i) => Object.assign(made("option", "", label), { value: i })));
  find("levers").hidden = room.levers.length < 2;
  range();
  turn(room.slide);
}

function range() {
  const lever = room.levers[room.lever];
  find("lever").hidden = !lever;
  if (!lever) return;
  const slider = find("range");
  Object.assign(slider, { min: lever.lowest, max: lever.highest, step: lever.step });
  slider.value = room.value;
  slider.setAttribute("aria-label", lever.label);
  find("levers").value = room.lever;
  find("label").textContent = lever.label;
}

function standing(value) {
  const lever = room.levers[room.lever];
  return lever ? `${lever.label} ${written(value, lever.signed, 3)} ${lever.unit}` : room.deck.title;
}

// The view at the lever: the solved point itself, or what lies between its neighbours.
function view() {
  const { points, value } = room;
  const before = points.find((point) => point.value === room.stands);
  const exact = points.find((point) => Math.abs(point.value - value) < 1e-6);
  const common = { value, moving: room.moving, before, lever: standing(value), stood: standing(room.stands), exact: Boolean(exact), redrawn: { ...room.redrawn, lever: standing(room.redrawn.value) } };
  if (exact) return { ...exact, ...common };
  if (!points.length) return null;
  const near = points.reduce((a, b) => (Math.abs(b.value - value) < Math.abs(a.value - value) ? b : a));
  const xs = points.map((point) => point.value);
  if (points.length === 1 || value < xs[0] || value > xs.at(-1)) return { ...near, ...common, nearest: standing(near.value), far: true };
  return {
    ...near, ...common, nearest: standing(near.value),
    numbers: near.numbers.map((item, i) => ({ label: item.label, unit: item.unit, detail: "", value: between(xs, points.map((point) => point.numbers[i].value), value) })),
    map: betweenAll(xs, points.map((point) => point.map), value),
    sectors: betweenAll(xs, points.map((point) => point.sectors), value),
  };
}

// One drawing a frame, of the latest there is.
function draw() {
  frame ||= requestAnimationFrame(() => { frame = 0; paint(); });
}

function paint() {
  const seen = room.deck && view();
  if (!seen) return;
  const state = `${room.slide} ${seen.exact ? seen.result : ""} ${room.moving}`;
  seen.settle = !room.moving && (state !== settled || !seen.exact);
  settled = seen.settle ? state : settled;
  const { update, caption } = slides[room.slide];
  update(seen);
  const words = room.captions[room.deck.slides[room.slide].key];
  caption.textContent = words?.text ?? "";
  caption.classList.toggle("late", !seen.exact);
  find("sentence").textContent = seen.sentence;
  find("sentence").classList.toggle("late", !seen.exact);
  document.body.classList.toggle("between", !seen.exact);
  if (document.activeElement !== find("range") || !room.presents) find("range").value = room.value;
  const lever = room.levers[room.lever];
  if (lever) find("value").textContent = `${written(room.value, lever.signed, 3)} ${lever.unit}`;
  find("certificate").textContent = seen.exact
    ? `Solved and certified: largest residual ${seen.residual} (allowed 10⁻⁹) · result ${seen.result.slice(0, 8)}`
    : seen.far ? `Solving … ${room.points.length} of ${room.planned} points`
      : `Moving: read between ${room.points.length} certified solves; solved and certified where it rests`;
  find("assumed").textContent = `${seen.assumed} · ${room.deck.source}`;
  document.body.dataset.value = room.value;
  document.body.dataset.result = seen.exact ? seen.result : "";
  const link = `?s=${seen.link}${room.deck.beside}`;
  find("back").href = `../${room.deck.page}${seen.exact && seen.link ? link : `?${room.deck.query}`}`;
  for (const one of document.querySelectorAll(".slide")) one.hidden = one !== slides[room.slide].place;
}

function turn(slide) {
  room.slide = Math.max(0, Math.min(slide, slides.length - 1));
  find("place").textContent = `${room.slide + 1} of ${slides.length} · ${room.deck.slides[room.slide].title}`;
  find("previous").disabled = room.slide === 0;
  find("next").disabled = room.slide === slides.length - 1;
  find("words").value = room.captions[room.deck.slides[room.slide].key]?.raw ?? "";
  const { problem: wrong } = room.captions[room.deck.slides[room.slide].key] ?? {};
  if (wrong && room.presents) problem(wrong);
  slides.forEach(({ place }, i) => { place.hidden = i !== room.slide; });
  settled = "";
  draw();
}

function lead(slide) {
  if (!room.presents || slide < 0 || slide >= slides.length) return;
  turn(slide);
  say({ slide });
}

function role(presents) {
  room.presents = presents;
  document.body.classList.toggle("presents", presents);
  find("range").disabled = !presents;
  who();
}

function who() {
  const leading = room.people.find(({ presents }) => presents);
  const others = room.people.filter(({ presents }) => !presents).length;
  find("who").textContent = room.presents ? `${others} follow${others === 1 ? "s" : ""}` : leading ? `${leading.name.startsWith("Follower") ? "The presenter" : leading.name} leads` : "The presenter is away";
  find("hand").replaceChildren(Object.assign(made("option", "", "Hand over to …"), { value: "" }),
    ...room.people.filter(({ presents }) => !presents).map(({ number, name }) => Object.assign(made("option", "", name), { value: number })));
  find("hand").hidden = !room.presents || !others;
}

// What the presenter does ---------------------------------------------------------------------------

function slid(moving) {
  room.value = Number(find("range").value);
  room.moving = moving;
  clearTimeout(resting);
  say({ value: room.value, moving });
  // A finger that holds still rests, too.
  if (moving) resting = setTimeout(() => slid(false), 350);
  draw();
}

find("range").addEventListener("input", () => slid(true));
find("range").addEventListener("change", () => slid(false));
find("levers").addEventListener("change", (event) => say({ lever: Number(event.target.value) }));
find("previous").addEventListener("click", () => lead(room.slide - 1));
find("next").addEventListener("click", () => lead(room.slide + 1));
find("hand").addEventListener("change", (event) => { if (event.target.value) say({ hand: Number(event.target.value) }); });
find("words").addEventListener("change", (event) => say({ slide: room.slide, words: event.target.value }));
find("words").addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
find("name").addEventListener("change", (event) => { sessionStorage.setItem("firmtrade name", event.target.value); say({ name: event.target.value }); });
find("name").value = sessionStorage.getItem("firmtrade name") ?? "";
find("share").addEventListener("click", async () => {
  const open = find("sharing");
  open.hidden = !open.hidden;
  const here = `${location.origin}${location.pathname}`;
  const hosts = JSON.parse(document.body.dataset.hosts);
  const away = hosts.filter((host) => ["localhost", "127.0.0.1"].includes(location.hostname) && host);
  const links = away.length ? away.map((host) => here.replace(location.hostname, host)) : [here];
  find("links").replaceChildren(...links.map((link) => made("code", "", link)));
  find("reach").textContent = document.body.dataset.reach;
  try { await navigator.clipboard.writeText(links[0]); find("copied").textContent = "Copied."; } catch { find("copied").textContent = ""; }
});

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (target.matches("textarea, input:not([type=range]), select")) return;
  const onLever = target.matches("input[type=range]");
  if (key === "PageDown" || (!onLever && (key === "ArrowRight" || key === " "))) lead(room.slide + 1);
  else if (key === "PageUp" || (!onLever && key === "ArrowLeft")) lead(room.slide - 1);
  else if (key === "Escape") { if (find("sharing").hidden) find("back").click(); else find("sharing").hidden = true; return; }
  else return;
  event.preventDefault();
});

// Paper holds every slide, one a page.
addEventListener("beforeprint", () => {
  const seen = view();
  if (!seen) return;
  seen.settle = true;
  document.body.classList.add("paper");
  slides.forEach(({ place, update, caption, heading, printed }, i) => {
    place.hidden = false;
    update(seen);
    caption.textContent = room.captions[room.deck.slides[i].key]?.text ?? "";
    // What travels with every number stands on every page, the scenario at its head.
    heading.textContent = seen.sentence;
    printed.textContent = [find("certificate").textContent, find("assumed").textContent].join(" · ");
  });
});
addEventListener("afterprint", () => {
  document.body.classList.remove("paper");
  turn(room.slide);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { settled = ""; draw(); });
addEventListener("resize", () => { settled = ""; draw(); });

prepare(await (await fetch(`${document.body.dataset.base}/app/static/topojson/world_50m.json`)).json());
connect();
