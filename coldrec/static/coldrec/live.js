/* Reads the page anew every few seconds while something on it is at work, and takes over what has changed there. Once it
   is done, the whole page is read again, since more than its progress is new then. */
const PAUSE = 3000; // milliseconds

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-coldrec-live]")) {
    const now = page.getElementById(old.id);
    if (!now?.hasAttribute("data-coldrec-live")) return location.reload();
    if (now.innerHTML !== old.innerHTML) old.replaceWith(document.adoptNode(now));
  }
}

const clock = setInterval(() => {
  if (document.querySelector("[data-coldrec-live]")) look().catch(() => {}); // a server that is away is asked again
  else clearInterval(clock);
}, PAUSE);
