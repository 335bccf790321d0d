/* The arguments of a call, as forms and as JSON carry them, and how a call is refused. */

export class SlackError extends Error {
  constructor(code, more) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

export function refuse(code, messages) {
  throw new SlackError(code, messages && {errors: messages, response_metadata: {messages}});
}

export function need(args, name) {
  if (args[name] === undefined || args[name] === "") {
    refuse("invalid_arguments", [`[ERROR] missing required field: ${name}`]);
  }
  return String(args[name]);
}

export function flag(value) {
  return value === true || value === "true" || value === "1" || value === 1;
}

/* A list or an object, which a form carries as a JSON text. */
export function structure(value, error) {
  if (typeof value !== "string") {
    return value;
  }
  try {
    return JSON.parse(value);
  } catch {
    return refuse(error);
  }
}

/* Forms carry lists and objects as JSON texts; methods that read only take no JSON body at all. */
export function readArguments(request, url, body, method, warnings) {
  const type = request.headers["content-type"] ?? "";
  const query = Object.fromEntries(url.searchParams);
  if (body.length === 0) {
    return query;
  }
  if (type.startsWith("application/x-www-form-urlencoded")) {
    const form = Object.fromEntries(new URLSearchParams(body.toString()));
    return {...query, ...form};
  }
  if (!type.startsWith("application/json")) {
    throw new SlackError(type === "" ? "missing_post_type" : "invalid_post_type");
  }
  if (method.form) {
    return query;
  }
  const charset = /charset=([\w-]+)/i.exec(type)?.[1]?.toLowerCase();
  if (!charset) {
    warnings.push("missing_charset");
  } else if (charset !== "utf-8") {
    throw new SlackError("invalid_charset");
  }
  let args;
  try {
    args = JSON.parse(body.toString());
  } catch {
    throw new SlackError("invalid_json");
  }
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new SlackError("json_not_object");
  }
  return args;
}
