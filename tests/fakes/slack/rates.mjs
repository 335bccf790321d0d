/*
 * Slack's rate limits: a window of one minute per method by its tier, and for messages a bucket per channel and one for
 * the workspace. Also watches whether a program that was told to wait does wait.
 */

const PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100, special: 300};
const CHANNEL_BURST = 4; /* "one per second, short bursts"; the size of a burst is not published. */
const WORKSPACE_PER_MINUTE = 300; /* "several hundred" */
const MINUTE_MS = 60000;
const UNDER_WAY_MS = 100;

export class Rates {
  constructor() {
    this.calls = new Map(); /* key -> times of the last minute */
    this.buckets = new Map(); /* channel -> {tokens, at} */
    this.told = new Map(); /* key -> until when the program was told to wait */
    this.ignored = []; /* calls that came while it should have waited */
  }

  #windowWait(key, limit, now) {
    const recent = (this.calls.get(key) ?? []).filter((at) => at > now - MINUTE_MS);
    this.calls.set(key, recent);
    return recent.length < limit ? 0 : recent[recent.length - limit] + MINUTE_MS - now;
  }

  #bucketWait(channel, now) {
    const bucket = this.buckets.get(channel) ?? {tokens: CHANNEL_BURST, at: now};
    bucket.tokens = Math.min(CHANNEL_BURST, bucket.tokens + (now - bucket.at) / 1000);
    bucket.at = now;
    this.buckets.set(channel, bucket);
    return bucket.tokens >= 1 ? 0 : (1 - bucket.tokens) * 1000;
  }

  /* 0 and the call is counted, or how many whole seconds to wait. */
  take(method, tier, channel) {
    const now = Date.now();
    const post = tier === "post";
    const waits = post
      ? [this.#bucketWait(channel, now), this.#windowWait("workspace", WORKSPACE_PER_MINUTE, now)]
      : [this.#windowWait(method, PER_MINUTE[tier], now)];
    const wait = Math.max(...waits);
    if (wait > 0) {
      return Math.max(1, Math.ceil(wait / 1000));
    }
    if (post) {
      this.buckets.get(channel).tokens -= 1;
    }
    this.calls.get(post ? "workspace" : method).push(now);
    return 0;
  }

  key(method, tier, channel) {
    return tier === "post" ? `${method} ${channel}` : method;
  }

  tell(key, seconds) {
    const now = Date.now();
    this.told.set(key, {at: now, until: now + seconds * 1000});
  }

  /* What was on its way already when the program was told is no fault of its. */
  watch(key) {
    const told = this.told.get(key);
    const now = Date.now();
    const early = (told?.until ?? 0) - now;
    if (early > 50 && now - told.at > UNDER_WAY_MS) {
      this.ignored.push({key, early_ms: early});
    }
  }
}
