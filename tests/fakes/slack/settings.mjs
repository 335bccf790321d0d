/*
 * Everything that the tests can turn, with what it is when nobody turns it: Slack on a good day, whose limits are lifted.
 */

export const DEFAULTS = {
  /* Divides the long waits: the second and third delivery, and the life of a response_url. */
  speed: 1,
  ack_ms: 3000,
  trigger_ms: 3000,
  ticket_ms: 30000,

  /* Connections */
  max_connections: 10,
  connection_seconds: 18060,
  ping_ms: 5000,
  no_pings: false,
  no_hello: false,
  hello_delay_ms: 0,
  link_disabled: false /* every new connection hears that Socket Mode is switched off */,
  linger: false /* TCP stays open after the close handshake */,
  ghosts_on_reset: false /* a connection without a close frame from the client stays registered */,
  upgrade_status: 0 /* such as 408: the answer to the upgrade */,
  fragment_bytes: 0,
  chunk_bytes: 0,

  /* Envelopes */
  spread: "round_robin" /* or random */,
  ignore_acks: 0 /* that many acknowledgements are overheard */,
  p_duplicate: 0,
  reorder_ms: 0 /* each envelope waits up to that long */,

  /* Web API: probabilities, of each call to `methods` (all if empty) */
  limits: "off" /* or real: Slack's tiers */,
  methods: [],
  p_lost_requests: 0 /* cut before it is carried out */,
  p_lost_replies: 0 /* cut after it was carried out */,
  p_429: 0,
  p_500: 0,
  p_html: 0,
  p_broken_json: 0,
  p_half_json: 0 /* carried out; the connection ends in the middle of the answer */,
  retry_after: 1 /* seconds, or null: 429 without the header */,
  delay_ms: 0,
  delay_jitter_ms: 0,
  refuse_blocks: false /* invalid_blocks, whatever they are */,
};

/* Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
