/*
 * One deployment: its questions first, then its steps by machines, the output of the chosen one, and where the time
 * went.
 */

import {post} from "./api.js";
import {createCard} from "./card.js";
import {confirmAction} from "./dialog.js";
import {attribute, h, list, text} from "./dom.js";
import {createGrid} from "./grid.js";
import {createHistory} from "./history.js";
import {createLog} from "./log_view.js";
import {audit, deployment, refreshAll} from "./store.js";
import {duration, moment, update as updateMoment} from "./time.js";
import {createTimeline} from "./timeline.js";
import {isFinal, stateChip} from "./words.js";

/* What one looks for first in a deployment that nobody has looked at yet. */
const INTERESTING = ["asking", "failed", "unknown", "lost", "running", "delayed", "warned", "queued"];

function firstRun(data) {
  const runs = data.steps.flatMap((step) =>
    step.runs.map((run) => ({step: step.index, slot: run.slot, state: run.state, attempt: run.attempt})),
  );
  const started = runs.filter((run) => run.attempt > 0);
  for (const state of INTERESTING) {
    const found = started.find((run) => run.state === state);
    if (found) {
      return found;
    }
  }
  return started.at(-1) ?? null;
}

export function createDeployment(id) {
  const resource = deployment(id);
  let data = null;
  let chosen = null; /* {step, slot, attempt}; attempt null: the newest */
  const head = createHead(cancel, resume);
  const cards = h("div", {class: "cards"});
  const updateCards = list(
    cards,
    (card) => card.question,
    (card) => createCard(card, 2),
  );
  const grid = createGrid((step, slot) => {
    choose({step, slot, attempt: null});
    output.node.scrollIntoView({block: "nearest"});
  });
  const output = createOutput(id, choose);
  const past = createPast(id, () => data);

  function choose(next) {
    chosen = next;
    draw();
  }

  function draw() {
    head.update(data);
    updateCards(data.cards);
    chosen ??= firstRun(data) && {...firstRun(data), attempt: null};
    grid.update(data, chosen);
    output.update(data, chosen);
  }

  async function cancel() {
    const confirmed = await confirmAction({
      title: `Cancel ${data.name}`,
      action: "Cancel the deployment",
      way_out: "Let it go on",
      danger: true,
      consequence: "Stops what runs and closes all open questions. Nothing is rolled back.",
    });
    if (confirmed) {
      const words = ["cancel", data.name];
      const answer = await post("/v1/commands", {
        words: confirmed.note ? [...words, "--note", confirmed.note] : words,
      }).catch((refusal) => ({ok: false, text: refusal.message}));
      head.say(answer.ok ? "" : answer.text || answer.error);
      refreshAll();
    }
  }

  async function resume() {
    const {unknown, label, consequence} = data.resume;
    const confirmed = await confirmAction({
      title: `Resume ${data.name}`,
      action: label,
      way_out: "Leave it",
      danger: unknown,
      consequence,
      no_note: true,
    });
    if (confirmed) {
      const answer = await post(`/v1/deployments/${id}/resume`, {rerun_unknown: unknown}).catch((refusal) => ({
        text: refusal.message,
      }));
      head.say(answer.text);
      refreshAll();
    }
  }

  const stop = resource.watch(({data: newest, error}) => {
    if (error && !data) {
      head.say(error.message);
    }
    if (newest) {
      data = newest;
      draw();
    }
  });
  return {
    title: `D${id}`,
    node: h(
      "div",
      {class: "deployment"},
      head.node,
      cards,
      h("section", {class: "panel"}, h("h2", {}, "Steps"), grid.node),
      output.node,
      past.node,
    ),
    destroy: () => {
      stop();
      output.destroy();
      past.destroy();
    },
  };
}

/* "resumes D310", and a link to it. */
const ORIGINS = {
  resume: "resumes",
  again: "the same again as",
  catch_up: "catches up with",
  rollback: "rolls back",
  promote: "promotes",
};

function deploymentLink(name) {
  return h("a", {href: `/d/${name.slice(1)}`}, name);
}

/* Each D310 and Q42 of a sentence leads there. */
function linked(sentence) {
  return sentence.split(/\b([DQ]\d+)\b/).map((part, n) => (n % 2 ? h("a", {href: `/${part[0].toLowerCase()}/${part.slice(1)}`}, part) : part));
}

function createHead(cancel, resume) {
  const title = h("h1", {tabindex: "-1"}, "…");
  const chip = stateChip("queued");
  const facts = h("p", {class: "detail"});
  const started = moment(0);
  const why = h("p", {class: "outcome"});
  const button = h("button", {type: "button", hidden: true, onclick: cancel}, "Cancel…");
  const again = h("button", {type: "button", class: "primary", hidden: true, onclick: resume}, "Resume…");
  const said = h("p", {class: "said", role: "alert"});
  chip.node.hidden = true;
  return {
    node: h("header", {class: "deployment-head"}, title, h("p", {}, chip.node, " ", button, again), facts, why, said),
    say: (words) => text(said, words),
    update: (data) => {
      text(title, `${data.name} · ${data.project} ${data.version} → ${data.environment}`);
      chip.update(data.state, data.title);
      chip.node.hidden = false;
      updateMoment(started, data.created);
      const parts = [`asked for by ${data.actor}`, data.via ? `via ${data.via}` : ""];
      if (data.ended && data.started) {
        parts.push(`took ${duration(data.ended - data.started)}`);
      }
      if (data.waiting_ms >= 1000) {
        parts.push(`${duration(data.waiting_ms)} waiting for people`);
      }
      const links = [
        data.origin_of ? [` · ${ORIGINS[data.origin] ?? "about"} `, deploymentLink(data.origin_of)] : [],
        data.resumed_by ? [" · goes on in ", deploymentLink(data.resumed_by)] : [],
      ];
      facts.replaceChildren(parts.filter(Boolean).join(" · "), " · ", started, ...links.flat());
      why.replaceChildren(...(data.closing_why ? [data.closing_why] : linked(data.waits_for ?? "")));
      again.hidden = !data.resume;
      text(again, data.resume ? `Resume with ${data.resume.place}…` : "");
      button.hidden = isFinal(data.state) || data.state === "canceling";
    },
  };
}

/* The log with the choice of step, machine and attempt. */
function createOutput(id, choose) {
  let data = null;
  let now = null;
  const log = createLog();
  const step = h("select", {onchange: () => choose({step: Number(step.value), slot: 0, attempt: null})});
  const machine = h("select", {onchange: () => choose({step: now.step, slot: Number(machine.value), attempt: null})});
  const attempt = h("select", {onchange: () => choose({...now, attempt: Number(attempt.value)})});
  const lists = [step, machine, attempt].map((select) =>
    list(
      select,
      (item) => item.value,
      (item) => {
        const option = h("option", {value: item.value});
        return {node: option, update: ({label}) => text(option, label)};
      },
    ),
  );
  const title = h("h2", {}, "Output");
  const node = h(
    "section",
    {class: "panel", hidden: true},
    title,
    h(
      "p",
      {class: "bar-of-tools"},
      h("label", {class: "field"}, "Step ", step),
      h("label", {class: "field"}, "Machine ", machine),
      h("label", {class: "field"}, "Attempt ", attempt),
    ),
    log.node,
  );

  function draw() {
    const current = data.steps[now.step];
    const run = current.runs[now.slot];
    const attempts = Math.max(1, run?.attempt ?? 1);
    lists[0](data.steps.map(({index, name}) => ({value: index, label: `${index + 1}. ${name}`})));
    lists[1](current.runs.map(({slot, target}) => ({value: slot, label: current.on_worker ? "the worker" : target})));
    lists[2](Array.from({length: attempts}, (_, at) => ({value: at + 1, label: String(at + 1)})));
    step.value = now.step;
    machine.value = now.slot;
    attempt.value = now.attempt ?? attempts;
    attribute(title, "data-state", run?.state);
    text(title, `Output of ${current.name}${current.on_worker ? "" : ` on ${run?.target ?? ""}`}`);
    log.show({deployment: id, step: now.step, slot: now.slot, attempt: now.attempt ?? attempts});
  }

  return {
    node,
    destroy: log.destroy,
    update: (newest, chosen) => {
      data = newest;
      now = chosen;
      node.hidden = !chosen;
      if (chosen) {
        draw();
      }
    },
  };
}

/* The timeline and the history, read only while they are looked at: of a large deployment they are long. */
function createPast(id, deploymentOf) {
  const resource = audit(id);
  const timeline = createTimeline();
  const history = createHistory();
  let stop = null;
  const update = ({data}) => {
    if (data && deploymentOf()) {
      timeline.update(data.entries, deploymentOf());
      history.update(data.entries, deploymentOf());
    }
  };
  const watch = (open) => {
    if (open && !stop) {
      stop = resource.watch(update);
    } else if (!open && stop) {
      stop();
      stop = null;
    }
  };
  const toggled = () => watch(parts.some((part) => part.open));
  const parts = [
    ["Where the time went", timeline],
    ["History", history],
  ].map(([title, {node}]) =>
    h("details", {class: "panel", ontoggle: toggled}, h("summary", {}, h("h2", {}, title)), node),
  );
  return {node: h("div", {}, parts), destroy: () => watch(false)};
}
