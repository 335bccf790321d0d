/* Who did what when, as it was recorded. */

import {h, list} from "./dom.js";
import {utc} from "./time.js";

/* "ended 2.1 #1 exit 100" is "ended Install on web-2, attempt 1 · exit 100" to people. */
function inWords(what, deployment) {
  return what
    .replace(/(\d+)\.(\d+) #(\d+) ?/, (_, step, slot, attempt) => {
      const {name, on_worker, runs} = deployment.steps[step] ?? {};
      return name ? `${name}${on_worker ? "" : ` on ${runs[slot]?.target}`}, attempt ${attempt} · ` : _;
    })
    .replace(/ · $/, "");
}

/* {node, update(entries, deployment)}, newest first */
export function createHistory() {
  let of = null;
  const rows = h("tbody");
  const update = list(
    rows,
    (entry) => entry.id,
    (entry) => ({
      node: h(
        "tr",
        {},
        h("td", {}, utc(entry.when)),
        h("td", {title: entry.what}, inWords(entry.what, of)),
        h("td", {}, entry.actor ?? "", entry.via ? h("span", {class: "detail"}, ` via ${entry.via}`) : null),
        h("td", {}, entry.note ?? ""),
      ),
    }),
  );
  const node = h(
    "div",
    {class: "scrolls", role: "region", tabindex: "0", "aria-label": "History"},
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["When", "What", "Who", "Note"].map((word) => h("th", {scope: "col"}, word)),
        ),
      ),
      rows,
    ),
  );
  return {
    node,
    update: (entries, deployment) => {
      of = deployment;
      update([...entries].reverse());
    },
  };
}
