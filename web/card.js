/*
 * A card: what guidepost tells of a deployment, and of a question with its buttons. All sentences come from the server,
 * the same as in every room. An answer goes with the revision that was seen, so that a card which has changed meanwhile
 * refuses it.
 */

import {post} from "./api.js";
import {confirmAction} from "./dialog.js";
import {attribute, h, list, text} from "./dom.js";
import {refreshAll} from "./store.js";
import {moment, update as updateMoment} from "./time.js";
import {stateChip, stateIcon, stateTone} from "./words.js";

/* Answers that are about machines; the others are about the whole deployment, or decide nothing. */
const FOR_MACHINES = new Set(["retry", "ignore", "exclude"]);
const DECIDES_NOTHING = new Set(["take", "check", "extend", "park", "unpark", "when-back"]);
const OPEN_ROW = new Set(["asking", "unknown"]);

/* An escalation is a question once more, for others. */
function isQuestion(card) {
  return card.kind === "question" || card.kind === "escalation";
}

function isOpen(card) {
  return isQuestion(card) && card.actions.length > 0;
}

/* {node, update(card)}. level: of the heading. */
export function createCard(first, level = 3) {
  const parts = isQuestion(first) ? questionParts(level) : statusParts(level);
  const node = h("article", {tabindex: "-1"}, parts.nodes);
  const update = (card) => {
    const focused = node.contains(document.activeElement) && document.activeElement !== node;
    attribute(node, "class", `card tone-${stateTone(card.state)}${card.outcome ? " over" : ""}`);
    attribute(node, "data-question", card.question || null);
    attribute(node, "aria-label", `${card.title}: ${card.place ?? card.subject}`);
    parts.update(card);
    if (focused && (document.activeElement === document.body || document.activeElement === null)) {
      node.focus({preventScroll: true});
    }
  };
  update(first);
  return {node, update};
}

function factList() {
  const node = h("ul", {class: "facts"});
  const update = list(
    node,
    (fact) => fact.key,
    () => {
      const item = h("li");
      return {node: item, update: (fact) => text(item, fact.text)};
    },
  );
  return {node, update: (facts) => update(facts.map((fact, key) => ({key, text: fact})))};
}

function deploymentLink() {
  const node = h("a");
  const update = (card) => {
    node.hidden = !card.deployment;
    attribute(node, "href", `/d/${card.deployment}`);
    text(node, `D${card.deployment} · ${card.subject}`);
  };
  return {node, update};
}

/* --- what a deployment is doing, and how it ended ----------------------------------------------------------------- */

function statusParts(level) {
  const chip = stateChip("queued");
  const heading = h(`h${level}`, {}, chip.node);
  const link = deploymentLink();
  const facts = factList();
  const rows = h("ul", {class: "rows"});
  const updateRows = list(
    rows,
    (row) => row.key,
    (row) => plainRow(row),
  );
  const outcome = h("p", {class: "outcome"});
  return {
    nodes: [h("header", {}, heading, link.node), outcome, facts.node, rows],
    update: (card) => {
      chip.update(card.state, card.title);
      link.update(card);
      facts.update(card.facts);
      updateRows(card.rows.map((row, key) => ({...row, key})));
      const words = card.outcome ?? (card.kind === "reminder" ? card.text : "");
      text(outcome, words);
      outcome.hidden = !words;
    },
  };
}

function plainRow(row) {
  const icon = stateIcon(row.state);
  const name = h("b");
  const detail = h("span", {class: "detail"});
  return {
    node: h("li", {}, icon.node, name, detail),
    update: (now) => {
      icon.update(now.state);
      text(name, now.name);
      text(detail, now.detail);
    },
  };
}

/* --- a question --------------------------------------------------------------------------------------------------- */

function questionParts(level) {
  const chip = stateChip("paused");
  const waits = moment(0, "since");
  const waiting = h("span", {class: "waiting"}, "waiting ", waits);
  const number = h("span", {class: "number"});
  const heading = h(`h${level}`);
  const link = deploymentLink();
  const facts = factList();
  const excerpt = h("pre", {class: "excerpt", tabindex: "0", "aria-label": "Last lines of its output"});
  const outcome = h("p", {class: "outcome"});
  const answers = answerParts();
  return {
    nodes: [
      h("header", {}, chip.node, number, waiting),
      heading,
      h("p", {class: "subject"}, link.node),
      outcome,
      excerpt,
      facts.node,
      answers.nodes,
    ],
    update: (card) => {
      const open = isOpen(card);
      chip.update(card.state, card.title);
      text(number, `Q${card.question}`);
      waiting.hidden = !card.asked || !open;
      if (card.asked) {
        updateMoment(waits, card.asked);
      }
      /* The first fact of an open question says what happened; of a closed one it is the place. */
      text(heading, card.facts[0] ?? card.place ?? "");
      facts.update(card.facts.slice(1));
      link.update(card);
      text(excerpt, card.excerpt ?? "");
      excerpt.hidden = !card.excerpt;
      text(outcome, card.outcome ?? "");
      outcome.hidden = !card.outcome;
      answers.update(card);
    },
  };
}

/* The machines to choose from, the note, the buttons, and what became of a click. */
function answerParts() {
  let card = null;
  let sending = null; /* the action that is under way: until the card has changed by it, there is nothing to press */
  let recorded = false;
  const chosen = new Set();
  const machines = h("ul", {class: "rows"});
  const updateMachines = list(
    machines,
    (row) => row.name,
    () => machineRow(chosen, () => draw()),
  );
  const hint = h("p", {class: "hint"}, "Choose machines to answer for only some of them.");
  const note = h("input", {type: "text", maxlength: 500, autocomplete: "off"});
  const noteField = h("label", {class: "field note"}, "Note, kept in the log and shown in the room", note);
  const buttons = h("ul", {class: "choices"});
  const updateButtons = list(
    buttons,
    (action) => action.verb,
    () => actionRow((action) => act(action)),
  );
  const said = h("p", {class: "said", role: "alert"});

  function draw() {
    const open = isOpen(card);
    updateMachines(card.rows);
    const several = open && card.rows.filter((row) => OPEN_ROW.has(row.state)).length > 1;
    hint.hidden = !several;
    noteField.hidden = !open;
    updateButtons(
      card.actions.map((action) => ({...narrowed(action), place: card.place, busy: sending, question: card.question})),
    );
  }

  /* What an action says when only some machines were chosen: the sentence about all would not be true. */
  function narrowed(action) {
    if (chosen.size === 0 || !FOR_MACHINES.has(action.verb)) {
      return action;
    }
    const names = [...chosen].join(", ");
    const word = action.verb[0].toUpperCase() + action.verb.slice(1);
    return {...action, label: `${word} ${names}`, consequence: `Answers for ${names} only; the others keep waiting.`};
  }

  async function act(action) {
    let written = note.value.trim();
    if (action.confirm || (action.note_required && !written)) {
      const confirmed = await confirmAction({
        title: `${action.label} · ${card.place}`,
        consequence: action.consequence,
        action: action.label,
        danger: action.danger,
        note: written,
        note_required: action.note_required,
      });
      if (!confirmed) {
        return;
      }
      written = confirmed.note;
    }
    sending = action.verb;
    text(said, "");
    draw();
    try {
      await send(action.verb, written);
      note.value = "";
      chosen.clear();
      recorded = true;
    } catch (refusal) {
      text(said, refusal.message);
      sending = null;
      draw();
    }
    refreshAll();
  }

  async function send(verb, written) {
    const path = `/v1/questions/${card.question}`;
    if (DECIDES_NOTHING.has(verb)) {
      await post(`${path}/${verb}`);
      return;
    }
    const answer = {guidance: verb, note: written, revision: card.revision};
    if (chosen.size > 0 && FOR_MACHINES.has(verb)) {
      answer.targets = [...chosen];
    }
    await post(`${path}/answer`, answer);
  }

  return {
    nodes: [hint, machines, noteField, buttons, said],
    update: (now) => {
      card = now;
      if (recorded) {
        recorded = false;
        sending = null;
      }
      const open = new Set(card.rows.filter((row) => OPEN_ROW.has(row.state)).map((row) => row.name));
      [...chosen].filter((name) => !open.has(name)).forEach((name) => chosen.delete(name));
      draw();
    },
  };
}

function machineRow(chosen, changed) {
  const icon = stateIcon("asking");
  const name = h("b");
  const detail = h("span", {class: "detail"});
  const box = h("input", {
    type: "checkbox",
    onchange: () => {
      chosen[box.checked ? "add" : "delete"](name.textContent);
      changed();
    },
  });
  return {
    node: h("li", {}, h("label", {}, box, icon.node, name, detail)),
    update: (row) => {
      icon.update(row.state);
      text(name, row.name);
      text(detail, row.detail);
      box.hidden = !OPEN_ROW.has(row.state);
      box.checked = chosen.has(row.name);
    },
  };
}

function actionRow(act) {
  let action = null;
  const button = h("button", {
    type: "button",
    onclick: () => {
      if (!action.busy) {
        act(action);
      }
    },
  });
  const consequence = h("span", {class: "consequence"});
  return {
    node: h("li", {}, button, consequence),
    update: (now) => {
      action = now;
      const id = `why-${now.question}-${now.verb}-${serial(button)}`;
      attribute(button, "class", now.danger ? "danger" : now.primary ? "primary" : null);
      attribute(button, "aria-label", buttonName(now));
      attribute(button, "aria-describedby", id);
      /* Not `disabled`, which would throw away the focus. */
      attribute(button, "aria-disabled", now.busy ? "true" : null);
      attribute(button, "aria-busy", now.busy === now.verb ? "true" : null);
      text(button, now.confirm || now.note_required ? `${now.label}…` : now.label);
      attribute(consequence, "id", id);
      text(consequence, now.consequence);
    },
  };
}

/* "Retry Install on web-3"; it begins with what is written on the button. */
function buttonName(action) {
  const label = action.confirm || action.note_required ? `${action.label}…` : action.label;
  if (DECIDES_NOTHING.has(action.verb)) {
    return `${label} Q${action.question}: ${action.place}`;
  }
  return action.verb === "retry" && action.label === "Retry" ? `${label} ${action.place}` : `${label}: ${action.place}`;
}

/* The same question may be shown twice on a page; ids may not. */
const serials = new WeakMap();
let lastSerial = 0;
function serial(node) {
  if (!serials.has(node)) {
    serials.set(node, ++lastSerial);
  }
  return serials.get(node);
}
