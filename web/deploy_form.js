/* Starting a deployment by a form; it says the same words as a person in a room. */

import {post} from "./api.js";
import {h, list, text} from "./dom.js";
import {refreshAll} from "./store.js";

function options(select) {
  return list(
    select,
    (name) => name,
    (name) => ({node: h("option", {value: name}, name)}),
  );
}

/* {node, update(projects)} */
export function createDeployForm() {
  let projects = [];
  const project = h("select", {onchange: () => draw()});
  const environment = h("select");
  const version = h("input", {type: "text", required: true, maxlength: 100, autocomplete: "off", placeholder: "1.4.2"});
  const reply = h("output", {class: "reply"});
  const updateProjects = options(project);
  const updateEnvironments = options(environment);

  function draw() {
    updateProjects(projects.map((known) => known.name));
    updateEnvironments(projects.find((known) => known.name === project.value)?.environments ?? []);
  }

  async function deploy(event) {
    event.preventDefault();
    text(reply, "…");
    try {
      const words = ["deploy", project.value, version.value.trim(), "to", environment.value];
      const answer = await post("/v1/commands", {words});
      text(reply, answer.text || answer.error);
      reply.classList.toggle("refused", !answer.ok);
      if (answer.ok) {
        version.value = "";
      }
    } catch (refusal) {
      text(reply, refusal.message);
      reply.classList.add("refused");
    }
    refreshAll();
  }

  const node = h(
    "form",
    {class: "deploy-form", onsubmit: deploy},
    h("label", {class: "field"}, "Project", project),
    h("label", {class: "field"}, "Version", version),
    h("label", {class: "field"}, "Environment", environment),
    h("button", {type: "submit", class: "primary"}, "Deploy"),
    reply,
  );
  return {
    node,
    update: (now) => {
      projects = now;
      draw();
    },
  };
}
