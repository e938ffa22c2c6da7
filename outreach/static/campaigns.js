// What the page where a campaign is written does by itself. Without this file people type placeholders and press "Show".
"use strict";

// Placeholders by click: into the text, where the cursor stands; of a mail, also into its subject if it stood there.
let last = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("textarea, input[type=text]")) last = event.target;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-hole]");
  if (!button) return;
  const { into, or } = button.dataset;
  const field = last && last.id === or ? last : document.getElementById(into);
  field.focus();
  field.setRangeText(button.dataset.hole, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// The mail as it is typed: its form is sent into a frame. Each time into a new one, which takes the old one's place when
// it is there: a frame that is sent to twice leaves a step in the browser's history, and Back would walk through them.
// One after the other: of two submissions of a form in the same moment browsers forget the first.
let frames = 0;
let before = Promise.resolve();
let leaving = false;
function showMail(shown) {
  before = before.then(() => new Promise((resolve) => (leaving ? resolve() : sendInto(shown, resolve))));
}
function sendInto(shown, done) {
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
    done();
  });
  setTimeout(done, 5000); // no answer keeps no other mail waiting
  button.formTarget = fresh.name;
  button.form.requestSubmit(button);
}
document.addEventListener("submit", (event) => {
  if (!event.submitter?.dataset.frame) leaving = true;
});
window.addEventListener("pageshow", () => {
  leaving = false;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.dataset.shows) showMail(event.detail.target.closest("[data-mail]"));
});
document.addEventListener("DOMContentLoaded", () => {
  for (const shown of document.querySelectorAll("[data-mail][data-typed]")) showMail(shown);
});
