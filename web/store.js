/*
 * What this page knows of the server: one Resource for each thing it shows, asked for again when an event says that it
 * has changed. The events carry no state, so a lost or doubled one does no harm.
 */

import {get} from "./api.js";
import {onEvent} from "./live.js";

/* Between two requests for the same thing, however many events come; longer for what takes the server long. */
const GAP_MS = 300;
const GAP_TIMES = 3;

const live = new Set();

export class Resource {
  /* concerns(kind, data): whether an event is about it. */
  constructor(path, concerns) {
    this.path = path;
    this.concerns = concerns;
    this.data = null;
    this.error = null;
    this.listeners = new Set();
    this.asking = false;
    this.stale = false;
  }

  /* Calls listener(resource) now, if there is something to tell, and after each change. Returns the way out. */
  watch(listener) {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      live.add(this);
      this.refresh();
    } else if (this.data) {
      listener(this);
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        live.delete(this);
      }
    };
  }

  async refresh() {
    if (this.asking) {
      this.stale = true;
      return;
    }
    this.asking = true;
    const begin = performance.now();
    try {
      this.data = await get(this.path);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.listeners.forEach((listener) => listener(this));
    const took = performance.now() - begin;
    setTimeout(
      () => {
        this.asking = false;
        if (this.stale) {
          this.stale = false;
          this.refresh();
        }
      },
      Math.max(GAP_MS, took * GAP_TIMES),
    );
  }
}

export const overview = new Resource("/v1/overview", (kind) => kind === "deployment" || kind === "environment");
export const me = new Resource("/v1/me", () => false);

export function deployment(id) {
  return new Resource(`/v1/deployments/${id}`, (kind, data) => kind === "deployment" && data.id === id);
}

export function audit(id) {
  return new Resource(`/v1/deployments/${id}/audit`, (kind, data) => kind === "deployment" && data.id === id);
}

export function room(name) {
  return new Resource(`/v1/rooms/${encodeURIComponent(name)}`, (kind, data) => kind === "room" && data.room === name);
}

/* After something was done here, so that it is seen even while the stream is cut. */
export function refreshAll() {
  live.forEach((resource) => resource.refresh());
}

export function startStore() {
  onEvent((kind, data) => {
    if (kind === "reset") {
      refreshAll();
      return;
    }
    [...live].filter((resource) => resource.concerns(kind, data)).forEach((resource) => resource.refresh());
  });
}
