/* Definitions are shown by CSS alone; this puts an open one away on Escape, until it is pointed at or focused again. */
const open = ".coldrec-term:is(:hover, :focus-within)";
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll(open).forEach((term) => term.classList.add("is-put-away"));
});
for (const again of ["pointerover", "focusin"]) {
  document.addEventListener(again, (event) => {
    const term = event.target.closest?.(".coldrec-term");
    if (term && !term.contains(event.relatedTarget)) term.classList.remove("is-put-away");
  });
}
