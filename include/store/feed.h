#ifndef GP_STORE_FEED_H
#define GP_STORE_FEED_H

/*
 * Output of steps, and the stream of changes that views and browsers follow.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct log_key {
    uint64_t deployment;
    size_t step, slot;
    uint32_t attempt;
};

/* Appends a batch of output (any bytes, at most LIMIT_LOG_BATCH_BYTES) and tells who watches. Keeps the head and the
 * tail of what was written, LIMIT_OUTPUT_BYTES in all: the entry before a gap says how many bytes were left out.
 * Position = bytes of output before this batch, those left out included; left_out = bytes after it that are not told.
 * A batch told twice is kept once. REFUSED: more was told before, and `found` is the position (decimal) to go on
 * from. */
void log_append(struct store *store, const struct log_key *key, uint64_t position, const char *data, size_t size,
                uint64_t left_out, commit_done *done, void *user);

struct log_batch {
    const char *id; /* of the stream entry: read on from here */
    const char *data;
    size_t size;
    uint64_t position, left_out;
    int64_t when_ms;
};
typedef void log_done(const struct log_batch *batches, size_t count, const struct err *err, void *user);
/* after NULL = from the start. */
void log_read(struct store *store, const struct log_key *key, const char *after, size_t count, log_done *done,
              void *user);

/* Changes. */
enum change_kind { CHANGE_DEPLOYMENT, CHANGE_LOG, CHANGE_ROOM, CHANGE_ENVIRONMENT, CHANGE_PEOPLE };
struct change {
    enum change_kind kind;
    const char *id; /* position in the stream: the SSE event id */
    uint64_t deployment;
    struct log_key log;      /* CHANGE_LOG */
    const char *room;        /* CHANGE_ROOM */
    const char *environment; /* CHANGE_ENVIRONMENT: frozen, or no longer */
    const char *people;      /* CHANGE_PEOPLE: "slack:<listener>:U012ABC", a user or group that the platform told that
                              * listener of */
};

struct feed;
typedef void feed_changed(const struct change *changes, size_t count, void *user);
typedef void feed_reset(void *user); /* changes may have been missed (trimmed, or Redis was away): look at everything */

/* Follows the stream from now on: resets at each connect, the first included. All feeds of a store share one connection. Not to be
 * destroyed while one of them is told. */
struct feed *feed_create(struct loop *loop, struct store *store, feed_changed *changed, feed_reset *reset, void *user);
void feed_destroy(struct feed *feed);

/* Changes after the position `since`, for a client that comes back; gap = since is older than what is kept. */
typedef void feed_since_done(const struct change *changes, size_t count, bool gap, const struct err *err, void *user);
void feed_since(struct store *store, const char *since, feed_since_done *done, void *user);

/* The console's rooms: messages in the order they were posted; an edit keeps the place. `body` is JSON. */
struct room_message {
    const char *id, *body;
    int64_t posted_ms;
};
void commit_room_put(struct commit *commit, const char *room, const char *message, const char *body, int64_t now_ms);
typedef void room_done(const struct room_message *messages, size_t count, const struct err *err, void *user);
void room_read(struct store *store, const char *room, room_done *done, void *user);

/* Texts. */
typedef void text_done(const char *text, const struct err *err, void *user); /* NULL = absent */
/* What was shown where, for the reconciler: one text per platform, room and card of a deployment, kept as long as that is. */
void store_get_view(struct store *store, uint64_t deployment, const char *card, text_done *done, void *user);
/* Adds the precondition that the deployment is still kept. */
void commit_put_view(struct commit *commit, uint64_t deployment, const char *card, const char *text);
/* Something that is shown of it there may not be what stays, for store_list_showing; or all is. */
void commit_put_showing(struct commit *commit, const char *platform, uint64_t deployment, bool showing);
/* Which question a message is about, so that a reply under it can leave out the number. Kept for LIMIT_THREAD_SECONDS. */
void commit_put_thread(struct commit *commit, const char *adapter, const char *room, const char *message,
                       uint64_t question);
typedef void thread_done(uint64_t question, const struct err *err, void *user); /* 0 = of none */
void store_get_thread(struct store *store, const char *adapter, const char *room, const char *message,
                      thread_done *done, void *user);
void store_get_text(struct store *store, const char *key, text_done *done, void *user);
/* expire_s 0 = never; text NULL deletes. */
void commit_put_text(struct commit *commit, const char *key, const char *text, int64_t expire_s);

#endif
