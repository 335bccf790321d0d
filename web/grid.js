/* Steps by machines: one cell for each run. Of many machines, those that stand alike in all steps share a column. */

import {attribute, h, list, text} from "./dom.js";
import {stateIcon, stateWord} from "./words.js";

const FOLD_ABOVE = 12; /* columns */
const MOST = 300; /* more can be looked at one by one, under the output */

/* runs of a step by the name of their machine; a step on the worker has one run and no machine. */
function runsByTarget(step) {
  return new Map(step.runs.map((run) => [step.on_worker ? "" : run.target, run]));
}

function columnsOf(deployment, tables) {
  const all = deployment.targets.map((target) => ({key: target, targets: [target]}));
  if (all.length <= FOLD_ABOVE) {
    return all;
  }
  const groups = new Map();
  for (const {key} of all) {
    const standing = tables
      .map((runs) => {
        const run = runs.get(key);
        return run ? `${run.state}${run.attempt}${run.question ? key : ""}` : "";
      })
      .join();
    if (!groups.has(standing)) {
      groups.set(standing, {key, targets: []});
    }
    groups.get(standing).targets.push(key);
  }
  return [...groups.values()];
}

function cellName(step, column, run) {
  const place = step.on_worker
    ? "on the worker"
    : column.targets.length > 1
      ? `on ${column.targets.length} machines`
      : `on ${column.key}`;
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : "";
  const outcome = run.outcome && run.state !== "succeeded" ? `, ${run.outcome}` : "";
  const before = run.earlier ? ", before this deployment" : "";
  return `${step.name} ${place}: ${stateWord(run.state)}${outcome}${attempt}${before}`;
}

function cell(open) {
  let run = null;
  let step = null;
  const icon = stateIcon("pending");
  const attempt = h("small");
  const button = h(
    "button",
    {type: "button", class: "run", onclick: () => open(step.index, run.slot)},
    icon.node,
    attempt,
  );
  const node = h("td", {}, button);
  return {
    node,
    update: (now) => {
      ({run, step} = now);
      button.hidden = !run;
      attribute(node, "colspan", now.wide > 1 ? now.wide : null);
      if (!run) {
        return;
      }
      icon.update(run.state);
      node.classList.toggle("wide", step.on_worker);
      text(
        attempt,
        [step.on_worker ? "on the worker" : "", run.attempt > 1 ? String(run.attempt) : ""].filter(Boolean).join(", "),
      );
      const name = cellName(step, now.column, run);
      attribute(button, "aria-label", name);
      attribute(button, "title", name);
      attribute(button, "aria-current", now.selected ? "true" : null);
    },
  };
}

function stepRow(open) {
  const name = h("span");
  const tags = h("small", {class: "tags"});
  const head = h("th", {scope: "row"}, name, tags);
  const node = h("tr");
  const updateCells = list(
    node,
    (item) => item.key,
    (item) => (item.key === "" ? {node: head} : cell(open)),
  );
  return {
    node,
    update: ({step, runs, columns, selected}) => {
      text(name, `${step.index + 1}. ${step.name}`);
      text(
        tags,
        [step.required ? "required" : "", step.condition === "success" ? "" : step.condition, step.group ?? ""]
          .filter(Boolean)
          .join(", "),
      );
      const cells = step.on_worker
        ? [{key: "worker", column: null, run: runs.get(""), wide: columns.length}]
        : columns.map((column) => ({key: column.key, column, run: runs.get(column.key)}));
      updateCells([
        {key: ""},
        ...cells.map((item) => ({
          ...item,
          key: `:${item.key}`,
          step,
          selected: item.run && selected && selected.step === step.index && selected.slot === item.run.slot,
        })),
      ]);
    },
  };
}

/* {node, update(deployment, selected)}; open(step, slot) is called for the cell that was pressed. */
export function createGrid(open) {
  const head = h("tr");
  const body = h("tbody");
  const updateHead = list(
    head,
    (column) => column.key,
    (column) => {
      const cellNode = column.key === "" ? h("td") : h("th", {scope: "col"});
      return {
        node: cellNode,
        update: ({targets}) => {
          const label = targets.length > 1 ? `${targets[0]} +${targets.length - 1}` : (targets[0] ?? "");
          text(cellNode, label);
          attribute(cellNode, "title", targets.length > 1 ? targets.join(", ") : null);
        },
      };
    },
  );
  const updateBody = list(
    body,
    (item) => item.step.index,
    () => stepRow(open),
  );
  const more = h("p", {class: "hint"});
  const node = h(
    "div",
    {},
    h(
      "div",
      {class: "scrolls", role: "region", tabindex: "0", "aria-label": "Steps by machines"},
      h("table", {class: "grid"}, h("thead", {}, head), body),
    ),
    more,
  );
  return {
    node,
    update: (deployment, selected) => {
      const tables = deployment.steps.map(runsByTarget);
      const all = columnsOf(deployment, tables);
      const columns = all.slice(0, MOST);
      more.hidden = all.length <= MOST;
      text(more, `${all.length - MOST} columns more are not drawn. Each machine can be chosen under Output.`);
      updateHead([{key: "", targets: []}, ...columns.map((column) => ({...column, key: `:${column.key}`}))]);
      updateBody(deployment.steps.map((step, at) => ({step, runs: tables[at], columns, selected})));
    },
  };
}
