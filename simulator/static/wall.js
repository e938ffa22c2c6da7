// Keeps the wall fresh and lets a reply leave without leaving the page. Everything works without it, too.
"use strict";

const live = document.getElementById("live");
const note = document.getElementById("note");
const faults = document.querySelector("[data-faults]");
let faultsVersion = live.querySelector("[data-part=figures]").dataset.faultsVersion;
const POLL_MS = 1000;
let busy = false;

function addressOfFragment() {
  const address = new URL(live.dataset.address, location.href);
  address.searchParams.set("fragment", "1");
  const shown = live.querySelector("[data-fragment]");
  address.searchParams.set("since", shown ? shown.dataset.version : "");
  return address;
}

// A switch may also have been turned by somebody else.
function turnSwitches(fresh) {
  const on = fresh.querySelector("[data-part=figures]").dataset.switches.split(" ");
  for (const box of faults.querySelectorAll("[role=switch]")) box.checked = on.includes(box.name);
  refreshAllFaults(fresh.querySelector("[data-part=figures]").dataset.faultsVersion);
}

// The long form must not bring back what a switch or a control call has turned meanwhile.
async function refreshAllFaults(version) {
  const form = document.querySelector("[data-all]");
  if (version === faultsVersion || form.contains(document.activeElement)) return;
  const answer = await fetch("/wall/faults" + location.search);
  if (answer.status !== 200) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  form.replaceWith(document.adoptNode(page.querySelector("[data-all]")));
  faultsVersion = version;
}

// Only what changed is replaced, so that a half-written reply and the place of the keyboard stay.
function show(fresh) {
  turnSwitches(fresh);
  const shown = live.querySelector("[data-fragment]");
  const grid = shown.querySelector(".phones");
  const freshGrid = fresh.querySelector(".phones");
  if (!grid || !freshGrid || !grid.contains(document.activeElement)) {
    keepWritten(grid, freshGrid);
    live.replaceChildren(fresh);
    return;
  }
  shown.dataset.version = fresh.dataset.version;
  shown.querySelector("[data-part=figures]").replaceWith(fresh.querySelector("[data-part=figures]"));
  for (const phone of freshGrid.children) {
    const old = document.getElementById(phone.id);
    if (!old) {
      grid.prepend(phone.cloneNode(true));
    } else if (old.dataset.phone !== phone.dataset.phone) {
      old.dataset.phone = phone.dataset.phone;
      old.querySelector(".thread").replaceWith(phone.querySelector(".thread").cloneNode(true));
    }
  }
}

function keepWritten(grid, freshGrid) {
  if (!grid || !freshGrid) return;
  for (const input of grid.querySelectorAll(".write input")) {
    const twin = input.value && freshGrid.querySelector("#" + CSS.escape(input.id));
    if (twin) twin.value = input.value;
  }
}

async function refresh() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const answer = await fetch(addressOfFragment());
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      show(document.adoptNode(page.querySelector("[data-fragment]")));
    }
  } catch {
    // The simulator is away: the next round tries again.
  } finally {
    busy = false;
  }
}

async function send(form, button) {
  const values = new FormData(form);
  if (button && button.name) values.set(button.name, button.value);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(values),
    });
    note.textContent = (await answer.json()).note;
  } catch {
    form.submit();
    return;
  }
  const written = form.querySelector(".write input");
  if (written) written.value = "";
  refresh();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-reply]")) {
    event.preventDefault();
    const written = form.querySelector(".write input");
    if (!written || written.value.trim()) send(form, event.submitter);
  }
});

faults.addEventListener("change", () => send(faults, null));
faults.querySelector("[data-noscript]").hidden = true;
if (matchMedia("(max-width: 60rem)").matches) {
  for (const fold of document.querySelectorAll(".fold:not([data-wrong])")) fold.open = false;
}
setInterval(refresh, POLL_MS);
document.addEventListener("visibilitychange", refresh);
