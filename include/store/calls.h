#ifndef GP_STORE_CALLS_H
#define GP_STORE_CALLS_H

/*
 * Commands and webhooks of escalation rungs that are still to be called. A call enters in the commit that climbs its rung
 * and leaves when it is done or its card is over; each try is recorded before it begins. What was begun and is not known to have
 * ended may have arrived, so its next try is made under the same id.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/deployment.h"
#include "store/store.h"

struct call {
    uint64_t deployment, card;
    uint32_t rung; /* from 0 */
    enum call_kind kind;
    uint32_t tries; /* begun */
    bool begun;     /* the last of them is not known to have ended */
    int64_t due_ms;
};

/* "D311-Q42-1-webhook": the same for each try. */
enum { CALL_ID_SIZE = 80 };
const char *call_id(char out[CALL_ID_SIZE], const struct call *call);

/* All that are to be called, in no order; borrowed until the callback returns. */
typedef void calls_done(const struct call *calls, size_t count, const struct err *err, void *user);
void store_list_calls(struct store *store, calls_done *done, void *user);

/* What the rung of the card has to be called. */
void commit_add_calls(struct commit *commit, const struct deployment *d, uint64_t card, uint32_t rung, int64_t now_ms);
/* On condition that the call is as it was read: its next try begins; that failed, and the next is due then; none was made
 * after all, and one is due then; it is over, and the deployment is told what came of it. */
void commit_begin_call(struct commit *commit, const struct call *call);
void commit_delay_call(struct commit *commit, const struct call *call, int64_t due_ms);
void commit_withdraw_call(struct commit *commit, const struct call *call, int64_t due_ms);
void commit_end_call(struct commit *commit, const struct call *call, const char *what, int64_t now_ms);
/* Beside one of these: the deployment is told that it has failed for some time. */
void commit_call_fails(struct commit *commit, const struct call *call, const char *why, int64_t now_ms);

#endif
