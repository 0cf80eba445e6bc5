// Keeps the scenario in the address bar: every move is a step of the browser's history, so that Back undoes it and
// leaves nothing before the first move is undone; Forward does it again, and links to pages carry it. What moves on and
// on, as a lever under an arrow key does, is one step. Streamlit reruns the whole page at every popstate, so its own
// handling is passed by.

const state = (window.firmtradeAddress ??= { sent: 0 });

//: Milliseconds between changes that make one move.
const ONE_MOVE = 900;

function arrived(event) {
  const samePage = location.pathname === state.path;
  // What the page makes of an earlier address takes its place and is no move of the reader's.
  state.going = true;
  // Another page is Streamlit's to fetch; its component tells what was popped once it is there.
  if (samePage) event.stopImmediatePropagation();
  state.popped = location.search;
  if (samePage) tell();
}

function tell() {
  state.sent += 1;
  state.send({ search: state.popped, count: state.sent });
  delete state.popped;
}

function write(search, push) {
  if (search === location.search) return;
  if (push) {
    const now = performance.now();
    const goesOn = push === "move" && now - (state.moved ?? -ONE_MOVE) < ONE_MOVE;
    state.moved = now;
    push = !goesOn;
  }
  history[push ? "pushState" : "replaceState"](history.state, "", location.pathname + search + location.hash);
}

function carry(search) {
  for (const link of document.querySelectorAll('[data-testid="stSidebarNavLink"], a[data-testid="stPageLink-NavLink"]'))
    if (link.href && link.search !== search) link.search = search;
}

// Streamlit sets its groups of pages as blocks inside a list, which is no list to those who hear the page: links in a
// landmark are what is left, and what they are. The menu may be drawn after the page, and anew at any time.
function unlist() {
  for (const part of document.querySelectorAll('[data-testid="stSidebarNavItems"], [data-testid="stSidebarNavItems"] li'))
    if (part.getAttribute("role") !== "none") part.setAttribute("role", "none");
}

if (!state.watching) {
  state.watching = new MutationObserver(unlist);
  state.watching.observe(document.body, { childList: true, subtree: true });
}

if (!state.listening) {
  // Capturing, to come before Streamlit's listener.
  window.addEventListener("popstate", arrived, true);
  state.listening = true;
}

// The secret under which this tab's uploaded world is kept: a session that knows none, as after a reload, is told it once.
function remember(data) {
  const key = "firmtradeWorld";
  if (data.kept) sessionStorage[key] = data.kept;
  else if (data.kept === "") delete sessionStorage[key];
  else if (sessionStorage[key] && state.asked !== data.session) {
    state.asked = data.session;
    setTimeout(() => state.sendKept(sessionStorage[key]), 0);
  }
}

export default function ({ data, setTriggerValue }) {
  state.send = (value) => setTriggerValue("popped", value);
  const before = { session: state.session, search: state.search, path: state.path };
  state.path = location.pathname;
  state.session = data.session;
  if (state.popped !== undefined) {
    tell();
  } else if (before.session !== data.session) {
    state.sent = 0;
    // A server that started afresh forgets; the address does not.
    if (before.session !== undefined && location.search !== data.search) {
      state.popped = location.search;
      tell();
    } else if (!new URLSearchParams(location.search).has("s")) write(data.search, false);
  } else if (data.heard >= state.sent && (data.search !== before.search || before.path !== state.path)) {
    const moved = before.path === state.path && before.search !== data.search && !state.going;
    write(data.search, moved && (data.push || "move"));
    state.going = false;
  }
  state.search = data.search;
  remember(data);
  state.sendKept = (value) => setTriggerValue("kept", value);
  carry(data.links);
  unlist();
  // Slides are a page of their own; Back leads here again.
  if (data.go && state.gone !== data.go) {
    state.gone = data.go;
    location.assign(data.go);
  }
}
