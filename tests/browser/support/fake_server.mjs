/*
 * Serves the page from web/ with the headers of the real server, and docs/API.md from what a test puts into `state`. It
 * knows nothing of deployments: only that of several answers to one question the first wins.
 */

import {readFile} from "node:fs/promises";
import {createServer} from "node:http";

import {answeredCard, overview, question} from "./fixtures.mjs";

const WEB = new URL("../../../web/", import.meta.url);
const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};
const LOG_BATCHES = 100;

export class FakeServer {
  constructor() {
    this.state = {
      overview: overview(),
      deployments: {},
      audits: {},
      questions: {},
      rooms: {},
      logs: {},
      signedIn: true,
    };
    this.requests = []; /* [method, path, body] of everything that changes something */
    this.streams = new Set();
    this.resumed = []; /* Last-Event-ID of each stream, or null */
    this.events = 0;
    this.server = createServer((request, response) =>
      this.handle(request, response).catch((error) => {
        console.error(error);
        response.destroy();
      }),
    );
  }

  async start(port = 0) {
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    this.streams.clear();
  }

  /* Shows a card as an open question of the first page. */
  ask(card) {
    this.state.overview.questions.push(card);
    this.state.questions[card.question] = question(card);
    this.emit("deployment", {id: card.deployment});
  }

  emit(kind, data) {
    const text = `id: ${++this.events}-0\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
    this.streams.forEach((stream) => stream.write(text));
  }

  cutStreams() {
    this.streams.forEach((stream) => stream.destroy());
    this.streams.clear();
  }

  async handle(request, response) {
    const url = new URL(request.url, this.url);
    const path = decodeURIComponent(url.pathname);
    if (path.startsWith("/v1/")) {
      await this.handleApi(request, response, path, url.searchParams);
      return;
    }
    const file = /^\/(login|d\/\d+|q\/\d+|rooms\/[^/]+)?$/.test(path) ? "index.html" : path.slice(1);
    const body = await readFile(new URL(file, WEB)).catch(() => null);
    response.writeHead(body ? 200 : 404, {...HEADERS, "Content-Type": TYPES[file.split(".").at(-1)] ?? "text/plain"});
    response.end(body ?? "There is nothing here.");
  }

  async handleApi(request, response, path, query) {
    let body = "";
    for await (const piece of request) {
      body += piece;
    }
    if (path === "/v1/events" && this.state.signedIn) {
      this.openStream(request, response);
      return;
    }
    const [status, answer] = this.answer(request, path, query, body);
    response.writeHead(status, {
      ...HEADERS,
      "Content-Type": status < 400 ? "application/json" : "application/problem+json",
    });
    response.end(JSON.stringify(answer));
  }

  openStream(request, response) {
    this.resumed.push(request.headers["last-event-id"] ?? null);
    response.writeHead(200, {...HEADERS, "Content-Type": "text/event-stream"});
    response.write("retry: 300\n\n");
    this.streams.add(response);
    response.on("close", () => this.streams.delete(response));
  }

  answer(request, path, query, text) {
    const {method} = request;
    if (method !== "GET") {
      if (request.headers["x-csrf"] !== "1" || request.headers["content-type"] !== "application/json") {
        return problem(403, "denied", "The header X-Csrf is missing.");
      }
      this.requests.push([method, path, JSON.parse(text)]);
    }
    if (path === "/v1/session") {
      return this.session(method, JSON.parse(text));
    }
    if (!this.state.signedIn) {
      return problem(401, "unauthenticated", "Sign in first.");
    }
    const [, , noun, id, verb] = path.split("/");
    const found = {
      me: () => ({name: "alice", via: "page", permissions: ["deploy"], teams: []}),
      overview: () => this.state.overview,
      deployments: () =>
        verb === "log"
          ? this.log(id, query)
          : verb === "audit"
            ? {entries: this.state.audits[id] ?? []}
            : this.state.deployments[id],
      questions: () => this.state.questions[id],
      rooms: () => this.state.rooms[id],
    }[noun]?.();
    if (method === "GET") {
      return found ? [200, found] : problem(404, "not_found", `There is no ${noun} ${id}.`);
    }
    if (verb === "resume") {
      return [200, {ok: true, text: `heard: ${verb} D${id}`, deployment: Number(id) + 1, data: null}];
    }
    return noun === "questions" ? this.decide(Number(id), verb, JSON.parse(text)) : this.command(JSON.parse(text));
  }

  session(method, {link, token, name, password}) {
    this.state.signedIn =
      method === "POST" && (link === "good" || token === "good" || (name === "alice" && password === "good"));
    return this.state.signedIn || method === "DELETE"
      ? [200, {name: "alice"}]
      : problem(401, "unauthenticated", "That did not sign anybody in.");
  }

  decide(id, verb, {guidance, note}) {
    const asked = this.state.questions[id];
    if (verb !== "answer") {
      asked.taken_by = "alice";
      return [200, {ok: true}];
    }
    if (!asked.open) {
      return problem(409, "conflict", `Q${id} was answered by ${asked.answered_by} 0 s ago: ${asked.answer}.`);
    }
    Object.assign(asked, {open: false, answer: guidance, answered_by: "alice", answered_at: Date.now(), note});
    const {overview: first, deployments} = this.state;
    const card = first.questions.find((shown) => shown.question === id);
    first.questions = first.questions.filter((shown) => shown.question !== id);
    const place = deployments[asked.deployment];
    if (place) {
      place.cards = place.cards.map((shown) =>
        shown.question === id ? answeredCard(card ?? shown, `${guidance} by alice after 12 min`) : shown,
      );
    }
    this.emit("deployment", {id: asked.deployment});
    return [200, {ok: true}];
  }

  command({line, words, room}) {
    if (room) {
      this.state.rooms[room].messages.push({
        id: `m${Date.now()}`,
        posted: Date.now(),
        author: "alice",
        text: line,
        card: null,
      });
      this.emit("room", {room});
    }
    return [
      200,
      {
        ok: true,
        text: `heard: ${line ?? words.join(" ")}`,
        error: null,
        exit_code: 0,
        deployment: 0,
        question: 0,
        data: null,
      },
    ];
  }

  /* state.logs["311.2.2#1"] is a list of texts, each a batch. */
  log(id, query) {
    const batches = this.state.logs[`${id}.${query.get("step")}.${query.get("slot")}#${query.get("attempt")}`] ?? [];
    const from = Number(query.get("after") || 0);
    const part = batches.slice(from, from + LOG_BATCHES);
    return {
      batches: part.map((text, at) => ({id: String(from + at + 1), text, position: 0, left_out: 0, when: 0})),
      next: String(from + part.length),
    };
  }
}

function problem(status, title, detail) {
  return [status, {type: "about:blank", status, title, detail}];
}
