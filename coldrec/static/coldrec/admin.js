/* Definitions are shown by CSS alone. This keeps an open one inside the window, out of the frame of the table that it
   stands in, and puts it away on Escape until it is pointed at or focused again. */
const shown = ".coldrec-term:is(:hover, :focus-within):not(.is-put-away)";
const EDGE = 8; // pixels between a definition and the edge of the window

function place(term) {
  const tip = term.querySelector('[role="tooltip"]');
  const at = term.getBoundingClientRect();
  tip.style.position = "fixed";
  const left = Math.max(EDGE, Math.min(at.left, window.innerWidth - tip.offsetWidth - EDGE));
  const below = at.bottom + tip.offsetHeight + EDGE <= window.innerHeight;
  tip.style.inset = `${below ? at.bottom : Math.max(0, at.top - tip.offsetHeight)}px auto auto ${left}px`;
}

for (const begun of ["pointerover", "focusin"]) {
  document.addEventListener(begun, (event) => {
    const term = event.target.closest?.(".coldrec-term");
    if (!term || term.contains(event.relatedTarget)) return;
    term.classList.remove("is-put-away");
    place(term);
  });
}
const placeShown = () => document.querySelectorAll(shown).forEach(place);
document.addEventListener("scroll", placeShown, { capture: true, passive: true });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll(shown).forEach((term) => term.classList.add("is-put-away"));
});
