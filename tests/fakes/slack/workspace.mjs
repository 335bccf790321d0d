/*
 * One workspace: its people, channels, groups, messages and views, and the app with its tokens. It knows nothing of
 * HTTP or sockets; whatever happens in it is told to `observer` (acts.mjs), which makes events of it.
 */

import {checkBlocks} from "./limits.mjs";

export const TEAM = "T0WORKSPACE";
export const OTHER_TEAM = "T0ELSEWHERE";
export const APP = {
  id: "A0GUIDEPOST",
  bot_id: "B0GUIDEPOST",
  bot_user: "U0GUIDEPOST",
  name: "guidepost",
  app_token: "xapp-1-A0GUIDEPOST-0123456789-0fake0app0token",
  bot_token: "xoxb-0123456789-0fake0bot0token",
  user_token: "xoxp-0123456789-0fake0user0token",
};

/* What a test orders and what cannot be done, such as a click on a button that is not there. */
export class Refused extends Error {}

const BOT_SCOPES = [
  "app_mentions:read",
  "channels:history",
  "channels:join",
  "channels:read",
  "chat:write",
  "chat:write.public",
  "commands",
  "groups:history",
  "groups:read",
  "im:history",
  "im:read",
  "im:write",
  "reactions:write",
  "team:read",
  "usergroups:read",
  "users:read",
  "users:read.email",
];
const EVENTS = [
  "app_mention",
  "app_uninstalled",
  "member_joined_channel",
  "message.channels",
  "message.groups",
  "message.im",
  "subteam_members_changed",
  "tokens_revoked",
];

function user(id, name, more = {}) {
  const real = name[0].toUpperCase() + name.slice(1);
  return {
    id,
    team_id: TEAM,
    name,
    deleted: false,
    real_name: real,
    tz: "Etc/UTC",
    tz_offset: 0,
    is_admin: false,
    is_owner: false,
    is_restricted: false,
    is_ultra_restricted: false,
    is_bot: false,
    is_app_user: false,
    updated: 1700000000,
    profile: {real_name: real, display_name: name, email: `${name}@example.org`, team: TEAM},
    ...more,
  };
}

function channel(id, name, members, more = {}) {
  return {
    id,
    name,
    members,
    is_channel: true,
    is_group: false,
    is_im: false,
    is_mpim: false,
    is_private: false,
    is_archived: false,
    is_ext_shared: false,
    messages: [],
    ...more,
  };
}

function startingState() {
  const users = [
    user("U0ALICE", "alice"),
    user("U0BOB", "bob"),
    user("U0CAROL", "carol"),
    user("U0GUEST", "guest", {is_restricted: true, is_ultra_restricted: true}),
    user("U0STRANGER", "stranger", {
      team_id: OTHER_TEAM,
      is_stranger: true,
      profile: {display_name: "stranger", team: OTHER_TEAM},
    }),
    user("U0FORMER", "former", {deleted: true}),
    user("U0OTHERBOT", "otherbot", {is_bot: true}),
    user(APP.bot_user, APP.name, {is_bot: true, is_app_user: true}),
  ];
  const all = users.map((one) => one.id);
  const hidden = {is_private: true, is_channel: false, is_group: true};
  const channels = [
    channel("C0DEPLOYS", "deploys", all),
    channel("C0ESCALATE", "escalate", ["U0BOB", "U0CAROL", APP.bot_user]),
    channel("C0RANDOM", "random", ["U0ALICE", "U0BOB", "U0CAROL"]),
    channel("C0ARCHIVE", "archive", ["U0ALICE", APP.bot_user], {is_archived: true}),
    channel("C0SHARED", "shared", ["U0ALICE", "U0STRANGER", APP.bot_user], {is_ext_shared: true}),
    channel("C0PRIVATE", "private", ["U0ALICE", "U0BOB", APP.bot_user], hidden),
    channel("C0HIDDEN", "hidden", ["U0ALICE", "U0CAROL"], hidden),
  ];
  return {
    users,
    channels,
    usergroups: [{id: "S0WEBONCALL", handle: "web-oncall", name: "web oncall", users: ["U0ALICE", "U0BOB"]}],
    ephemerals: [],
    views: [],
    app: {
      scopes: BOT_SCOPES,
      app_scopes: ["connections:write"],
      events: EVENTS,
      bot_error: null,
      app_error: null,
      more_tokens: {} /* token -> app or bot: made beside the first ones */,
      revoked_tokens: [],
      socket_mode: true,
    },
    last_ts: 0,
    ids: 0,
  };
}

/* What a person's client makes of the text before it is sent: one paragraph with mentions as elements of their own. */
export function richText(text, id) {
  const elements = text
    .split(/(<@[A-Z0-9]+(?:\|[^>]*)?>)/)
    .filter(Boolean)
    .map((part) => {
      const mention = /^<@([A-Z0-9]+)/.exec(part);
      return mention
        ? {type: "user", user_id: mention[1]}
        : {type: "text", text: part.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&")};
    });
  return [{type: "rich_text", block_id: id, elements: [{type: "rich_text_section", elements}]}];
}

/* Everybody whom a message calls: by its text, by mrkdwn, by elements of rich text. Other texts call nobody. */
function calledBy(message) {
  const called = new Set();
  const read = (text) => {
    for (const [, word] of String(text ?? "").matchAll(
      /<(@[A-Z0-9]+|!subteam\^[A-Z0-9]+|!channel|!here|!everyone)(\|[^>]*)?>/g,
    )) {
      called.add(word);
    }
  };
  const walk = (part) => {
    if (typeof part !== "object" || part === null) {
      return;
    }
    const words = {user: `@${part.user_id}`, usergroup: `!subteam^${part.usergroup_id}`, broadcast: `!${part.range}`};
    if (words[part.type]) {
      called.add(words[part.type]);
    } else if (part.type === "mrkdwn" || part.type === "markdown") {
      read(part.text);
    }
    Object.values(part).forEach(walk);
  };
  read(message.text);
  walk(message.blocks);
  return [...called];
}

function isMass(word) {
  return ["!channel", "!here", "!everyone"].includes(word);
}

export class Workspace {
  constructor(state = startingState()) {
    this.state = state;
    this.observer = null;
    /* What went wrong or is to be counted, for the tests to assert. */
    this.found = {mass_mentions: [], duplicates: [], notifications: [], without_text: 0};
    this.nonces = new Map();
  }

  get app() {
    return this.state.app;
  }

  id(prefix) {
    this.state.ids += 1;
    return `${prefix}0${this.state.ids.toString(36).toUpperCase().padStart(8, "0")}`;
  }

  /* Each is later than all before, as in Slack, where it is the name of a message in its channel. */
  ts() {
    this.state.last_ts = Math.max(this.state.last_ts + 1, Date.now() * 1000);
    const digits = String(this.state.last_ts);
    return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
  }

  user(name) {
    return this.state.users.find((one) => one.id === name || one.name === name);
  }

  addUser(name) {
    const made = user(`U0${name.toUpperCase()}`, name);
    this.state.users.push(made);
    this.channel("deploys").members.push(made.id);
    return made;
  }

  usergroup(name) {
    return this.state.usergroups.find((one) => one.id === name || one.handle === name);
  }

  channel(name) {
    return this.state.channels.find((one) => one.id === name || one.name === name);
  }

  /* The direct messages between the bot and a person. */
  direct(id) {
    const known = this.state.channels.find((one) => one.is_im && one.members.includes(id));
    if (known) {
      return known;
    }
    const im = {is_im: true, is_channel: false, is_private: true};
    const made = channel(id.replace(/^U/, "D"), "directmessage", [id, APP.bot_user], {...im, user: id});
    this.state.channels.push(made);
    return made;
  }

  message(place, ts) {
    return place.messages.find((one) => one.ts === ts);
  }

  /* `content`: text, blocks, metadata, thread_ts, and whatever else belongs to the message. */
  post(place, author, content) {
    const ts = this.ts();
    const message = {type: "message", user: author.id, team: author.team_id, ts, ...content, history: []};
    if (message.blocks) {
      message.blocks = this.withIds(message.blocks);
    }
    place.messages.push(message);
    const root = message.thread_ts && this.message(place, message.thread_ts);
    if (root) {
      root.reply_count = (root.reply_count ?? 0) + 1;
      root.latest_reply = ts;
      root.thread_ts = root.ts;
      message.parent_user_id = root.user;
    }
    if (author.id === APP.bot_user) {
      this.#look(place, message);
    }
    this.observer?.posted(place, message);
    return message;
  }

  edit(place, message, change, editor) {
    const before = {...message, history: undefined};
    message.history.push({at: Date.now(), text: message.text, blocks: message.blocks, metadata: message.metadata});
    Object.assign(message, change);
    if (change.blocks) {
      message.blocks = this.withIds(change.blocks);
    }
    if (editor) {
      message.edited = {user: editor, ts: this.ts()};
    }
    this.#findMassMentions(place, message);
    this.observer?.edited(place, message, before, editor);
  }

  remove(place, message) {
    place.messages.splice(place.messages.indexOf(message), 1);
    this.#forgetNonce(message); /* What was deleted may be posted once more. */
    this.observer?.removed(place, message);
  }

  whisper(place, person, content, source) {
    const ts = this.ts();
    const blocks = content.blocks && this.withIds(content.blocks);
    const seen = {source, channel: place.id, user: person.id, ts, at: Date.now(), ...content, blocks};
    this.state.ephemerals.push(seen);
    this.#findMassMentions(place, seen);
    return seen;
  }

  /* Slack names blocks and elements that have no name. */
  withIds(blocks) {
    return blocks.map((block) => {
      const named = {...block, block_id: block.block_id ?? this.id("b")};
      if (Array.isArray(block.elements) && block.type === "actions") {
        named.elements = block.elements.map((one) => ({...one, action_id: one.action_id ?? this.id("a")}));
      }
      return named;
    });
  }

  #look(place, message) {
    this.#findMassMentions(place, message);
    if (!message.text && checkBlocks(message.blocks ?? []).texts > 0) {
      this.found.without_text += 1;
    }
    for (const word of calledBy(message)) {
      this.found.notifications.push({channel: place.id, ts: message.ts, called: word.replace(/^@|^!subteam\^/, "")});
    }
    const nonce = this.#nonce(message);
    if (nonce !== undefined) {
      const first = this.nonces.get(nonce);
      if (first) {
        this.found.duplicates.push({nonce, first, second: message.ts, channel: place.id});
      } else {
        this.nonces.set(nonce, message.ts);
      }
    }
  }

  #nonce(message) {
    return message.metadata?.event_payload?.nonce ?? JSON.stringify(message.metadata);
  }

  #forgetNonce(message) {
    const nonce = this.#nonce(message);
    if (this.nonces.get(nonce) === message.ts) {
      this.nonces.delete(nonce);
    }
  }

  #findMassMentions(place, message) {
    if (calledBy(message).some(isMass)) {
      this.found.mass_mentions.push({channel: place.id, ts: message.ts, text: message.text});
    }
  }
}
