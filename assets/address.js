// Keeps the scenario in the address bar: a moved lever replaces the address, another stack of policies pushes it,
// Back and Forward put an earlier one in force again, and links to pages carry it. Streamlit itself pushes at
// every change and reruns the whole page at every popstate, so its own handling is passed by.

const state = (window.firmtradeAddress ??= { sent: 0 });

function arrived(event) {
  const samePage = location.pathname === state.path;
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
    write(data.search, data.push && before.path === state.path);
  }
  state.search = data.search;
  carry(data.search);
  unlist();
}
