// What a visitor sees and does on a page, told to the shop in batches. It stores nothing and throws nothing.
// Put there by {% coldrec_script %}; what it sends is described in docs/api.md and docs/privacy.md.
const WAIT = 2000; // ms until a batch goes out
const BATCH = 20; // events that go out at once
const HELD = 200; // events kept while the browser is offline
const SEEN = 1000; // ms for which half of an item must be visible
const SAME_CLICK = 500; // ms within which clicks on one item are one
const ITEMS = "[data-coldrec-slate] [data-coldrec-item]";
const OWN_PAGES = /^(v1|lists|why|me|consent)\//;

const config = JSON.parse(document.getElementById("coldrec-config")?.textContent || "null");

function cookie(suffix) {
  try {
    const name = `${config.cookie}${suffix}=`;
    return document.cookie.split("; ").find((one) => one.startsWith(name))?.slice(name.length) ?? "";
  } catch {
    return ""; // cookies are blocked
  }
}

// Who may be told about

let answered = ""; // a refusal counts before the server has heard of it
let isStopped = false; // by the page's own security policy
let mark = "";

const saysNo = () => navigator.globalPrivacyControl === true || navigator.doNotTrack === "1" || !navigator.cookieEnabled;
const answer = () => answered || cookie("_consent");
const isAllowed = () =>
  !isStopped && !saysNo() && (config.mode === "explicit" ? answer() === "granted" : answer() !== "refused");

// Whether who sits here now is who opened the page: signing in lengthens the mark, signing out replaces it.
function isSamePerson() {
  const now = cookie("_mark");
  const isSame = !mark || now === mark || now.startsWith(`${mark}.`);
  if (isSame) mark = now;
  return isSame;
}

// A stranger's click and the page behind it reach the server side by side: by the mark it knows that both are one.
function introduce() {
  if (mark || !isAllowed()) return;
  const rest = `path=/; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  try {
    document.cookie = `${config.cookie}_mark=${newId()}; ${rest}`;
  } catch {
    return; // as above
  }
  mark = cookie("_mark");
}

// Sending

let queue = [];
let timer;

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

function referrer() {
  try {
    const { host } = new URL(document.referrer);
    return host === location.host ? "" : `?referrer=${encodeURIComponent(host)}`;
  } catch {
    return "";
  }
}

function flush() {
  clearTimeout(timer);
  timer = undefined;
  if (!isAllowed() || !isSamePerson()) queue = [];
  if (!queue.length || !navigator.onLine) return; // goes out once the browser is online again
  const [address, body] = [config.events + referrer(), JSON.stringify(queue)];
  queue = [];
  try {
    if (navigator.sendBeacon(address, body)) return;
  } catch {
    // refused: the other way remains
  }
  fetch(address, { method: "POST", body, keepalive: true }).catch(() => {});
}

function track(kind, fields = {}) {
  const event = { event_id: newId(), ...fields, kind };
  if (isAllowed()) {
    queue = [...queue, event].slice(-HELD);
    if (queue.length >= BATCH) flush();
    else timer ??= setTimeout(flush, WAIT);
  }
  return event.event_id;
}

// Lists: seen and clicked

const told = new Set(); // impressions sent
const clicks = new Map(); // time of the last click, by item
const waiting = new Map(); // timers of what is visible now

function place(element) {
  const item = element.closest(ITEMS);
  const slate_id = item?.closest("[data-coldrec-slate]").dataset.coldrecSlate;
  return slate_id ? { item_id: item.dataset.coldrecItem, slate_id, position: Number(item.dataset.coldrecPosition) } : null;
}
// The same on every try, so that an impression told twice is one row.
const impressionOf = ({ slate_id, position }) => `i${slate_id.replaceAll("-", "")}-${position}`;

function seen(element) {
  waiting.delete(element);
  observer.unobserve(element);
  const found = place(element);
  if (!found || !isAllowed() || told.has(impressionOf(found))) return;
  told.add(impressionOf(found));
  track("impression", { ...found, event_id: impressionOf(found) });
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, intersectionRatio } of entries) {
      clearTimeout(waiting.get(target));
      waiting.delete(target);
      if (intersectionRatio >= 0.5 && document.visibilityState === "visible") {
        waiting.set(target, setTimeout(seen, SEEN, target));
      }
    }
  },
  { threshold: 0.5 },
);

let scanTimer;
function scan() {
  clearTimeout(scanTimer);
  scanTimer = undefined;
  for (const element of document.querySelectorAll(ITEMS)) {
    const found = place(element);
    if (found && !told.has(impressionOf(found))) observer.observe(element); // again is nothing new
  }
}

function forget() {
  observer.disconnect();
  for (const one of waiting.values()) clearTimeout(one);
  waiting.clear();
}

function clicked(event) {
  if (event.type === "auxclick" && event.button !== 1) return;
  const link = event.target.closest?.("a[href]");
  const found = link && place(link);
  if (!found) return;
  link.removeAttribute("ping"); // told here; the browser's own word is for pages without scripts
  const root = config.events.slice(0, -"v1/events/".length);
  if (link.pathname?.startsWith(root) && OWN_PAGES.test(link.pathname.slice(root.length))) return; // "why this?"
  const key = impressionOf(found);
  const isSame = event.timeStamp - clicks.get(key) < SAME_CLICK;
  clicks.set(key, event.timeStamp);
  if (isSame) return;
  track("click", found);
  flush(); // the page may be left with this click
}

// The page's own item: viewed, in front, put in the basket

const pageItem = () => document.querySelector("[data-coldrec-page-item]")?.dataset.coldrecPageItem ?? "";
let since; // since when the page is in front
let spent = 0;

function inFront() {
  since = document.visibilityState === "visible" ? performance.now() : undefined;
}

function leave() {
  if (since !== undefined) spent += performance.now() - since;
  since = undefined;
  const seconds = Math.min(Math.floor(spent / 1000), 86400);
  if (seconds && pageItem()) {
    spent -= seconds * 1000;
    track("dwell", { item_id: pageItem(), duration: seconds });
  }
  flush();
}

function put(form, name, value) {
  const field = form.querySelector(`input[name="${name}"]`) ?? document.createElement("input");
  Object.assign(field, { type: "hidden", name, value });
  form.append(field);
}

let basket; // the form that is being sent, and its event
function submitting({ target: form }) {
  const item_id = form.dataset.coldrecBasket || (form.id === "add_to_basket_form" ? pageItem() : "");
  basket = undefined;
  if (!item_id || !isAllowed() || !isSamePerson()) return;
  const fields = { event_id: newId(), ...place(form), item_id };
  put(form, "coldrec_event_id", fields.event_id); // the server's own event takes this id: both are one
  if (fields.slate_id) {
    put(form, "coldrec_slate_id", fields.slate_id);
    put(form, "coldrec_position", fields.position);
  }
  basket = fields;
}

function submitted(event) {
  // Where the shop's own script has taken over, only it knows whether the item gets into the basket.
  if (basket && !event.defaultPrevented) track("basket_add", basket);
  basket = undefined;
  flush(); // signing in or out is a form, too
}

// Consent

function ask() {
  const isOpen = config.mode === "explicit" && !answer() && !saysNo();
  for (const banner of document.querySelectorAll("[data-coldrec-consent]")) banner.hidden = !isOpen;
}

function begin() {
  introduce();
  spent = 0; // what was seen before is not told
  inFront();
  forget();
  scan();
}

async function consent(granted) {
  if (!granted) {
    answered = "refused";
    queue = [];
  }
  try {
    const kept = await fetch(config.consent, { method: "POST", body: JSON.stringify({ granted }), keepalive: true });
    if (!kept.ok) return false;
  } catch {
    return false;
  }
  answered = ""; // from here on the cookie says it
  mark = cookie("_mark");
  ask();
  if (granted) begin();
  document.dispatchEvent(new CustomEvent("coldrec:consent", { detail: { granted } }));
  return true;
}

// The life of a page

function start() {
  mark = cookie("_mark");
  ask();
  begin();
  const item = pageItem();
  if (item && !config.viewed.includes(item)) track("view", { item_id: item });

  new MutationObserver(() => (scanTimer ??= setTimeout(scan, 200))).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("coldrec:loaded", scan);
  document.addEventListener("click", clicked, true);
  document.addEventListener("auxclick", clicked, true);
  document.addEventListener("click", ({ target }) => {
    const said = target.closest?.("[data-coldrec-answer]")?.dataset.coldrecAnswer;
    if (said) consent(said === "granted");
  });
  document.addEventListener("submit", submitting, true);
  addEventListener("submit", submitted);
  document.addEventListener("visibilitychange", () => {
    forget();
    if (document.visibilityState === "hidden") return leave();
    inFront();
    scan();
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    inFront();
    ask();
    scan();
  });
  addEventListener("online", flush);
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
    if (blockedURI === new URL(config.events, location).href) isStopped = true;
  });
}

if (config && !window.coldrec) {
  window.coldrec = { track, consent };
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
