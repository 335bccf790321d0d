/* Goal of this test: people answer in the page, and the real server does exactly what the card said. */

import assert from "node:assert/strict";
import {after, before, describe, test} from "node:test";
import {fileURLToPath} from "node:url";

import {assertCalm, assertFits, axeFindings, launch, missing, openPage} from "./support/browser.mjs";
import {Guidepost, notBuilt} from "./support/guidepost.mjs";
import {Proxy} from "./support/proxy.mjs";

const SCREENSHOT = fileURLToPath(new URL("../../docs/screenshot.png", import.meta.url));
const EVERYTHING_ONCE = {
  "Fetch package": 1,
  "Install web-1": 1,
  "Install web-2": 1,
  "Install web-3": 1,
  "Smoke test web-1": 1,
  "Smoke test web-2": 1,
  "Smoke test web-3": 1,
};

function buttonNamed(page, name) {
  return page.getByRole("button", {name, exact: true});
}

describe("the page of a real guidepost", {skip: missing || notBuilt, timeout: 300000}, () => {
  let guidepost, browser, alice, bob;

  before(async () => {
    guidepost = await new Guidepost().start();
    browser = await launch();
    alice = await openPage(browser);
    await alice.goto(guidepost.link);
    await alice.getByText("Nothing waits for an answer").waitFor();
    bob = await signIn("bob");
  });
  after(async () => {
    await browser?.close();
    await guidepost.stop();
    assertCalm(alice);
    assertCalm(bob);
  });

  async function signIn(name, options) {
    const page = await openPage(browser, options);
    await page.goto(`${guidepost.url}/login`);
    await page.getByLabel("Or a token").fill(`${name}-token-0123456789`);
    await page.getByLabel("Or a token").press("Enter");
    await page.locator("h1").filter({hasText: "for an answer"}).waitFor();
    return page;
  }

  /* A deployment that has paused because the disk of web-3 is full; the disk is free again when this returns. */
  async function pausedDeployment(version) {
    guidepost.setDisk("web-3", true);
    const id = await guidepost.deploy(version);
    const end = Date.now() + 20000;
    for (;;) {
      const {state, questions} = await guidepost.ask(`/v1/deployments/${id}`);
      if (state === "paused") {
        guidepost.setDisk("web-3", false);
        return {id, question: Number(questions[0].slice(1))};
      }
      assert.ok(Date.now() < end, `D${id} is ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test("Retry runs the failed step again on that machine, and nothing else", async () => {
    guidepost.setDisk("web-3", true);
    await alice.getByLabel("Version").fill("1.0.1");
    await alice.getByLabel("Environment").selectOption("production");
    await buttonNamed(alice, "Deploy").click();
    const retry = buttonNamed(alice, "Retry Install on web-3");
    await retry.waitFor();
    assert.equal(await alice.title(), "(1) guidepost");
    await alice.getByText("cannot copy extracted data: No space left on device").waitFor();
    guidepost.setDisk("web-3", false);
    await alice.getByLabel("Note, kept in the log and shown in the room").fill("disk freed");
    await retry.click();
    await alice.getByText(/Install on web-3: Retry by/).waitFor();
    await alice.locator("section").filter({hasText: "Recent"}).getByText("Succeeded").waitFor();
    assert.deepEqual(guidepost.runs("1.0.1"), {...EVERYTHING_ONCE, "Install web-3": 2});
    assert.equal((await guidepost.ask("/v1/questions/1")).note, "disk freed");
  });

  test("Ignore goes on as if it had worked, with a warning", async () => {
    const {id} = await pausedDeployment("1.0.2");
    await alice.goto(`${guidepost.url}/d/${id}`);
    await alice.getByText("Next there: Smoke test.").waitFor();
    await alice.getByRole("log").getByText("No space left on device").waitFor();
    await buttonNamed(alice, "Ignore: Install on web-3").click();
    await alice.locator("header").getByText("Succeeded with warnings").waitFor();
    await alice
      .locator("article")
      .getByText(/^Ignore by .* · counts as done, with a warning/)
      .waitFor();
    assert.equal(await alice.locator("article button").count(), 0, "buttons of an answered question");
    assert.deepEqual(guidepost.runs("1.0.2"), EVERYTHING_ONCE);
    await alice.getByRole("button", {name: "Smoke test on web-3: Succeeded"}).click();
    await alice.getByRole("log").getByText("<b>200 OK</b>").waitFor();
    await alice.getByText("Where the time went").click();
    await alice.locator("rect.bar-asking").waitFor();
    assert.equal(await alice.locator("rect.bar").count(), 8);
  });

  test("Exclude gives the machine no further step", async () => {
    const {id, question} = await pausedDeployment("1.0.3");
    await alice.goto(`${guidepost.url}/rooms/deploys`);
    const card = alice.locator(`article[data-question='${question}']`);
    await card
      .getByText(
        "web-3 gets no further step in this deployment and does not count as having 1.0.3. The other 2 machines go on.",
      )
      .waitFor();
    await card.getByRole("button", {name: /^Exclude web-3/}).click();
    assert.equal(await guidepost.finished(id), "succeeded_with_warnings");
    await card.getByText(/^Exclude by .* · web-3 is excluded/).waitFor();
    const {"Smoke test web-3": _, ...others} = EVERYTHING_ONCE;
    assert.deepEqual(guidepost.runs("1.0.3"), others);
  });

  test("Fail ends the deployment, and no further step starts", async () => {
    const {id, question} = await pausedDeployment("1.0.4");
    const phone = await signIn("alice", {viewport: {width: 320, height: 640}, hasTouch: true});
    const fail = phone.locator(`article[data-question='${question}']`).getByRole("button", {name: /^Fail deployment/});
    await assertFits(phone);
    await fail.tap();
    assert.equal(await guidepost.finished(id), "failed");
    await phone.getByText("Install on web-3: Fail by alice").waitFor();
    assert.deepEqual(guidepost.runs("1.0.4"), {
      "Fetch package": 1,
      "Install web-1": 1,
      "Install web-2": 1,
      "Install web-3": 1,
    });
    assertCalm(phone);
  });

  test("of two browsers that answer at once exactly one wins, and both see who", async () => {
    const {id, question} = await pausedDeployment("1.0.5");
    await Promise.all([alice, bob].map((page) => page.goto(`${guidepost.url}/d/${id}`)));
    const clicks = [buttonNamed(alice, "Retry Install on web-3"), buttonNamed(bob, "Ignore: Install on web-3")];
    await Promise.all(clicks.map((button) => button.waitFor()));
    await Promise.all(clicks.map((button) => button.evaluate((node) => node.click())));
    await guidepost.finished(id);
    const {answer, answered_by} = await guidepost.ask(`/v1/questions/${question}`);
    const [won, lost] = answer === "retry" ? [alice, bob] : [bob, alice];
    for (const page of [alice, bob]) {
      await page
        .locator("article")
        .getByText(new RegExp(`^${answer} by ${answered_by} after `, "i"))
        .waitFor();
    }
    await lost
      .getByRole("alert")
      .filter({hasText: `Q${question} was answered by ${answered_by}`})
      .waitFor();
    assert.equal(await won.getByRole("alert").filter({hasText: "was answered"}).count(), 0);
    assert.equal(guidepost.runs("1.0.5")["Install web-3"], answer === "retry" ? 2 : 1);
    const {entries} = await guidepost.ask(`/v1/deployments/${id}/audit`);
    assert.equal(entries.filter(({what}) => what.startsWith(`answered Q${question} `)).length, 1);
  });

  test("words said in a room are carried out", async () => {
    const {id, question} = await pausedDeployment("1.0.6");
    await alice.goto(`${guidepost.url}/rooms/deploys`);
    const box = alice.getByLabel("Say to guidepost");
    await box.fill("retry D1");
    await box.press("Enter");
    await alice.locator(".reply.refused").waitFor();
    await box.fill(`retry Q${question} -- typed`);
    await box.press("Enter");
    assert.equal(await guidepost.finished(id), "succeeded");
    await alice.locator(".messages").getByText(`retry Q${question} -- typed`, {exact: true}).waitFor();
    await alice
      .locator(`article[data-question='${question}']`)
      .getByText(/^Retry by .* · worked on attempt 2/)
      .waitFor();
  });

  test("the stream is cut and resumes, and what was missed is seen", async () => {
    const proxy = await new Proxy().start();
    const page = await signIn("bob", {proxy: proxy.option});
    await page.waitForTimeout(500);
    assert.equal(proxy.streams.size, 1);
    const first = await pausedDeployment("1.0.7");
    await page.locator(`article[data-question='${first.question}']`).waitFor();
    proxy.cut();
    await page.getByText("Connection lost, trying again. What is shown may be old.").waitFor();
    await guidepost.ask(`/v1/questions/${first.question}/answer`, {guidance: "retry", revision: 1});
    await guidepost.finished(first.id);
    const second = await pausedDeployment("1.0.8");
    assert.equal(await page.locator(`article[data-question='${second.question}']`).count(), 0);
    proxy.down = false;
    await page.locator(`article[data-question='${second.question}']`).waitFor();
    assert.equal(await page.locator(`article[data-question='${first.question}']`).count(), 0);
    assert.match(proxy.resumed.at(-1), /^\d+-\d+$/);
    await buttonNamed(page, "Retry Install on web-3").click();
    assert.equal(await guidepost.finished(second.id), "succeeded");
    assertCalm(page);
    await page.context().close();
    await proxy.stop();
  });

  test("a server that was killed goes on where it was, and so does the page", async () => {
    const {id} = await pausedDeployment("1.0.9");
    await alice.goto(`${guidepost.url}/d/${id}`);
    const retry = buttonNamed(alice, "Retry Install on web-3");
    await retry.waitFor();
    await guidepost.kill();
    await alice.getByText("Connection lost, trying again. What is shown may be old.").waitFor();
    await retry.click();
    await alice.getByRole("alert").filter({hasText: "The server cannot be reached."}).waitFor();
    await guidepost.start();
    await alice.getByText("Connection lost").waitFor({state: "hidden"});
    await retry.click();
    await alice.locator("header").getByText("Succeeded").waitFor();
    assert.deepEqual(guidepost.runs("1.0.9"), {...EVERYTHING_ONCE, "Install web-3": 2});
  });

  test("nothing is inaccessible, in light and in dark", async () => {
    const {id, question} = await pausedDeployment("1.0.10");
    for (const colorScheme of ["light", "dark"]) {
      await alice.emulateMedia({colorScheme});
      for (const path of ["/", `/d/${id}`, "/rooms/deploys", "/login"]) {
        await alice.goto(guidepost.url + path);
        await alice
          .locator(path === "/login" ? "form" : `article[data-question='${question}']`)
          .first()
          .waitFor();
        assert.deepEqual(await axeFindings(alice), [], path);
      }
    }
    await guidepost.ask(`/v1/questions/${question}/answer`, {guidance: "fail", revision: 1});
    await guidepost.finished(id);
  });

  test(
    "the picture of the README",
    {skip: process.env.UPDATE_SCREENSHOT ? false : "only with UPDATE_SCREENSHOT=1"},
    async () => {
      await guidepost.finished(await guidepost.deploy("1.4.1"));
      await guidepost.finished(await guidepost.deploy("1.4.2", "staging"));
      await pausedDeployment("1.4.2");
      const page = await signIn("alice", {colorScheme: "light", viewport: {width: 1280, height: 900}});
      await buttonNamed(page, "Retry Install on web-3").waitFor();
      await page.waitForTimeout(1200);
      await page.screenshot({path: SCREENSHOT});
    },
  );
});
