/*
 * Socket Mode: tickets, connections, and envelopes that go to one connection each until they are acknowledged. Slack's
 * rules as far as they are known: events are sent again at once, after one minute and after five; clicks and slash
 * commands never; what was on a connection that closed comes again under the same envelope_id.
 */

import {randomBytes, randomUUID} from "node:crypto";

import {clockUs} from "./clock.mjs";
import {acceptKey, Frames} from "./frames.mjs";
import {APP} from "./workspace.mjs";

const RETRY_WAITS_MS = [0, 60000, 300000];
const LOG_MAX = 100000;
const CLOSE_HANDSHAKE_MS = 1000;

/* A connection that Slack believes in and nobody holds: what goes there is lost. */
const GHOST = {number: 0};

export class Sockets {
  constructor(workspace, settings, random) {
    this.workspace = workspace;
    this.settings = settings;
    this.random = random;
    this.tickets = new Map(); /* ticket -> {until, host} */
    this.links = [];
    this.ghosts = 0;
    this.turn = 0;
    this.opened = 0;
    this.waiting = new Map(); /* envelope_id -> delivery which is not acknowledged */
    this.log = []; /* one row per envelope sent */
    this.rows = new Map(); /* envelope_id -> its rows */
    this.counts = {
      opened: 0,
      hellos: 0,
      acks: 0,
      late_acks: 0,
      repeated_acks: 0,
      unknown_acks: 0,
      acks_elsewhere: 0,
      bad_acks: 0,
      acks_with_payload: 0,
      lost: 0,
      given_up: 0,
      redelivered: 0,
      refused_tickets: 0,
      too_many: 0,
      pongs: 0,
      too_big: 0,
      closed_by_client: 0,
      reset_by_client: 0,
    };
    this.timers = new Set();
  }

  /* --- connections */

  ticket(host) {
    const ticket = randomBytes(16).toString("hex");
    this.tickets.set(ticket, {until: Date.now() + this.settings.ticket_ms, host});
    return ticket;
  }

  upgrade(request, socket, head) {
    socket.on("error", () => {});
    const url = new URL(request.url, "https://localhost");
    const ticket = this.tickets.get(url.searchParams.get("ticket"));
    this.tickets.delete(url.searchParams.get("ticket"));
    const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (this.settings.upgrade_status) {
      refuse(`${this.settings.upgrade_status} Refused`);
    } else if (url.pathname !== "/link/" || !ticket || ticket.until < Date.now()) {
      this.counts.refused_tickets += 1;
      refuse("401 Unauthorized");
    } else {
      const accept = acceptKey(request.headers["sec-websocket-key"]);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      const seconds = url.searchParams.has("debug_reconnects") ? 360 : this.settings.connection_seconds;
      this.#open(new Frames(socket, head), ticket.host, seconds);
    }
  }

  #open(frames, host, seconds) {
    this.opened += 1;
    this.counts.opened += 1;
    const link = {number: this.opened, frames, host, draining: false, ready: false, closed: false, since: Date.now()};
    frames.on("text", (text) => this.#heard(link, text));
    frames.on("pong", () => (this.counts.pongs += 1));
    frames.on("fault", () => (this.counts.too_big += 1));
    frames.on("closing", () => this.settings.linger || frames.socket.end());
    frames.on("gone", (told) => this.#gone(link, told));
    if (this.links.length + this.ghosts >= this.settings.max_connections) {
      this.counts.too_many += 1;
      this.#sayDisconnect(link, "too_many_websockets");
      this.#close(link);
      return;
    }
    this.links.push(link);
    this.#later(this.settings.hello_delay_ms, () => this.#sayHello(link, seconds));
    this.#ping(link);
    this.#later(seconds * 1000 - 10000, () => link.closed || this.disconnect("warning", {number: link.number}));
  }

  #sayHello(link, seconds) {
    if (link.closed || this.settings.no_hello) {
      return;
    }
    this.counts.hellos += 1;
    link.hello_us = clockUs();
    this.#send(
      link,
      JSON.stringify({
        type: "hello",
        num_connections: this.links.length + this.ghosts,
        debug_info: {host: `applink-${link.number}`, build_number: 10, approximate_connection_time: seconds},
        connection_info: {app_id: APP.id},
      }),
    );
    if (this.settings.link_disabled) {
      this.disconnect("link_disabled", {number: link.number});
      return;
    }
    link.ready = true;
    this.#resume();
  }

  #send(link, text) {
    link.frames.sendText(text, {fragment: this.settings.fragment_bytes, chunk: this.settings.chunk_bytes});
  }

  #ping(link) {
    this.#later(this.settings.ping_ms, () => {
      if (!link.closed) {
        if (!this.settings.no_pings) {
          link.frames.ping(`Ping from applink-${link.number}`);
        }
        this.#ping(link);
      }
    });
  }

  #sayDisconnect(link, reason) {
    const more = reason === "too_many_websockets" ? {num_connections: this.links.length + this.ghosts} : {};
    const info = {debug_info: {host: `applink-${link.number}`}, connection_info: {app_id: APP.id}};
    this.#send(link, JSON.stringify({type: "disconnect", reason, ...more, ...info}));
  }

  #close(link) {
    link.frames.close(1000);
    this.#later(CLOSE_HANDSHAKE_MS, () => this.settings.linger || link.frames.destroy());
  }

  #gone(link, told) {
    link.closed = true;
    const known = this.links.indexOf(link);
    if (known < 0) {
      return;
    }
    this.links.splice(known, 1);
    this.counts[told ? "closed_by_client" : "reset_by_client"] += 1;
    if (!told && this.settings.ghosts_on_reset) {
      this.ghosts += 1;
    }
    for (const delivery of this.waiting.values()) {
      if (delivery.link === link) {
        delivery.link = null;
      }
    }
    this.#resume();
  }

  /* Which links an order of the tests is for: all, or the one with that number. */
  #chosen({number} = {}) {
    return this.links.filter((link) => number === undefined || link.number === number);
  }

  /* Announces it and closes the connection some time later, as Slack does. */
  disconnect(reason, {number, close_after_ms: wait = 10000} = {}) {
    const chosen = this.#chosen({number});
    for (const link of chosen) {
      this.#sayDisconnect(link, reason);
      link.draining = true;
      this.#later(wait, () => this.#close(link));
    }
    return chosen.length;
  }

  drop(which) {
    return this.#chosen(which).map((link) => link.frames.destroy()).length;
  }

  /* Nothing is read or written any more; the other side is not told. */
  halfOpen(which) {
    return this.#chosen(which).map((link) => link.frames.freeze()).length;
  }

  /* --- envelopes */

  /* Events come again until they are acknowledged. */
  sendEvent(payload) {
    return this.#deliver({type: "events_api", payload, attempt: 0, accepts: false});
  }

  /* Clicks, views and slash commands: once. Gives what the acknowledgement said, or null after three seconds. */
  sendOnce(type, payload, accepts) {
    return new Promise((resolve) => this.#deliver({type, payload, accepts, acknowledged: resolve}));
  }

  /* Sends a text as it is, on one connection. */
  sendRaw(text) {
    const link = this.#next();
    if (link) {
      this.#send(link, text);
    }
    return link !== null;
  }

  /* The same payload again, as Slack sometimes does: under the same envelope_id, or with other ids. */
  repeat(id, change = {}) {
    const row = this.rows.get(id)?.at(-1);
    if (!row) {
      return false;
    }
    const payload = {...row.payload, ...(change.event_id ? {event_id: change.event_id} : {})};
    this.#deliver(
      {type: row.type, payload, attempt: row.retry_attempt, accepts: row.accepts},
      change.new_envelope ? undefined : id,
    );
    return true;
  }

  #deliver(delivery, id = randomUUID()) {
    delivery.id = id;
    delivery.acknowledged ??= () => {};
    delivery.done = false;
    this.waiting.set(id, delivery);
    const wait = this.settings.reorder_ms > 0 ? this.random() * this.settings.reorder_ms : 0;
    if (wait > 0) {
      this.#later(wait, () => this.#try(delivery));
    } else {
      this.#try(delivery);
    }
    return id;
  }

  #try(delivery) {
    const link = this.#next();
    if (link) {
      this.#put(delivery, link);
      if (this.random() < this.settings.p_duplicate) {
        this.counts.redelivered += 1;
        this.#put(delivery, this.#next() ?? link);
      }
    }
    this.#later(link ? this.settings.ack_ms : 0, () => this.#missed(delivery));
  }

  #put(delivery, link) {
    delivery.link = link;
    const envelope = {envelope_id: delivery.id, type: delivery.type, payload: delivery.payload};
    envelope.accepts_response_payload = delivery.accepts;
    if (delivery.type === "events_api") {
      envelope.retry_attempt = delivery.attempt;
      envelope.retry_reason = delivery.attempt > 0 ? "timeout" : "";
    }
    const row = {
      envelope_id: delivery.id,
      type: delivery.type,
      payload: delivery.payload,
      accepts: delivery.accepts,
      acked: null,
      retry_attempt: delivery.attempt,
      link: link.number,
      at: Date.now(),
      at_us: clockUs(),
      acked_us: null,
    };
    this.log.push(row);
    this.rows.set(row.envelope_id, [...(this.rows.get(row.envelope_id) ?? []), row]);
    if (this.log.length > LOG_MAX) {
      this.rows.delete(this.log.shift().envelope_id);
    }
    if (link !== GHOST) {
      this.#send(link, JSON.stringify(envelope));
    }
  }

  /* One connection, of those which are ready and not about to close if there are any; a ghost takes its turn too. */
  #next() {
    const ready = this.links.filter((link) => link.ready && !link.frames.closeSent);
    const fresh = ready.filter((link) => !link.draining);
    const real = fresh.length > 0 ? fresh : ready;
    const all = [...real, ...new Array(this.ghosts).fill(GHOST)];
    if (all.length === 0) {
      return null;
    }
    this.turn += 1;
    const at = this.settings.spread === "random" ? Math.floor(this.random() * all.length) : this.turn % all.length;
    return all[at];
  }

  #missed(delivery) {
    if (delivery.done) {
      return;
    }
    delivery.acknowledged(null);
    if (delivery.type !== "events_api" || delivery.attempt >= RETRY_WAITS_MS.length) {
      this.waiting.delete(delivery.id);
      this.counts[delivery.type === "events_api" ? "given_up" : "lost"] += 1;
      return;
    }
    const wait = RETRY_WAITS_MS[delivery.attempt] / this.settings.speed;
    this.#later(wait, () => {
      if (!delivery.done) {
        this.waiting.delete(delivery.id);
        this.counts.redelivered += 1;
        delivery.done = true; /* A late acknowledgement of the old envelope changes nothing. */
        const {type, payload, attempt, accepts} = delivery;
        this.#deliver({type, payload, attempt: attempt + 1, accepts});
      }
    });
  }

  /* Events that were on a connection which is gone come again at once, under the same name. */
  #resume() {
    for (const delivery of this.waiting.values()) {
      const link = delivery.type === "events_api" && delivery.link === null ? this.#next() : null;
      if (link) {
        this.counts.redelivered += 1;
        this.#put(delivery, link);
      }
    }
  }

  #heard(link, text) {
    let said;
    try {
      said = JSON.parse(text);
    } catch {
      this.counts.bad_acks += 1;
      return;
    }
    const delivery = this.waiting.get(said.envelope_id);
    const rows = this.rows.get(said.envelope_id) ?? [];
    const open = rows.filter((one) => one.acked === null);
    const row = open.find((one) => one.link === link.number) ?? open[0] ?? rows.at(-1);
    if (!row) {
      this.counts.unknown_acks += 1;
      return;
    }
    if (this.settings.ignore_acks > 0) {
      this.settings.ignore_acks -= 1;
      return;
    }
    this.counts.acks += 1;
    this.counts.acks_elsewhere += row.link !== link.number ? 1 : 0;
    this.counts.acks_with_payload += said.payload === undefined ? 0 : 1;
    if (row.acked !== null) {
      this.counts.repeated_acks += 1;
    }
    row.acked ??= Date.now() - row.at;
    row.acked_us ??= clockUs();
    this.counts.late_acks += row.acked > this.settings.ack_ms ? 1 : 0;
    if (delivery && !delivery.done) {
      delivery.done = true;
      this.waiting.delete(delivery.id);
      delivery.acknowledged(said.payload ?? {});
    }
  }

  /* --- all else */

  #later(wait, what) {
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        what();
      },
      Math.max(0, Math.min(wait, 0x7fffffff)),
    );
    this.timers.add(timer);
  }

  /* How many envelopes no connection has acknowledged, though somebody held it. */
  unacknowledged() {
    const open = [...this.rows.values()].filter((rows) => rows.every((row) => row.acked === null));
    return open.filter((rows) => rows.some((row) => row.link !== GHOST.number)).length;
  }

  reset() {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    this.links.forEach((link) => link.frames.destroy());
    this.links = [];
    this.ghosts = 0;
    this.waiting.forEach((delivery) => delivery.acknowledged(null));
    this.waiting.clear();
    this.tickets.clear();
    this.log = [];
    this.rows.clear();
    Object.keys(this.counts).forEach((name) => (this.counts[name] = 0));
  }
}
