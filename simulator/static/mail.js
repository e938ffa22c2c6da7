// Keeps the list of mailboxes fresh. Everything works without it, too.
"use strict";

const live = document.getElementById("live");
const POLL_MS = 1500;
let busy = false;

async function refresh() {
  if (busy || document.hidden || live.contains(document.activeElement)) return;
  busy = true;
  try {
    const address = new URL(live.dataset.address, location.href);
    address.searchParams.set("fragment", "1");
    address.searchParams.set("since", live.querySelector("[data-fragment]").dataset.version);
    const answer = await fetch(address);
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      live.replaceChildren(document.adoptNode(page.querySelector("[data-fragment]")));
    }
  } catch {
    // The simulator is away: the next round tries again.
  } finally {
    busy = false;
  }
}

if (live) {
  setInterval(refresh, POLL_MS);
  document.addEventListener("visibilitychange", refresh);
}
if (matchMedia("(max-width: 60rem)").matches) {
  for (const fold of document.querySelectorAll(".fold:not([data-wrong])")) fold.open = false;
}
