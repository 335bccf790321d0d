/*
 * The control API: plain HTTP, only from this machine, POST /<verb> with a JSON object. README.md lists the verbs. What
 * cannot be done is answered with 400 and {"error": a sentence}.
 */

import {createServer} from "node:http";

import {publicMessage} from "./acts.mjs";
import {DEFAULTS} from "./settings.mjs";
import {publicView} from "./views.mjs";
import {APP, OTHER_TEAM, Refused, TEAM} from "./workspace.mjs";

/* `fake`: everything that main.mjs has put together. */
function verbs(fake) {
  const {workspace, sockets, acts, api, rates, settings} = fake;

  function place(name) {
    const found = workspace.channel(name);
    if (!found) {
      throw new Refused(`there is no channel ${name}`);
    }
    return found;
  }

  function set(change) {
    for (const [name, value] of Object.entries(change)) {
      if (!(name in DEFAULTS)) {
        throw new Refused(`there is no setting ${name}; there are ${Object.keys(DEFAULTS).join(", ")}`);
      }
      settings[name] = value;
    }
    return settings;
  }

  return {
    /* what people and administrators do */
    say: (body) => acts.say(body),
    mention: ({text, ...body}) => acts.say({...body, text: `<@${APP.bot_user}> ${text}`}),
    edit: (body) => acts.edit(body),
    unfurl: (body) => acts.unfurl(body),
    remove: (body) => acts.remove(body),
    command: (body) => acts.command(body),
    click: (body) => acts.click(body),
    submit: (body) => acts.submit(body),
    close_view: (body) => acts.closeView(body),
    member: (body) => acts.member(body),
    person: (body) => acts.person(body),
    newcomer: (body) => acts.newcomer(body),
    usergroup: (body) => acts.usergroup(body),
    uninstall: () => acts.uninstall(),
    archive: ({channel, archived = true}) => Object.assign(place(channel), {is_archived: archived}) && {},
    app: (change) => Object.assign(workspace.app, change),
    event: ({event, channel}) => ({event_id: acts.event(event, channel && place(channel))}),
    envelope: async ({type, payload, accepts = false}) => ({
      acknowledged: (await sockets.sendOnce(type, payload, accepts)) !== null,
    }),
    raw: ({text}) => ({sent: sockets.sendRaw(text)}),
    repeat: ({envelope_id: id, ...change}) => ({sent: sockets.repeat(id, change)}),

    /* faults */
    set,
    calm: () => set({...DEFAULTS, speed: settings.speed}) && ((api.next.length = 0), settings),
    fail_next: (fault) => ({waiting: api.next.push(fault)}),
    disconnect: ({reason = "refresh_requested", ...which}) => ({connections: sockets.disconnect(reason, which)}),
    drop: (which) => ({connections: sockets.drop(which)}),
    half_open: (which) => ({connections: sockets.halfOpen(which)}),
    ghosts: ({count}) => ({ghosts: (sockets.ghosts = count)}),
    away: ({away}) => fake.setAway(away),

    /* reading */
    who: () => ({
      app: APP,
      team: TEAM,
      other_team: OTHER_TEAM,
      users: Object.fromEntries(workspace.state.users.map((one) => [one.name, one.id])),
      channels: Object.fromEntries(workspace.state.channels.map((one) => [one.name, one.id])),
      usergroups: Object.fromEntries(workspace.state.usergroups.map((one) => [one.handle, one.id])),
    }),
    messages: ({channel, thread_ts: thread, from, after}) => ({
      messages: workspace.state.channels
        .filter((one) => channel === undefined || one.id === channel || one.name === channel)
        .flatMap((one) => one.messages.map((message) => ({channel: one.id, ...message})))
        .filter((one) => thread === undefined || one.thread_ts === thread)
        .filter((one) => from === undefined || one.user === workspace.user(from)?.id)
        .filter((one) => after === undefined || one.ts > after),
    }),
    message: ({channel, ts, history = false}) => {
      const found = workspace.message(place(channel), ts);
      return {message: (found && (history ? found : publicMessage(found))) ?? null};
    },
    ephemerals: ({user}) => ({
      ephemerals: workspace.state.ephemerals.filter(
        (one) => user === undefined || one.user === workspace.user(user)?.id,
      ),
    }),
    views: ({user}) => ({
      views: workspace.state.views
        .filter((one) => user === undefined || one.user === workspace.user(user)?.id)
        .map((one) => ({...publicView(one), open: one.open, errors: one.errors ?? null, user: one.user})),
    }),
    calls: ({method, after_us: after = 0}) => ({
      calls: api.log.filter((one) => one.at_us > after && (method === undefined || one.method === method)),
    }),
    envelopes: ({type, unacknowledged, after_us: after = 0}) => ({
      envelopes: sockets.log
        .filter((one) => one.at_us > after && (type === undefined || one.type === type))
        .filter((one) => !unacknowledged || one.acked === null),
    }),
    stats: () => ({
      connections: sockets.links.length,
      links: sockets.links.map(({frames, host, ...shown}) => shown),
      ghosts: sockets.ghosts,
      counts: sockets.counts,
      unacknowledged: sockets.unacknowledged(),
      calls: api.log.length,
      errors: count(api.log.filter((one) => one.error).map((one) => `${one.method} ${one.error}`)),
      ignored_retry_after: rates.ignored,
      ...workspace.found,
    }),

    /* the fake itself */
    settings: () => settings,
    reset: () => fake.reset(),
    save: () => fake.save(),
  };
}

function count(words) {
  const found = {};
  words.forEach((word) => (found[word] = (found[word] ?? 0) + 1));
  return found;
}

export function createControl(fake) {
  return createServer({keepAliveTimeout: 600000}, async (request, response) => {
    const answer = (status, said) => {
      const text = JSON.stringify(said);
      response.writeHead(status, {"Content-Type": "application/json", "Content-Length": Buffer.byteLength(text)});
      response.end(text);
    };
    try {
      const parts = [];
      for await (const part of request) {
        parts.push(part);
      }
      const verb = verbs(fake)[request.url.slice(1)];
      if (!verb) {
        answer(404, {
          error: `there is no verb ${request.url.slice(1)}; there are ${Object.keys(verbs(fake)).join(", ")}`,
        });
        return;
      }
      const body = parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : {};
      answer(200, (await verb(body)) ?? {});
    } catch (error) {
      answer(error instanceof Refused ? 400 : 500, {error: error instanceof Refused ? error.message : error.stack});
    }
  });
}
