/* Asking the server. What it refuses comes back as a Refusal, whose message is a sentence for people. */

export class Refusal extends Error {
  constructor(status, title, detail) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

const AWAY = "The server cannot be reached. Nothing was recorded as far as this page knows: look before you try again.";
const TIMEOUT_MS = 30000;

let signedOut = () => {};

/* To be called when the server does not know us (any more). */
export function onSignedOut(callback) {
  signedOut = callback;
}

async function ask(method, path, body) {
  const options = {method, headers: {Accept: "application/json"}, signal: AbortSignal.timeout(TIMEOUT_MS)};
  if (method !== "GET") {
    /* Together with the type, this header cannot be sent by a page of another origin. */
    options.headers["X-Csrf"] = "1";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  let response, answer;
  try {
    response = await fetch(path, options);
    answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
  } catch {
    throw new Refusal(0, "unavailable", AWAY);
  }
  if (response.ok) {
    return answer;
  }
  if (response.status === 401 && path !== "/v1/session") {
    signedOut();
  }
  throw new Refusal(
    response.status,
    answer.title ?? "unknown",
    answer.detail ?? `The server answered ${response.status}.`,
  );
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
export const remove = (path) => ask("DELETE", path);
