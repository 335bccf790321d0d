/* Modals: opened and replaced by the program, filled in and sent by people. */

import {need, refuse, structure} from "./arguments.mjs";
import {VIEW_BYTES_MAX, viewTroubles} from "./limits.mjs";
import {APP, Refused, TEAM} from "./workspace.mjs";

export function openView(args, {workspace, acts}) {
  const id = need(args, "trigger_id");
  const trigger = acts.triggers.get(id) ?? refuse("invalid_arguments", ["invalid `trigger_id`"]);
  if (trigger.used) {
    refuse("exchanged_trigger_id");
  }
  if (trigger.until < Date.now()) {
    refuse("expired_trigger_id");
  }
  const view = checkedView(args);
  trigger.used = true;
  const made = {
    id: workspace.id("V"),
    team_id: TEAM,
    private_metadata: "",
    callback_id: "",
    external_id: "",
    close: null,
    submit: null,
    clear_on_close: false,
    notify_on_close: false,
    previous_view_id: null,
    ...view,
    state: {values: {}},
    blocks: workspace.withIds(view.blocks).map(named),
    hash: workspace.ts(),
    app_id: APP.id,
    bot_id: APP.bot_id,
    app_installed_team_id: TEAM,
    open: true,
    user: trigger.user,
  };
  made.root_view_id = made.id;
  workspace.state.views.push(made);
  return {view: publicView(made)};

  function named(block) {
    return block.type === "input"
      ? {...block, element: {...block.element, action_id: block.element.action_id ?? workspace.id("a")}}
      : block;
  }
}

function checkedView(args) {
  need(args, "view");
  const view = structure(args.view, "invalid_arguments");
  if (Buffer.byteLength(JSON.stringify(view)) > VIEW_BYTES_MAX) {
    refuse("view_too_large");
  }
  const troubles = viewTroubles(view);
  if (troubles.length > 0) {
    refuse("invalid_arguments", troubles);
  }
  return view;
}

export function updateView(args, {workspace}) {
  const known = workspace.state.views.find(
    (one) => one.open && (one.id === args.view_id || (args.external_id && one.external_id === args.external_id)),
  );
  if (!known) {
    refuse("not_found");
  }
  if (args.hash !== undefined && args.hash !== known.hash) {
    refuse("hash_conflict");
  }
  const view = checkedView(args);
  Object.assign(known, view, {blocks: workspace.withIds(view.blocks), hash: workspace.ts()});
  return {view: publicView(known)};
}

/* What the acknowledgement of a submission does to the view. */
export function answerView(workspace, view, ack) {
  view.errors = undefined;
  if (ack.response_action === "errors") {
    view.errors = ack.errors;
  } else if (ack.view && viewTroubles(ack.view).length > 0) {
    view.errors = {"": viewTroubles(ack.view).join("; ")};
  } else if (ack.response_action === "update" || ack.response_action === "push") {
    Object.assign(view, ack.view, {blocks: workspace.withIds(ack.view.blocks)});
  } else {
    view.open = false;
  }
}

/* What Slack sends of the values that were typed or chosen. */
export function stateOf(view, values) {
  const state = {};
  for (const block of view.blocks.filter((one) => one.type === "input")) {
    const {element} = block;
    const given = values[block.block_id]?.[element.action_id] ?? initial(element);
    if (given === undefined && !block.optional) {
      throw new Refused(`the client wants something in ${block.block_id}`);
    }
    if (typeof given === "string" && given.length > (element.max_length ?? 3000)) {
      throw new Refused(`${block.block_id} takes no more than ${element.max_length} characters`);
    }
    state[block.block_id] = {[element.action_id]: valueOf(element, given)};
  }
  for (const block of Object.keys(values)) {
    if (!state[block]) {
      throw new Refused(`the view has no input ${block}; it has ${Object.keys(state)}`);
    }
  }
  return state;
}

function initial(element) {
  return (
    element.initial_value ?? element.initial_option?.value ?? element.initial_options?.map((option) => option.value)
  );
}

function valueOf(element, given) {
  const options = [given]
    .flat()
    .filter((value) => value !== undefined)
    .map((value) => {
      const option = element.options?.find((one) => one.value === value);
      if (element.options && !option) {
        throw new Refused(`there is no option ${value}`);
      }
      return option;
    });
  if (element.type.startsWith("multi_") || element.type === "checkboxes") {
    return {type: element.type, selected_options: options};
  }
  return element.options
    ? {type: element.type, selected_option: options[0] ?? null}
    : {type: element.type, value: given ?? null};
}

export function publicView(view) {
  const {open, errors, user, ...shown} = view;
  return shown;
}
