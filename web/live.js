/*
 * What happens on the server, as it happens. Browsers open at most six connections to one server, so all tabs share one
 * stream: the tab that holds the lock reads it and tells the others. After a gap of any kind the event `reset` says:
 * look at everything again.
 */

const EVENTS = ["deployment", "log", "room", "environment", "reset"];
const AGAIN_MS = 2000;
const GRACE_MS = 2000; /* a proxy or the server may end a stream now and then; that is nothing to worry people with */

const listeners = new Set();
let connected = true;
let stream = null;

/* listener(kind, data): kind is one of EVENTS, or "connection" with true or false. */
export function onEvent(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(kind, data) {
  if (kind === "connection") {
    if (data === connected) {
      return;
    }
    connected = data;
  }
  listeners.forEach((listener) => listener(kind, data));
}

export function start() {
  /* Locks exist only where the address is trusted (https, or this machine); elsewhere each tab has its own stream. */
  if (!navigator.locks) {
    read(tell);
    return;
  }
  const channel = new BroadcastChannel("guidepost");
  const tellAll = (kind, data) => {
    tell(kind, data);
    channel.postMessage([kind, data]);
  };
  channel.onmessage = ({data: [kind, data]}) => {
    if (kind === "hello") {
      if (stream) {
        channel.postMessage(["connection", connected]);
      }
    } else {
      tell(kind, data);
    }
  };
  channel.postMessage(["hello", null]);
  /* Held until this tab is closed; then the next one takes over, and may have missed something in between. */
  navigator.locks.request("guidepost-stream", () => {
    read(tellAll);
    return new Promise(() => {});
  });
}

function read(say) {
  let lost = 0;
  const open = () => {
    stream = new EventSource("/v1/events");
    stream.onopen = () => {
      clearTimeout(lost);
      lost = 0;
      say("connection", true);
      say("reset", {});
    };
    stream.onerror = () => {
      lost ||= setTimeout(() => say("connection", false), GRACE_MS);
      /* The browser tries again by itself after a cut, but not after a refusal. */
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(open, AGAIN_MS);
        say("reset", {});
      }
    };
    for (const kind of EVENTS) {
      stream.addEventListener(kind, (event) => say(kind, JSON.parse(event.data)));
    }
  };
  open();
}
