#ifndef GP_APP_CALL_QUEUE_H
#define GP_APP_CALL_QUEUE_H

/* Calls of escalation rungs that wait, the next that is due first. Private to escalation.c. */

#include <stddef.h>

#include "store/calls.h"

struct call_queue {
    struct call *calls; /* owned: a heap */
    size_t count, room;
};

void call_queue_put(struct call_queue *queue, const struct call *call);
/* When the first is due: one that was begun, and is not known to have ended, at once. INT64_MAX if there is none. */
int64_t call_queue_due_ms(const struct call_queue *queue);
struct call call_queue_take(struct call_queue *queue); /* the first; there must be one */
void call_queue_clear(struct call_queue *queue);       /* and gives its memory back */

#endif
