/*
 * Where the time went: a row for each machine, a bar for each attempt, amber while people were waited for, hatched
 * where nobody knows. Read from the audit, so that it shows what was recorded and nothing else.
 */

import {h, list, svg, text} from "./dom.js";
import {duration, utc} from "./time.js";
import {stateWord} from "./words.js";

const WIDTH = 1000;
const ROW = 18;
const LEFT = 130;
const LEAST = 6; /* a bar that lasted a moment can still be seen */
const TICKS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800].map(
  (seconds) => seconds * 1000,
);

/*
 * "claimed 2.1 #1 by w-1", "ended 2.1 #1 exit 100", "asked Q42 2.1 #1", "answered Q42 2.1 #1 retry", "closed Q42 none"
 */
const ENTRY = /^(\w+) (?:Q(\d+) ?)?(?:(\d+)\.(\d+) #(\d+))?\s*(.*)$/;

function tone(kind, rest) {
  if (kind === "unknown") {
    return "unknown";
  }
  return rest.startsWith("exit 0") ? "succeeded" : "failed";
}

/* Bars {step, slot, attempt, from, to (null: still going on), state, answer} in the order they began. */
export function barsOf(entries) {
  const bars = [];
  const running = new Map();
  const waiting = new Map();
  const close = (open, key, when, state, answer) => {
    const bar = open.get(key);
    if (bar) {
      Object.assign(bar, {to: when, state: state ?? bar.state, answer});
      open.delete(key);
    }
  };
  for (const {what, when, actor} of entries) {
    const [, kind, question, step, slot, attempt, rest] = ENTRY.exec(what) ?? [];
    const run = `${step}.${slot}#${attempt}`;
    const bar = {step: Number(step), slot: Number(slot), attempt: Number(attempt), from: when, to: null};
    if (kind === "claimed") {
      running.set(run, {...bar, state: "running"});
      bars.push(running.get(run));
    } else if (kind === "ended" || kind === "unknown") {
      close(running, run, when, tone(kind, rest));
    } else if (kind === "never_started") {
      close(running, run, when, "skipped");
    } else if (kind === "asked") {
      waiting.set(question, {...bar, state: "asking", question});
      bars.push(waiting.get(question));
    } else if (kind === "answered") {
      close(waiting, question, when, null, `${rest} by ${actor}`);
    } else if (kind === "closed") {
      close(waiting, question, when, null, "closed");
    }
  }
  return bars;
}

function describe(bar, deployment, now) {
  const step = deployment.steps[bar.step];
  const what =
    bar.state === "asking"
      ? `waits for people (Q${bar.question})${bar.answer ? `: ${bar.answer}` : ""}`
      : `attempt ${bar.attempt}: ${stateWord(bar.state)}`;
  const took = duration((bar.to ?? now) - bar.from);
  return `${step?.name ?? ""} on ${rowName(bar, deployment)}, ${what}, ${took}, from ${utc(bar.from)}`;
}

function rowName(bar, deployment) {
  const step = deployment.steps[bar.step];
  return step?.on_worker ? "the worker" : (step?.runs[bar.slot]?.target ?? "");
}

/* The word of a tick near the end stands before it. */
function tickPlace(x) {
  return x > WIDTH - 60 ? {x: x - 2, "text-anchor": "end"} : {x: x + 2};
}

function draw(bars, deployment, now) {
  const names = [...new Set(bars.map((bar) => rowName(bar, deployment)))];
  const order = ["the worker", ...deployment.targets].filter((name) => names.includes(name));
  const start = Math.min(...bars.map((bar) => bar.from));
  const end = Math.max(start + 1000, ...bars.map((bar) => bar.to ?? now));
  const x = (ms) => LEFT + ((ms - start) / (end - start)) * (WIDTH - LEFT - LEAST);
  const height = (order.length + 1) * ROW;
  const tick = TICKS.find((size) => (end - start) / size <= 8) ?? (end - start) / 4;
  const ticks = Array.from({length: Math.floor((end - start) / tick) + 1}, (_, at) => at * tick);
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${height}`,
      role: "img",
      "aria-label": "Timeline; the same is in the table below",
      class: "timeline",
    },
    svg(
      "defs",
      {},
      svg(
        "pattern",
        {id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
        svg("rect", {width: 3, height: 6, class: "hatch"}),
      ),
    ),
    ticks.map((ms) => [
      svg("line", {x1: x(start + ms), x2: x(start + ms), y1: ROW, y2: height, class: "tick"}),
      svg("text", {...tickPlace(x(start + ms)), y: ROW - 6, class: "tick-word"}, ms === 0 ? "0" : duration(ms)),
    ]),
    order.map((name, row) =>
      svg("text", {x: 0, y: (row + 2) * ROW - 5}, name.length > 18 ? `${name.slice(0, 17)}…` : name),
    ),
    bars.map((bar) => {
      const row = order.indexOf(rowName(bar, deployment));
      return svg(
        "rect",
        {
          x: x(bar.from),
          y: (row + 1) * ROW + 3,
          height: ROW - 6,
          rx: 2,
          class: `bar bar-${bar.state}`,
          width: Math.max(LEAST, x(bar.to ?? now) - x(bar.from)),
        },
        svg("title", {}, describe(bar, deployment, now)),
      );
    }),
  );
  return picture;
}

/* {node, update(entries, deployment)} */
export function createTimeline() {
  const picture = h("div", {class: "picture scrolls", role: "region", tabindex: "0", "aria-label": "Timeline"});
  const rows = h("tbody");
  const updateRows = list(
    rows,
    (bar) => bar.key,
    () => {
      const cells = Array.from({length: 5}, () => h("td"));
      return {node: h("tr", {}, cells), update: (bar) => bar.cells.forEach((value, at) => text(cells[at], value))};
    },
  );
  const table = h(
    "details",
    {},
    h("summary", {}, "As a table"),
    h(
      "div",
      {class: "scrolls", role: "region", tabindex: "0", "aria-label": "Timeline as a table"},
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Step", "Machine", "What", "From", "Took"].map((word) => h("th", {scope: "col"}, word)),
          ),
        ),
        rows,
      ),
    ),
  );
  return {
    node: h("div", {}, picture, table),
    update: (entries, deployment) => {
      const now = Date.now();
      const bars = barsOf(entries).filter((bar) => deployment.steps[bar.step]);
      picture.replaceChildren(
        bars.length > 0 ? draw(bars, deployment, now) : h("p", {class: "none"}, "Nothing has started yet."),
      );
      updateRows(
        bars.map((bar, key) => ({
          key,
          cells: [
            deployment.steps[bar.step].name,
            rowName(bar, deployment),
            bar.state === "asking"
              ? `Q${bar.question}: ${bar.answer ?? "waits"}`
              : `attempt ${bar.attempt}: ${stateWord(bar.state)}`,
            utc(bar.from),
            duration((bar.to ?? now) - bar.from),
          ],
        })),
      );
    },
  };
}
