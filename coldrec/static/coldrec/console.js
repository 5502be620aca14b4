/* Copies a document to the clipboard; without a clipboard the button stays away and the text can be selected by hand. */
for (const button of document.querySelectorAll("[data-coldrec-copy]")) {
  const source = document.getElementById(button.dataset.coldrecCopy);
  if (!navigator.clipboard || !source) continue;
  const name = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.coldrecCopied;
      setTimeout(() => { button.textContent = name; }, 2000);
    } catch {
      source.closest("details").open = true;
      source.focus();
    }
  });
}
