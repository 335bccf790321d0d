/*
 * Goal of this test: the page does its work for people, whatever the server tells and however it fails. Runs against a
 * small fake server.
 */

import assert from "node:assert/strict";
import {after, before, beforeEach, afterEach, describe, test} from "node:test";

import {assertCalm, assertFits, axeFindings, launch, missing, openPage} from "./support/browser.mjs";
import {FakeServer} from "./support/fake_server.mjs";
import * as fixtures from "./support/fixtures.mjs";

const {questionCard, groupCard, unknownCard} = fixtures;

/* Strings that have turned into code in other people's pages. */
const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "</pre><iframe srcdoc='<script>parent.alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>",
  "\u202egnp.exe",
  "\u0000<b>",
  "__proto__",
  "<style>*{display:none}</style>",
];

function buttonNamed(page, name) {
  return page.getByRole("button", {name, exact: true});
}

/* Polls, since what is waited for happens on the server's side of this process. */
async function until(condition, what, ms = 8000) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited too long for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function tabTo(page, name) {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press("Tab");
    if (
      (await page.evaluate(
        () => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent,
      )) === name
    ) {
      return;
    }
  }
  assert.fail(`no way by the Tab key to "${name}"`);
}

describe("the page", {skip: missing, timeout: 240000}, () => {
  let browser, server, page;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    server = await new FakeServer().start();
    page = await openPage(browser);
  });
  afterEach(async () => {
    const troubles = page.troubles;
    await Promise.all(browser.contexts().map((context) => context.close()));
    await server.stop();
    assert.deepEqual(troubles, []);
  });

  async function open(path = "/", on = page) {
    await on.goto(server.url + path);
    await on.locator("h1").filter({hasNotText: "…"}).first().waitFor();
  }

  /* An open question of a deployment that can be looked at too. */
  function pause(card = questionCard(42)) {
    server.ask(card);
    server.state.overview.live = [fixtures.summary(311)];
    server.state.deployments[311] = fixtures.pausedDeployment([card]);
    server.state.audits[311] = fixtures.auditOfPaused();
    server.state.logs["311.2.2#1"] = [
      "Unpacking \x1b[31mwebshop\x1b[0m\nprogress 1%\rprogress 100%\nNo space left",
      " on device\n",
    ];
    return card;
  }

  test("open questions come first and are counted in the title", async () => {
    pause();
    server.ask(unknownCard(43));
    await open();
    assert.equal(await page.title(), "(2) guidepost");
    assert.equal(await page.locator("h1").textContent(), "2 questions wait for an answer");
    assert.deepEqual(await page.locator("main h2").allTextContents(), [
      "Install failed on web-3: exit code 100",
      "Migrate started on db-1 and nobody saw its end",
      "Under way",
      "What runs where",
      "Deploy",
      "Recent",
    ]);
  });

  test("a question is answered by keyboard alone, with a note", async () => {
    pause();
    await open();
    await tabTo(page, "Retry Install on web-3");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.type("disk freed");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Install on web-3: Retry by alice").waitFor();
    assert.deepEqual(server.requests, [
      ["POST", "/v1/questions/42/answer", {guidance: "retry", note: "disk freed", revision: 1}],
    ]);
    assert.equal(await page.title(), "guidepost");
    assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "BODY", "the focus is lost");
  });

  test("what cannot be undone tells its consequence and can be left", async () => {
    const card = pause();
    await open();
    const fail = buttonNamed(page, "Fail deployment…: Install on web-3");
    await fail.click();
    const dialog = page.getByRole("dialog");
    assert.match(
      await dialog.textContent(),
      /2 of 3 machines already run Install of 1\.4\.2\. Nothing is rolled back\./,
    );
    await page.getByRole("button", {name: "Keep waiting"}).click();
    assert.equal(await dialog.count(), 0);
    await page.waitForFunction(() => document.activeElement.textContent === "Fail deployment…");
    await fail.press("Enter");
    await page.keyboard.press("Escape");
    await until(async () => (await dialog.count()) === 0, "the dialog to go");
    assert.deepEqual(server.requests, []);
    await fail.click();
    await dialog.getByRole("textbox").fill("needs a fix");
    await dialog.getByRole("button", {name: card.actions[3].label}).click();
    await until(() => server.requests.length === 1, "the answer");
    assert.deepEqual(server.requests[0][2], {guidance: "fail", note: "needs a fix", revision: 1});
  });

  test("a note that is needed is asked for", async () => {
    const card = questionCard(42);
    card.actions[1].note_required = true;
    pause(card);
    await open();
    await buttonNamed(page, "Ignore…: Install on web-3").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", {name: "Ignore"}).click();
    assert.equal(await dialog.count(), 1, "an empty note is not taken");
    await dialog.getByRole("textbox").fill("known flake");
    await dialog.getByRole("button", {name: "Ignore"}).click();
    await until(() => server.requests.length === 1, "the answer");
    assert.equal(server.requests[0][2].note, "known flake");
  });

  test("a second click while an answer is under way does nothing", async () => {
    pause();
    await open();
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/answer", async (route) => {
      await held;
      await route.continue();
    });
    const retry = buttonNamed(page, "Retry Install on web-3");
    await retry.click();
    assert.equal(await retry.getAttribute("aria-disabled"), "true");
    assert.equal(await buttonNamed(page, "Ignore: Install on web-3").getAttribute("aria-disabled"), "true");
    await retry.click({force: true});
    await buttonNamed(page, "Ignore: Install on web-3").click({force: true});
    release();
    await page.getByText("Retry by alice").waitFor();
    assert.equal(server.requests.length, 1);
  });

  test("of two browsers that answer at once the later one is told who was first", async () => {
    pause();
    const other = await openPage(browser);
    await open();
    await open("/", other);
    await other.route("**/v1/overview", (route) => route.abort()); /* it does not hear of the first answer */
    await buttonNamed(page, "Retry Install on web-3").click();
    await page.getByText("Retry by alice").waitFor();
    await buttonNamed(other, "Ignore: Install on web-3").click();
    await other.getByRole("alert").filter({hasText: "Q42 was answered by alice 0 s ago: retry."}).waitFor();
    await other.unroute("**/v1/overview");
    server.emit("deployment", {id: 311});
    await other.getByText("Install on web-3: Retry by alice").waitFor();
    assert.equal(server.state.questions[42].answer, "retry");
    assertCalm(other);
  });

  test("a refusal is shown on the card, which can be answered again", async () => {
    pause();
    await open();
    server.decide = () => [
      403,
      {status: 403, title: "denied", detail: "You may not answer retry here. Release-managers may: carol."},
    ];
    await buttonNamed(page, "Retry Install on web-3").click();
    await page.getByRole("alert").filter({hasText: "Release-managers may: carol."}).waitFor();
    assert.equal(await buttonNamed(page, "Retry Install on web-3").getAttribute("aria-disabled"), null);
  });

  test("a server that cannot be reached is told, and nothing is claimed to be recorded", async () => {
    pause();
    await open();
    await page.route("**/answer", (route) => route.abort());
    await buttonNamed(page, "Retry Install on web-3").click();
    await page
      .getByRole("alert")
      .filter({hasText: "The server cannot be reached. Nothing was recorded as far as this page knows"})
      .waitFor();
  });

  test("of a card for many machines some can be chosen", async () => {
    server.ask(groupCard(44, ["web-11", "web-12", "web-19"]));
    await open();
    await page.getByRole("checkbox", {name: /web-12/}).check();
    await page.getByRole("checkbox", {name: /web-19/}).check();
    const article = page.locator("article");
    assert.match(await article.textContent(), /Answers for web-12, web-19 only; the others keep waiting\./);
    assert.doesNotMatch(await article.textContent(), /The other 2 machines go on\./, "a sentence about all of them");
    await article.getByRole("button", {name: /^Retry web-12, web-19/}).click();
    await until(() => server.requests.length === 1, "the answer");
    assert.deepEqual(server.requests[0][2], {guidance: "retry", note: "", revision: 3, targets: ["web-12", "web-19"]});
  });

  test("looking again and taking are no answers", async () => {
    server.ask(unknownCard(43));
    await open();
    await buttonNamed(page, "Check again Q43: Migrate on db-1").click();
    await until(() => server.requests.length === 1, "the look");
    await until(
      async () => (await buttonNamed(page, "Take Q43: Migrate on db-1").getAttribute("aria-disabled")) === null,
      "the card to be free",
    );
    await buttonNamed(page, "Take Q43: Migrate on db-1").click();
    await until(() => server.requests.length === 2, "the claim");
    assert.deepEqual(
      server.requests.map(([, path]) => path),
      ["/v1/questions/43/check", "/v1/questions/43/take"],
    );
    assert.equal(
      await page.locator("button.primary").filter({hasNotText: "Deploy"}).count(),
      0,
      "nothing is suggested after an unknown outcome",
    );
  });

  test("a new question is announced, and one that was there is not", async () => {
    pause();
    await open();
    const status = page.locator(".unseen[role=status]");
    assert.equal(await status.textContent(), "");
    await until(() => server.streams.size === 1, "the stream");
    server.ask(unknownCard(43));
    await page.getByText("Migrate started on db-1", {exact: false}).first().waitFor();
    assert.equal(
      await status.textContent(),
      "New question Q43: Migrate started on db-1 and nobody saw its end. billing 2.0.0 → production.",
    );
    assert.equal(await page.title(), "(2) guidepost");
  });

  test("focus and half-written notes stay while everything around changes", async () => {
    pause();
    server.ask(unknownCard(43));
    await open();
    await until(() => server.streams.size === 1, "the stream");
    const note = page.locator("article[data-question='43'] input[type=text]");
    await note.pressSequentially("I am loo");
    server.ask(questionCard(45, {deployment: 9}));
    server.decide(42, "answer", {guidance: "retry", note: ""});
    await page.locator("article[data-question='45']").waitFor();
    await page.locator("article[data-question='42']").waitFor({state: "detached"});
    await page.keyboard.type("king");
    assert.equal(await note.inputValue(), "I am looking");
  });

  test("the stream is cut and resumes, and what was missed is seen", async () => {
    pause();
    await open();
    await until(() => server.streams.size === 1, "the stream");
    const heard = page.waitForRequest("**/v1/overview");
    server.emit("deployment", {id: 1});
    await heard;
    server.state.overview.questions.push(unknownCard(43));
    server.cutStreams();
    await page.locator("article[data-question='43']").waitFor();
    await until(() => server.resumed.at(-1) !== null, "a stream that resumes");
    assert.match(server.resumed.at(-1), /^\d+-0$/);
    await until(() => server.streams.size === 1, "the stream");
  });

  test("a server that is away is said to be, until it is back", async () => {
    pause();
    await open();
    const {port} = server;
    const {state} = server;
    await server.stop();
    const lost = page.getByText("Connection lost, trying again. What is shown may be old.");
    await lost.waitFor();
    assert.equal(await page.locator("article").count(), 1, "what was known stays");
    server = new FakeServer();
    server.state = state;
    server.state.overview.questions = [];
    await server.start(port);
    await page.getByText("Nothing waits for an answer").waitFor();
    await until(async () => !(await lost.isVisible()), "the banner to go");
  });

  test("the tabs of a browser share one stream, and the next one takes it over", async () => {
    pause();
    await open();
    await until(() => server.streams.size === 1, "the stream");
    const second = await page.context().newPage();
    await open("/", second);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(server.streams.size, 1);
    server.ask(unknownCard(43));
    await second.locator("article[data-question='43']").waitFor();
    await page.close();
    await until(() => server.streams.size === 1 && server.resumed.length === 2, "the stream of the second tab");
    server.ask(questionCard(46));
    await second.locator("article[data-question='46']").waitFor();
  });

  test("hostile names, notes and output stay text", async () => {
    const all = HOSTILE.join(" ");
    const hostile = (card) => ({
      ...card,
      title: all,
      subject: all,
      place: all,
      facts: HOSTILE,
      excerpt: HOSTILE.join("\n"),
      rows: HOSTILE.map((name) => ({state: name, name, detail: name})),
      actions: card.actions.map((action) => ({...action, label: all, consequence: all})),
    });
    const card = pause(hostile(questionCard(42)));
    const {state} = server;
    state.overview.banner = all;
    state.overview.rooms = HOSTILE;
    state.overview.projects = HOSTILE.map((name) => ({name, description: name, environments: HOSTILE, inputs: []}));
    state.overview.versions = HOSTILE.map((name) => ({
      project: name,
      environment: name,
      target: name,
      version: name,
      deployment: 1,
      when: 1,
    }));
    state.overview.live = [
      fixtures.summary(311, {project: all, version: all, environment: all, title: all, actor: all, waits_for: all}),
    ];
    const deployment = fixtures.pausedDeployment([card]);
    deployment.targets = [HOSTILE[0], HOSTILE[1], HOSTILE[2]];
    deployment.steps.forEach((step) => {
      step.name = step.group = all;
      step.runs.forEach((run) => {
        run.target = step.on_worker ? "" : HOSTILE[run.slot];
        run.outcome = all;
      });
    });
    state.deployments[311] = {...deployment, project: all, actor: all, closing_why: all};
    state.audits[311] = fixtures.auditOfPaused().map((entry) => ({...entry, actor: all, via: all, note: all}));
    state.logs["311.2.2#1"] = HOSTILE.map((line) => `${line}\n`);
    state.rooms[HOSTILE[1]] = {
      room: HOSTILE[1],
      messages: HOSTILE.map((text, id) => ({id: String(id), posted: 1, author: text, text, card: null})),
    };
    for (const path of ["/", "/d/311", `/rooms/${encodeURIComponent(HOSTILE[1])}`]) {
      await open(path);
      await page.waitForTimeout(400);
      for (const summary of await page.locator("main summary").all()) {
        await summary.click();
      }
      await page.waitForTimeout(300);
      const made = await page.evaluate(() => ({
        foreign: document.querySelectorAll(
          "script:not([src='/app.js']), iframe, img, style, [onerror], [onload], [onmouseover]",
        ).length,
        links: [...document.querySelectorAll("a[href]")]
          .map((link) => link.protocol)
          .filter((protocol) => protocol !== "http:"),
        text: document.body.textContent.includes("<img src=x onerror=alert(1)>"),
      }));
      assert.deepEqual(made, {foreign: 0, links: [], text: true}, path);
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 768, 320]) {
      test(`nothing is inaccessible or cut off: ${colorScheme}, ${width} px`, async () => {
        const shown = await openPage(browser, {colorScheme, viewport: {width, height: 800}});
        const card = pause();
        server.ask(unknownCard(43, {subject: `${"x".repeat(90)} → production`}));
        server.ask(groupCard(44, ["web-11", "web-12"]));
        server.state.overview.banner = "Redis keeps nothing safe: appendfsync is everysec.";
        server.state.rooms.deploys = {
          room: "deploys",
          messages: [
            {id: "1", posted: fixtures.NOW, author: "alice", text: `deploy ${"y".repeat(120)}`, card: null},
            {id: "2", posted: fixtures.NOW, author: "guidepost", text: "", card},
          ],
        };
        server.state.logs["311.2.2#1"].push(`${"z".repeat(3000)}\n`);
        for (const path of ["/", "/d/311", "/rooms/deploys", "/login"]) {
          await shown.goto(server.url + path);
          await shown.waitForTimeout(300);
          if (path === "/d/311") {
            await shown.getByText("Where the time went").click();
            await shown.getByText("History").click();
            await shown.locator("svg.timeline").waitFor();
            await shown.getByText("As a table").click();
          }
          assert.deepEqual(await axeFindings(shown), [], path);
          await assertFits(shown);
        }
        await shown.goto(server.url);
        await shown
          .getByRole("button", {name: /^Exclude web-3/})
          .first()
          .click();
        assert.deepEqual(await axeFindings(shown), [], "the dialog");
        assertCalm(shown);
      });
    }
  }

  test("a deployment shows its steps by machines, its output and where the time went", async () => {
    pause();
    await open("/d/311");
    assert.equal(await page.title(), "(1) D311 · guidepost");
    await buttonNamed(page, "Install on web-3: Waits for an answer, exit code 100").waitFor();
    const log = page.getByRole("log");
    await log.getByText("No space left on device").waitFor();
    assert.deepEqual(await log.locator(".chunk > div").allTextContents(), [
      "Unpacking webshop",
      "progress 100%",
      "No space left on device",
    ]);
    server.state.logs["311.2.2#1"].push("more\n");
    server.emit("log", {deployment: 311, step: 2, slot: 2, attempt: 1});
    await log.getByText("more").waitFor();
    server.state.logs["311.1.0#1"] = ["stopped\n"];
    await buttonNamed(page, "Stop on web-1: Succeeded").press("Enter");
    await log.getByText("stopped").waitFor();
    assert.equal(await page.getByRole("combobox", {name: "Machine"}).inputValue(), "0");
    await page.getByText("Where the time went").click();
    await page.locator("rect.bar-asking").waitFor();
    assert.equal(await page.locator("rect.bar").count(), 8);
    assert.match(
      await page.locator("rect.bar-asking").textContent(),
      /^Install on web-3, waits for people \(Q42\), 1\d min/,
    );
  });

  test("an address of a question leads to its deployment", async () => {
    pause();
    await page.goto(`${server.url}/q/42`);
    await page.waitForURL("**/d/311");
  });

  test("a deployment is canceled after its consequence was told", async () => {
    pause();
    await open("/d/311");
    await buttonNamed(page, "Cancel…").click();
    await page.getByRole("dialog").getByRole("textbox").fill("wrong version");
    await buttonNamed(page, "Cancel the deployment").click();
    await until(() => server.requests.length === 1, "the command");
    assert.deepEqual(server.requests[0], [
      "POST",
      "/v1/commands",
      {words: ["cancel", "D311", "--note", "wrong version"]},
    ]);
  });

  test("a failed deployment is resumed after it was said where it goes on", async () => {
    server.state.deployments[311] = {
      ...fixtures.pausedDeployment([]),
      state: "failed",
      title: "Failed",
      ended: Date.now(),
      resume: {
        place: "Install on web-3",
        unknown: false,
        why: null,
        label: "Resume",
        consequence: "Goes on with Install on web-3 in a new deployment of 1.4.2. What was done is not repeated.",
      },
    };
    await open("/d/311");
    await buttonNamed(page, "Resume with Install on web-3…").click();
    await page.getByRole("dialog").getByText("What was done is not repeated").waitFor();
    assert.equal(await page.getByRole("dialog").getByRole("textbox").count(), 0);
    await buttonNamed(page, "Resume").click();
    await until(() => server.requests.length === 1, "the request");
    assert.deepEqual(server.requests[0], ["POST", "/v1/deployments/311/resume", {rerun_unknown: false}]);
  });

  test("an unknown outcome is run again only after that was said", async () => {
    server.state.deployments[311] = {
      ...fixtures.pausedDeployment([]),
      state: "failed",
      title: "Failed",
      origin: "resume",
      origin_of: "D310",
      resume: {
        place: "Install on web-3",
        unknown: true,
        why: "The outcome of Install on web-3 is unknown.",
        label: "Resume, run it again",
        consequence: "Goes on with Install on web-3. The outcome of Install on web-3 is unknown. It is run again.",
      },
    };
    await open("/d/311");
    assert.equal(await page.getByRole("link", {name: "D310"}).getAttribute("href"), "/d/310");
    await buttonNamed(page, "Resume with Install on web-3…").click();
    await page.getByRole("dialog").getByText("The outcome of Install on web-3 is unknown.").waitFor();
    await buttonNamed(page, "Resume, run it again").click();
    await until(() => server.requests.length === 1, "the request");
    assert.deepEqual(server.requests[0], ["POST", "/v1/deployments/311/resume", {rerun_unknown: true}]);
  });

  test("a freeze and what machines are owed are said where people look", async () => {
    server.state.overview.freezes = [
      {environment: "production", actor: "carol", via: "slack", reason: "release week", when: Date.now()},
    ];
    const owed = {version: "1.4.2", deployment: 311, when: Date.now()};
    Object.assign(
      server.state.overview.versions.find(({target}) => target === "web-3"),
      {owed, unconfirmed: owed, unknown: true},
    );
    await open();
    await page.getByText("production is frozen by carol: release week. Nothing new starts there.").waitFor();
    await page.getByText("web-3: 1.4.1; unknown, 1.4.2 may be there").waitFor();
    await page.getByText("webshop in production: owed to web-3 since D311").waitFor();
    await buttonNamed(page, "Catch up").click();
    await until(() => server.requests.length === 1, "the command");
    assert.deepEqual(server.requests[0][2], {words: ["catch", "up", "webshop", "in", "production"]});
    assert.deepEqual(await axeFindings(page), []);
  });

  test("200 machines with 30 steps are shown, and an update costs no second showing", async () => {
    const large = fixtures.largeDeployment(200, 30);
    server.state.deployments[400] = large;
    const begin = Date.now();
    await open("/d/400");
    await page.locator("button.run").nth(5999).waitFor({state: "attached"});
    const shown = Date.now() - begin;
    await until(() => server.streams.size === 1, "the stream");
    await page.waitForTimeout(700);
    Object.assign(large.steps[29].runs[199], {state: "failed", outcome: "exit code 9"});
    const change = Date.now();
    server.emit("deployment", {id: 400});
    await buttonNamed(page, /^Step 29 on machine-199: Failed, exit code 9/).waitFor();
    const updated = Date.now() - change;
    assert.ok(updated < shown, `shown after ${shown} ms, updated after ${updated} ms`);
  });

  test("5,000 machines that all differ are not all drawn", async () => {
    server.state.deployments[400] = fixtures.largeDeployment(5000, 12);
    await open("/d/400");
    await page.getByText("columns more are not drawn. Each machine can be chosen under Output.").waitFor();
    assert.equal(await page.locator("table.grid thead th").count(), 300);
    await page.getByRole("combobox", {name: "Machine"}).selectOption("machine-4999");
    await page.getByRole("heading", {name: "Output of Step 0 on machine-4999"}).waitFor();
  });

  test("machines that stand alike share a column", async () => {
    const many = fixtures.largeDeployment(200, 3);
    many.steps.forEach((step) =>
      step.runs.forEach((run) => Object.assign(run, {state: run.slot === 150 ? "failed" : "succeeded", attempt: 1})),
    );
    server.state.deployments[400] = many;
    await open("/d/400");
    await page.locator("table.grid thead th").first().waitFor();
    assert.deepEqual(await page.locator("table.grid thead th").allTextContents(), ["machine-000 +198", "machine-150"]);
  });

  test("100,000 lines of output do not freeze the page", async () => {
    pause();
    const lines = Array.from({length: 100000}, (_, at) => `line ${at + 1} of the output\n`);
    const batches = [];
    for (let at = 0; at < lines.length; at += 500) {
      batches.push(lines.slice(at, at + 500).join(""));
    }
    server.state.logs["311.2.2#1"] = batches;
    await page.addInitScript(() => {
      window.longest = 0;
      new PerformanceObserver((list) => {
        window.longest = Math.max(window.longest, ...list.getEntries().map((entry) => entry.duration));
      }).observe({type: "longtask", buffered: true});
    });
    const begin = Date.now();
    await open("/d/311");
    const log = page.getByRole("log");
    await log.getByText("line 100000 of the output").waitFor();
    const took = Date.now() - begin;
    const [elements, longest] = await page.evaluate(() => [
      document.querySelectorAll(".chunk > div").length,
      window.longest,
    ]);
    assert.ok(elements <= 10500, `${elements} lines are elements`);
    assert.ok(longest < took / 2, `shown after ${took} ms, longest task ${longest} ms`);
    await page.getByRole("button", {name: "Show earlier lines"}).click();
    await log.getByText(`line ${100000 - elements} of the output`).waitFor({state: "attached"});
    await page.getByLabel("Find").fill("line 4242 of");
    await log.getByText("line 4242 of the output").waitFor();
    assert.equal(await log.locator(".chunk > div").count(), 1);
  });

  test("a line without an end does no harm", async () => {
    pause();
    server.state.logs["311.2.2#1"] = Array.from({length: 64}, () => "x".repeat(16384));
    await open("/d/311");
    await page.getByRole("log").getByText("characters more").waitFor();
    assert.ok((await page.getByRole("log").evaluate((log) => log.textContent.length)) < 10000);
  });

  test("the end of the output is followed until one scrolls up", async () => {
    pause();
    server.state.logs["311.2.2#1"] = [Array.from({length: 300}, (_, at) => `line ${at}\n`).join("")];
    await open("/d/311");
    const log = page.getByRole("log");
    await log.getByText("line 299").waitFor();
    const fromEnd = () => log.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight);
    await until(async () => (await fromEnd()) < 5, "the end to be in sight");
    await log.evaluate((node) => {
      node.scrollTop = 100;
    });
    await until(async () => !(await page.getByLabel("Follow").isChecked()), "following to end");
    server.state.logs["311.2.2#1"].push("one more\n");
    server.emit("log", {deployment: 311, step: 2, slot: 2, attempt: 1});
    await log.getByText("one more").waitFor({state: "attached"});
    assert.equal(await log.evaluate((node) => node.scrollTop), 100);
    await page.getByLabel("Follow").check();
    await until(async () => (await fromEnd()) < 5, "the end to be in sight");
  });

  test("a room shows what was said, and takes commands", async () => {
    const card = pause();
    server.state.rooms.deploys = {
      room: "deploys",
      messages: [
        {id: "a", posted: fixtures.NOW, author: "bob", text: "status", card: null},
        {id: "b", posted: fixtures.NOW, author: "guidepost", text: "", card},
      ],
    };
    await open();
    await page.getByRole("link", {name: "deploys"}).click();
    await buttonNamed(page, "Retry Install on web-3").waitFor();
    const box = page.getByLabel("Say to guidepost");
    await box.fill("take Q42");
    await box.press("Enter");
    await page.getByText("heard: take Q42").waitFor();
    await page.locator(".messages").getByText("take Q42").waitFor();
    assert.deepEqual(server.requests[0][2], {line: "take Q42", room: "deploys"});
    await box.fill("pending");
    await box.press("Enter");
    await box.press("ArrowUp");
    await box.press("ArrowUp");
    assert.equal(await box.inputValue(), "take Q42");
    await page.goBack();
    await page.getByText("1 question waits for an answer").waitFor();
  });

  test("a deployment is started by the form", async () => {
    await open();
    await page.getByLabel("Version").fill("1.5.0");
    await page.getByLabel("Environment").selectOption("production");
    await buttonNamed(page, "Deploy").click();
    await page.getByText("heard: deploy webshop 1.5.0 to production").waitFor();
    await page.getByLabel("Project").selectOption("billing");
    assert.deepEqual(await page.getByLabel("Environment").locator("option").allTextContents(), ["staging"]);
  });

  test("who is not signed in is asked to, and then sees what was wanted", async () => {
    pause();
    server.state.signedIn = false;
    await page.goto(`${server.url}/d/311`);
    await page.waitForURL("**/login");
    await page.getByLabel("Name").fill("alice");
    await page.getByLabel("Password").fill("wrong");
    await buttonNamed(page, "Sign in").first().click();
    await page.getByText("That did not sign anybody in.").waitFor();
    await page.getByLabel("Password").fill("good");
    await page.getByLabel("Password").press("Enter");
    await page.waitForURL("**/d/311");
    await page.getByText("Paused: needs web-oncall").first().waitFor();
    await buttonNamed(page, "Sign out").click();
    await page.waitForURL("**/login");
    await page.getByLabel("Or a token").fill("good");
    await page.getByLabel("Or a token").press("Enter");
    await page.getByText("1 question waits for an answer").waitFor();
  });

  test("a one-time link signs in and leaves no trace in the history", async () => {
    server.state.signedIn = false;
    await page.goto(`${server.url}/login#good`);
    await page.getByText("Nothing waits for an answer").waitFor();
    assert.deepEqual(server.requests[0][2], {link: "good"});
    assert.equal(page.url(), `${server.url}/`);
    await page.goBack();
    assert.doesNotMatch(page.url(), /good/);
  });

  test("a link that is no good any more is not kept in the address either", async () => {
    server.state.signedIn = false;
    await page.goto(`${server.url}/login#old`);
    await page.getByText("That did not sign anybody in.").waitFor();
    assert.equal(page.url(), `${server.url}/login`);
  });

  test("a session that has ended leads to signing in", async () => {
    pause();
    await open();
    await until(() => server.streams.size === 1, "the stream");
    server.state.signedIn = false;
    server.emit("deployment", {id: 311});
    await page.waitForURL("**/login");
  });
});
