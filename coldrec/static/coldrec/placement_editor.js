/* Shows the list again as the form changes. Without this script the button "Preview" does the same. */
const WAIT = 400; // ms without a key before the list is asked for
const button = document.querySelector("[data-coldrec-preview]");
const frame = document.querySelector("iframe[name='coldrec-preview']");
const form = button?.form;
let timer;
let latest;

async function show() {
  latest?.abort();
  const mine = latest = new AbortController();
  frame.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(form);
    const answer = await fetch(button.formAction, { method: "POST", body, credentials: "same-origin", signal: mine.signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    frame.srcdoc = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") frame.removeAttribute("srcdoc");
  } finally {
    if (latest === mine) frame.removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(show, WAIT);
}

if (form && frame) {
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    show();
  });
  show();
}
