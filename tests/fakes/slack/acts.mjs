/*
 * What people do in the workspace, and the payloads that Slack makes of it. Texts are as Slack sends them: the caller
 * writes &amp; &lt; &gt; and <@U0BOB> where a person's client would.
 */

import {randomBytes, randomUUID} from "node:crypto";

import {answerView, publicView, stateOf} from "./views.mjs";
import {APP, Refused, richText, TEAM} from "./workspace.mjs";

const RESPONSE_URL_USES = 5;
const RESPONSE_URL_MS = 30 * 60 * 1000;

function seconds() {
  return Math.floor(Date.now() / 1000);
}

/* The message as Slack shows it to programs. */
export function publicMessage(message, withMetadata = true) {
  const {history, metadata, ...shown} = message;
  return metadata && withMetadata ? {...shown, metadata} : shown;
}

export class Acts {
  constructor(workspace, sockets, settings) {
    this.workspace = workspace;
    this.sockets = sockets;
    this.settings = settings;
    this.triggers = new Map(); /* trigger_id -> {user, until, used} */
    this.responses = new Map(); /* path of a response_url -> {channel, user, until, uses, ts} */
    workspace.observer = this;
  }

  /* --- things with an end */

  trigger(person) {
    const id = `${Date.now()}.${randomBytes(4).readUInt32BE()}.${randomBytes(16).toString("hex")}`;
    this.triggers.set(id, {user: person.id, until: Date.now() + this.settings.trigger_ms, used: false});
    return id;
  }

  #responseUrl(kind, place, person, ts) {
    const path = `/response/${kind}/${TEAM}/${this.workspace.id("R")}/${randomBytes(12).toString("hex")}`;
    const until = Date.now() + RESPONSE_URL_MS / this.settings.speed;
    this.responses.set(path, {channel: place.id, user: person.id, until, uses: RESPONSE_URL_USES, ts});
    const host = this.sockets.links.at(-1)?.host ?? "localhost";
    return `https://${host}${path}`;
  }

  /* --- events */

  event(event, place, more = {}) {
    const wanted = event.type === "message" ? `message.${this.#kind(place)}` : event.type;
    if (!this.workspace.app.events.includes(wanted)) {
      return null;
    }
    const id = this.workspace.id("Ev");
    const shared = place?.is_ext_shared ?? false;
    this.sockets.sendEvent({
      token: "verification-token",
      team_id: TEAM,
      context_team_id: TEAM,
      context_enterprise_id: null,
      api_app_id: APP.id,
      event,
      type: "event_callback",
      event_id: id,
      event_time: seconds(),
      authorizations: [
        {enterprise_id: null, team_id: TEAM, user_id: APP.bot_user, is_bot: true, is_enterprise_install: false},
      ],
      is_ext_shared_channel: shared,
      event_context: `4-${Buffer.from(id).toString("base64url")}`,
      ...more,
    });
    return id;
  }

  #kind(place) {
    return place.is_im ? "im" : place.is_private ? "groups" : "channels";
  }

  #channelType(place) {
    return place.is_im ? "im" : place.is_private ? "group" : "channel";
  }

  #hears(place) {
    return place.members.includes(APP.bot_user);
  }

  posted(place, message) {
    if (!this.#hears(place)) {
      return;
    }
    const shown = publicMessage(message);
    const event = {...shown, channel: place.id, event_ts: message.ts, channel_type: this.#channelType(place)};
    this.event(event, place);
    if (message.client_msg_id) {
      this.#mention(place, shown);
    }
  }

  #mention(place, message) {
    if (!place.is_im && message.text?.includes(`<@${APP.bot_user}`)) {
      const {subtype, parent_user_id: parent, reply_count: count, latest_reply: latest, ...rest} = message;
      this.event({...rest, type: "app_mention", channel: place.id, event_ts: message.edited?.ts ?? message.ts}, place);
    }
  }

  edited(place, message, before, editor) {
    if (!this.#hears(place)) {
      return;
    }
    const ts = this.workspace.ts();
    this.event(
      {
        type: "message",
        subtype: "message_changed",
        hidden: true,
        message: publicMessage(message),
        previous_message: publicMessage(before),
        channel: place.id,
        ts,
        event_ts: ts,
        channel_type: this.#channelType(place),
      },
      place,
    );
    if (message.client_msg_id && editor) {
      this.#mention(place, publicMessage(message));
    }
  }

  removed(place, message) {
    if (this.#hears(place)) {
      const ts = this.workspace.ts();
      this.event(
        {
          type: "message",
          subtype: "message_deleted",
          hidden: true,
          deleted_ts: message.ts,
          channel: place.id,
          previous_message: publicMessage(message),
          ts,
          event_ts: ts,
          channel_type: this.#channelType(place),
        },
        place,
      );
    }
  }

  /* --- acts of people */

  #person(name) {
    const found = this.workspace.user(name);
    if (!found) {
      throw new Refused(`there is nobody called ${name}`);
    }
    return found;
  }

  #place(name, person) {
    const found = name === "dm" ? this.workspace.direct(person.id) : this.workspace.channel(name);
    if (!found) {
      throw new Refused(`there is no channel ${name}`);
    }
    return found;
  }

  #messageIn(place, ts) {
    const found = this.workspace.message(place, ts);
    if (!found) {
      throw new Refused(`there is no message ${ts} in ${place.name}`);
    }
    return found;
  }

  say({channel, user, text, thread_ts: thread, subtype, bot_id: bot, ...more}) {
    const person = this.#person(user);
    const place = this.#place(channel, person);
    const content = {
      client_msg_id: bot ? undefined : randomUUID(),
      text,
      blocks: richText(text, this.workspace.id("b")),
      ...(thread ? {thread_ts: thread} : {}),
      ...(subtype ? {subtype} : {}),
      ...(bot ? {bot_id: bot} : {}),
      ...more,
    };
    if (person.is_stranger) {
      Object.assign(content, {user_team: person.team_id, source_team: person.team_id});
    }
    return {ts: this.workspace.post(place, person, content).ts, channel: place.id};
  }

  edit({channel, user, ts, text}) {
    const person = this.#person(user);
    const place = this.#place(channel, person);
    this.workspace.edit(
      place,
      this.#messageIn(place, ts),
      {text, blocks: richText(text, this.workspace.id("b"))},
      person.id,
    );
    return {ts};
  }

  /* Slack itself adds a preview of a link to the message; nobody has edited it. */
  unfurl({channel, user, ts}) {
    const person = this.#person(user);
    const place = this.#place(channel, person);
    this.workspace.edit(place, this.#messageIn(place, ts), {
      attachments: [{id: 1, title: "Example", fallback: "Example"}],
    });
    return {ts};
  }

  remove({channel, user, ts}) {
    const place = this.#place(channel, this.#person(user));
    this.workspace.remove(place, this.#messageIn(place, ts));
    return {ts};
  }

  /* `acknowledged` comes when the program has answered, or after the three seconds in which it did not. */
  async command({channel, user, command = "/guidepost", text = ""}) {
    const person = this.#person(user);
    const place = this.#place(channel, person);
    const ack = await this.sockets.sendOnce(
      "slash_commands",
      {
        token: "verification-token",
        team_id: person.team_id,
        team_domain: "workspace",
        channel_id: place.id,
        channel_name: place.name,
        user_id: person.id,
        user_name: person.name,
        command,
        text,
        api_app_id: APP.id,
        is_enterprise_install: "false",
        response_url: this.#responseUrl("commands", place, person),
        trigger_id: this.trigger(person),
      },
      true,
    );
    if (ack?.text || ack?.blocks) {
      this.respond(place, person, ack, "ack");
    }
    return {acknowledged: ack !== null};
  }

  #about(person) {
    return {
      user: {id: person.id, username: person.name, name: person.name, team_id: person.team_id},
      team: {id: TEAM, domain: "workspace"},
      enterprise: null,
      is_enterprise_install: false,
      api_app_id: APP.id,
      token: "verification-token",
    };
  }

  /* The element with that action_id and that value, as far as they are given, and the block it is in. */
  #find(blocks, {action_id: id, value}) {
    for (const block of blocks ?? []) {
      for (const element of [...(block.elements ?? []), ...(block.accessory ? [block.accessory] : [])]) {
        const named = element.action_id !== undefined && (id === undefined || element.action_id === id);
        if (named && (value === undefined || element.value === value)) {
          return {block, element};
        }
      }
    }
    return null;
  }

  /*
   * A click, of one person or of several at the same moment. `stale`: on what the message showed before it was edited.
   * `selected`: the value of the option that is chosen in a menu.
   */
  async click({channel, user, users, ts, times = 1, stale = false, selected, ...which}) {
    const people = (users ?? [user]).map((name) => this.#person(name));
    const place = this.#place(channel, people[0]);
    const message = this.workspace.message(place, ts) ?? this.#whispered(place, ts);
    if (!message) {
      throw new Refused(`there is no message ${ts} in ${place.name}`);
    }
    const shown = stale ? message.history.map((old) => old.blocks).reverse() : [message.blocks];
    const found = shown.map((blocks) => this.#find(blocks, which)).find(Boolean);
    if (!found) {
      throw new Refused(`message ${ts} has no ${JSON.stringify(which)}; it has ${JSON.stringify(message.blocks)}`);
    }
    const clicks = people.flatMap((person) => new Array(times).fill(person));
    const acks = await Promise.all(clicks.map((person) => this.#press(place, message, person, found, selected)));
    return {acknowledged: acks.every((ack) => ack !== null), acks: acks.map((ack) => ack !== null)};
  }

  #whispered(place, ts) {
    const seen = this.workspace.state.ephemerals.find((one) => one.channel === place.id && one.ts === ts);
    return seen && {...seen, history: [], is_ephemeral: true};
  }

  #press(place, message, person, {block, element}, selected) {
    const ephemeral = message.is_ephemeral === true;
    const option = element.options?.find((one) => one.value === selected);
    if (selected !== undefined && !option) {
      throw new Refused(`there is no option ${selected}`);
    }
    const action = {
      type: element.type,
      action_id: element.action_id,
      block_id: block.block_id,
      action_ts: this.workspace.ts(),
      ...(element.text ? {text: {emoji: true, ...element.text}} : {}),
      ...(element.value === undefined ? {} : {value: element.value}),
      ...(element.style ? {style: element.style} : {}),
      ...(element.confirm ? {confirm: element.confirm} : {}),
      ...(option ? {selected_option: option} : {}),
    };
    return this.sockets.sendOnce(
      "interactive",
      {
        type: "block_actions",
        ...this.#about(person),
        container: {
          type: "message",
          message_ts: message.ts,
          channel_id: place.id,
          is_ephemeral: ephemeral,
          ...(message.thread_ts ? {thread_ts: message.thread_ts} : {}),
        },
        trigger_id: this.trigger(person),
        channel: {id: place.id, name: place.is_private && !place.is_im ? "privategroup" : place.name},
        ...(ephemeral ? {} : {message: publicMessage(message)}),
        state: {values: {}},
        response_url: this.#responseUrl("actions", place, person, message.ts),
        actions: [action],
      },
      false,
    );
  }

  /* --- modals */

  #view(id) {
    const view = this.workspace.state.views.find((one) => one.id === id || one.external_id === id);
    if (!view || !view.open) {
      throw new Refused(`there is no open view ${id}`);
    }
    return view;
  }

  /* `values`: {block_id: {action_id: what was typed or chosen}}. */
  async submit({view: id, user, values = {}}) {
    const view = this.#view(id);
    const person = this.#person(user ?? view.user);
    view.state = {values: stateOf(view, values)};
    const payload = {
      type: "view_submission",
      ...this.#about(person),
      trigger_id: this.trigger(person),
      view: publicView(view),
      response_urls: [],
    };
    const ack = await this.sockets.sendOnce("interactive", payload, true);
    if (ack === null) {
      view.errors = {"": "We had some trouble connecting. Try again?"};
      return {acknowledged: false, open: true};
    }
    answerView(this.workspace, view, ack);
    return {acknowledged: true, open: view.open, errors: view.errors ?? null, view: publicView(view)};
  }

  async closeView({view: id}) {
    const view = this.#view(id);
    view.open = false;
    if (view.notify_on_close) {
      const about = this.#about(this.#person(view.user));
      await this.sockets.sendOnce(
        "interactive",
        {type: "view_closed", ...about, view: publicView(view), is_cleared: false},
        false,
      );
    }
    return {};
  }

  /* --- answers that need no token */

  /* What a program says by a response_url or in an acknowledgement. */
  respond(place, person, said, source, ts) {
    const message = ts && this.workspace.message(place, ts);
    if (said.delete_original && message) {
      this.workspace.remove(place, message);
    } else if (said.replace_original && message) {
      this.workspace.edit(place, message, {text: said.text ?? "", blocks: said.blocks ?? []});
    } else {
      const content = {text: said.text, blocks: said.blocks, ...(said.thread_ts ? {thread_ts: said.thread_ts} : {})};
      if (said.response_type === "in_channel") {
        const bot = {bot_id: APP.bot_id, app_id: APP.id};
        this.workspace.post(place, this.workspace.user(APP.bot_user), {...content, ...bot});
      } else {
        this.workspace.whisper(place, person, content, source);
      }
    }
  }

  /* --- what administrators do */

  member({channel, user, present}) {
    const person = this.#person(user);
    const place = this.#place(channel, person);
    place.members = place.members.filter((id) => id !== person.id);
    if (present) {
      place.members.push(person.id);
      const type = place.is_private ? "G" : "C";
      const event = {type: "member_joined_channel", user: person.id, channel: place.id, channel_type: type, team: TEAM};
      this.event({...event, event_ts: this.workspace.ts()}, place);
    }
    return {members: place.members};
  }

  /* Deactivated, made a guest, renamed: whatever the fields say. */
  person({user, ...change}) {
    const person = this.#person(user);
    Object.assign(person, change, {updated: seconds()});
    this.event({type: "user_change", user: person, cache_ts: seconds(), event_ts: this.workspace.ts()});
    return {user: person};
  }

  newcomer({name}) {
    const person = this.workspace.addUser(name);
    this.event({type: "team_join", user: person, cache_ts: seconds(), event_ts: this.workspace.ts()});
    return {user: person};
  }

  usergroup({group, users}) {
    const found = this.workspace.usergroup(group);
    if (!found) {
      throw new Refused(`there is no user group ${group}`);
    }
    const next = users.map((name) => this.#person(name).id);
    this.event({
      type: "subteam_members_changed",
      subteam_id: found.id,
      team_id: TEAM,
      date_previous_update: seconds() - 60,
      date_update: seconds(),
      added_users: next.filter((id) => !found.users.includes(id)),
      removed_users: found.users.filter((id) => !next.includes(id)),
      event_ts: this.workspace.ts(),
    });
    found.users = next;
    const {users: members, ...shown} = found;
    const subteam = {...shown, team_id: TEAM, user_count: next.length, date_update: seconds(), date_delete: 0};
    this.event({type: "subteam_updated", subteam, event_ts: this.workspace.ts()});
    return {users: next};
  }

  uninstall() {
    this.event({type: "app_uninstalled", event_ts: this.workspace.ts()});
    this.event({type: "tokens_revoked", tokens: {oauth: [], bot: [APP.bot_user]}, event_ts: this.workspace.ts()});
    this.workspace.app.bot_error = "account_inactive";
    return {};
  }
}
