/* The first page: what needs a person comes first, then what runs, what runs where, and what was. */

import {get, post} from "./api.js";
import {createCard} from "./card.js";
import {createCommandBox} from "./command_box.js";
import {createDeployForm} from "./deploy_form.js";
import {h, list, text} from "./dom.js";
import {createMatrix} from "./matrix.js";
import {overview, refreshAll} from "./store.js";
import {createSummaryList} from "./summary_list.js";
import {moment} from "./time.js";
import {count} from "./words.js";

const CLOSED_SHOWN = 5;

export function createHome() {
  const heading = h("h1", {tabindex: "-1"}, "…");
  const cards = h("div", {class: "cards"});
  const updateCards = list(
    cards,
    (card) => card.question,
    (card) => createCard(card, 2),
  );
  const unseen = h("p", {class: "hint"});
  const closed = createClosedList();
  const live = createSummaryList("Nothing is under way.");
  const more = h("p", {class: "hint"});
  const recent = createSummaryList("Nothing was deployed yet.");
  const matrix = createMatrix();
  const debts = createDebts();
  const form = createDeployForm();

  const stop = overview.watch(({data, error}) => {
    if (!data) {
      text(heading, error.message);
    } else {
      const waiting = data.questions.length;
      text(
        heading,
        waiting === 0
          ? "Nothing waits for an answer"
          : `${data.questions_left_out > 0 ? "More than " : ""}${count(waiting, "question")} ${waiting === 1 ? "waits" : "wait"} for an answer`,
      );
      updateCards(data.questions);
      text(unseen, data.questions_left_out > 0 ? `${count(data.questions_left_out, "newer question")} beside these.` : "");
      closed.update(data.questions);
      live.update(data.live);
      text(more, data.left_out > 0 ? `${count(data.left_out, "newer one")} beside these: see status and pending.` : "");
      recent.update(data.recent);
      matrix.update(data.projects, data.versions);
      debts.update(data.versions);
      form.update(data.projects);
    }
  });
  return {
    title: "",
    node: h(
      "div",
      {class: "home"},
      heading,
      cards,
      unseen,
      closed.node,
      h("section", {class: "panel"}, h("h2", {}, "Under way"), live.node, more),
      h("section", {class: "panel"}, h("h2", {}, "What runs where"), matrix.node, debts.node),
      h("section", {class: "panel"}, h("h2", {}, "Deploy"), form.node, createCommandBox(null)),
      h("section", {class: "panel"}, h("h2", {}, "Recent"), recent.node),
    ),
    destroy: stop,
  };
}

/*
 * A card that goes away has an answer: who gave it is worth a line, above all to whoever was about to press a button.
 */
function createClosedList() {
  const items = h("ul", {class: "closed", "aria-label": "Just answered"});
  const update = list(
    items,
    (question) => question.id,
    (question) => ({
      node: h(
        "li",
        {},
        h("a", {href: `/d/${question.deployment}`}, question.name),
        ` ${outcome(question)}`,
        question.note ? h("q", {}, question.note) : null,
        " ",
        moment(question.answered_at || Date.now()),
      ),
    }),
  );
  let open = new Set();
  let shown = [];
  return {
    node: h("div", {role: "status"}, items),
    update: async (cards) => {
      const now = new Set(cards.map((card) => card.question));
      const gone = [...open].filter((id) => !now.has(id));
      open = now;
      const answered = await Promise.all(gone.map((id) => get(`/v1/questions/${id}`).catch(() => null)));
      const fresh = answered.filter((question) => question && !question.open);
      shown = [...fresh, ...shown.filter(({id}) => !gone.includes(id))].slice(0, CLOSED_SHOWN);
      update(shown);
    },
  };
}

/* What excluded machines are owed, by lane, until they have caught up. */
function createDebts() {
  const items = h("ul", {class: "closed", "aria-label": "Owed"});
  const update = list(
    items,
    (debt) => debt.key,
    () => {
      const words = h("span");
      const button = h("button", {type: "button"}, "Catch up");
      const reply = h("output", {class: "reply"});
      return {
        node: h("li", {}, words, " ", button, " ", reply),
        update: ({project, environment, targets, since}) => {
          text(words, `${project} in ${environment}: owed to ${targets.join(", ")} since D${since}`);
          button.onclick = async () => {
            const answer = await post("/v1/commands", {words: ["catch", "up", project, "in", environment]}).catch(
              (refusal) => ({text: refusal.message}),
            );
            text(reply, answer.text);
            refreshAll();
          };
        },
      };
    },
  );
  return {
    node: items,
    update: (versions) => {
      const debts = new Map();
      for (const {project, environment, target, owed} of versions.filter((row) => row.owed)) {
        const key = `${project}/${environment}`;
        const debt = debts.get(key) ?? {key, project, environment, targets: [], since: owed.deployment};
        debt.targets.push(target);
        debt.since = Math.min(debt.since, owed.deployment);
        debts.set(key, debt);
      }
      update([...debts.values()]);
    },
  };
}

function outcome(question) {
  const place = question.target ? `${question.step} on ${question.target}` : question.step;
  if (!question.answer || !question.answered_by) {
    return `${place}: ${question.closed_why ?? "closed without an answer"}`;
  }
  return `${place}: ${question.answer[0].toUpperCase()}${question.answer.slice(1)} by ${question.answered_by}`;
}
