/* Who did what when, as it was recorded. */

import {h, list} from "./dom.js";
import {utc} from "./time.js";

/* {node, update(entries)}, newest first */
export function createHistory() {
  const rows = h("tbody");
  const update = list(rows, (entry) => entry.id, (entry) => ({
    node: h("tr", {}, h("td", {}, utc(entry.when)), h("td", {}, entry.what),
      h("td", {}, entry.actor ?? "", entry.via ? h("span", {class: "detail"}, ` via ${entry.via}`) : null), h("td", {}, entry.note ?? "")),
  }));
  const node = h("div", {class: "scrolls", role: "region", tabindex: "0", "aria-label": "History"}, h("table", {},
    h("thead", {}, h("tr", {}, ["When", "What", "Who", "Note"].map((word) => h("th", {scope: "col"}, word)))), rows));
  return {node, update: (entries) => update([...entries].reverse())};
}
