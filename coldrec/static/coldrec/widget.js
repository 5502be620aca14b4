// Late lists, carousels and "Why this?". Without it the page is whole: a stranger's lists, scrolling, pages of their own.

const every = (root, selector) => [...root.querySelectorAll(selector)];
const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// Late lists: one request for all that come near the screen, and one after the other, so that nothing stands twice.

let queue = Promise.resolve();
const load = (lists, isNew) => (queue = queue.then(() => fill(lists.filter((list) => list.isConnected), isNew)));

const near = new IntersectionObserver((entries) => {
  const lists = entries.filter((one) => one.isIntersecting).map((one) => one.target);
  lists.forEach((list) => near.unobserve(list));
  load(lists);
}, { rootMargin: "100% 0px" });

customElements.define("coldrec-widget", class extends HTMLElement {
  get url() { return new URL(this.getAttribute("src"), location); }
  get isLoaded() { return this.hasAttribute("loaded"); }
  connectedCallback() { if (!this.isLoaded) near.observe(this); }
  disconnectedCallback() { near.unobserve(this); }
  refresh() { return load([this], true); } // for a page that knows of a change: the basket's
});

async function fill(lists, isNew, tries = 2) {
  if (!lists.length) return;
  const url = new URL("..", lists[0].url);
  const start = url.href.length;
  for (const list of lists) {
    list.ariaBusy = "true";
    url.searchParams.append("list", list.url.href.slice(start));
  }
  for (const item of every(document, "[data-coldrec-position]")) {
    const list = item.closest("coldrec-widget");
    const stays = !list || (list.isLoaded && !lists.includes(list));
    if (stays && url.href.length < 4000) url.searchParams.append("shown", item.dataset.coldrecItem);
  }
  const answer = await fetch(url, { signal: AbortSignal.timeout(8000) }).catch(() => null);
  const made = answer?.ok && (await answer.json().catch(() => null));
  if (made) made.lists.forEach((html, at) => put(lists[at], html, isNew));
  else if (answer?.status === 400 || answer?.status === 404) {
    if (lists.length > 1) for (const list of lists) await fill([list], isNew); // one of them spoils it
    else miss(lists[0]);
  } else if (tries > 1) await wait(1500).then(() => fill(lists, isNew, tries - 1));
  else lists.forEach(miss);
}

function put(list, html, isNew) {
  list.ariaBusy = null;
  list.setAttribute("loaded", "");
  if (html || isNew) {
    const at = every(list, "a, button").indexOf(document.activeElement);
    const height = list.offsetHeight;
    list.style.minBlockSize = "";
    list.innerHTML = html;
    if (html && list.offsetHeight < height) list.style.minBlockSize = `${height}px`;
    every(list, "a, button")[at]?.focus({ preventScroll: true });
  }
  list.dispatchEvent(new Event("coldrec:loaded", { bubbles: true }));
}

function miss(list) {
  list.ariaBusy = null;
  const { coldrecFailed, coldrecRetry } = list.dataset;
  if (list.firstElementChild || !coldrecRetry) return;
  const again = make("button", "", coldrecRetry);
  again.onclick = () => { list.replaceChildren(); load([list]); };
  const failed = make("p", "coldrec-failed", `${coldrecFailed} `);
  failed.append(again);
  list.replaceChildren(failed);
}

// Carousels scroll by themselves; the buttons spare a drag.

function measure(list) {
  const buttons = list.parentElement.querySelector(".coldrec-buttons");
  if (!buttons) return;
  const at = Math.abs(list.scrollLeft); // below 0 from right to left
  const room = list.scrollWidth - list.clientWidth;
  buttons.hidden = room < 2;
  [at < 2, at > room - 2].forEach((isEnd, n) => (buttons.children[n].ariaDisabled = isEnd));
}

function turn(button) {
  const list = button.closest(".coldrec").querySelector(".coldrec-list");
  const way = button.dataset.coldrecScroll * (getComputedStyle(list).direction === "rtl" ? -1 : 1);
  list.scrollBy({ left: way * list.clientWidth * 0.9 });
}

// "Why this?" in a window beside the card. It stands behind the list: what is pressed in it is no click on the card.

const why = Object.assign(make("div", "coldrec-popover"), { id: "coldrec-why", popover: "auto", role: "dialog", tabIndex: -1 });
why.setAttribute("aria-labelledby", "coldrec-why-title");
let opener, closed;

async function explain(link) {
  const answer = await fetch(`${link.href}?fragment=1`).catch(() => null);
  if (!answer?.ok) return location.assign(link.href);
  why.innerHTML = await answer.text();
  opener = link;
  link.closest("[data-coldrec-slate]").append(why);
  link.ariaExpanded = "true";
  why.showPopover();
  stand();
  why.focus({ preventScroll: true });
}

function stand() {
  if (!why.isConnected || !why.matches(":popover-open")) return;
  const { left, right, top, bottom } = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = why;
  const within = (want, size, room) => `${Math.max(8, Math.min(want, room - size - 8))}px`;
  const isAbove = bottom + height + 12 > innerHeight && top > height + 12;
  why.style.left = within(getComputedStyle(opener).direction === "rtl" ? right - width : left, width, document.documentElement.clientWidth);
  why.style.top = within(isAbove ? top - height - 4 : bottom + 4, height, innerHeight);
}

why.addEventListener("beforetoggle", ({ newState }) => {
  if (newState === "open") return;
  opener.ariaExpanded = "false";
  closed = opener;
  setTimeout(() => (closed = null), 300); // the press on its own link that closes it must not open it again
});

// Fewer like this: the card folds at once, and comes back where that could not be kept.

const told = Object.assign(make("p", "coldrec-told"), { role: "status" });

function tell(text, isSeen) {
  told.textContent = text;
  told.classList.toggle("coldrec-seen", isSeen);
  clearTimeout(told.end);
  if (isSeen) told.end = setTimeout(tell, 8000, "", false);
}

function wish(form, item, wanted) {
  const isFolded = item.contains(form);
  const send = () => fetch(`${form.action}?fragment=1`, { method: "POST", body: new URLSearchParams({ wanted }) });
  const folded = why.querySelector("template")?.content.cloneNode(true);
  if (why.isConnected) why.hidePopover();
  why.remove();
  if (wanted === "no") item.coldrecOther = [...folded.children];
  const swaps = isFolded || wanted === "no";
  if (swaps) swap(item);
  item.coldrecSent = Promise.resolve(item.coldrecSent).then(send).then((answer) => { if (!answer.ok) throw answer; }).catch(() => {
    if (swaps) swap(item);
    tell(form.dataset.coldrecFailed, true);
  });
}

function swap(item) {
  const { offsetHeight: height } = item;
  const now = [...item.childNodes];
  item.replaceChildren(...item.coldrecOther);
  item.coldrecOther = now;
  const undo = item.querySelector(".coldrec-wish");
  item.style.minBlockSize = undo ? `${height}px` : "";
  item.querySelector(".coldrec-wish button, .coldrec-why")?.focus({ preventScroll: true });
  tell(undo ? item.querySelector("p").textContent : "", false);
  const end = () => (undo?.querySelector(":focus-visible") ? setTimeout(end, 1000) : undo?.remove());
  setTimeout(end, 10000);
}

// The page

function ready(root) {
  every(root, ".coldrec-list").forEach(measure);
  for (const link of every(root, ".coldrec-why")) {
    Object.assign(link, { ariaHasPopup: "dialog", ariaExpanded: "false" });
    link.setAttribute("aria-controls", why.id);
  }
}

document.addEventListener("coldrec:loaded", ({ target }) => ready(target));
document.addEventListener("scroll", ({ target }) => { stand(); if (target.matches?.(".coldrec-list")) measure(target); }, { capture: true, passive: true });
addEventListener("resize", () => { every(document, "coldrec-widget").forEach((list) => (list.style.minBlockSize = "")); every(document, ".coldrec-list").forEach(measure); stand(); });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-coldrec-scroll]");
  const link = event.target.closest(".coldrec-why");
  if (button && button.ariaDisabled !== "true") turn(button);
  if (!link || !why.showPopover || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link !== closed) explain(link);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  const item = form.matches(".coldrec-wish") && (why.contains(form) ? opener : form).closest(".coldrec-item");
  if (!item) return;
  event.preventDefault();
  wish(form, item, event.submitter.value);
});
document.body.append(told);
ready(document);
