/* Deployments, cards and rooms in the shapes of docs/API.md, as small or large as a test wants them. */

export const NOW = Date.now();
const MINUTE = 60000;

const CHOICES = [
  ["retry", "Retry", "Runs Install again on web-3 as attempt 2. Steps before it are not repeated.", {primary: true}],
  ["ignore", "Ignore", "Counts Install on web-3 as done, with a warning. Next there: Smoke test.", {}],
  [
    "exclude",
    "Exclude web-3",
    "web-3 gets no further step in this deployment and does not count as having 1.4.2. The other 2 machines go on.",
    {confirm: true},
  ],
  [
    "fail",
    "Fail deployment",
    "2 of 3 machines already run Install of 1.4.2. Nothing is rolled back.",
    {danger: true, confirm: true},
  ],
  ["take", "Take", "Tells the others that you are on it; nothing is decided.", {}],
];

function action([verb, label, consequence, more]) {
  return {verb, label, consequence, primary: false, danger: false, confirm: false, note_required: false, ...more};
}

export function questionCard(id, more = {}) {
  return {
    kind: "question",
    deployment: 311,
    question: id,
    revision: 1,
    state: "paused",
    title: "Paused: needs web-oncall",
    subject: "webshop 1.4.2 → production",
    place: "Install on web-3",
    asked: NOW - 12 * MINUTE,
    deadline: NOW + 108 * MINUTE,
    text: `Q${id}: Install failed on web-3.`,
    facts: [
      "Install failed on web-3: exit code 100",
      "Attempt 1",
      "2 of 3 machines done · 0 running",
      `Q${id} · asked 14:02 UTC · no answer by 16:02 UTC means fail`,
    ],
    rows: [],
    excerpt:
      "dpkg: error processing archive webshop_1.4.2.deb (--install):\n cannot copy extracted data: No space left on device",
    actions: CHOICES.map(action),
    outcome: null,
    ...more,
  };
}

export function unknownCard(id, more = {}) {
  return questionCard(id, {
    deployment: 312,
    state: "unknown",
    title: "Outcome unknown: needs web-oncall",
    subject: "billing 2.0.0 → production",
    place: "Migrate on db-1",
    facts: [
      "Migrate started on db-1 and nobody saw its end",
      "It may have finished, may still run, or may have stopped half-way. Nothing was repeated.",
      "Attempt 1 · ran on worker w-2",
    ],
    actions: [
      ["check", "Check again", "Looks on the machine for the truth; changes nothing there.", {}],
      ["ignore", "I checked: it worked", "Counts Migrate on db-1 as done, with a warning.", {confirm: true}],
      [
        "retry",
        "Run it again",
        "Runs Migrate again on db-1 as attempt 2. It is not declared safe to run twice.",
        {confirm: true},
      ],
      ["fail", "Fail deployment", "No machine was changed by a later step.", {danger: true}],
      ["take", "Take", "Tells the others that you are on it; nothing is decided.", {}],
    ].map(action),
    ...more,
  });
}

export function groupCard(id, names, more = {}) {
  return questionCard(id, {
    place: `Install on ${names.length} of 40 machines`,
    revision: names.length,
    facts: [`Install failed on ${names.length} of 40 machines: exit code 100`, `Q${id} · asked 14:02 UTC`],
    rows: names.map((name) => ({state: "asking", name, detail: "exit code 100 · attempt 1"})),
    actions: CHOICES.map(action).map((choice) =>
      choice.verb === "exclude" ? {...choice, label: `Exclude ${names.length} machines`} : choice,
    ),
    ...more,
  });
}

export function answeredCard(card, outcome) {
  return {
    ...card,
    state: "answered",
    title: "Answered",
    facts: [card.place],
    actions: [],
    excerpt: null,
    asked: 0,
    deadline: 0,
    outcome,
  };
}

export function summary(id, more = {}) {
  return {
    id,
    name: `D${id}`,
    project: "webshop",
    version: "1.4.2",
    environment: "production",
    state: "paused",
    title: "Paused: needs web-oncall",
    actor: "alice",
    via: "page",
    created: NOW - 20 * MINUTE,
    started: NOW - 20 * MINUTE,
    ended: 0,
    waiting_ms: 0,
    waiting_since: NOW - 12 * MINUTE,
    step_done: 2,
    step_total: 4,
    questions: ["Q42"],
    waits_for: null,
    ...more,
  };
}

function run(slot, target, state, more = {}) {
  const started = ["pending", "excluded", "skipped"].includes(state) ? 0 : NOW - 15 * MINUTE;
  return {
    slot,
    target,
    state,
    attempt: started ? 1 : 0,
    outcome: null,
    unknown: false,
    worker: "w-1",
    started,
    ended: started ? started + MINUTE : 0,
    question: null,
    ...more,
  };
}

function step(index, name, runs, more = {}) {
  return {
    index,
    name,
    condition: "success",
    group: null,
    required: false,
    on_worker: false,
    guided: true,
    runs,
    ...more,
  };
}

/* Three machines; Install waits for an answer on the third. */
export function pausedDeployment(cards) {
  const targets = ["web-1", "web-2", "web-3"];
  const on = (states, more = {}) =>
    targets.map((target, slot) => run(slot, target, states[slot], slot === 2 ? more : {}));
  return {
    ...summary(311),
    closing_why: null,
    room: "deploys",
    targets,
    cards,
    steps: [
      step(0, "Fetch package", [run(0, "", "succeeded", {outcome: "exit code 0"})], {on_worker: true}),
      step(1, "Stop", on(["succeeded", "succeeded", "succeeded"])),
      step(2, "Install", on(["succeeded", "succeeded", "asking"], {outcome: "exit code 100", question: "Q42"}), {
        required: true,
      }),
      step(3, "Smoke test", on(["pending", "pending", "pending"])),
    ],
  };
}

export function largeDeployment(machines, steps) {
  const targets = Array.from({length: machines}, (_, at) => `machine-${String(at).padStart(3, "0")}`);
  const states = ["succeeded", "succeeded", "succeeded", "warned", "running", "pending"];
  return {
    ...summary(400, {questions: []}),
    state: "running",
    title: "Running",
    closing_why: null,
    room: "deploys",
    targets,
    cards: [],
    /* No two machines stand alike, so that nothing can be folded. */
    steps: Array.from({length: steps}, (_, index) =>
      step(
        index,
        `Step ${index}`,
        targets.map((target, slot) =>
          run(slot, target, states[(slot * 7 + index * 3) % states.length], {attempt: 1 + ((slot >> (index % 8)) & 1)}),
        ),
      ),
    ),
  };
}

export function auditOfPaused() {
  const at = (minutes) => NOW - minutes * MINUTE;
  return [
    ["admitted", 20],
    ["issued 0.0 #1 turn", 20],
    ["claimed 0.0 #1 by w-1", 20],
    ["ended 0.0 #1 exit 0", 19],
    ["claimed 1.0 #1 by w-1", 19],
    ["claimed 1.1 #1 by w-1", 19],
    ["claimed 1.2 #1 by w-1", 19],
    ["ended 1.0 #1 exit 0", 18],
    ["ended 1.1 #1 exit 0", 17.5],
    ["ended 1.2 #1 exit 0", 18],
    ["claimed 2.0 #1 by w-1", 17],
    ["ended 2.0 #1 exit 0", 14],
    ["claimed 2.1 #1 by w-1", 17],
    ["ended 2.1 #1 exit 0", 15],
    ["claimed 2.2 #1 by w-1", 17],
    ["ended 2.2 #1 exit 100", 12],
    ["asked Q42 2.2 #1", 12],
  ].map(([what, minutes], id) => ({
    id: String(id),
    what,
    actor: "guidepost",
    via: "",
    note: "",
    when: at(minutes),
    hash: "",
  }));
}

export function question(card, more = {}) {
  return {
    id: card.question,
    name: `Q${card.question}`,
    deployment: card.deployment,
    step: "Install",
    target: "web-3",
    attempt: 1,
    outcome: "exit code 100",
    excerpt: "",
    unknown: false,
    open: true,
    asked: card.asked,
    deadline: card.deadline,
    taken_by: null,
    card: card.question,
    options: [],
    answer: null,
    answered_by: null,
    answered_via: null,
    answered_at: 0,
    note: null,
    closed_why: null,
    ...more,
  };
}

export function overview(more = {}) {
  const version = (project, environment, target, number, minutes) => ({
    project,
    environment,
    target,
    version: number,
    deployment: 300,
    when: NOW - minutes * MINUTE,
  });
  return {
    banner: null,
    questions: [],
    live: [],
    rooms: ["deploys", "release-managers"],
    recent: [
      summary(310, {
        state: "succeeded",
        title: "Succeeded",
        version: "1.4.1",
        ended: NOW - 3000 * MINUTE,
        started: NOW - 3006 * MINUTE,
      }),
      summary(309, {
        state: "succeeded_with_warnings",
        title: "Succeeded with warnings",
        ended: NOW - 4000 * MINUTE,
        started: NOW - 4005 * MINUTE,
        waiting_ms: 4 * MINUTE,
      }),
      summary(308, {state: "failed", title: "Failed", ended: NOW - 5000 * MINUTE, started: NOW - 5001 * MINUTE}),
      summary(307, {state: "canceled", title: "Canceled", ended: NOW - 6000 * MINUTE, started: 0}),
    ],
    versions: [
      version("webshop", "staging", "", "1.4.2", 60),
      version("webshop", "production", "", "1.4.1", 3000),
      version("webshop", "production", "web-1", "1.4.2", 15),
      version("webshop", "production", "web-2", "1.4.2", 14),
      version("webshop", "production", "web-3", "1.4.1", 3000),
      version("billing", "staging", "", "2.0.0", 100),
    ],
    projects: [
      {name: "webshop", description: "The shop", environments: ["staging", "production"], inputs: []},
      {name: "billing", description: null, environments: ["staging"], inputs: []},
    ],
    ...more,
  };
}
