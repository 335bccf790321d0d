#include "follow.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "rundir.h"

enum { TELL_TRIES = 10, TELL_PAUSE_MS = 500, LOOK_AGAIN_MS = 2000 };

struct follow {
    struct loop *loop;
    struct store *store;
    char dir[RUNDIR_PATH_SIZE];
    struct log_key key;
    follow_ended *ended;
    follow_idle *idle;
    void *user;
    uv_fs_event_t *watch; /* closed by its own callback; NULL = not yet */
    const char *prefix;   /* of the files of this run, where it is watched */
    struct timer *timer;
    uint64_t position; /* of the output: what was told */
    uint64_t telling;  /* bytes and gap of the batch under way */
    int64_t told_ms;   /* monotonic, of the last batch */
    int64_t looked_ms; /* monotonic, of the last idle */
    unsigned tries;
    bool resting; /* after a refusal: a change is no reason to hurry */
    bool in_flight, closed;
};

static void follow_pump(void *user);

/* Something changed in the run directory. */
static void watch_came(uv_fs_event_t *watch, const char *name, int events, int status) {
    (void)events, (void)status;
    struct follow *follow = watch->data;
    if (follow == NULL || !str_starts(name, follow->prefix)) {
        return;
    }
    if (str_equal(name, "lost")) {
        follow->idle(follow->user);
    } else {
        follow_look(follow);
    }
}

static void watch_closed(uv_handle_t *handle) {
    mem_free(handle);
}

void follow_look(struct follow *follow) {
    if (!follow->resting) {
        follow_pump(follow);
    }
}

static void follow_watch(struct follow *follow) {
    char directory[RUNDIR_PATH_SIZE];
    rundir_place(directory, &follow->prefix, follow->dir);
    follow->watch = mem_alloc(sizeof *follow->watch);
    (void)uv_fs_event_init(loop_uv(follow->loop), follow->watch);
    follow->watch->data = follow;
    if (uv_fs_event_start(follow->watch, watch_came, directory, 0) != 0) {
        log_warn("the run directory can't be watched, looking again and again", LOG_STR("dir", follow->dir), LOG_END);
    }
}

static void follow_due(void *user) {
    struct follow *follow = user;
    if (follow->watch == NULL) {
        follow_watch(follow);
    }
    follow_pump(follow);
}

struct follow *follow_create(struct loop *loop, struct store *store, const char *dir, const struct log_key *key,
                             int64_t after_ms, follow_ended *ended, follow_idle *idle, void *user) {
    struct follow *follow = mem_alloc(sizeof *follow);
    follow->loop = loop;
    follow->store = store;
    follow->key = *key;
    follow->ended = ended;
    follow->idle = idle;
    follow->user = user;
    (void)snprintf(follow->dir, sizeof follow->dir, "%s", dir);
    follow->timer = loop_timer(loop, follow_due, follow);
    timer_start(follow->timer, after_ms);
    return follow;
}

static void follow_free(struct follow *follow) {
    timer_destroy(follow->timer);
    mem_free(follow);
}

void follow_destroy(struct follow *follow) {
    if (follow == NULL || follow->closed) {
        return;
    }
    follow->closed = true;
    if (follow->watch != NULL) {
        follow->watch->data = NULL;
        uv_close((uv_handle_t *)follow->watch, watch_closed);
    }
    timer_stop(follow->timer);
    if (!follow->in_flight) {
        follow_free(follow);
    }
}

/* A batch was told, or not. */
static void follow_told(const struct commit_reply *reply, void *user) {
    struct follow *follow = user;
    uint64_t found;
    follow->in_flight = false;
    if (follow->closed) {
        follow_free(follow);
        return;
    }
    if (reply->result == COMMIT_DONE) {
        follow->position += follow->telling;
        follow->tries = 0;
        timer_start(follow->timer, 0);
    } else if (reply->result == COMMIT_REFUSED && str_to_u64(reply->found, &found, NULL) == 0) {
        follow->position = found;
        timer_start(follow->timer, 0);
    } else {
        follow->tries++;
        follow->resting = true;
        timer_start(follow->timer, TELL_PAUSE_MS);
    }
}

static ssize_t read_at(const struct follow *follow, uint64_t segment, uint64_t offset, char *bytes, size_t size) {
    int fd = rundir_open_segment(follow->dir, segment);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = pread(fd, bytes, size, (off_t)offset);
    (void)close(fd);
    return n;
}

/* The first segment behind `segment` that is there; `segment` itself if there is none. */
static uint64_t next_segment(const struct follow *follow, uint64_t segment) {
    uint64_t bytes = 0, left_out = 0;
    struct outcome outcome;
    bool over = rundir_end(follow->dir, &outcome, &bytes, &left_out);
    uint64_t last = over ? bytes / LIMIT_OUTPUT_SEGMENT : rundir_last_segment(follow->dir);
    for (uint64_t next = segment + 1; next <= last; next++) {
        int fd = rundir_open_segment(follow->dir, next);
        if (fd >= 0) {
            (void)close(fd);
            return next;
        }
    }
    return segment;
}

/* Reads what can be told next. Returns its size, with the gap behind it; both 0 = nothing (yet). */
static size_t follow_read(const struct follow *follow, bool over, char bytes[LIMIT_LOG_BATCH_BYTES],
                          uint64_t *ret_gap) {
    uint64_t segment = follow->position / LIMIT_OUTPUT_SEGMENT, offset = follow->position % LIMIT_OUTPUT_SEGMENT;
    ssize_t n = read_at(follow, segment, offset, bytes, LIMIT_LOG_BATCH_BYTES);
    *ret_gap = 0;
    if (n > 0) {
        return (size_t)n;
    }
    /* A segment comes when the one before is full, and the first one is kept. But the power may have taken the end of one. */
    if (n == 0 ? !over : follow->position == 0) {
        return 0;
    }
    uint64_t next = next_segment(follow, segment);
    if (next != segment) {
        *ret_gap = next * LIMIT_OUTPUT_SEGMENT - follow->position;
    }
    return 0;
}

/* Tells the next batch, or finds that all is told. A batch that could still grow waits for its time. */
static void follow_pump(void *user) {
    struct follow *follow = user;
    char bytes[LIMIT_LOG_BATCH_BYTES];
    struct outcome outcome;
    uint64_t total, left_out, gap;
    if (follow->in_flight || follow->closed) {
        return;
    }
    follow->resting = false;
    bool over = rundir_end(follow->dir, &outcome, &total, &left_out);
    size_t size = follow_read(follow, over, bytes, &gap);
    /* An end is more than its output: it is not held back by a store that refuses output. */
    bool given_up = follow->tries >= TELL_TRIES;
    if (over && follow->tries > 0) {
        rundir_sync(follow->dir); /* Until it can be told, it has to outlast the power. */
    }
    if (over && (given_up || (size == 0 && gap == 0))) {
        follow->ended(follow->user);
        return;
    }
    if (size == 0 && gap == 0) {
        timer_start(follow->timer, LOOK_AGAIN_MS);
        if (clock_monotonic_ms() - follow->looked_ms >= LOOK_AGAIN_MS) {
            follow->looked_ms = clock_monotonic_ms();
            follow->idle(follow->user);
        }
        return;
    }
    int64_t since = clock_monotonic_ms() - follow->told_ms;
    if (!over && size > 0 && size < LIMIT_LOG_BATCH_BYTES && since < LIMIT_LOG_BATCH_MS) {
        timer_start(follow->timer, LIMIT_LOG_BATCH_MS - since); /* An end in the meantime is seen by watch_came. */
        return;
    }
    timer_stop(follow->timer);
    follow->told_ms = clock_monotonic_ms();
    follow->telling = size + gap;
    follow->in_flight = true;
    log_append(follow->store, &follow->key, follow->position, bytes, size, gap, follow_told, follow);
}
