// The basket's page: the list beside the basket follows it, nothing jumps, and the keyboard keeps its place.

const inner = document.getElementById("content_inner");
const list = document.querySelector("coldrec-widget");
let place = ""; // how to find what has the focus in the basket, after the basket has been replaced

inner.addEventListener("focusin", ({ target }) => {
  const { behaviours } = target.dataset;
  place = behaviours ? `[data-behaviours="${behaviours}"]` : target.id ? `#${CSS.escape(target.id)}` : "#basket_formset button";
});

// oscar's script sends the basket's form and replaces what is in this element; so does the one below.
new MutationObserver(() => {
  list.refresh();
  if (!place || document.activeElement !== document.body) return;
  const title = document.querySelector("h1");
  title.tabIndex = -1;
  (inner.querySelector(place) ?? title).focus({ preventScroll: true });
}).observe(inner, { childList: true });

// Adding from the list: the same form, sent from here, and the new basket put in the place of the old.
list.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.coldrecBasket) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!answer?.ok || new URL(answer.url).pathname !== location.pathname) return form.submit();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const top = list.getBoundingClientRect().top;
  for (const selector of ["#messages", "#content_inner"]) {
    const [old, now] = [document, fresh].map((page) => page.querySelector(selector));
    if (old && now) old.replaceChildren(...now.childNodes);
  }
  scrollBy({ top: list.getBoundingClientRect().top - top, behavior: "instant" });
});
