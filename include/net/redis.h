#ifndef GP_NET_REDIS_H
#define GP_NET_REDIS_H

/*
 * A connection to Redis that keeps itself alive. It connects at once, and again with a growing pause
 * (10 ms to LIMIT_REDIS_RETRY_MS, with jitter) whenever it is lost or silent for LIMIT_REDIS_SILENCE_MS
 * with a reply outstanding.
 *
 * Each command gets exactly one callback: its reply, or NULL when the connection was lost before the reply
 * (then it is not known whether the command was executed), or NULL with `sent` false when it was surely not
 * executed: the connection was down, or LIMIT_REDIS_PENDING replies were outstanding. Callbacks come in the order
 * of the commands, never inside redis_command. Commands are never sent again by this module.
 *
 * Redis protocol: https://redis.io/docs/reference/protocol-spec/ (RESP2).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

enum redis_kind { REDIS_NIL, REDIS_STRING, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_ARRAY };

/* A reply, borrowed until the callback returns. */
struct redis_reply;

enum redis_kind redis_kind(const struct redis_reply *reply);               /* NULL gives REDIS_NIL */
const char *redis_text(const struct redis_reply *reply, size_t *ret_size); /* NULL if it has none; size may be NULL */
int64_t redis_integer(const struct redis_reply *reply);                    /* also of a string of digits; else 0 */
size_t redis_count(const struct redis_reply *reply);                       /* elements; 0 if it is no array */
const struct redis_reply *redis_at(const struct redis_reply *reply, size_t index); /* NULL if out of range */

/* The value behind `field` in a flat array field, value, field, value (HGETALL, XRANGE's entry); or NULL. */
const struct redis_reply *redis_field(const struct redis_reply *reply, const char *field);

typedef void redis_done(const struct redis_reply *reply, bool sent, void *user);

struct redis_options {
    const char *url;      /* "unix:/path" or "redis://host:port" */
    const char *password; /* or NULL; copied */
    /* Called when Redis has answered AUTH and PING on a new connection; and after a loss, or when the first
     * attempt fails, or when a later attempt fails for another reason. May be NULL. May destroy the redis. */
    void (*connected)(void *user);
    void (*lost)(const char *why, void *user);
    void *user;
    bool blocking; /* for XREAD BLOCK: no silence watchdog */
};

struct redis;

/* Never fails for a server that is away; err is about a url that cannot be understood. */
int redis_create(struct loop *loop, const struct redis_options *options, struct redis **ret_redis, struct err *err)
    MUST_USE;

/* Every outstanding command gets its callback with NULL before this returns; a command given by one of them
 * is dropped without a callback. NULL does nothing. Must not be called inside a redis_done callback. */
void redis_destroy(struct redis *redis);

bool redis_is_connected(const struct redis *redis);

/* Closes the connection at the end of this turn and connects again: ends a blocking command. `lost` is not called
 * for it, `connected` is. */
void redis_interrupt(struct redis *redis);

/* argv and sizes are copied. sizes may be NULL for NUL-terminated words. done may be NULL. */
void redis_command(struct redis *redis, redis_done *done, void *user, size_t argc, const char *const *argv,
                   const size_t *sizes);

/* The same for NUL-terminated words: redis_call(r, done, user, "HGETALL", key). */
#define redis_call(redis, done, user, ...)                                                        \
    redis_command(redis, done, user, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), \
                  (const char *const[]){__VA_ARGS__}, NULL)

#endif
