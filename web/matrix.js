/* What runs where: a row for each project, a column for each environment. */

import {attribute, h, list, text} from "./dom.js";
import {moment, update as updateMoment} from "./time.js";

const NAMED = 4; /* machines that differ */

/* What was begun on a machine after its confirmed version, or is owed to it. */
function doubt({unconfirmed, unknown, owed}) {
  if (unconfirmed) {
    return unknown ? `unknown, ${unconfirmed.version} may be there` : `${unconfirmed.version} did not finish`;
  }
  return owed ? `excluded, owed ${owed.version}` : "";
}

function standing(machine) {
  const words = [machine.version ?? "nothing confirmed", doubt(machine)].filter(Boolean);
  return `${machine.target}: ${words.join("; ")}`;
}

/* One cell: the version that most machines have, and on how many of them if not on all. */
function summary(versions) {
  const whole = versions.find((version) => version.target === "");
  const machines = versions.filter((version) => version.target !== "");
  const counts = new Map();
  machines.forEach(({version}) => counts.set(version, (counts.get(version) ?? 0) + 1));
  const [most, of] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [whole.version, 0];
  const newest = versions.filter((version) => version.version === most).sort((a, b) => b.when - a.when)[0] ?? whole;
  const others = machines.filter((machine) => machine.version !== most || doubt(machine)).map(standing);
  const named = others.length > NAMED ? [...others.slice(0, NAMED), "…"] : others;
  return {
    version: most ?? "nothing confirmed",
    deployment: newest.deployment || newest.unconfirmed?.deployment,
    when: newest.when || newest.unconfirmed?.when,
    mixed: of < machines.length ? `on ${of} of ${machines.length}` : "",
    others: others.length > 0 ? ` · ${named.join(", ")}` : "",
  };
}

function cell() {
  const link = h("a");
  const when = moment(0);
  const mixed = h("span", {class: "mixed tone-warn"});
  const others = h("span", {class: "detail"});
  const node = h("td", {}, link, " ", mixed, h("br"), when, others);
  return {
    node,
    update: ({versions}) => {
      node.classList.toggle("empty", versions.length === 0);
      [link, when, mixed, others].forEach((part) => {
        part.hidden = versions.length === 0;
      });
      if (versions.length > 0) {
        const now = summary(versions);
        attribute(link, "href", `/d/${now.deployment}`);
        text(link, now.version);
        updateMoment(when, now.when);
        text(mixed, now.mixed);
        text(others, now.others);
      }
    },
  };
}

function row() {
  const name = h("th", {scope: "row"});
  const node = h("tr");
  const update = list(
    node,
    (item) => item.environment ?? "",
    (item) => (item.environment === null ? {node: name} : cell()),
  );
  return {
    node,
    update: ({project, environments, versions}) => {
      text(name, project);
      update([
        {environment: null},
        ...environments.map((environment) => ({
          environment,
          versions: versions.filter((version) => version.environment === environment),
        })),
      ]);
    },
  };
}

/* {node, update(projects, versions)} */
export function createMatrix() {
  const head = h("tr");
  const body = h("tbody");
  const updateHead = list(
    head,
    (name) => name,
    (name) => ({
      node: name === "" ? h("td") : h("th", {scope: "col"}, name),
    }),
  );
  const updateBody = list(body, (item) => item.project, row);
  const node = h(
    "div",
    {class: "scrolls", role: "region", tabindex: "0", "aria-label": "What runs where"},
    h("table", {class: "matrix"}, h("thead", {}, head), body),
  );
  return {
    node,
    update: (projects, versions) => {
      const environments = [
        ...new Set([
          ...projects.flatMap((project) => project.environments),
          ...versions.map((version) => version.environment),
        ]),
      ];
      const names = [
        ...new Set([...projects.map((project) => project.name), ...versions.map((version) => version.project)]),
      ];
      updateHead(["", ...environments]);
      updateBody(
        names.map((project) => ({
          project,
          environments,
          versions: versions.filter((version) => version.project === project),
        })),
      );
    },
  };
}
