/*
 * The methods of the Web API: the token each wants, its scope, the tier of its rate limit, whether it takes only forms,
 * and what it does. A method that refuses throws a SlackError.
 */

import {BLOCKS_TEXT_MAX, checkBlocks, metadataTrouble, TEXT_MAX, UPDATE_TEXT_MAX} from "./limits.mjs";
import {publicMessage} from "./acts.mjs";
import {flag, need, refuse, structure} from "./arguments.mjs";
import {openView, updateView} from "./views.mjs";
import {APP, TEAM} from "./workspace.mjs";

const PAGE_MAX = 999;

function isMember(place, id = APP.bot_user) {
  return place.members.includes(id);
}

/* A channel that the bot can see: every public one, and the private ones it is in. */
function visible(args, workspace) {
  const name = need(args, "channel");
  const place = workspace.state.channels.find((one) => one.id === name);
  if (!place || (place.is_private && !isMember(place))) {
    refuse("channel_not_found");
  }
  return place;
}

function scopeFor(action) {
  return (args, workspace) => {
    const place = workspace.state.channels.find((one) => one.id === args.channel);
    const kind = place?.is_im ? "im" : place?.is_private ? "groups" : "channels";
    return `${kind}:${action}`;
  };
}

/* Where chat.postMessage posts; it takes a person's id for the direct messages with that person. */
function destination(args, workspace) {
  const name = need(args, "channel");
  const person = workspace.state.users.find((one) => one.id === name);
  const place = person ? workspace.direct(person.id) : visible(args, workspace);
  if (place.is_archived) {
    refuse("is_archived");
  }
  if (!isMember(place) && !workspace.app.scopes.includes("chat:write.public")) {
    refuse("not_in_channel");
  }
  return place;
}

/* Text, blocks and metadata of a message, checked against all limits. */
function content(args, {settings, warnings}, textMax) {
  const found = {};
  if (args.text !== undefined) {
    found.text = String(args.text);
    if ([...found.text].length > textMax) {
      if (textMax < TEXT_MAX) {
        refuse("msg_too_long");
      }
      found.text = [...found.text].slice(0, textMax).join("");
      warnings.push("message_truncated");
    }
  }
  if (args.blocks !== undefined) {
    found.blocks = structure(args.blocks, "invalid_blocks_format");
    if (!Array.isArray(found.blocks)) {
      refuse("invalid_blocks_format");
    }
    if (settings.refuse_blocks && found.blocks.length > 0) {
      refuse("invalid_blocks", ["[ERROR] refused [json-pointer:/blocks]"]);
    }
    const {troubles, texts} = checkBlocks(found.blocks);
    if (troubles.length > 0) {
      refuse("invalid_blocks", troubles);
    }
    if (texts > BLOCKS_TEXT_MAX) {
      refuse("msg_blocks_too_long");
    }
  }
  if (args.metadata !== undefined) {
    found.metadata = structure(args.metadata, "invalid_metadata_format");
    const trouble = metadataTrouble(found.metadata);
    if (trouble) {
      refuse(trouble);
    }
    if (Object.keys(found.metadata).length === 0) {
      found.metadata = undefined;
    }
  }
  return found;
}

function thread(args, place, workspace) {
  if (args.thread_ts === undefined || args.thread_ts === "") {
    return {};
  }
  const root = workspace.message(place, String(args.thread_ts));
  if (!root) {
    refuse("thread_not_found");
  }
  return {thread_ts: root.thread_ts ?? root.ts};
}

function postMessage(args, context) {
  const {workspace} = context;
  const place = destination(args, workspace);
  const found = content(args, context, TEXT_MAX);
  if (!found.text && !found.blocks?.length) {
    refuse("no_text");
  }
  const broadcast = flag(args.reply_broadcast) ? {subtype: "thread_broadcast"} : {};
  const author = {bot_id: APP.bot_id, app_id: APP.id, bot_profile: {id: APP.bot_id, app_id: APP.id, name: APP.name}};
  const message = workspace.post(place, workspace.user(APP.bot_user), {
    text: "",
    ...found,
    ...thread(args, place, workspace),
    ...broadcast,
    ...author,
  });
  return {channel: place.id, ts: message.ts, message: publicMessage(message)};
}

function update(args, context) {
  const {workspace} = context;
  const place = visible(args, workspace);
  const message = workspace.message(place, need(args, "ts"));
  if (!message) {
    refuse("message_not_found");
  }
  if (message.user !== APP.bot_user) {
    refuse("cant_update_message");
  }
  const found = content(args, context, UPDATE_TEXT_MAX);
  if (found.text === undefined && found.blocks === undefined) {
    refuse("no_text");
  }
  if (!found.text && (found.blocks ?? message.blocks ?? []).length === 0) {
    refuse("no_text");
  }
  workspace.edit(place, message, found);
  return {channel: place.id, ts: message.ts, text: message.text, message: publicMessage(message)};
}

function postEphemeral(args, context) {
  const {workspace} = context;
  const place = visible(args, workspace);
  const id = need(args, "user");
  const person = workspace.state.users.find((one) => one.id === id);
  if (place.is_archived) {
    refuse("is_archived");
  }
  if (!isMember(place)) {
    refuse("not_in_channel");
  }
  if (!person || person.deleted || !isMember(place, id)) {
    refuse("user_not_in_channel");
  }
  const found = content(args, context, TEXT_MAX);
  if (!found.text && !found.blocks?.length) {
    refuse("no_text");
  }
  const seen = workspace.whisper(place, person, {...found, ...thread(args, place, workspace)}, "chat.postEphemeral");
  return {message_ts: seen.ts};
}

function remove(args, {workspace}) {
  const place = visible(args, workspace);
  const message = workspace.message(place, need(args, "ts"));
  if (!message) {
    refuse("message_not_found");
  }
  if (message.user !== APP.bot_user) {
    refuse("cant_delete_message");
  }
  workspace.remove(place, message);
  return {channel: place.id, ts: message.ts};
}

function react(args, {workspace}, add) {
  const place = visible(args, workspace);
  const message = workspace.message(place, need(args, "timestamp")) ?? refuse("message_not_found");
  const name = need(args, "name");
  const reactions = (message.reactions ?? []).filter((one) => one.name !== name);
  const known = message.reactions?.find((one) => one.name === name);
  if (add === (known !== undefined)) {
    refuse(add ? "already_reacted" : "no_reaction");
  }
  message.reactions = add ? [...reactions, {name, users: [APP.bot_user], count: 1}] : reactions;
  return {};
}

/* --- reading */

function page(found, args, key) {
  const limit = Math.min(Number(args.limit ?? 100) || 100, PAGE_MAX);
  const start = args.cursor ? Number(Buffer.from(String(args.cursor), "base64").toString()) : 0;
  if (!Number.isInteger(start)) {
    refuse("invalid_cursor");
  }
  const more = start + limit < found.length;
  const cursor = more ? Buffer.from(String(start + limit)).toString("base64") : "";
  return {[key]: found.slice(start, start + limit), has_more: more, response_metadata: {next_cursor: cursor}};
}

function between(message, args) {
  const at = Number(message.ts);
  const inclusive = flag(args.inclusive);
  const oldest = Number(args.oldest ?? 0);
  const latest = args.latest === undefined ? Infinity : Number(args.latest);
  return (at > oldest || (inclusive && at === oldest)) && (at < latest || (inclusive && at === latest));
}

function readable(args, workspace) {
  const place = visible(args, workspace);
  if (!isMember(place)) {
    refuse("not_in_channel");
  }
  return place;
}

function history(args, {workspace}) {
  const place = readable(args, workspace);
  const top = (one) => !one.thread_ts || one.thread_ts === one.ts || one.subtype === "thread_broadcast";
  const found = place.messages.filter((one) => top(one) && between(one, args)).reverse();
  return page(
    found.map((one) => publicMessage(one, flag(args.include_all_metadata))),
    args,
    "messages",
  );
}

function replies(args, {workspace}) {
  const place = readable(args, workspace);
  const root = workspace.message(place, need(args, "ts")) ?? refuse("thread_not_found");
  const found = place.messages.filter((one) => one === root || (one.thread_ts === root.ts && between(one, args)));
  return page(
    found.map((one) => publicMessage(one, flag(args.include_all_metadata))),
    args,
    "messages",
  );
}

function publicChannel(place) {
  const {messages, members, ...shown} = place;
  return {...shown, is_member: isMember(place), num_members: members.length, context_team_id: TEAM};
}

function userInfo(args, {workspace}) {
  const id = need(args, "user");
  const person = workspace.state.users.find((one) => one.id === id) ?? refuse("user_not_found");
  const shown = {...person};
  if (!workspace.app.scopes.includes("users:read.email")) {
    shown.profile = {...shown.profile, email: undefined};
  }
  return {user: shown};
}

function join(args, {workspace, acts, warnings}) {
  const place = visible(args, workspace);
  if (place.is_private) {
    refuse("method_not_supported_for_channel_type");
  }
  if (place.is_archived) {
    refuse("is_archived");
  }
  if (isMember(place)) {
    warnings.push("already_in_channel");
  } else {
    acts.member({channel: place.id, user: APP.bot_user, present: true});
  }
  return {channel: publicChannel(place)};
}

/* --- the table */

export const methods = {
  "api.test": {token: "bot", tier: 4, run: () => ({})},
  "apps.connections.open": {
    token: "app",
    scope: "connections:write",
    tier: 3,
    run: (args, {sockets, host}) => ({url: `wss://${host}/link/?ticket=${sockets.ticket(host)}&app_id=${APP.id}`}),
  },
  "auth.test": {
    token: "bot",
    tier: "special",
    run: (args, {host}) => ({
      url: `https://${host}/`,
      team: "Workspace",
      user: APP.name,
      team_id: TEAM,
      user_id: APP.bot_user,
      bot_id: APP.bot_id,
      is_enterprise_install: false,
    }),
  },
  "bots.info": {
    token: "bot",
    scope: "users:read",
    tier: 3,
    form: true,
    run: () => ({bot: {id: APP.bot_id, deleted: false, name: APP.name, app_id: APP.id, user_id: APP.bot_user}}),
  },
  "chat.delete": {token: "bot", scope: "chat:write", tier: 3, run: remove},
  "chat.getPermalink": {
    token: "bot",
    tier: "special",
    form: true,
    run: (args, {workspace, host}) => {
      const place = visible(args, workspace);
      const message = workspace.message(place, need(args, "message_ts")) ?? refuse("message_not_found");
      const permalink = `https://${host}/archives/${place.id}/p${message.ts.replace(".", "")}`;
      return {channel: place.id, permalink};
    },
  },
  "chat.postEphemeral": {token: "bot", scope: "chat:write", tier: 4, run: postEphemeral},
  "chat.postMessage": {token: "bot", scope: "chat:write", tier: "post", run: postMessage},
  "chat.update": {token: "bot", scope: "chat:write", tier: 3, run: update},
  "conversations.history": {token: "bot", scope: scopeFor("history"), tier: 3, form: true, run: history},
  "conversations.info": {
    token: "bot",
    scope: scopeFor("read"),
    tier: 3,
    form: true,
    run: (args, {workspace}) => ({channel: publicChannel(visible(args, workspace))}),
  },
  "conversations.join": {token: "bot", scope: "channels:join", tier: 3, run: join},
  "conversations.list": {
    token: "bot",
    scope: "channels:read",
    tier: 2,
    form: true,
    run: (args, {workspace}) => {
      const seen = workspace.state.channels.filter((one) => !one.is_im && (!one.is_private || isMember(one)));
      return page(seen.map(publicChannel), args, "channels");
    },
  },
  "conversations.members": {
    token: "bot",
    scope: scopeFor("read"),
    tier: 4,
    form: true,
    run: (args, {workspace}) => page(visible(args, workspace).members, args, "members"),
  },
  "conversations.open": {
    token: "bot",
    scope: "im:write",
    tier: 3,
    run: (args, {workspace}) => {
      const person = workspace.state.users.find((one) => one.id === need(args, "users")) ?? refuse("user_not_found");
      return {channel: {id: workspace.direct(person.id).id}};
    },
  },
  "conversations.replies": {token: "bot", scope: scopeFor("history"), tier: 3, form: true, run: replies},
  "reactions.add": {
    token: "bot",
    scope: "reactions:write",
    tier: 3,
    run: (args, context) => react(args, context, true),
  },
  "reactions.remove": {
    token: "bot",
    scope: "reactions:write",
    tier: 2,
    run: (args, context) => react(args, context, false),
  },
  "team.info": {
    token: "bot",
    scope: "team:read",
    tier: 3,
    form: true,
    run: () => ({team: {id: TEAM, name: "Workspace", domain: "workspace"}}),
  },
  "usergroups.list": {
    token: "bot",
    scope: "usergroups:read",
    tier: 2,
    form: true,
    run: (args, {workspace}) => ({
      usergroups: workspace.state.usergroups.map(({users, ...shown}) => ({
        ...shown,
        team_id: TEAM,
        user_count: users.length,
      })),
    }),
  },
  "usergroups.users.list": {
    token: "bot",
    scope: "usergroups:read",
    tier: 2,
    form: true,
    run: (args, {workspace}) => {
      const group = workspace.state.usergroups.find((one) => one.id === need(args, "usergroup"));
      return {users: (group ?? refuse("no_such_subteam")).users};
    },
  },
  "users.info": {token: "bot", scope: "users:read", tier: 4, form: true, run: userInfo},
  "users.list": {
    token: "bot",
    scope: "users:read",
    tier: 2,
    form: true,
    run: (args, {workspace}) => page(workspace.state.users, args, "members"),
  },
  "users.lookupByEmail": {
    token: "bot",
    scope: "users:read.email",
    tier: 3,
    form: true,
    run: (args, {workspace}) => {
      const found = workspace.state.users.find((one) => one.profile.email === need(args, "email") && !one.deleted);
      return {user: found ?? refuse("users_not_found")};
    },
  },
  "views.open": {token: "bot", tier: 4, run: openView},
  "views.update": {token: "bot", tier: 4, run: updateView},
};
