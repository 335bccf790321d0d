/*
 * Output of steps. An attempt's log is a stream whose entries carry their position in the whole output, so a gap
 * shows by itself. The first half of LIMIT_OUTPUT_BYTES is kept for good; what comes later pushes out the oldest of
 * the second half.
 */

#include "store/feed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "later.h"
#include "words.h"

/*
 * Not a commit of the generic script: the bytes in the tail must be counted where they are trimmed, and output needs
 * no marker to be told twice, because the position says what is there.
 */
static const char append_script[] =
    "local at = redis.call('HMGET', KEYS[2], 'position', 'head', 'tail')\n"
    "local expected, head, tail = tonumber(at[1] or 0), at[2] or '0-0', tonumber(at[3] or 0)\n"
    "local position, left_out, data = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]\n"
    "local half, seconds = tonumber(ARGV[4]), ARGV[5]\n"
    "if position < expected then return expected end\n"
    "local id = redis.call('XADD', KEYS[1], '*', 'at', ARGV[1], 'left_out', ARGV[2], 'data', data)\n"
    "if position + #data <= half then\n"
    "    head = id\n"
    "else\n"
    "    tail = tail + #data\n"
    "    while tail > half do\n"
    "        local oldest = redis.call('XRANGE', KEYS[1], '(' .. head, '+', 'COUNT', 1)[1]\n"
    "        tail = tail - #oldest[2][6]\n"
    "        redis.call('XDEL', KEYS[1], oldest[1])\n"
    "    end\n"
    "end\n"
    "local next = string.format('%.0f', position + #data + left_out)\n"
    "redis.call('HSET', KEYS[2], 'position', next, 'head', head, 'tail', tail)\n"
    "redis.call('EXPIRE', KEYS[1], seconds)\n"
    "redis.call('EXPIRE', KEYS[2], seconds)\n"
    "redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'log', ARGV[7])\n"
    "return -1\n";

enum { LOG_NAME_SIZE = 96 };

static void log_name(char out[LOG_NAME_SIZE], const struct log_key *key) {
    (void)snprintf(out, LOG_NAME_SIZE, "%" PRIu64 ":%zu.%zu.%" PRIu32, key->deployment, key->step, key->slot,
                   key->attempt);
}

struct append {
    commit_done *done;
    void *user;
    uint64_t end; /* where the log stands if exactly this batch is in it */
};

static void append_came(const struct redis_reply *reply, bool sent, void *user) {
    struct append *append = user;
    char found[NUMBER_SIZE];
    struct commit_reply result = {.result = COMMIT_DONE, .found = ""};

    if (reply == NULL) {
        result.result = sent ? COMMIT_UNKNOWN : COMMIT_UNAVAILABLE;
    } else if (redis_kind(reply) != REDIS_INTEGER) {
        result.result = COMMIT_UNAVAILABLE;
    } else if (redis_integer(reply) >= 0) {
        uint64_t position = (uint64_t)redis_integer(reply);
        result.again = position == append->end;
        result.result = result.again ? COMMIT_DONE : COMMIT_REFUSED;
        result.found = words_u64(found, position);
    }
    append->done(&result, append->user);
    mem_free(append);
}

void log_append(struct store *store, const struct log_key *key, uint64_t position, const char *data, size_t size,
                uint64_t left_out, commit_done *done, void *user) {
    char name[LOG_NAME_SIZE], stream[STORE_KEY_SIZE], at[STORE_KEY_SIZE], changes[STORE_KEY_SIZE];
    char numbers[5][NUMBER_SIZE];
    struct append *append = mem_alloc(sizeof *append);

    assert(size <= LIMIT_LOG_BATCH_BYTES);
    append->done = done;
    append->user = user;
    append->end = position + size + left_out;
    log_name(name, key);
    const char *argv[] = {
        "EVAL",
        append_script,
        "3",
        store_key(store, stream, "log:%s", name),
        store_key(store, at, "log:%s:at", name),
        store_key(store, changes, "changes"),
        words_u64(numbers[0], position),
        words_u64(numbers[1], left_out),
        data,
        words_u64(numbers[2], LIMIT_OUTPUT_BYTES / 2),
        words_u64(numbers[3], LIMIT_LOG_SECONDS),
        words_u64(numbers[4], LIMIT_CHANGES_LENGTH),
        name,
    };
    enum { WORDS = sizeof argv / sizeof *argv, DATA = 8 };
    size_t sizes[WORDS];
    for (size_t i = 0; i < WORDS; i++) {
        sizes[i] = i == DATA ? size : strlen(argv[i]);
    }
    redis_command(store_redis(store), append_came, append, WORDS, argv, sizes);
}

/* --- reading --- */

struct log_reading {
    log_done *done;
    void *user;
};

static void log_came(const struct redis_reply *reply, bool sent, void *user) {
    struct log_reading *reading = user;
    size_t count = redis_count(reply);
    struct log_batch *batches = mem_array(count + 1, sizeof *batches);
    struct err err = {0};

    (void)sent;
    if (redis_kind(reply) != REDIS_ARRAY) {
        later_unread(reply, &err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct redis_reply *entry = redis_at(reply, i);
        const struct redis_reply *fields = redis_at(entry, 1);
        struct log_batch *batch = &batches[i];
        batch->id = redis_text(redis_at(entry, 0), NULL);
        batch->data = redis_text(redis_field(fields, "data"), &batch->size);
        batch->position = words_field_u64(fields, "at");
        batch->left_out = words_field_u64(fields, "left_out");
        /* "<milliseconds>-<number>" */
        const char *id = batch->id;
        uint64_t when_ms = 0;
        batch->when_ms = words_number(&id, '-', &when_ms) ? (int64_t)when_ms : 0;
        /* What was pushed out later is only seen from its neighbours. */
        if (i > 0) {
            batches[i - 1].left_out = batch->position - batches[i - 1].position - batches[i - 1].size;
        }
    }
    reading->done(batches, count, err.code == ERR_NONE ? NULL : &err, reading->user);
    mem_free(batches);
    mem_free(reading);
}

void log_read(struct store *store, const struct log_key *key, const char *after, size_t count, log_done *done,
              void *user) {
    char name[LOG_NAME_SIZE], stream[STORE_KEY_SIZE], from[STORE_KEY_SIZE], most[NUMBER_SIZE];
    struct log_reading *reading = mem_alloc(sizeof *reading);

    reading->done = done;
    reading->user = user;
    log_name(name, key);
    (void)snprintf(from, sizeof from, "%s%s", after == NULL ? "-" : "(", after == NULL ? "" : after);
    redis_call(store_redis(store), log_came, reading, "XRANGE", store_key(store, stream, "log:%s", name), from, "+",
               "COUNT", words_u64(most, count));
}
