// The basket's page: the list beside the basket follows it, and the keyboard's place is kept.

const inner = document.getElementById("content_inner");
const list = document.querySelector("coldrec-widget");
let focus = "";

// oscar's script sends the basket's form and replaces what is in this element.
new MutationObserver(() => {
  list?.refresh();
  if (document.activeElement === document.body && focus) (inner.querySelector(focus) ?? heading()).focus();
}).observe(inner, { childList: true });

inner.addEventListener("focusin", ({ target }) => {
  const { id, behaviours } = { id: target.id, ...target.dataset };
  focus = id ? `#${CSS.escape(id)}` : behaviours ? `[data-behaviours="${behaviours}"]` : `form#basket_formset button`;
});

function heading() {
  const title = document.querySelector("h1");
  title.tabIndex = -1;
  return title;
}

// Adding from the list: the same form, sent here, and the new basket put in the place of the old.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!list?.contains(form) || !form.dataset.coldrecBasket) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!answer?.ok || new URL(answer.url).pathname !== location.pathname) return form.submit();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const place of ["#content_inner", "#messages"]) {
    const [old, made] = [document, fresh].map((page) => page.querySelector(place));
    if (old && made) old.replaceChildren(...made.childNodes);
  }
});
