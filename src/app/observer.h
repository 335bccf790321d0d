#ifndef GP_APP_OBSERVER_H
#define GP_APP_OBSERVER_H

/*
 * Watches the beats of workers by this process's own monotonic clock. A worker whose beat has not moved for `lost_after_ms`
 * is told to the inbox as gone, once, and then forgotten; silence is counted anew after Redis was away.
 */

#include "net/loop.h"
#include "store/store.h"

struct observer;

struct observer *observer_create(struct loop *loop, struct store *store, int64_t lost_after_ms);
void observer_destroy(struct observer *observer);
void observer_start(struct observer *observer); /* this process leads; also after a reconnect */
void observer_stop(struct observer *observer);

/* A worker was named by a fact: it is watched even if it never beat. */
void observer_expect(struct observer *observer, const char *worker);
void observer_forget(struct observer *observer, const char *worker);

#endif
