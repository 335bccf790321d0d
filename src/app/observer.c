#include "observer.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/queue.h"

struct watched {
    struct watched *next;
    char *worker;
    uint64_t beat;
    int64_t moved_ms; /* monotonic; when it was last told as gone, if that was later */
};

struct observer {
    struct loop *loop;
    struct store *store;
    struct timer *timer;
    struct watched *watched;
    int64_t lost_after_ms;
    bool started;
};

static void observer_look(void *user);

struct observer *observer_create(struct loop *loop, struct store *store, int64_t lost_after_ms) {
    struct observer *observer = mem_alloc(sizeof *observer);
    observer->loop = loop;
    observer->store = store;
    observer->lost_after_ms = lost_after_ms;
    observer->timer = loop_timer(loop, observer_look, observer);
    return observer;
}

static void watched_clear(struct observer *observer) {
    while (observer->watched != NULL) {
        struct watched *gone = observer->watched;
        observer->watched = gone->next;
        mem_free(gone->worker);
        mem_free(gone);
    }
}

void observer_destroy(struct observer *observer) {
    if (observer != NULL) {
        watched_clear(observer);
        timer_destroy(observer->timer);
        mem_free(observer);
    }
}

void observer_start(struct observer *observer) {
    observer->started = true;
    for (struct watched *w = observer->watched; w != NULL; w = w->next) {
        w->moved_ms = clock_monotonic_ms();
    }
    timer_start(observer->timer, 0);
}

void observer_stop(struct observer *observer) {
    observer->started = false;
    timer_stop(observer->timer);
    watched_clear(observer);
}

static struct watched *watched_find(struct observer *observer, const char *worker) {
    for (struct watched *w = observer->watched; w != NULL; w = w->next) {
        if (str_equal(w->worker, worker)) {
            return w;
        }
    }
    struct watched *w = mem_alloc(sizeof *w);
    w->worker = mem_strdup(worker);
    w->moved_ms = clock_monotonic_ms();
    w->next = observer->watched;
    observer->watched = w;
    return w;
}

void observer_expect(struct observer *observer, const char *worker) {
    if (observer->started && !str_empty(worker)) {
        (void)watched_find(observer, worker);
    }
}

void observer_forget(struct observer *observer, const char *worker) {
    for (struct watched **link = &observer->watched; *link != NULL; link = &(*link)->next) {
        if (str_equal((*link)->worker, worker)) {
            struct watched *gone = *link;
            *link = gone->next;
            mem_free(gone->worker);
            mem_free(gone);
            return;
        }
    }
}

/* The list of workers has come. */
static void observer_judge(const struct worker_info *workers, size_t count, const struct err *err, void *user) {
    struct observer *observer = user;
    if (!observer->started) {
        return;
    }
    timer_start(observer->timer, LIMIT_HEARTBEAT_MS / 2);
    if (err != NULL) {
        return;
    }
    int64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < count; i++) {
        struct watched *w = watched_find(observer, workers[i].id);
        if (w->beat != workers[i].beat) {
            w->beat = workers[i].beat;
            w->moved_ms = now;
        }
    }
    metric_set(METRIC_WORKERS, (double)count, "seen", NULL, NULL);
    for (struct watched *w = observer->watched; w != NULL; w = w->next) {
        if (now - w->moved_ms >= observer->lost_after_ms) {
            w->moved_ms = now; /* If the word is lost, it is told again. */
            log_warn("worker fell silent", LOG_STR("worker", w->worker), LOG_END);
            queue_worker_gone(observer->store, w->worker, NULL, NULL);
        }
    }
}

/* It is time to look at the beats. */
static void observer_look(void *user) {
    struct observer *observer = user;
    if (observer->started) {
        store_list_workers(observer->store, observer_judge, observer);
    }
}
