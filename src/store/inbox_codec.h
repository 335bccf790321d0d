#ifndef GP_STORE_INBOX_CODEC_H
#define GP_STORE_INBOX_CODEC_H

/*
 * How entries of the inbox and members of `timers` are written. An entry is flat: field, value, field, value; what is
 * not set is left out. Its first field is `event` (a word of EVENTS), `lane` (<project>/<environment>) or `gone` (a
 * worker).
 */

#include <stdint.h>

#include "base/arena.h"
#include "core/deployment.h"
#include "net/redis.h"
#include "store/inbox.h"
#include "store/store.h"

/* Adds XADD inbox. */
void inbox_encode_event(struct commit *commit, uint64_t deployment, const struct event *event);
void inbox_encode_lane(struct commit *commit, const char *project, const char *environment);
void inbox_encode_worker_gone(struct commit *commit, const char *worker);

/* `fields` is the array of an entry (the second element that XRANGE gives). All but id and timer is filled in, with
 * texts in the arena; INBOX_BROKEN if it is not understood. */
void inbox_decode(const struct redis_reply *fields, struct arena *arena, struct inbox_entry *ret_entry);

/* "<deployment>:<event>:<step>:<slot>:<attempt>:<epoch>:<question>": a member of `timers`. Equal timers are one
 * member. */
enum { TIMER_MEMBER_SIZE = 192 };
void timer_member_format(char out[TIMER_MEMBER_SIZE], uint64_t deployment, const struct effect *effect);
/* Kind, deployment and event but for its now_ms; `timer` points to the member. INBOX_BROKEN if it is not understood. */
void timer_member_parse(const char *member, struct inbox_entry *ret_entry);

#endif
