#ifndef GP_APP_RECONCILER_H
#define GP_APP_RECONCILER_H

/*
 * Makes every room of one chat platform show what is true. For each deployment it holds what its room shows (store: view
 * <adapter>:<room>:<card>) against what the state says, posts what is missing, edits what is stale, and writes down what
 * is shown now. Runs in the leader's process; after any crash the next leader looks at all live deployments, at those of
 * which something shown may not be what stays, and at the newest. Each platform has one of its own, so that none waits for another.
 *
 * A message is never posted twice: that a post is tried is recorded before it, and an adapter that is told to post again
 * looks for the nonce first.
 *
 * What fails is tried again for ever, after growing pauses of up to 30 s. A room that takes nothing until people act
 * (ERR_DENIED) is asked for all its cards by one, at most every 10 minutes, and is up to date soon after that one came.
 */

#include "base/buf.h"
#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct reconciler;

struct reconciler_options {
    struct loop *loop;
    struct store *store;
    struct chat *chat;
    int64_t hold_ms; /* from a change until it is drawn: what it has to start comes first */
    struct config *(*config)(void *user);
    bool (*leads_surely)(void *user);                 /* no other process can show anything now */
    void (*fence)(struct commit *commit, void *user); /* has it refused if another process leads by then */
    void *user;
};

struct reconciler *reconciler_create(const struct reconciler_options *options);
void reconciler_destroy(struct reconciler *reconciler);
void reconciler_lead(struct reconciler *reconciler, bool leads);
void reconciler_changed(struct reconciler *reconciler, uint64_t deployment); /* coalesced */
/* Somebody may have mended what was wrong, as by a new configuration: what could not be shown is tried again at once. */
void reconciler_retry(struct reconciler *reconciler);

/* A line for each room that could not be brought up to date, with the reason, for people. */
void reconciler_write_troubles(const struct reconciler *reconciler, struct buf *out);

#endif
