#include "net/loop.h"

#include <signal.h>

#include <uv.h>

#include "base/mem.h"

enum { DESTROY_MS = 2000 };

struct loop {
    uv_loop_t uv;
    /* The calls due at the end of this turn. The idle handle keeps the turn from sleeping while there are any,
     * the check handle comes after the turn's input and output. A zero timer would do neither: one that starts
     * itself again keeps libuv from ever looking at its sockets. */
    uv_idle_t idle;
    uv_check_t check;
    struct timer *first_soon, *last_soon;
};

struct timer {
    uv_timer_t handle; /* not used by loop_soon */
    struct loop *loop; /* borrowed: lives longer than its timers */
    void (*fired)(void *user);
    void *user;
    struct timer *next; /* in the queue of loop_soon */
};

struct signal_watch {
    uv_signal_t handle;
    void (*came)(int number, void *user);
    void *user;
};

struct loop *loop_create(void) {
    struct loop *loop = mem_alloc(sizeof *loop);
    /* A peer that goes away while something is written to it must not end the program; libuv resets it in children. */
    (void)signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop->uv);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_check_init(&loop->uv, &loop->check);
    loop->check.data = loop;
    return loop;
}

void loop_run(struct loop *loop) {
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop) {
    uv_stop(&loop->uv);
}

void *loop_uv(struct loop *loop) {
    return &loop->uv;
}

static void idle_came(uv_idle_t *handle) {
    (void)handle;
}

static struct timer *take_soon(struct loop *loop) {
    struct timer *soon = loop->first_soon;
    loop->first_soon = soon->next;
    if (loop->first_soon == NULL) {
        uv_idle_stop(&loop->idle);
        uv_check_stop(&loop->check);
    }
    return soon;
}

/* The turn is over: makes the calls that were asked for before now. What they ask for is for the next turn. */
static void turn_ended(uv_check_t *handle) {
    struct loop *loop = handle->data;
    const struct timer *last = loop->last_soon;
    bool more = true;
    while (more) {
        struct timer *soon = take_soon(loop);
        more = soon != last;
        if (soon->fired != NULL) {
            soon->fired(soon->user);
        }
        mem_free(soon);
    }
}

struct timer *loop_soon(struct loop *loop, void (*call)(void *user), void *user) {
    struct timer *soon = mem_alloc(sizeof *soon);
    soon->loop = loop;
    soon->fired = call;
    soon->user = user;
    if (loop->first_soon == NULL) {
        loop->first_soon = soon;
        uv_idle_start(&loop->idle, idle_came);
        uv_check_start(&loop->check, turn_ended);
    } else {
        loop->last_soon->next = soon;
    }
    loop->last_soon = soon;
    return soon;
}

void loop_cancel_soon(struct timer *soon) {
    soon->fired = NULL; /* it stays in the queue; its turn frees it */
}

static void deadline_passed(uv_timer_t *handle) {
    *(bool *)handle->data = true;
}

static void close_leftover(uv_handle_t *handle, void *user) {
    (void)user;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

bool loop_destroy(struct loop *loop) {
    bool clean = true;
    while (loop->first_soon != NULL) {
        struct timer *soon = take_soon(loop);
        clean = clean && soon->fired == NULL;
        mem_free(soon);
    }

    /* Whoever has closed its handles needs a few turns; whoever forgot one shall not hang the program. */
    bool late = false;
    uv_timer_t deadline;
    uv_timer_init(&loop->uv, &deadline);
    deadline.data = &late;
    uv_timer_start(&deadline, deadline_passed, DESTROY_MS, 0);
    uv_unref((uv_handle_t *)&deadline);
    while (uv_loop_alive(&loop->uv) && !late) {
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&deadline, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);

    if (uv_loop_close(&loop->uv) != 0) {
        clean = false;
        uv_walk(&loop->uv, close_leftover, NULL);
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        (void)uv_loop_close(&loop->uv);
    }
    mem_free(loop);
    return clean;
}

static void timer_fired(uv_timer_t *handle) {
    struct timer *timer = handle->data;
    timer->fired(timer->user);
}

static void timer_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

struct timer *loop_timer(struct loop *loop, void (*fired)(void *user), void *user) {
    struct timer *timer = mem_alloc(sizeof *timer);
    timer->loop = loop;
    timer->fired = fired;
    timer->user = user;
    uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    return timer;
}

void timer_start(struct timer *timer, int64_t delay_ms) {
    /* libuv counts from the start of the turn; a turn that was long would make the timer fire too early. */
    uv_update_time(&timer->loop->uv);
    uv_timer_start(&timer->handle, timer_fired, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void timer_stop(struct timer *timer) {
    uv_timer_stop(&timer->handle);
}

bool timer_active(const struct timer *timer) {
    return uv_is_active((const uv_handle_t *)&timer->handle) != 0;
}

void timer_destroy(struct timer *timer) {
    if (timer != NULL) {
        uv_close((uv_handle_t *)&timer->handle, timer_closed);
    }
}

static void signal_came(uv_signal_t *handle, int number) {
    struct signal_watch *watch = handle->data;
    watch->came(number, watch->user);
}

static void signal_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

struct signal_watch *signal_watch_create(struct loop *loop, int number, void (*came)(int number, void *user),
                                         void *user) {
    struct signal_watch *watch = mem_alloc(sizeof *watch);
    watch->came = came;
    watch->user = user;
    uv_signal_init(&loop->uv, &watch->handle);
    watch->handle.data = watch;
    uv_signal_start(&watch->handle, signal_came, number);
    return watch;
}

void signal_watch_destroy(struct signal_watch *watch) {
    if (watch != NULL) {
        uv_close((uv_handle_t *)&watch->handle, signal_closed);
    }
}
