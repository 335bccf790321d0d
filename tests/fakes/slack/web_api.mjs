/*
 * The Web API over HTTPS: reads a request, checks token, scope, content type and rate, lets the faults of the settings
 * happen, and answers in Slack's manner: status 200 also for errors. The methods themselves are in methods.mjs.
 */

import {readArguments, SlackError} from "./arguments.mjs";
import {clockUs} from "./clock.mjs";
import {methods} from "./methods.mjs";
import {checkBlocks} from "./limits.mjs";
import {APP} from "./workspace.mjs";

const BODY_MAX = 1024 * 1024;
const LOG_MAX = 200000;
const HTML = "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1>Try again later.</body></html>";

export class WebApi {
  constructor(workspace, sockets, acts, rates, settings, random) {
    Object.assign(this, {workspace, sockets, acts, rates, settings, random});
    this.log = []; /* one row per call */
    this.next = []; /* faults for the next calls: {method, fault, ...} */
  }

  async handle(request, response) {
    let body;
    try {
      body = await read(request);
    } catch {
      response.destroy();
      return;
    }
    const url = new URL(request.url, "https://localhost");
    if (url.pathname.startsWith("/api/")) {
      await this.#call(request, response, url, body);
    } else if (url.pathname.startsWith("/response/")) {
      await this.#respond(request, response, url.pathname, body);
    } else {
      send(response, 404, HTML, {"Content-Type": "text/html"});
    }
  }

  async #call(request, response, url, body) {
    const name = url.pathname.slice("/api/".length);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const row = this.#logged(name, body, token);
    const fault = await this.#before(request, response, row);
    if (fault === "over") {
      return;
    }
    const headers = {"Content-Type": "application/json; charset=utf-8"};
    let said;
    try {
      said = this.#carryOut(name, token, request, url, body, row, fault, headers);
    } catch (error) {
      if (!(error instanceof SlackError)) {
        console.error(error);
      }
      const code = error instanceof SlackError ? error.code : "internal_error";
      said = {ok: false, error: code, ...(error.more ?? {})};
    }
    row.error = said.error ?? null;
    row.status = said.error === "ratelimited" ? 429 : 200;
    if (fault?.fault === "lost_reply") {
      request.socket.destroy();
      return;
    }
    /* Slack escapes slashes. */
    const text = JSON.stringify(said).replaceAll("/", "\\/");
    if (fault?.fault === "half_json") {
      response.writeHead(200, {...headers, "Content-Length": Buffer.byteLength(text)});
      response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
      return;
    }
    send(response, row.status, text, headers);
  }

  #logged(name, body, token) {
    const kind = token?.slice(0, 4) ?? null;
    const row = {method: name, at: Date.now(), at_us: clockUs(), token: kind, bytes: body.length};
    Object.assign(row, {fault: null, error: null, status: 200});
    this.log.push(row);
    if (this.log.length > LOG_MAX) {
      this.log.shift();
    }
    return row;
  }

  /* Waits if it must, and lets happen what goes wrong before anything is carried out: then it is "over". */
  async #before(request, response, row) {
    const fault = this.#fault(row.method);
    row.fault = fault?.fault ?? null;
    const wait = (fault?.delay_ms ?? this.settings.delay_ms) + this.random() * this.settings.delay_jitter_ms;
    if (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    if (row.fault === "lost_request") {
      request.socket.destroy();
      return "over";
    }
    if (["500", "html", "broken_json"].includes(row.fault)) {
      row.status = this.#breakDown(response, row.fault);
      return "over";
    }
    return fault;
  }

  /* What is to go wrong with this call: of the faults that a test has ordered, else by chance. */
  #fault(name) {
    const ordered = this.next.findIndex((one) => one.method === name || one.method === undefined);
    if (ordered >= 0) {
      const fault = this.next[ordered];
      fault.times = (fault.times ?? 1) - 1;
      if (fault.times <= 0) {
        this.next.splice(ordered, 1);
      }
      return fault;
    }
    const {methods: only} = this.settings;
    if (only.length > 0 && !only.includes(name)) {
      return null;
    }
    const kinds = {
      lost_request: "p_lost_requests",
      lost_reply: "p_lost_replies",
      429: "p_429",
      500: "p_500",
      html: "p_html",
      broken_json: "p_broken_json",
      half_json: "p_half_json",
    };
    const hit = Object.keys(kinds).find(
      (kind) => this.settings[kinds[kind]] > 0 && this.random() < this.settings[kinds[kind]],
    );
    return hit ? {fault: hit} : null;
  }

  #breakDown(response, fault) {
    if (fault === "broken_json") {
      send(response, 200, '{"ok":true,"ts":"17', {"Content-Type": "application/json; charset=utf-8"});
      return 200;
    }
    const text = fault === "html" ? HTML : "Internal Server Error";
    send(response, fault === "html" ? 503 : 500, text, {"Content-Type": fault === "html" ? "text/html" : "text/plain"});
    return fault === "html" ? 503 : 500;
  }

  #carryOut(name, token, request, url, body, row, fault, headers) {
    const method = methods[name];
    if (!method) {
      throw new SlackError("unknown_method", {req_method: name});
    }
    if (request.method !== "POST" && !(request.method === "GET" && method.form)) {
      throw new SlackError("insecure_request");
    }
    const warnings = [];
    const args = readArguments(request, url, body, method, warnings);
    const place = method.tier === "post" ? (this.workspace.channel(args.channel)?.id ?? args.channel) : undefined;
    row.channel = typeof args.channel === "string" ? args.channel : undefined;
    row.ts = typeof args.ts === "string" ? args.ts : undefined;
    this.#checkToken(method, token ?? (method.token === "app" ? undefined : args.token), args, headers);
    this.#checkRate(name, method, place, fault, headers);
    if (fault?.error) {
      throw new SlackError(fault.error, fault.more);
    }
    const host = request.headers.host;
    const context = {
      workspace: this.workspace,
      sockets: this.sockets,
      acts: this.acts,
      settings: this.settings,
      warnings,
      host,
    };
    const said = {ok: true, ...method.run(args, context)};
    if (warnings.length > 0) {
      said.warning = warnings.join(",");
      said.response_metadata = {...(said.response_metadata ?? {}), warnings};
    }
    return said;
  }

  #checkToken(method, token, args, headers) {
    const {app} = this.workspace;
    if (!token) {
      throw new SlackError("not_authed");
    }
    const kinds = {[APP.app_token]: "app", [APP.bot_token]: "bot", [APP.user_token]: "user", ...app.more_tokens};
    const kind = kinds[token];
    const revoked = app.revoked_tokens.includes(token) ? "token_revoked" : null;
    const error = {app: app.app_error, bot: app.bot_error}[kind] ?? revoked;
    if (!kind || error) {
      throw new SlackError(error ?? "invalid_auth");
    }
    if (method.token !== kind) {
      throw new SlackError("not_allowed_token_type");
    }
    const provided = kind === "app" ? app.app_scopes : app.scopes;
    const needed = typeof method.scope === "function" ? method.scope(args, this.workspace) : method.scope;
    headers["X-OAuth-Scopes"] = provided.join(",");
    headers["X-Accepted-OAuth-Scopes"] = needed ?? "";
    if (needed && !provided.includes(needed)) {
      throw new SlackError("missing_scope", {needed, provided: provided.join(",")});
    }
  }

  #checkRate(name, method, place, fault, headers) {
    const key = this.rates.key(name, method.tier, place);
    this.rates.watch(key);
    const real = this.settings.limits === "real" ? this.rates.take(name, method.tier, place) : 0;
    if (real === 0 && fault?.fault !== "429") {
      return;
    }
    const wait = real || (fault.retry_after === undefined ? this.settings.retry_after : fault.retry_after);
    if (wait !== null) {
      headers["Retry-After"] = String(wait);
      this.rates.tell(key, wait);
    }
    throw new SlackError("ratelimited");
  }

  /* A response_url: no token, five uses, thirty minutes. */
  async #respond(request, response, path, body) {
    const row = this.#logged("response_url", body);
    const fault = await this.#before(request, response, row);
    if (fault === "over") {
      return;
    }
    const refuse = (status, error) => {
      Object.assign(row, {status, error});
      send(response, status, JSON.stringify({ok: false, error}), {"Content-Type": "application/json"});
    };
    const known = this.acts.responses.get(path);
    if (!known || known.until < Date.now()) {
      refuse(404, "expired_url");
      return;
    }
    if (known.uses <= 0) {
      refuse(404, "used_url");
      return;
    }
    let said;
    try {
      said = JSON.parse(body.toString());
    } catch {
      refuse(400, "invalid_payload");
      return;
    }
    const blocks = said.blocks ?? [];
    const trouble = this.settings.refuse_blocks && blocks.length > 0 ? ["refused"] : checkBlocks(blocks).troubles;
    if (trouble.length > 0) {
      refuse(400, "invalid_blocks");
    } else if (!said.text && blocks.length === 0 && !said.delete_original) {
      refuse(500, "no_text");
    } else {
      known.uses -= 1;
      const {workspace} = this;
      this.acts.respond(workspace.channel(known.channel), workspace.user(known.user), said, "response_url", known.ts);
      if (row.fault === "lost_reply") {
        request.socket.destroy();
      } else {
        send(response, 200, "ok", {"Content-Type": "text/plain"});
      }
    }
  }
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_MAX) {
      throw new Error("too big");
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(response, status, text, headers) {
  response.writeHead(status, {...headers, "Content-Length": Buffer.byteLength(text)});
  response.end(text);
}
