#ifndef GP_STORE_CODEC_DEPLOYMENT_H
#define GP_STORE_CODEC_DEPLOYMENT_H

/*
 * A deployment, its runs and its questions as hashes: fields that a person can read with redis-cli. What is not set
 * is left out. Texts given to the encoders must live until the list is used.
 */

#include <stdbool.h>

#include "core/deployment.h"
#include "core/view.h"
#include "net/redis.h"
#include "words.h"

/* What is written once, at creation, and what the leader writes with every commit. */
void deployment_encode_fixed(struct field_list *list, const struct deployment *d);
void deployment_encode_state(struct field_list *list, const struct deployment *d);
/* Into a deployment that deployment_init has prepared. False if the state is not understood. */
bool deployment_decode(const struct redis_reply *fields, struct deployment *d);

/*
 * A run as short as it can be and still be read, since there are many: "<state> <attempt>.<epoch>", and then what is
 * not zero:
 *     r<people's>.<auto>.<lost>  retries        @<ms>  started
 *     ?                          unknown        +<ms>  ended, so much later
 *     =<outcome>:<number>                       on:<host>
 *     Q<question>                               by:<worker>, until the run is final
 *     w<error>                   that a Retry was given to  earlier   settled before the deployment began
 *     ~<outcome>:<number>        of an attempt before           bound     to the host where one before it may still run
 *     n<attempts>                that never started
 */
enum { RUN_TEXT_SIZE = 512 };
void run_encode(char out[RUN_TEXT_SIZE], const struct run *run);
/* Texts go into the arena; a worker or host equal to that of `like` (or NULL) shares its text. */
bool run_decode(const char *text, const struct run *like, struct arena *arena, struct run *ret_run);

/* "<since> <reminders> <reminded>", and the time of each rung that was climbed. */
void vigil_encode(struct buf *out, const struct vigil *vigil);
bool vigil_decode(const char *text, struct vigil *vigil);

void question_encode(struct field_list *list, const struct deployment *d, const struct question *question);
/* Texts go into d's arena. False if it does not fit d's plan. */
bool question_decode(const struct redis_reply *fields, const struct deployment *d, struct question_record *ret_record);

#endif
