// Placeholders by click: into the text, where the cursor stands. Without this file people type them.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-hole]");
  const area = button && document.getElementById(button.dataset.into);
  if (!area) return;
  area.focus();
  area.setRangeText(button.dataset.hole, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
});
