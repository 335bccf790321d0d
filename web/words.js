/* What a state is called, and how it looks: always an icon, a word and a colour together (the class `tone-...`). */

import {attribute, h, svg, text} from "./dom.js";

/* Drawn by lines on 16 x 16, so that they look the same with every font. */
const ICONS = {
  clock: "M8 2a6 6 0 1 0 .01 0M8 4.5V8l2.5 1.5",
  dot: "M8 7a1 1 0 1 0 .01 0",
  play: "M5 3l8 5-8 5z",
  again: "M12.5 5.5A5.2 5.2 0 1 0 13.2 8M13 2.5v3.2H9.8",
  hand: "M4.2 9.5V5.2M6.6 8V2.8M9 8V2.4M11.4 8.4V3.6M11.4 8.4l1.6-1.6M4.2 9c0 3.6 1.6 5 4.2 5 2.4 0 3.4-1.4 4-3.4L13.2 7",
  check: "M2.8 8.6l3.4 3.4 7-7.6",
  warning: "M8 2.2L14.6 13.6H1.4zM8 6.4v3.4M8 11.7v.1",
  cross: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  barred: "M8 2a6 6 0 1 0 .01 0M3.8 3.8l8.4 8.4",
  question: "M5.4 5.6a2.7 2.7 0 1 1 4 2.4c-1 .6-1.4 1-1.4 2M8 12.8v.1",
  skip: "M3.5 8h9",
};

const STATES = {
  queued: ["Queued", "clock", "quiet"],
  pending: ["Not yet", "dot", "quiet"],
  running: ["Running", "play", "run"],
  lost: ["Looking for its end", "question", "unknown"],
  delayed: ["Runs again soon", "again", "run"],
  asking: ["Waits for an answer", "hand", "wait"],
  paused: ["Paused", "hand", "wait"],
  answered: ["Answered", "check", "quiet"],
  closed: ["Closed", "clock", "quiet"],
  canceling: ["Canceling", "barred", "quiet"],
  succeeded: ["Succeeded", "check", "good"],
  warned: ["Ignored, with a warning", "warning", "warn"],
  succeeded_with_warnings: ["Succeeded with warnings", "warning", "warn"],
  failed: ["Failed", "cross", "bad"],
  unknown: ["Outcome unknown", "question", "unknown"],
  excluded: ["Excluded", "barred", "quiet"],
  skipped: ["Skipped", "skip", "quiet"],
  canceled: ["Canceled", "barred", "quiet"],
};

const FINAL = new Set(["succeeded", "succeeded_with_warnings", "failed", "canceled"]);

export function stateWord(state) {
  return STATES[state]?.[0] ?? state;
}

export function stateTone(state) {
  return STATES[state]?.[2] ?? "quiet";
}

export function isFinal(state) {
  return FINAL.has(state);
}

/* {node, update(state)}: the icon alone, for places where the word stands beside it. */
export function stateIcon(state) {
  const path = svg("path");
  const node = svg("svg", {class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true"}, path);
  const update = (now) => {
    attribute(path, "d", ICONS[STATES[now]?.[1] ?? "dot"]);
    attribute(node, "class", `icon tone-${stateTone(now)}${now === "running" ? " moves" : ""}`);
  };
  update(state);
  return {node, update};
}

/* {node, update(state, words)}: icon and word; `words` say it more exactly: "Paused: needs web-oncall". */
export function stateChip(state, words) {
  const icon = stateIcon(state);
  const word = h("span");
  const node = h("span", {}, icon.node, word);
  const update = (now, exact) => {
    icon.update(now);
    text(word, exact || stateWord(now));
    attribute(node, "class", `chip tone-${stateTone(now)}`);
  };
  update(state, words);
  return {node, update};
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
