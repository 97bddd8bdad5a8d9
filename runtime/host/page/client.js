/**
 * Keeps the status page up to date. The server sends the text of each section that changed; what is on the page is altered
 * to match, node by node, so that focus, selection and opened details stay where they are. Without this file the page is
 * complete, and shows the moment in which it was loaded.
 */
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const news = document.getElementById("news");

let source;

function connect() {
  source = new EventSource(`/live${location.search}`);
  source.addEventListener("open", () => say("Live"));
  source.addEventListener("error", () =>
    say(source.readyState === EventSource.CLOSED ? "Not live; reload for news" : "Connection lost; trying again"),
  );
  source.addEventListener("message", ({ data }) => show(JSON.parse(data)));
}

function say(text) {
  live.textContent = text;
  live.dataset.state = text === "Live" ? "on" : "off";
}

function show(sections) {
  const headline = document.getElementById("headline")?.textContent;
  for (const [id, text] of Object.entries(sections)) {
    const next = document.createElement("div");
    next.innerHTML = text;
    const section = document.getElementById(id);
    if (section !== null) matchChildren(section, next);
  }
  // A reader is told when the host's state changes, not each time that a number does.
  const now = document.getElementById("headline")?.textContent;
  if (headline !== now) news.textContent = now;
}

/** Children with an id stay themselves wherever they move; the others are matched by their order. */
function matchChildren(old, next) {
  const kept = new Set(Array.from(next.children, ({ id }) => id));
  for (const child of Array.from(old.children)) if (child.id !== "" && !kept.has(child.id)) child.remove();
  let at = old.firstChild;
  for (const child of Array.from(next.childNodes)) {
    const id = child.id ?? "";
    const same = id === "" ? at : Array.from(old.children).find((each) => each.id === id);
    if (same === null || same === undefined || same.nodeName !== child.nodeName || (same.id ?? "") !== id) {
      old.insertBefore(child, at);
      continue;
    }
    if (same !== at) old.insertBefore(same, at);
    at = same.nextSibling;
    match(same, child);
  }
  while (at !== null) {
    const following = at.nextSibling;
    at.remove();
    at = following;
  }
}

function match(old, next) {
  if (old.isEqualNode(next)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name, value } of next.attributes)
    if (!isViewers(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of Array.from(old.attributes))
    if (!isViewers(old, name) && !next.hasAttribute(name)) old.removeAttribute(name);
  matchChildren(old, next);
}

/** What the viewer has opened or closed is the viewer's. */
function isViewers(node, attribute) {
  return attribute === "open" && node.nodeName === "DETAILS";
}

/** A tab that nobody sees gives its connection back: a browser has six for one origin, over all tabs. */
function begin() {
  source?.close();
  if (pause.getAttribute("aria-pressed") === "true") say("Paused");
  else if (document.visibilityState === "visible") connect();
}

pause.hidden = false;
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true"));
  begin();
});
document.addEventListener("visibilitychange", begin);
begin();
