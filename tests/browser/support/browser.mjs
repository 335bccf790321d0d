/*
 * A Chromium for a test file, and pages that fail their test when they open a dialog, log an error or break the policy.
 */

import assert from "node:assert/strict";
import {existsSync} from "node:fs";

import axe from "axe-core";
import {chromium} from "playwright-core";

const PROGRAMS = [
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const ARGUMENTS = [
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/* A sentence why no browser can be started, or false: for the `skip` of a test. */
export const missing = program() ? false : "there is no Chromium (package chromium)";

function program() {
  return process.env.CHROMIUM ?? PROGRAMS.find(existsSync);
}

export function launch() {
  /* Chromium's sandbox cannot be set up by root. */
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({executablePath: program(), args: [...ARGUMENTS, ...root]});
}

/* A page of its own person: cookies and storage are not shared. `troubles` must stay empty; see assertCalm. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, reducedMotion: "reduce", ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  page.troubles = [];
  page.on("dialog", (dialog) => {
    page.troubles.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => page.troubles.push(`error: ${error.message}`));
  page.on("console", (message) => {
    /* What the server refuses is told by the browser as an error too. */
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      page.troubles.push(`console: ${message.text()}`);
    }
  });
  return page;
}

export function assertCalm(page) {
  assert.deepEqual(page.troubles, []);
}

/* What axe-core finds against WCAG 2.2 AA, as short lines. */
export async function axeFindings(page) {
  await page.evaluate(axe.source);
  const {violations} = await page.evaluate(() =>
    axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations.flatMap(({id, nodes}) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 150)} ${node.failureSummary ?? ""}`),
  );
}

export async function assertFits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `the page is ${wide} px too wide`);
}
