/*
 * WebSocket frames on a socket that is already upgraded. Written out here, since the fake must see what a library hides
 * (whether the client fragmented a message, how large a frame was) and must send what a library does not: a message in
 * pieces of one byte, in fragments with pings between them, or nothing more at all.
 */

import {createHash} from "node:crypto";
import {EventEmitter} from "node:events";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_CLIENT_FRAME = 20480; /* Slack's own limit. */

export const TOO_BIG = 1009;

export function acceptKey(key) {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

function frame(opcode, payload, final = true) {
  const short = payload.length < 126 ? payload.length : payload.length < 65536 ? 126 : 127;
  const head = Buffer.alloc(short === 127 ? 10 : short === 126 ? 4 : 2);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = short;
  if (short === 126) {
    head.writeUInt16BE(payload.length, 2);
  } else if (short === 127) {
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}

/* Emits "text" (string), "pong", "fault" (why the client was closed) and "gone" (whether a close frame had come). */
export class Frames extends EventEmitter {
  constructor(socket, head) {
    super();
    this.socket = socket;
    this.received = head;
    this.frozen = false; /* Half-open: nothing is read or written any more, and nobody is told. */
    this.closeSent = false;
    this.closeReceived = false;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => {});
    socket.on("close", () => this.emit("gone", this.closeReceived));
    if (head.length > 0) {
      setImmediate(() => this.#read(Buffer.alloc(0)));
    }
  }

  /* `fragment`: bytes of each WebSocket fragment, with a ping between any two. `chunk`: bytes of each write to TCP. */
  sendText(text, {fragment = 0, chunk = 0} = {}) {
    const payload = Buffer.from(text);
    if (!fragment || payload.length <= fragment) {
      this.#write(frame(TEXT, payload), chunk);
      return;
    }
    for (let at = 0; at < payload.length; at += fragment) {
      const final = at + fragment >= payload.length;
      this.#write(frame(at === 0 ? TEXT : 0, payload.subarray(at, at + fragment), final), chunk);
      if (!final) {
        this.ping("between fragments");
      }
    }
  }

  ping(words) {
    this.#write(frame(PING, Buffer.from(words)));
  }

  close(code, reason = "") {
    if (!this.closeSent) {
      const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
      payload.writeUInt16BE(code, 0);
      payload.write(reason, 2);
      this.#write(frame(CLOSE, payload));
      this.closeSent = true;
    }
  }

  freeze() {
    this.frozen = true;
    this.socket.pause();
  }

  destroy() {
    this.socket.destroy();
  }

  #write(bytes, chunk = 0) {
    if (this.frozen || this.closeSent || this.socket.destroyed) {
      return;
    }
    for (let at = 0; at < bytes.length; at += chunk || bytes.length) {
      this.socket.write(bytes.subarray(at, at + (chunk || bytes.length)));
    }
  }

  #read(data) {
    if (this.frozen || this.closeReceived) {
      return;
    }
    this.received = this.received.length ? Buffer.concat([this.received, data]) : data;
    while (!this.closeReceived && this.#readFrame()) {
      /* One frame after another, until the rest is not a whole frame. */
    }
  }

  /* Takes one frame off the received bytes; false if it is not there yet. */
  #readFrame() {
    const bytes = this.received;
    if (bytes.length < 2) {
      return false;
    }
    const short = bytes[1] & 0x7f;
    const size = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (bytes.length < 2 + size + 4) {
      return false;
    }
    const length = size === 8 ? Number(bytes.readBigUInt64BE(2)) : size === 2 ? bytes.readUInt16BE(2) : short;
    if (!(bytes[1] & 0x80) || bytes[0] & 0x70) {
      return this.#refuse(1002, "a frame of a client must be masked and have no reserved bit");
    }
    if (length > MAX_CLIENT_FRAME) {
      return this.#refuse(TOO_BIG, `Max frame length of ${MAX_CLIENT_FRAME} has been exceeded.`);
    }
    const start = 2 + size + 4;
    if (bytes.length < start + length) {
      return false;
    }
    const payload = Buffer.from(bytes.subarray(start, start + length));
    for (let i = 0; i < length; i++) {
      payload[i] ^= bytes[start - 4 + (i & 3)];
    }
    this.received = bytes.subarray(start + length);
    this.#take(bytes[0], payload);
    return true;
  }

  #take(first, payload) {
    const opcode = first & 0x0f;
    if (opcode === PING) {
      this.#write(frame(PONG, payload));
    } else if (opcode === PONG) {
      this.emit("pong", payload.toString());
    } else if (opcode === CLOSE) {
      this.close(payload.length >= 2 ? payload.readUInt16BE(0) : 1000);
      this.closeReceived = true;
      this.emit("closing");
    } else if (opcode === TEXT && first & 0x80) {
      this.emit("text", payload.toString());
    } else {
      /* Slack does not put fragments together again. */
      this.#refuse(TOO_BIG, "a message must be one unfragmented text frame");
    }
  }

  #refuse(code, why) {
    this.close(code, why);
    this.closeReceived = true;
    this.emit("fault", code, why);
    this.socket.end();
    return false;
  }
}
