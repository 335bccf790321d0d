/*
 * Everything that the tests can turn, with what it is when nobody turns it: Slack on a good day, whose limits are
 * lifted.
 */

export const DEFAULTS = {
  /* Divides the long waits: before the later deliveries of an event, and the life of a response_url. */
  speed: 1,
  ack_ms: 3000,
  trigger_ms: 3000,
  ticket_ms: 30000,

  /* Connections. link_disabled: every new one hears that Socket Mode is off. linger: TCP stays open after the close
   * handshake. ghosts_on_reset: one that ends without a close frame of the client stays registered. upgrade_status:
   * the answer to the upgrade, such as 408. Frames go out in fragments, or in writes, of so many bytes. */
  max_connections: 10,
  connection_seconds: 18060,
  ping_ms: 5000,
  no_pings: false,
  no_hello: false,
  hello_delay_ms: 0,
  link_disabled: false,
  linger: false,
  ghosts_on_reset: false,
  upgrade_status: 0,
  fragment_bytes: 0,
  chunk_bytes: 0,

  /* Envelopes. spread: round_robin or random. ignore_acks: so many acknowledgements are overheard. reorder_ms: each
   * envelope waits up to that long. */
  spread: "round_robin",
  ignore_acks: 0,
  p_duplicate: 0,
  reorder_ms: 0,

  /* Web API. limits: off, or real for Slack's tiers. refuse_blocks: invalid_blocks, whatever they are. The others are
   * probabilities, of each call to `methods` (all, if there are none): lost_requests are not carried out, lost_replies
   * and half_json are. retry_after: what a 429 says, in seconds; null = it says nothing. */
  limits: "off",
  refuse_blocks: false,
  methods: [],
  p_lost_requests: 0,
  p_lost_replies: 0,
  p_half_json: 0,
  p_429: 0,
  p_500: 0,
  p_html: 0,
  p_broken_json: 0,
  retry_after: 1,
  delay_ms: 0,
  delay_jitter_ms: 0,
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
