/* A line to type commands into, with the lines before by the arrow keys, and what guidepost replied. */

import {post} from "./api.js";
import {h, text} from "./dom.js";
import {refreshAll} from "./store.js";

const KEPT = 50;
const STORED = "guidepost-lines";

function earlierLines() {
  try {
    return JSON.parse(sessionStorage.getItem(STORED)) ?? [];
  } catch {
    return [];
  }
}

/* room: where it is said, or null. */
export function createCommandBox(room) {
  const lines = earlierLines();
  let at = lines.length;
  const input = h("input", {
    type: "text",
    name: "line",
    maxlength: 2000,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "status",
    onkeydown: (event) => {
      const step = {ArrowUp: -1, ArrowDown: 1}[event.key];
      if (step) {
        event.preventDefault();
        at = Math.min(Math.max(at + step, 0), lines.length);
        input.value = lines[at] ?? "";
      }
    },
  });
  const button = h("button", {type: "submit"}, "Say");
  const reply = h("output", {class: "reply"});

  async function say(event) {
    event.preventDefault();
    const line = input.value.trim();
    if (!line) {
      return;
    }
    lines.push(line);
    lines.splice(0, lines.length - KEPT);
    at = lines.length;
    sessionStorage.setItem(STORED, JSON.stringify(lines));
    input.value = "";
    text(reply, "…");
    try {
      const answer = await post("/v1/commands", room === null ? {line} : {line, room});
      text(reply, answer.text || answer.error || "Done.");
      reply.classList.toggle("refused", !answer.ok);
    } catch (refusal) {
      text(reply, refusal.message);
      reply.classList.add("refused");
    }
    refreshAll();
  }

  return h(
    "form",
    {class: "command-box", onsubmit: say},
    h("label", {class: "field"}, "Say to guidepost", input),
    button,
    reply,
  );
}
