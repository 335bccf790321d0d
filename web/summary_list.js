/* Deployments, one line each. */

import {attribute, h, list, text} from "./dom.js";
import {duration, moment, update as updateMoment} from "./time.js";
import {isFinal, stateChip} from "./words.js";

function line(first) {
  const chip = stateChip(first.state);
  const link = h("a", {href: `/d/${first.id}`});
  const detail = h("span", {class: "detail"});
  const when = moment(first.created);
  const node = h("li", {}, chip.node, link, detail, when);
  return {
    node,
    update: (now) => {
      chip.update(now.state, now.title);
      text(link, `${now.name} · ${now.project} ${now.version} → ${now.environment}`);
      text(detail, details(now));
      updateMoment(when, now.ended || now.created);
      attribute(node, "class", isFinal(now.state) ? "over" : null);
    },
  };
}

function details(now) {
  const parts = isFinal(now.state) ? [] : [`${now.step_done} of ${now.step_total} steps`];
  if (isFinal(now.state) && now.started) {
    parts.push(`took ${duration(now.ended - now.started)}`);
  }
  if (now.waiting_ms >= 1000) {
    parts.push(`${duration(now.waiting_ms)} waiting for people`);
  }
  parts.push(`by ${now.actor}`);
  if (now.waits_for) {
    parts.push(now.waits_for);
  }
  return parts.join(" · ");
}

/* {node, update(summaries)} */
export function createSummaryList(empty) {
  const items = h("ul", {class: "summaries"});
  const none = h("p", {class: "none"}, empty);
  const update = list(items, (summary) => summary.id, line);
  return {
    node: h("div", {}, none, items),
    update: (summaries) => {
      none.hidden = summaries.length > 0;
      update(summaries);
    },
  };
}
