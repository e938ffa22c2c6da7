// Only what a page cannot do by itself. Every page and form works without this file.
"use strict";

document.documentElement.classList.remove("no-script");

// Long lists to choose from become searchable; without scripts they stay plain selects.
function enrich(root) {
  for (const select of root.querySelectorAll("select[data-choose]")) {
    if (select.tomselect || !window.TomSelect) continue;
    new TomSelect(select, {
      plugins: select.multiple ? { remove_button: { title: select.dataset.remove || "×" } } : {},
      maxOptions: 500,
      hidePlaceholder: true,
      render: { no_results: null },
      // What was typed to find a choice is done with once it is chosen.
      onItemAdd() {
        this.setTextboxValue("");
        this.refreshOptions();
      },
    });
    // Its label now names the search field; the select itself is no longer there for anybody.
    select.setAttribute("aria-hidden", "true");
  }
}

// A file that is too large is told before it travels. Runs before the listener below, which then leaves the form alone.
function refuseLarge(input) {
  const large = [...input.files].some((file) => file.size > Number(input.dataset.largest));
  let told = document.getElementById(input.id + "-large");
  if (large && !told) {
    told = document.createElement("div");
    told.id = input.id + "-large";
    told.className = "invalid-feedback";
    told.setAttribute("role", "alert");
    input.after(told);
  }
  if (told) told.textContent = large ? input.dataset.tooLarge : "";
  input.classList.toggle("is-invalid", large);
  return large;
}
document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-largest]")) refuseLarge(event.target);
});
document.addEventListener(
  "submit",
  (event) => {
    const large = [...event.target.querySelectorAll("input[data-largest]")].filter(refuseLarge);
    if (large.length) {
      event.preventDefault();
      large[0].focus();
    }
  },
  true,
);

// A form is sent once: a second press of an impatient finger does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.sent) {
    if (form.dataset.sent) event.preventDefault();
    return;
  }
  if (form.matches("[data-once]")) form.dataset.sent = "yes";
});
// Back brings the page from memory with its forms as they were left: they may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.addEventListener("DOMContentLoaded", () => enrich(document));
document.addEventListener("htmx:load", (event) => enrich(event.target));

// A refusal is put into the notice at the top: bring it to the eyes of whoever pressed further down.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "notice") event.detail.target.scrollIntoView({ block: "center" });
});

// No answer at all: say so instead of leaving the press without effect.
document.addEventListener("htmx:sendError", () => {
  const notice = document.getElementById("notice");
  const words = document.body.dataset.offline;
  if (notice && words) {
    const box = document.createElement("div");
    box.className = "notice warning";
    box.textContent = words;
    notice.replaceChildren(box);
  }
});
