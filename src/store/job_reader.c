/*
 * Reads jobs for one worker. Two lanes, each with its own connection because each waits in a blocking command:
 * starts, which are asked for only when the worker has free slots, and control, which is always listened to.
 *
 * A reply can be lost on its way after Redis has noted the entries as delivered to this worker, and a Redis that has
 * lost commits may have delivered again what was acknowledged. So after each connect a lane first reads all that was
 * delivered to it and not acknowledged, and only then waits for new entries.
 */

#include "store/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "job_codec.h"

enum { ENTRY_SIZE = 48, LANE_STREAMS = 2, CONTROL_BATCH = 64 };

struct lane {
    struct job_reader *reader;
    struct redis *redis;                    /* owned */
    struct timer *retry;                    /* owned; runs while Redis does not serve us */
    char *streams[LANE_STREAMS];            /* owned; of any host, and of this one; with prefix */
    char arrived[LANE_STREAMS][ENTRY_SIZE]; /* the newest entry that was handed over since the connect */
    size_t want;
    unsigned preparing; /* replies to wait for before reading */
    bool fresh;         /* nothing undelivered is left from before the connect: wait for new entries */
    bool reading;
    bool last_look; /* the wait was ended: what was delivered before that is still read */
};

struct job_reader {
    struct loop *loop;   /* borrowed: lives longer */
    struct store *store; /* borrowed: lives longer */
    char *worker;
    size_t prefix_size;
    jobs_read *read;
    void *user;
    struct lane starts, control;
};

static void lane_connected(void *user);
static void lane_prepare(void *user);

static void lane_init(struct lane *lane, struct job_reader *reader, const char *any, const char *host) {
    char key[STORE_KEY_SIZE];

    lane->reader = reader;
    lane->streams[0] = mem_strdup(store_key(reader->store, key, "%s", any));
    lane->streams[1] = mem_strdup(store_key(reader->store, key, "%s", host));
    (void)snprintf(lane->arrived[0], ENTRY_SIZE, "0");
    (void)snprintf(lane->arrived[1], ENTRY_SIZE, "0");
    lane->retry = loop_timer(reader->loop, lane_prepare, lane);
    lane->redis = store_open_blocking(reader->store, lane_connected, lane);
}

static void lane_finish(struct lane *lane) {
    redis_destroy(lane->redis);
    timer_destroy(lane->retry);
    for (size_t i = 0; i < LANE_STREAMS; i++) {
        mem_free(lane->streams[i]);
    }
}

struct job_reader *job_reader_create(struct loop *loop, struct store *store, const char *worker, const char *host,
                                     jobs_read *read, void *user) {
    char any[JOB_STREAM_SIZE], own[JOB_STREAM_SIZE];
    struct job_reader *reader = mem_alloc(sizeof *reader);

    reader->loop = loop;
    reader->store = store;
    reader->worker = mem_strdup(worker);
    reader->prefix_size = strlen(store_prefix(store));
    reader->read = read;
    reader->user = user;
    lane_init(&reader->starts, reader, job_codec_jobs(any, NULL), job_codec_jobs(own, host));
    lane_init(&reader->control, reader, job_codec_control(any, NULL), job_codec_control(own, host));
    reader->control.want = CONTROL_BATCH;
    return reader;
}

void job_reader_destroy(struct job_reader *reader) {
    if (reader == NULL) {
        return;
    }
    lane_finish(&reader->starts);
    lane_finish(&reader->control);
    mem_free(reader->worker);
    mem_free(reader);
}

static void lane_read(struct lane *lane);

void job_reader_want(struct job_reader *reader, size_t count) {
    struct lane *starts = &reader->starts;
    starts->want = count;
    if (count == 0 && starts->reading && starts->fresh) {
        starts->last_look = true;
        redis_interrupt(starts->redis);
    }
    lane_read(starts);
}

/* --- before reading: the groups --- */

static void group_came(struct lane *lane, size_t index, const struct redis_reply *reply) {
    if (reply == NULL) {
        return; /* lost: lane_connected comes again */
    }
    /* A new group may number its entries anew: what arrived before says nothing about them. */
    if (redis_kind(reply) == REDIS_STATUS) {
        (void)snprintf(lane->arrived[index], ENTRY_SIZE, "0");
    } else if (!str_starts(redis_text(reply, NULL), "BUSYGROUP")) {
        timer_start(lane->retry, LIMIT_REDIS_RETRY_MS);
        return;
    }
    lane->preparing--;
    lane_read(lane);
}

static void group_of_any_came(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    group_came(user, 0, reply);
}

static void group_of_host_came(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    group_came(user, 1, reply);
}

static void lane_prepare(void *user) {
    struct lane *lane = user;

    lane->preparing = LANE_STREAMS;
    lane->fresh = false;
    redis_call(lane->redis, group_of_any_came, lane, "XGROUP", "CREATE", lane->streams[0], JOB_GROUP, "0", "MKSTREAM");
    redis_call(lane->redis, group_of_host_came, lane, "XGROUP", "CREATE", lane->streams[1], JOB_GROUP, "0", "MKSTREAM");
}

static void lane_connected(void *user) {
    struct lane *lane = user;
    lane->reading = false;
    timer_stop(lane->retry);
    for (size_t i = 0; i < LANE_STREAMS; i++) {
        (void)snprintf(lane->arrived[i], ENTRY_SIZE, "0");
    }
    lane_prepare(lane);
}

/* --- reading --- */

static void batch_came(const struct redis_reply *reply, bool sent, void *user);

static void lane_read(struct lane *lane) {
    char count[24], wait[24];

    if (lane->reading || lane->preparing > 0 || (lane->want == 0 && !lane->last_look) || timer_active(lane->retry) ||
        !redis_is_connected(lane->redis)) {
        return;
    }
    lane->reading = true;
    (void)snprintf(count, sizeof count, "%zu", lane->last_look ? (size_t)CONTROL_BATCH : lane->want);
    if (lane->fresh) {
        /* Redis waits no longer for a worker that stopped hearing than it takes to be called lost: jobs that were
         * delivered to it after that would lie there until the next sweep. */
        (void)snprintf(wait, sizeof wait, "%d", LIMIT_HEARTBEAT_MS);
        redis_call(lane->redis, batch_came, lane, "XREADGROUP", "GROUP", JOB_GROUP, lane->reader->worker, "COUNT",
                   count, "BLOCK", wait, "STREAMS", lane->streams[0], lane->streams[1], ">", ">");
    } else {
        redis_call(lane->redis, batch_came, lane, "XREADGROUP", "GROUP", JOB_GROUP, lane->reader->worker, "COUNT",
                   count, "STREAMS", lane->streams[0], lane->streams[1], lane->arrived[0], lane->arrived[1]);
    }
}

static size_t stream_index(const struct lane *lane, const struct redis_reply *name) {
    return str_equal(redis_text(name, NULL), lane->streams[0]) ? 0 : 1;
}

/* Turns the entries of one stream into jobs and returns how many there were, good or not. */
static size_t take_entries(struct lane *lane, const struct redis_reply *stream, struct job *jobs, size_t *count) {
    const struct redis_reply *entries = redis_at(stream, 1);
    size_t index = stream_index(lane, redis_at(stream, 0));
    size_t entry_count = redis_count(entries);

    for (size_t i = 0; i < entry_count; i++) {
        const struct redis_reply *entry = redis_at(entries, i);
        const char *id = redis_text(redis_at(entry, 0), NULL);
        struct job job = {0};
        bool understood = job_codec_parse(redis_at(entry, 1), &job);

        job.stream = lane->streams[index] + lane->reader->prefix_size;
        job.entry = id;
        (void)snprintf(lane->arrived[index], ENTRY_SIZE, "%s", id);
        if (understood) {
            jobs[(*count)++] = job;
        } else {
            /* Deleted after it was delivered, or of an unknown make: the sweep puts back what is missed. */
            queue_acknowledge(lane->reader->store, &job);
        }
    }
    return entry_count;
}

static void lane_hand_over(struct lane *lane, const struct redis_reply *streams) {
    struct job_reader *reader = lane->reader;
    size_t size = 0, seen = 0, count = 0;

    for (size_t i = 0; i < redis_count(streams); i++) {
        size += redis_count(redis_at(redis_at(streams, i), 1));
    }
    struct job *jobs = mem_array(size + 1, sizeof *jobs);
    for (size_t i = 0; i < redis_count(streams); i++) {
        seen += take_entries(lane, redis_at(streams, i), jobs, &count);
    }
    if (seen == 0) {
        lane->fresh = true;
        lane->last_look = false;
    }
    if (count > 0) {
        /* Each batch of starts is asked for anew: only the worker knows how many slots this one took. */
        if (lane == &reader->starts) {
            lane->want = 0;
        }
        reader->read(jobs, count, reader->user);
    }
    mem_free(jobs);
}

static void batch_came(const struct redis_reply *reply, bool sent, void *user) {
    struct lane *lane = user;

    (void)sent;
    if (reply == NULL) {
        return; /* lost: lane_connected comes again */
    }
    lane->reading = false;
    if (redis_kind(reply) != REDIS_ERROR) {
        lane_hand_over(lane, reply);
        lane_read(lane);
    } else if (str_starts(redis_text(reply, NULL), "NOGROUP")) {
        lane_prepare(lane);
    } else {
        timer_start(lane->retry, LIMIT_REDIS_RETRY_MS);
    }
}
