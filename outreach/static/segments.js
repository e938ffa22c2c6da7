// The rule builder's long lists: fetched once, when somebody first opens one. The builder works without this file.
"use strict";

const lists = new Map();
function list(address) {
  if (!lists.has(address)) {
    const asked = fetch(address, { headers: { Accept: "application/json" } }).then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    });
    asked.catch(() => lists.delete(address)); // asked again next time
    lists.set(address, asked);
  }
  return lists.get(address);
}

function fetchChoices(root) {
  for (const select of root.querySelectorAll("select[data-fetch]")) {
    if (select.tomselect || !window.TomSelect) continue;
    let fetched = false;
    new TomSelect(select, {
      plugins: { remove_button: { title: "×" } },
      maxOptions: 500,
      hidePlaceholder: true,
      refreshThrottle: 0, // or the list opens again after whoever types fast has closed it
      preload: "focus",
      render: { no_results: null },
      shouldLoad: () => !fetched,
      load(_query, done) {
        list(select.dataset.fetch).then(
          (groups) => {
            fetched = true;
            const headings = groups.map(([heading]) => ({ value: heading, label: heading }));
            const options = groups.flatMap(([heading, pairs]) =>
              pairs.map(([value, text]) => ({ value, text, optgroup: heading })),
            );
            done(options, headings);
          },
          () => done(),
        );
      },
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

document.addEventListener("DOMContentLoaded", () => fetchChoices(document));
document.addEventListener("htmx:load", (event) => fetchChoices(event.target));
