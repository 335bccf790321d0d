/*
 * The output of one attempt, growing while it runs. However long it is, only its newest lines are elements of the page,
 * in chunks that the browser lays out when they come into sight; earlier ones come on demand, and the find box looks at
 * all.
 */

import {get} from "./api.js";
import {h, text} from "./dom.js";
import {LogLines, plainLine} from "./log_lines.js";
import {onEvent} from "./live.js";
import {count} from "./words.js";

const SHOWN = 5000;
const CHUNK = 250;

/* The elements for lines[from..to); numbers count from 1 and are not copied with the text. */
function chunk(lines, from, to) {
  const node = h("div", {class: "chunk"});
  node.style.setProperty("counter-reset", `line ${from}`);
  node.style.setProperty("contain-intrinsic-size", `auto ${(to - from) * 1.4}em`);
  node.append(...lines.slice(from, to).map((line) => h("div", {}, line === "" ? "\u200b" : line)));
  return node;
}

export function createLog() {
  let place = null; /* {deployment, step, slot, attempt} */
  let lines = new LogLines();
  let after = "";
  let asking = false;
  let stale = false;
  let first = 0; /* of the lines that are elements */
  let drawn = 0; /* behind the last of them */
  let frame = 0;

  const rest = h("div", {class: "rest"});
  const chunks = h("div");
  const box = h(
    "div",
    {
      class: "log",
      role: "log",
      "aria-live": "off",
      "aria-label": "Output",
      tabindex: "0",
      onscroll: () => {
        follow.checked = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      },
    },
    chunks,
    rest,
  );
  const follow = h("input", {type: "checkbox", checked: true, onchange: scroll});
  const earlier = h("button", {type: "button", hidden: true, onclick: showEarlier}, "Show earlier lines");
  const find = h("input", {type: "search", oninput: redraw, placeholder: "text"});
  const said = h("span", {class: "detail"});

  function needle() {
    return find.value.toLowerCase();
  }

  function redraw() {
    chunks.replaceChildren();
    first = drawn = 0;
    schedule();
  }

  function schedule() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  function draw() {
    if (needle()) {
      drawFound();
    } else {
      drawNewest();
    }
    scroll();
  }

  function drawNewest() {
    const all = lines.lines;
    const start = Math.max(0, all.length - SHOWN);
    if (start > drawn) {
      chunks.replaceChildren();
      first = drawn = start;
    }
    while (drawn < all.length) {
      const to = Math.min(drawn + CHUNK, all.length);
      chunks.append(chunk(all, drawn, to));
      drawn = to;
    }
    /* While the end is followed, what scrolls out at the top is given up. */
    while (follow.checked && chunks.childElementCount > (SHOWN / CHUNK) * 2) {
      first += chunks.firstChild.childElementCount;
      chunks.firstChild.remove();
    }
    text(rest, plainLine(lines.rest));
    earlier.hidden = first === 0;
    text(said, all.length === 0 && !lines.rest ? "No output yet." : count(all.length, "line"));
  }

  function drawFound() {
    const found = [];
    const wanted = needle();
    for (let at = 0; at < lines.lines.length; at++) {
      if (lines.lines[at].toLowerCase().includes(wanted)) {
        found.push(at);
      }
    }
    const shown = found.slice(-SHOWN);
    chunks.replaceChildren(...shown.map((at) => chunk(lines.lines, at, at + 1)));
    text(rest, "");
    earlier.hidden = true;
    text(
      said,
      `${count(found.length, "line")} of ${lines.lines.length} found` +
        (found.length > shown.length ? ", the last are shown" : ""),
    );
  }

  function showEarlier() {
    follow.checked = false;
    const from = Math.max(0, first - SHOWN);
    const pieces = [];
    for (let at = from; at < first; at += CHUNK) {
      pieces.push(chunk(lines.lines, at, Math.min(at + CHUNK, first)));
    }
    const height = box.scrollHeight;
    chunks.prepend(...pieces);
    box.scrollTop += box.scrollHeight - height;
    first = from;
    earlier.hidden = first === 0;
    box.focus({preventScroll: true});
  }

  function scroll() {
    if (follow.checked) {
      box.scrollTop = box.scrollHeight;
    }
  }

  /* Reads on from where it was, until there is nothing more. */
  async function read() {
    if (asking) {
      stale = true;
      return;
    }
    asking = true;
    const of = place;
    try {
      for (let more = true; more && of === place;) {
        const {batches, next} = await get(
          `/v1/deployments/${of.deployment}/log?step=${of.step}&slot=${of.slot}` +
            `&attempt=${of.attempt}&after=${encodeURIComponent(after)}`,
        );
        more = batches.length > 0;
        if (of === place && more) {
          batches.forEach((batch) => lines.add(batch));
          after = next;
          schedule();
        }
      }
    } catch (refusal) {
      text(said, refusal.message);
    }
    asking = false;
    if (stale || of !== place) {
      stale = false;
      read();
    }
  }

  const stop = onEvent((kind, data) => {
    const here =
      place &&
      kind === "log" &&
      data.deployment === place.deployment &&
      data.step === place.step &&
      data.slot === place.slot &&
      data.attempt === place.attempt;
    if (here || (place && kind === "reset")) {
      read();
    }
  });

  const node = h(
    "div",
    {class: "log-view"},
    h(
      "p",
      {class: "bar-of-tools"},
      h("label", {class: "field"}, "Find ", find),
      h("label", {}, follow, " Follow"),
      earlier,
      said,
    ),
    box,
  );
  return {
    node,
    show: (next) => {
      if (JSON.stringify(next) !== JSON.stringify(place)) {
        place = next;
        lines = new LogLines();
        after = "";
        follow.checked = true;
        redraw();
        read();
      }
    },
    destroy: stop,
  };
}
