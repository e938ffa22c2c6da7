// What the page where a campaign is written does by itself. Without this file people type placeholders and press "Show".
"use strict";

// Placeholders by click: into the text, where the cursor stands.

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-hole]");
  const area = button && document.getElementById(button.dataset.into);
  if (!area) return;
  area.focus();
  area.setRangeText(button.dataset.hole, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

// The mail as it is typed: its form is sent into a frame. Each time into a new one, which takes the old one's place when
// it is there: a frame that is sent to twice leaves a step in the browser's history, and Back would walk through them.
let frames = 0;
function showMail(shown) {
  const button = shown.querySelector("button[data-frame]");
  const paper = shown.querySelector(".mail-paper");
  const old = [...paper.children];
  const fresh = old[0].cloneNode(false);
  fresh.removeAttribute("src");
  fresh.name = `${old[0].name.replace(/-\d+$/, "")}-${++frames}`;
  fresh.classList.add("coming");
  paper.append(fresh);
  // Not before it is in the page: then it has told of its first, empty document already.
  fresh.addEventListener("load", () => {
    for (const frame of old) frame.remove();
    fresh.classList.remove("coming");
  });
  button.formTarget = fresh.name;
  button.form.requestSubmit(button);
}
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.dataset.shows) showMail(event.detail.target.closest("[data-mail]"));
});
document.addEventListener("DOMContentLoaded", () => {
  for (const shown of document.querySelectorAll("[data-mail][data-typed]")) showMail(shown);
});
