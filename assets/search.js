// One box for places, products, policies, pages and terms. What is typed is ranked here as `scenarios.finder.search` ranks it,
// at every key; the choice goes to the page. The list lies in the top layer, so that no panel cuts it off.

const boxes = new Map();
const KINDS = { place: "Country", product: "Product", policy: "Policy", kind: "New card", page: "Page", story: "Story", term: "Term" };
const MOST = 9;

function plain(text) {
  return text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

function rank(wanted, words) {
  let [best, by] = [0, ""];
  for (const label of words) {
    const value = label === wanted ? 4 : label.startsWith(wanted) ? 3 : label.includes(` ${wanted}`) ? 2
      : wanted.length >= 4 && label.includes(wanted) ? 1 : 0;
    if (value > best) [best, by] = [value, label];
  }
  return [best, by];
}

function found(box) {
  const wanted = plain(box.input.value);
  if (!wanted) return [];
  return box.index
    .map((item, place) => ({ item, place, rank: rank(wanted, item.words) }))
    .filter((hit) => hit.rank[0])
    .sort((a, b) => b.rank[0] - a.rank[0] || a.place - b.place)
    .slice(0, MOST);
}

function create(root) {
  const box = { root: document.createElement("div"), index: [], hits: [], at: 0 };
  box.root.className = "ft-search";
  const id = `ft-search-${Math.random().toString(36).slice(2, 8)}`;
  box.root.innerHTML =
    `<label class="ft-unseen" for="${id}"></label>` +
    `<input id="${id}" type="text" role="combobox" autocomplete="off" spellcheck="false" aria-autocomplete="list" aria-expanded="false" aria-controls="${id}-list">` +
    `<ul id="${id}-list" class="ft-hits" role="listbox" popover="manual" aria-label="Found"></ul>` +
    '<span class="ft-unseen" role="status" aria-live="polite"></span>';
  root.append(box.root);
  [box.label, box.input, box.list, box.status] = box.root.children;
  box.input.addEventListener("input", () => { box.at = 0; show(box); });
  box.input.addEventListener("focus", () => box.input.value && show(box));
  box.input.addEventListener("blur", () => setTimeout(() => hide(box), 150));
  box.input.addEventListener("keydown", (event) => pressed(box, event));
  box.moved = () => !box.list.hidden && place(box);
  window.addEventListener("resize", box.moved);
  window.addEventListener("scroll", box.moved, true);
  return box;
}

function pressed(box, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && box.hits.length) {
    box.at = (box.at + step + box.hits.length) % box.hits.length;
    mark(box);
  } else if (event.key === "Enter" && box.hits.length) choose(box, box.at);
  else if (event.key === "Escape") {
    if (box.input.value) box.input.value = "";
    hide(box);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function show(box) {
  box.hits = found(box);
  const typed = Boolean(plain(box.input.value));
  box.list.replaceChildren(...box.hits.map((hit, i) => option(box, hit, i)));
  if (typed && !box.hits.length) {
    const none = document.createElement("li");
    none.className = "ft-none";
    none.textContent = "Nothing by that name. Try a country, a product such as steel, or a policy such as embargo.";
    box.list.append(none);
  }
  box.status.textContent = typed ? `${box.hits.length} found` : "";
  if (!typed) return hide(box);
  box.list.hidden = false;
  if (!box.list.matches(":popover-open")) box.list.showPopover?.();
  box.input.setAttribute("aria-expanded", "true");
  place(box);
  mark(box);
}

function option(box, { item, rank: [, by] }, i) {
  const line = document.createElement("li");
  line.id = `${box.list.id}-${i}`;
  line.setAttribute("role", "option");
  const [name, kind, note] = ["b", "i", "span"].map((tag) => document.createElement(tag));
  name.textContent = item.label;
  kind.textContent = KINDS[item.kind];
  // Which of its names was meant, where the label does not show it.
  const other = by && !plain(`${item.label} ${item.note}`).includes(by) && by.length < 40 ? `also: ${by} · ` : "";
  note.textContent = other + item.note;
  line.append(kind, name, note);
  line.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(box, i); });
  line.addEventListener("pointermove", () => { if (box.at !== i) { box.at = i; mark(box); } });
  return line;
}

function mark(box) {
  [...box.list.querySelectorAll("[role=option]")].forEach((line, i) => line.setAttribute("aria-selected", i === box.at));
  const line = box.list.children[box.at];
  if (box.hits.length) box.input.setAttribute("aria-activedescendant", line.id);
  else box.input.removeAttribute("aria-activedescendant");
  line?.scrollIntoView({ block: "nearest" });
}

function place(box) {
  const at = box.input.getBoundingClientRect();
  const width = Math.min(Math.max(at.width, 420), window.innerWidth - 16);
  const style = getComputedStyle(document.querySelector(".stApp") ?? document.body);
  Object.assign(box.list.style, {
    left: `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`, top: `${at.bottom + 4}px`, width: `${width}px`,
    maxHeight: `${Math.max(160, window.innerHeight - at.bottom - 16)}px`, color: style.color, fontFamily: style.fontFamily,
  });
}

function hide(box) {
  box.list.hidden = true;
  if (box.list.matches(":popover-open")) box.list.hidePopover();
  box.input.setAttribute("aria-expanded", "false");
  box.input.removeAttribute("aria-activedescendant");
}

function choose(box, i) {
  const hit = box.hits[i];
  if (!hit) return;
  box.input.value = "";
  hide(box);
  box.count = (box.count ?? 0) + 1;
  box.send({ kind: hit.item.kind, target: hit.item.target, count: box.count });
}

// From anywhere, a slash leads into the box that is in sight.
if (!window.firmtradeSlash) {
  window.firmtradeSlash = true;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable=true]")) return;
    const input = [...document.querySelectorAll(".ft-search input")].find((node) => node.offsetParent);
    if (!input) return;
    event.preventDefault();
    input.focus();
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  let box = boxes.get(parentElement);
  if (!box) boxes.set(parentElement, (box = create(parentElement)));
  box.index = data.index.map(([kind, target, label, note, words]) => ({ kind, target, label, note, words }));
  box.label.textContent = data.label;
  box.input.placeholder = data.hint;
  box.send = (value) => setTriggerValue("picked", value);
  return () => {
    window.removeEventListener("resize", box.moved);
    window.removeEventListener("scroll", box.moved, true);
    boxes.delete(parentElement);
    box.root.remove();
  };
}
