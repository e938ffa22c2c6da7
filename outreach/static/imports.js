// What the pages of an import do by themselves. Without this file the file is chosen by its button, and errors wait for
// the answer.
"use strict";

// A file may be let fall anywhere on the frame around its field.
for (const frame of document.querySelectorAll("[data-drop]")) {
  const input = frame.querySelector("input[type=file]");
  const lit = (event, is) => {
    event.preventDefault();
    frame.classList.toggle("over", is);
  };
  frame.addEventListener("dragover", (event) => lit(event, true));
  frame.addEventListener("dragleave", (event) => lit(event, false));
  frame.addEventListener("drop", (event) => {
    lit(event, false);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    input.focus();
  });
}

// A large file takes a while to travel: say so, in the words the page brought.
document.addEventListener("submit", (event) => {
  const told = event.target.querySelector("[data-sending]");
  if (told && !event.defaultPrevented) told.textContent = told.dataset.sending;
});
window.addEventListener("pageshow", () => {
  for (const told of document.querySelectorAll("[data-sending]")) told.textContent = "";
});

// A column that was just put to use, or out of it, looks like it, and says that somebody chose so.
document.addEventListener("change", (event) => {
  if (event.target.name !== "columns") return;
  const row = event.target.closest("tr");
  const told = row.querySelector("[data-used]");
  const used = !event.target.value.endsWith(":");
  row.classList.toggle("unused", !used);
  told.textContent = used ? told.dataset.used : told.dataset.unused;
});
