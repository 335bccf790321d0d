#ifndef GP_STORE_STORE_H
#define GP_STORE_STORE_H

/*
 * The only code that knows Redis keys. Reads are single commands or pipelines; every write is a *commit*: preconditions,
 * writes, stream appends, acknowledgements and the event's id in one atomic script that decides nothing about the domain.
 *
 * Each commit gets exactly one completion. If the connection is lost before the reply, the store asks again with the same event
 * id after the reconnect, and gets the result of the first time if there was one. If no answer is to be had within LIMIT_COMMIT_MS the
 * completion says COMMIT_UNAVAILABLE (it was never sent: surely nothing was recorded) or COMMIT_UNKNOWN.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"
#include "net/redis.h"

struct store;

struct store_options {
    const char *url, *password;
    const char *prefix;        /* "{gp}:" */
    bool accept_loss;          /* a banner instead of a refusal on weak durability */
    const char *witness_path;  /* file that remembers the highest `seq` seen; or NULL */
    void (*ready)(void *user); /* after each connect, when the start-up checks have passed and the script is loaded */
    void (*lost)(const char *why, void *user);
    /* After a connect that does not become ready: Redis' settings are not durable (ERR_INVALID, says the lines for redis.conf), or
     * Redis has lost commits (ERR_CONFLICT, see store_confirm_rollback). Told once for each text; the store looks again every second. */
    void (*refused)(const struct err *err, void *user);
    void (*weak)(const char *text, void *user); /* accept_loss, and the settings are not durable; or NULL */
    void *user;
};

int store_create(struct loop *loop, const struct store_options *options, struct store **ret_store, struct err *err)
    MUST_USE;
/* Pending commits complete as UNKNOWN or UNAVAILABLE first, reads as unavailable. Not inside one of the completions. */
void store_destroy(struct store *store);
/* How many commits Redis has lost, until somebody confirms it; else 0. Meanwhile no process commits anything. */
uint64_t store_lost_commits(const struct store *store);
/* A person has seen that commits were lost: all processes go on from what Redis has, and the leader is told to look anew at what
 * runs. lost 0 = there was nothing to confirm. */
typedef void confirmed_done(uint64_t lost, const struct err *err, void *user);
void store_confirm_rollback(struct store *store, const char *actor, const char *via, confirmed_done *done, void *user);
bool store_is_ready(const struct store *store);
struct redis *store_redis(struct store *store); /* for the other parts of src/store */
const char *store_prefix(const struct store *store);

/* A second connection to the same server, for blocking reads. Owned by the caller. */
struct redis *store_open_blocking(struct store *store, void (*connected)(void *user), void *user);

enum commit_result {
    COMMIT_DONE,
    COMMIT_REFUSED,     /* a precondition did not hold */
    COMMIT_UNAVAILABLE, /* surely nothing was recorded */
    COMMIT_UNKNOWN,
};

struct commit_reply {
    enum commit_result result;
    bool again;          /* DONE by an earlier call with this event id */
    size_t precondition; /* REFUSED: its number, in the order they were added */
    const char *found;   /* REFUSED: the value that was there instead, "" if none; borrowed */
    const char *note;    /* DONE: what the first call with this event id noted; borrowed */
    uint64_t seq;
};

struct commit;
typedef void commit_done(const struct commit_reply *reply, void *user);

/* event_id may be NULL: then the store makes one, good for asking again but not for deduplication. */
struct commit *commit_create(struct store *store, const char *event_id);
void commit_drop(struct commit *commit); /* instead of sending */

/* What every later call with the same event id is told. */
void commit_note(struct commit *commit, const char *note);
/* How long the event id is good for: LIMIT_DONE_SECONDS unless set. It costs memory in Redis. */
void commit_remember(struct commit *commit, int64_t seconds);

/* Numbers a precondition and returns its number. expected NULL or "" = the field or key must be absent or empty. */
size_t commit_require_field(struct commit *commit, const char *key, const char *field, const char *expected);
size_t commit_require_value(struct commit *commit, const char *key, const char *expected);

/* A write: command, key (without prefix) and words. Sizes NULL = NUL-terminated. */
void commit_op(struct commit *commit, const char *command, const char *key, size_t argc, const char *const *argv,
               const size_t *sizes);
#define commit_add(commit, command, key, ...)                                                    \
    commit_op(commit, command, key, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), \
              (const char *const[]){__VA_ARGS__}, NULL)
void commit_del(struct commit *commit, const char *key);

/* Hands the commit over; it is freed after done. done never runs before this returns. */
void commit_send(struct commit *commit, commit_done *done, void *user);

/* "prefix" + key, in the arena-free way: writes into out. */
enum { STORE_KEY_SIZE = 512 };
const char *store_key(const struct store *store, char out[STORE_KEY_SIZE], const char *format, ...) PRINTF_LIKE(3, 4);

#endif
