// Terms of the glossary tell what they mean where they stand: on hover, on focus, by a touch; Escape sends the words away.

const tips = (window.firmtradeTerms ??= {});

function tip() {
  if (tips.node?.isConnected) return tips.node;
  tips.node = document.createElement("div");
  tips.node.id = "ft-tip";
  tips.node.className = "ft-tip";
  tips.node.setAttribute("role", "tooltip");
  tips.node.hidden = true;
  document.body.append(tips.node);
  return tips.node;
}

function tell_term(target) {
  const node = tip();
  node.textContent = target.dataset.means;
  const app = getComputedStyle(document.querySelector(".stApp") ?? document.body);
  node.style.fontFamily = app.fontFamily;
  node.hidden = false;
  const [at, own] = [target.getBoundingClientRect(), node.getBoundingClientRect()];
  const left = Math.max(8, Math.min(at.left, window.innerWidth - own.width - 8));
  const below = at.bottom + 6 + own.height < window.innerHeight;
  node.style.left = `${left}px`;
  node.style.top = `${below ? at.bottom + 6 : at.top - own.height - 6}px`;
  target.setAttribute("aria-describedby", "ft-tip");
}

function still() {
  if (tips.node) tips.node.hidden = true;
}

if (!tips.listening) {
  tips.listening = true;
  const on = (event) => {
    const target = event.target.closest?.(".ft-term");
    if (target) tell_term(target);
    else if (event.type !== "focusin" || !event.target.closest?.(".ft-tip")) still();
  };
  for (const kind of ["mouseover", "focusin", "click"]) document.addEventListener(kind, on);
  document.addEventListener("keydown", (event) => event.key === "Escape" && still());
  document.addEventListener("scroll", still, true);
}
