/* Times as people say them, "12 min ago", with the full time in UTC as the tooltip. */

import {attribute, h, text} from "./dom.js";

const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/* "850 ms", "12 s", "4 min 10 s", "2 h 5 min" */
export function duration(ms) {
  if (ms < 1000) {
    return `${Math.max(0, Math.round(ms))} ms`;
  }
  const seconds = Math.floor(ms / 1000);
  const at = UNITS.findIndex(([size]) => seconds >= size);
  const [size, unit] = UNITS[at];
  const rest = at + 1 < UNITS.length ? Math.floor((seconds % size) / UNITS[at + 1][0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${UNITS[at + 1][1]}` : ""}`;
}

/* Of a moment long ago only the largest unit matters. */
function roughly(ms) {
  const seconds = Math.floor(ms / 1000);
  const [size, unit] = UNITS.find(([least]) => seconds >= least) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

export function utc(ms) {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const WORDS = {
  ago: (ms) => (ms < 1000 ? "just now" : `${roughly(ms)} ago`),
  since: (ms) => duration(Math.max(1000, ms)),
  left: (ms) => (ms < 0 ? `in ${roughly(-ms)}` : "now"),
};

/* A moment that keeps itself up to date. kind: "ago", "since" (the bare duration up to now), or "left" (until then). */
export function moment(ms, kind = "ago") {
  const node = h("time", {class: "moment", "data-kind": kind});
  update(node, ms);
  return node;
}

export function update(node, ms) {
  if (node.getAttribute("data-at") === String(ms)) {
    return;
  }
  attribute(node, "data-at", ms);
  attribute(node, "datetime", new Date(ms).toISOString());
  attribute(node, "title", utc(ms));
  say(node);
}

function say(node) {
  text(node, WORDS[node.dataset.kind](Date.now() - Number(node.dataset.at)));
}

export function startClock() {
  setInterval(() => document.querySelectorAll("time.moment").forEach(say), 1000);
}
