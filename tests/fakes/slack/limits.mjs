/*
 * What Slack publishes about the size and the shape of blocks and views. `messageTroubles` and `viewTroubles` give the
 * sentences that Slack would put into response_metadata.messages; an empty list means that Slack takes it.
 */

export const TEXT_MAX = 40000; /* A longer text is cut by chat.postMessage. */
export const UPDATE_TEXT_MAX = 4000; /* Seen in practice, not published: chat.update refuses more. */
export const BLOCKS_TEXT_MAX = 13200; /* Seen in practice, not published: msg_blocks_too_long. */
export const VIEW_BYTES_MAX = 250000;
export const METADATA_BYTES_MAX = 8000; /* Not published; a small value keeps programs modest. */

const ELEMENTS_IN_ACTIONS = [
  "button",
  "static_select",
  "multi_static_select",
  "users_select",
  "channels_select",
  "conversations_select",
  "external_select",
  "overflow",
  "datepicker",
  "timepicker",
  "radio_buttons",
  "checkboxes",
];
const ELEMENTS_IN_INPUT = [
  "plain_text_input",
  "static_select",
  "multi_static_select",
  "users_select",
  "multi_users_select",
  "channels_select",
  "conversations_select",
  "external_select",
  "datepicker",
  "timepicker",
  "radio_buttons",
  "checkboxes",
  "number_input",
];
const RICH_PARTS = ["rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"];
const RICH_ELEMENTS = ["text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color"];

/* How many options an element may have. */
const OPTIONS_MAX = {static_select: 100, multi_static_select: 100, overflow: 5, radio_buttons: 10, checkboxes: 10};

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function characters(text) {
  return [...text].length;
}

/* Collects sentences about one payload; `at` is a JSON pointer such as /blocks/0/text. */
class Check {
  constructor() {
    this.troubles = [];
    this.blockIds = new Set();
    this.texts = 0;
  }

  say(at, sentence) {
    this.troubles.push(`[ERROR] ${sentence} [json-pointer:${at}]`);
  }

  object(at, value, required, optional) {
    if (!isObject(value)) {
      this.say(at, "must be an object");
      return false;
    }
    for (const name of required) {
      if (value[name] === undefined) {
        this.say(at, `missing required field: ${name}`);
      }
    }
    for (const name of Object.keys(value)) {
      if (!required.includes(name) && !optional.includes(name)) {
        this.say(`${at}/${name}`, `invalid additional property: ${name}`);
      }
    }
    return required.every((name) => value[name] !== undefined);
  }

  string(at, value, max, min = 1) {
    if (value === undefined) {
      return;
    }
    if (typeof value !== "string") {
      this.say(at, "must be a string");
    } else if (characters(value) > max) {
      this.say(at, `must be less than ${max + 1} characters`);
    } else if (characters(value) < min) {
      this.say(at, `must be more than ${min - 1} characters`);
    }
  }

  list(at, value, max, min = 1) {
    if (!Array.isArray(value)) {
      this.say(at, "must be an array");
      return [];
    }
    if (value.length > max) {
      this.say(at, `no more than ${max} items allowed`);
    } else if (value.length < min) {
      this.say(at, `no fewer than ${min} items required`);
    }
    return value;
  }

  text(at, value, max, types = ["plain_text", "mrkdwn"]) {
    if (value === undefined || !this.object(at, value, ["type", "text"], ["emoji", "verbatim"])) {
      return;
    }
    if (!types.includes(value.type)) {
      this.say(`${at}/type`, `must be ${types.join(" or ")}`);
    }
    if (value.emoji !== undefined && value.type === "mrkdwn") {
      this.say(`${at}/emoji`, "invalid additional property: emoji");
    }
    this.string(`${at}/text`, value.text, max);
    this.texts += typeof value.text === "string" ? characters(value.text) : 0;
  }

  plain(at, value, max) {
    this.text(at, value, max, ["plain_text"]);
  }

  confirm(at, value) {
    if (value === undefined || !this.object(at, value, ["title", "text", "confirm", "deny"], ["style"])) {
      return;
    }
    this.plain(`${at}/title`, value.title, 100);
    this.text(`${at}/text`, value.text, 300);
    this.plain(`${at}/confirm`, value.confirm, 30);
    this.plain(`${at}/deny`, value.deny, 30);
    this.style(`${at}/style`, value.style);
  }

  style(at, value) {
    if (value !== undefined && value !== "primary" && value !== "danger") {
      this.say(at, "must be primary or danger");
    }
  }

  url(at, value) {
    this.string(at, value, 3000);
    if (typeof value === "string" && !/^https?:\/\/[^\s/]+/.test(value)) {
      this.say(at, "must be a valid URL");
    }
  }

  options(at, value, element) {
    const values = new Set();
    this.list(at, value, OPTIONS_MAX[element.type]).forEach((option, i) => {
      const here = `${at}/${i}`;
      if (!this.object(here, option, ["text", "value"], ["description", "url"])) {
        return;
      }
      const plain = !["radio_buttons", "checkboxes"].includes(element.type);
      this.text(`${here}/text`, option.text, 75, plain ? ["plain_text"] : undefined);
      this.string(`${here}/value`, option.value, 150);
      this.text(`${here}/description`, option.description, 75, plain ? ["plain_text"] : undefined);
      if (values.has(option.value)) {
        this.say(`${here}/value`, "options must have different values");
      }
      values.add(option.value);
    });
    const chosen = element.initial_options ?? (element.initial_option ? [element.initial_option] : []);
    chosen.forEach((option) => {
      if (!value?.some?.((known) => JSON.stringify(known) === JSON.stringify(option))) {
        this.say(at, "initial options must be among the options");
      }
    });
  }

  element(at, value, allowed) {
    if (!isObject(value) || !allowed.includes(value.type)) {
      this.say(at, `unsupported element type: ${value?.type}`);
      return;
    }
    this.string(`${at}/action_id`, value.action_id, 255);
    this.confirm(`${at}/confirm`, value.confirm);
    this.plain(`${at}/placeholder`, value.placeholder, 150);
    if (value.type === "button") {
      this.button(at, value);
    } else if (value.type === "plain_text_input") {
      const known = [
        "action_id",
        "initial_value",
        "multiline",
        "min_length",
        "max_length",
        "placeholder",
        "focus_on_load",
      ];
      this.object(at, value, ["type"], [...known, "dispatch_action_config"]);
      if (value.max_length !== undefined && !(value.max_length >= 1 && value.max_length <= 3000)) {
        this.say(`${at}/max_length`, "must be from 1 to 3000");
      }
      this.string(`${at}/initial_value`, value.initial_value, value.max_length ?? 3000, 0);
    } else if (OPTIONS_MAX[value.type] && value.option_groups === undefined) {
      const known = ["action_id", "confirm", "placeholder", "initial_option", "initial_options", "max_selected_items"];
      if (this.object(at, value, ["type", "options"], [...known, "focus_on_load"])) {
        this.options(`${at}/options`, value.options, value);
      }
    }
  }

  button(at, value) {
    const known = ["action_id", "url", "value", "style", "confirm", "accessibility_label"];
    if (!this.object(at, value, ["type", "text"], known)) {
      return;
    }
    this.plain(`${at}/text`, value.text, 75);
    this.string(`${at}/value`, value.value, 2000, 0);
    this.style(`${at}/style`, value.style);
    this.string(`${at}/accessibility_label`, value.accessibility_label, 75);
    if (value.url !== undefined) {
      this.url(`${at}/url`, value.url);
    }
  }

  richPart(at, part, depth = 0) {
    if (!isObject(part) || !RICH_PARTS.includes(part.type)) {
      this.say(at, `unsupported rich text type: ${part?.type}`);
      return;
    }
    this.list(`${at}/elements`, part.elements, 1000, 0).forEach((element, i) => {
      const here = `${at}/elements/${i}`;
      if (part.type === "rich_text_list") {
        this.richPart(here, element, depth + 1);
      } else if (!isObject(element) || !RICH_ELEMENTS.includes(element.type)) {
        this.say(here, `unsupported rich text element: ${element?.type}`);
      } else if (part.type === "rich_text_preformatted" && !["text", "link"].includes(element.type)) {
        this.say(here, "preformatted text has only text and links");
      } else if (element.type === "text" && (typeof element.text !== "string" || element.text === "")) {
        this.say(`${here}/text`, "must be more than 0 characters");
      } else {
        this.texts += characters(element.text ?? "");
      }
    });
  }

  block(at, block, surface) {
    const checks = {
      section: () => this.section(at, block),
      header: () => {
        if (this.object(at, block, ["type", "text"], ["block_id", "level"])) {
          this.plain(`${at}/text`, block.text, 150);
        }
      },
      divider: () => this.object(at, block, ["type"], ["block_id"]),
      context: () => this.context(at, block),
      actions: () => this.actions(at, block),
      rich_text: () => {
        if (this.object(at, block, ["type", "elements"], ["block_id"])) {
          const parts = this.list(`${at}/elements`, block.elements, 100);
          parts.forEach((part, i) => this.richPart(`${at}/elements/${i}`, part));
        }
      },
      image: () => this.image(at, block),
      input: () => this.input(at, block, surface),
      markdown: () => this.string(`${at}/text`, block.text, 12000),
    };
    if (!isObject(block) || !checks[block.type]) {
      this.say(at, `unsupported block type: ${block?.type}`);
      return;
    }
    checks[block.type]();
    this.string(`${at}/block_id`, block.block_id, 255);
    if (block.block_id !== undefined) {
      if (this.blockIds.has(block.block_id)) {
        this.say(`${at}/block_id`, `block_id "${block.block_id}" stands more than once`);
      }
      this.blockIds.add(block.block_id);
    }
  }

  section(at, block) {
    if (!this.object(at, block, ["type"], ["block_id", "text", "fields", "accessory", "expand"])) {
      return;
    }
    if (block.text === undefined && block.fields === undefined) {
      this.say(at, "a section needs text or fields");
    }
    this.text(`${at}/text`, block.text, 3000);
    if (block.fields !== undefined) {
      const fields = this.list(`${at}/fields`, block.fields, 10);
      fields.forEach((field, i) => this.text(`${at}/fields/${i}`, field, 2000));
    }
    if (block.accessory !== undefined && block.accessory?.type !== "image") {
      this.element(`${at}/accessory`, block.accessory, ELEMENTS_IN_ACTIONS);
    }
  }

  context(at, block) {
    if (!this.object(at, block, ["type", "elements"], ["block_id"])) {
      return;
    }
    this.list(`${at}/elements`, block.elements, 10).forEach((element, i) => {
      const here = `${at}/elements/${i}`;
      if (element?.type === "image") {
        this.image(here, element);
      } else {
        this.text(here, element, 3000);
      }
    });
  }

  actions(at, block) {
    if (!this.object(at, block, ["type", "elements"], ["block_id"])) {
      return;
    }
    const ids = new Set();
    this.list(`${at}/elements`, block.elements, 25).forEach((element, i) => {
      const here = `${at}/elements/${i}`;
      this.element(here, element, ELEMENTS_IN_ACTIONS);
      if (element?.action_id !== undefined && ids.has(element.action_id)) {
        this.say(`${here}/action_id`, `action_id "${element.action_id}" stands more than once in its block`);
      }
      ids.add(element?.action_id);
    });
  }

  image(at, block) {
    if (this.object(at, block, ["type", "alt_text"], ["block_id", "image_url", "slack_file", "title"])) {
      this.string(`${at}/alt_text`, block.alt_text, 2000);
      this.url(`${at}/image_url`, block.image_url);
    }
  }

  input(at, block, surface) {
    const known = ["block_id", "hint", "optional", "dispatch_action"];
    if (!this.object(at, block, ["type", "label", "element"], known)) {
      return;
    }
    if (surface === "message" && block.element?.type === "plain_text_input" && !block.dispatch_action) {
      this.say(at, "an input in a message needs dispatch_action");
    }
    this.plain(`${at}/label`, block.label, 2000);
    this.plain(`${at}/hint`, block.hint, 2000);
    this.element(`${at}/element`, block.element, ELEMENTS_IN_INPUT);
  }
}

/* {troubles, texts}: sentences, and how many characters all texts of the blocks have. */
export function checkBlocks(blocks, surface = "message") {
  const check = new Check();
  const list = check.list("/blocks", blocks, surface === "message" ? 50 : 100, surface === "message" ? 0 : 1);
  list.forEach((block, i) => check.block(`/blocks/${i}`, block, surface));
  return check;
}

export function viewTroubles(view) {
  const check = new Check();
  const known = [
    "close",
    "submit",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
  ];
  if (!check.object("/view", view, ["type", "title", "blocks"], [...known, "submit_disabled"])) {
    return check.troubles;
  }
  if (view.type !== "modal") {
    check.say("/view/type", "must be modal");
  }
  check.plain("/view/title", view.title, 24);
  check.plain("/view/submit", view.submit, 24);
  check.plain("/view/close", view.close, 24);
  check.string("/view/private_metadata", view.private_metadata, 3000, 0);
  check.string("/view/callback_id", view.callback_id, 255, 0);
  check.string("/view/external_id", view.external_id, 255, 0);
  if (view.submit === undefined && view.blocks?.some?.((block) => block?.type === "input")) {
    check.say("/view/submit", "is required when there is an input block");
  }
  check.list("/view/blocks", view.blocks, 100).forEach((block, i) => check.block(`/view/blocks/${i}`, block, "view"));
  return check.troubles;
}

/* The error code for metadata that Slack does not take, or null. Values are plain, or objects of plain values. */
export function metadataTrouble(metadata) {
  const plain = (value) => ["string", "number", "boolean"].includes(typeof value);
  const flat = (value) => isObject(value) && Object.values(value).every(plain);
  if (!isObject(metadata)) {
    return "invalid_metadata_format";
  }
  if (Object.keys(metadata).length === 0) {
    return null;
  }
  const {event_type: type, event_payload: payload} = metadata;
  if (typeof type !== "string" || !/^[A-Za-z0-9_.-]{1,255}$/.test(type) || !isObject(payload)) {
    return "invalid_metadata_format";
  }
  const fits = (value) =>
    plain(value) || flat(value) || (Array.isArray(value) && value.every((v) => plain(v) || flat(v)));
  if (!Object.values(payload).every(fits)) {
    return "invalid_metadata_schema";
  }
  return Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX ? "metadata_too_large" : null;
}
