// A tour: one place of the page after another, each lit up with two lines beside it. Arrow keys lead on, Escape leaves.

const tour = (window.firmtradeTour ??= { at: 0 });

function leave() {
  tour.card?.remove();
  tour.ring?.remove();
  tour.card = tour.ring = null;
  document.removeEventListener("keydown", tour.keys, true);
  window.removeEventListener("resize", put);
  if (tour.timer) clearInterval(tour.timer);
  tour.running = false;
}

function target() {
  const wanted = tour.steps[tour.at].at;
  return wanted ? document.querySelector(wanted) : null;
}

function put() {
  if (!tour.card) return;
  const node = target();
  const box = node?.getBoundingClientRect();
  const [wide, high] = [tour.card.offsetWidth, tour.card.offsetHeight];
  if (!box || !box.width) {
    tour.ring.hidden = true;
    Object.assign(tour.card.style, { left: `${(innerWidth - wide) / 2}px`, top: `${(innerHeight - high) / 2}px` });
    return;
  }
  tour.ring.hidden = false;
  const top = Math.max(box.top - 6, 2);
  const bottom = Math.min(box.bottom + 6, innerHeight - 2);
  Object.assign(tour.ring.style, {
    left: `${Math.max(box.left - 6, 2)}px`, top: `${top}px`,
    width: `${Math.min(box.width + 12, innerWidth - 4)}px`, height: `${Math.max(bottom - top, 20)}px`,
  });
  const room = innerHeight - bottom - 12 > high ? bottom + 10 : top - 12 > high ? top - high - 10 : Math.max(innerHeight - high - 16, 8);
  Object.assign(tour.card.style, {
    left: `${Math.max(8, Math.min(box.left, innerWidth - wide - 8))}px`, top: `${room}px`,
  });
}

function go(by) {
  const next = tour.at + by;
  if (next < 0) return;
  if (next >= tour.steps.length) { leave(); return tour.send(); }
  tour.at = next;
  const step = tour.steps[tour.at];
  tour.card.querySelector("b").textContent = step.title;
  tour.card.querySelector("p").textContent = step.words;
  tour.card.querySelector("small").textContent = `${tour.at + 1} of ${tour.steps.length}`;
  tour.card.querySelector(".ft-tour-back").disabled = tour.at === 0;
  tour.card.querySelector(".ft-tour-next").textContent = tour.at + 1 === tour.steps.length ? "Done" : "Next";
  target()?.scrollIntoView({ block: "nearest" });
  put();
  setTimeout(put, 250);
}

function begin() {
  if (tour.running) return;
  Object.assign(tour, { running: true, at: 0 });
  tour.ring = document.createElement("div");
  tour.ring.className = "ft-tour-ring";
  tour.card = document.createElement("div");
  tour.card.className = "ft-tour";
  tour.card.setAttribute("role", "dialog");
  tour.card.setAttribute("aria-label", "A tour of one minute");
  tour.card.innerHTML = '<div aria-live="polite"><b></b><p></p></div><div class="ft-tour-row"><small></small>' +
    '<button type="button" class="ft-tour-leave">Leave</button><button type="button" class="ft-tour-back">Back</button>' +
    '<button type="button" class="ft-tour-next">Next</button></div>';
  const style = getComputedStyle(document.querySelector(".stApp") ?? document.body);
  tour.card.style.fontFamily = style.fontFamily;
  document.body.append(tour.ring, tour.card);
  tour.card.querySelector(".ft-tour-leave").onclick = () => { leave(); tour.send(); };
  tour.card.querySelector(".ft-tour-back").onclick = () => go(-1);
  tour.card.querySelector(".ft-tour-next").onclick = () => go(1);
  tour.keys = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") { leave(); tour.send(); }
    else if (by && !event.target.closest?.("input, textarea")) go(by);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("keydown", tour.keys, true);
  window.addEventListener("resize", put);
  tour.timer = setInterval(put, 400);
  go(0);
  tour.card.querySelector(".ft-tour-next").focus();
}

export default function ({ data, setTriggerValue }) {
  tour.steps = data.steps;
  tour.send = () => setTriggerValue("done", Date.now());
  begin();
  return leave;
}
