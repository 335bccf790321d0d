#ifndef GP_API_STREAMS_H
#define GP_API_STREAMS_H

/* GET /v1/events: one feed of the store for this process, told to all who listen (Server-Sent Events). */

#include "call.h"

struct streams;

struct streams *streams_create(struct loop *loop, struct store *store);
void streams_destroy(struct streams *streams); /* NULL does nothing; when no stream is open */

void stream_events(struct call *call);

#endif
