/* A proxy between a browser and the server whose event streams can be cut and held back, as a bad network does. */

import {createServer, request} from "node:http";

export class Proxy {
  constructor() {
    this.down = false;
    this.streams = new Set();
    this.resumed = []; /* Last-Event-ID of each stream, or null */
    this.server = createServer((incoming, outgoing) => this.forward(incoming, outgoing));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    /* Browsers leave this machine out of a proxy unless told otherwise. */
    this.option = {server: `http://127.0.0.1:${this.server.address().port}`, bypass: "<-loopback>"};
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  forward(incoming, outgoing) {
    const stream = incoming.url.endsWith("/v1/events");
    if (stream) {
      if (this.down) {
        incoming.destroy();
        return;
      }
      this.resumed.push(incoming.headers["last-event-id"] ?? null);
      this.streams.add(outgoing);
      outgoing.on("close", () => this.streams.delete(outgoing));
    }
    const onward = request(incoming.url, {method: incoming.method, headers: incoming.headers}, (response) => {
      outgoing.writeHead(response.statusCode, response.headers);
      response.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  cut() {
    this.down = true;
    this.streams.forEach((stream) => stream.destroy());
  }
}
