/*
 * A Slack for tests: one workspace, its Web API and Socket Mode over TLS, and a control API. See README.md.
 *
 *   node main.mjs --certificate cert.pem --key key.pem [--port 0] [--control-port 0] [--speed 1] [--seed 1]
 *                 [--limits off|real] [--manifest slack-manifest.yaml] [--state-file file] [--leash]
 *
 * Prints one line of JSON when it listens. Ends on SIGTERM, and with --leash when its standard input is closed.
 */

import {existsSync, readFileSync, writeFileSync} from "node:fs";
import {createServer} from "node:https";
import {parseArgs} from "node:util";

import {Acts} from "./acts.mjs";
import {createControl} from "./control.mjs";
import {Rates} from "./rates.mjs";
import {DEFAULTS, randomFrom} from "./settings.mjs";
import {Sockets} from "./sockets.mjs";
import {WebApi} from "./web_api.mjs";
import {APP, TEAM, Workspace} from "./workspace.mjs";

const {values: options} = parseArgs({
  options: {
    port: {type: "string", default: "0"},
    "control-port": {type: "string", default: "0"},
    certificate: {type: "string"},
    key: {type: "string"},
    speed: {type: "string", default: "1"},
    seed: {type: "string", default: "1"},
    limits: {type: "string", default: "off"},
    manifest: {type: "string"},
    "state-file": {type: "string"},
    leash: {type: "boolean", default: false},
  },
});

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve(server.address().port);
    });
  });
}

/* The app is installed with the scopes and events of a manifest: of its YAML only these two lists are read. */
function installation(file) {
  const text = readFileSync(file, "utf8");
  const list = (name) => {
    const [, rows] = new RegExp(`^ *${name}:\\n((?: *- .*\\n)+)`, "m").exec(text);
    return [...rows.matchAll(/- ([\w.:-]+)/g)].map(([, word]) => word);
  };
  return {scopes: list("bot"), events: list("bot_events")};
}

/* Puts everything together; `reset` does so anew behind the same two servers. */
class Fake {
  constructor() {
    this.settings = {...DEFAULTS};
    this.random = randomFrom(Number(options.seed));
    const file = options["state-file"];
    this.#build(file && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined);
    this.server = createServer({cert: readFileSync(options.certificate), key: readFileSync(options.key)});
    this.server.on("request", (request, response) => this.api.handle(request, response));
    this.server.on("upgrade", (request, socket, head) => this.sockets.upgrade(request, socket, head));
    this.control = createControl(this);
  }

  #build(state) {
    Object.assign(this.settings, DEFAULTS, {speed: Number(options.speed), limits: options.limits});
    this.sockets?.reset();
    this.workspace = new Workspace(state);
    if (options.manifest) {
      Object.assign(this.workspace.app, installation(options.manifest));
    }
    this.sockets = new Sockets(this.workspace, this.settings, this.random);
    this.acts = new Acts(this.workspace, this.sockets, this.settings);
    this.rates = new Rates();
    this.api = new WebApi(this.workspace, this.sockets, this.acts, this.rates, this.settings, this.random);
  }

  async start() {
    this.port = await listen(this.server, Number(options.port));
    const controlPort = await listen(this.control, Number(options["control-port"]));
    const {app_token: appToken, bot_token: botToken, bot_user: botUser} = APP;
    const who = {team: TEAM, app_token: appToken, bot_token: botToken, bot_user: botUser};
    console.log(JSON.stringify({port: this.port, control_port: controlPort, ...who}));
  }

  reset() {
    this.#build();
    return {};
  }

  save() {
    if (options["state-file"]) {
      writeFileSync(options["state-file"], JSON.stringify(this.workspace.state));
    }
    return {};
  }

  /* Slack cannot be reached at all: nobody listens and every connection is cut. */
  async setAway(away) {
    if (away && this.server.listening) {
      this.server.close();
      this.sockets.drop({});
      this.server.closeAllConnections();
    } else if (!away && !this.server.listening) {
      await listen(this.server, this.port);
    }
    return {away};
  }

  stop() {
    this.save();
    process.exit(0);
  }
}

const fake = new Fake();
process.on("SIGTERM", () => fake.stop());
process.on("SIGINT", () => fake.stop());
if (options.leash) {
  process.stdin.on("end", () => fake.stop()).resume();
}
await fake.start();
