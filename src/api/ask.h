#ifndef GP_API_ASK_H
#define GP_API_ASK_H

/* The step of a call that asks for an operation: what people want goes the same way here as in chat. */

#include "call.h"

/* Fills in who asks, from where, and the idempotency key. `replied` runs only while the client is there; its reply
 * is borrowed. */
typedef void ask_replied(struct call *call, const struct operation_reply *reply);
void ask_operation(struct call *call, struct operation *operation, ask_replied *replied);

#endif
