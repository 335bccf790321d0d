/*
 * A real `guidepost up` in a folder of its own, with three machines that are this one and steps that fail while a file
 * says so.
 */

import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";

const BUILD = process.env.GUIDEPOST_BUILD ?? fileURLToPath(new URL("../../../build/asan", import.meta.url));
const PROGRAM = join(BUILD, "guidepost");
const START_MS = 30000;
const STOP_MS = 30000;

export const notBuilt = existsSync(PROGRAM) ? false : "guidepost is not built";

/* Each step leaves a line in `runs`, which does not pass through guidepost: what has really happened. */
const CONFIG = `
people:
  alice: { token: { file: alice.token } }
  bob: { token: { file: bob.token } }
permissions:
  - { allow: [deploy, answer, cancel], to: [alice, bob] }
teams:
  web-oncall: { members: [alice, bob] }
rooms:
  deploys: {}
targets:
  web-1: { local: true, tags: [web] }
  web-2: { local: true, tags: [web] }
  web-3: { local: true, tags: [web] }
environments:
  staging: { room: deploys, guided_failure: { enabled: true } }
  production: { room: deploys, guided_failure: { enabled: true, responsible: [web-oncall] } }
projects:
  webshop:
    steps:
      - name: Fetch package
        run: |
          echo "Fetch package $GUIDEPOST_VERSION" >> runs
          echo "fetched webshop $GUIDEPOST_VERSION"
      - name: Install
        targets: [web]
        run: |
          echo "Install $GUIDEPOST_TARGET $GUIDEPOST_VERSION" >> runs
          echo "Unpacking webshop ($GUIDEPOST_VERSION) ..."
          if [ -e "full-$GUIDEPOST_TARGET" ]; then
            echo "dpkg: error processing archive webshop_$GUIDEPOST_VERSION.deb (--install):" >&2
            echo " cannot copy extracted data: No space left on device" >&2
            exit 100
          fi
          echo "Setting up webshop ($GUIDEPOST_VERSION) ..."
      - name: Smoke test
        targets: [web]
        run: |
          echo "Smoke test $GUIDEPOST_TARGET $GUIDEPOST_VERSION" >> runs
          echo "<b>200 OK</b>"
`;

export class Guidepost {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "guidepost-real-"));
    this.log = "";
    writeFileSync(join(this.folder, "guidepost.yaml"), CONFIG);
    for (const name of ["alice", "bob"]) {
      writeFileSync(join(this.folder, `${name}.token`), `${name}-token-0123456789`, {mode: 0o600});
    }
    writeFileSync(join(this.folder, "runs"), "");
  }

  /* After a kill it listens on the same port again, with what it had recorded. */
  async start() {
    this.child = spawn(PROGRAM, ["up", "--listen", `127.0.0.1:${this.port ?? 0}`], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve(signal ?? code)));
    let said = "";
    this.child.stderr.on("data", (text) => {
      this.log += text;
    });
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`guidepost did not start: ${said}${this.log}`)), START_MS);
      this.ended.then((how) => reject(new Error(`guidepost ended with ${how}: ${said}${this.log}`)));
      this.child.stdout.on("data", (text) => {
        said += text;
        const link = /http:\/\/127\.0\.0\.1:(\d+)(\/login#\S+)\n/.exec(said);
        if (link) {
          clearTimeout(late);
          this.port = Number(link[1]);
          this.url = `http://127.0.0.1:${this.port}`;
          this.link = this.url + link[2];
          resolve();
        }
      });
    });
    this.ended.catch(() => {});
    return this;
  }

  kill() {
    this.child.kill("SIGKILL");
    return this.ended;
  }

  /* An ordered stop; under the sanitizers the exit code also says that nothing leaked. */
  async stop() {
    const late = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    this.child.kill("SIGTERM");
    const how = await this.ended;
    clearTimeout(late);
    rmSync(this.folder, {recursive: true, force: true, maxRetries: 5});
    assert.equal(how, 0, this.log);
  }

  /* Makes Install fail on a machine from now on, or work again. */
  setDisk(target, full) {
    const file = join(this.folder, `full-${target}`);
    if (full) {
      writeFileSync(file, "");
    } else {
      rmSync(file, {force: true});
    }
  }

  /* How often each step of a version ran on each machine: {"Install web-3": 2}. */
  runs(version) {
    const counts = {};
    for (const line of readFileSync(join(this.folder, "runs"), "utf8").split("\n")) {
      if (line.endsWith(` ${version}`)) {
        const run = line.slice(0, -version.length - 1);
        counts[run] = (counts[run] ?? 0) + 1;
      }
    }
    return counts;
  }

  async ask(path, body) {
    const options = {headers: {Authorization: "Bearer alice-token-0123456789", "Content-Type": "application/json"}};
    const response = await fetch(
      this.url + path,
      body ? {...options, method: "POST", body: JSON.stringify(body)} : options,
    );
    return response.json();
  }

  async deploy(version, environment = "production") {
    const reply = await this.ask("/v1/commands", {words: ["deploy", "webshop", version, "to", environment]});
    assert.ok(reply.ok, reply.text);
    return reply.deployment;
  }

  async finished(deployment) {
    const end = Date.now() + 20000;
    for (;;) {
      const {state} = await this.ask(`/v1/deployments/${deployment}`);
      if (["succeeded", "succeeded_with_warnings", "failed", "canceled"].includes(state)) {
        return state;
      }
      assert.ok(Date.now() < end, `D${deployment} is still ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
