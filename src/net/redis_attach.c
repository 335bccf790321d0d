#include "redis_internal.h"

#include <uv.h>

#include "base/mem.h"

/*
 * hiredis says what it waits for, libuv says when it is there. The adapter that comes with hiredis 0.14 never reports a refused
 * connection. What a turn of the loop has to say to Redis is written in one go before the loop sleeps; only what does not fit into the
 * socket waits for it to become writable. That halves the system calls.
 */
struct attach {
    redisAsyncContext *context; /* NULL after the cleanup */
    uv_poll_t poll;
    uv_prepare_t flush; /* active while something is to be written */
    int events;
    bool flushing;
    unsigned open; /* handles that are not closed yet */
};

static void socket_came(uv_poll_t *poll, int status, int events) {
    struct attach *attach = poll->data;
    /* After an error libuv has stopped to watch; reading lets hiredis find the error itself. */
    if (attach->context != NULL && (status < 0 || (events & UV_READABLE) != 0)) {
        redisAsyncHandleRead(attach->context);
    }
    if (attach->context != NULL && status >= 0 && (events & UV_WRITABLE) != 0) {
        redisAsyncHandleWrite(attach->context);
    }
}

static void attach_set(struct attach *attach, int events) {
    if (events == 0) {
        uv_poll_stop(&attach->poll);
    } else if (events != attach->events || !uv_is_active((uv_handle_t *)&attach->poll)) {
        uv_poll_start(&attach->poll, events, socket_came);
    }
    attach->events = events;
}

static void attach_add_read(void *data) {
    struct attach *attach = data;
    attach_set(attach, attach->events | UV_READABLE);
}

static void attach_del_read(void *data) {
    struct attach *attach = data;
    attach_set(attach, attach->events & ~UV_READABLE);
}

/* The turn is over. */
static void flush_came(uv_prepare_t *flush) {
    struct attach *attach = flush->data;
    uv_prepare_stop(flush);
    if (attach->context != NULL) {
        attach->flushing = true;
        redisAsyncHandleWrite(attach->context);
        attach->flushing = false;
    }
}

static void attach_add_write(void *data) {
    struct attach *attach = data;
    /* Until it is connected, being writable is what says so. */
    if (!attach->flushing && (attach->context->c.flags & REDIS_CONNECTED) != 0) {
        uv_prepare_start(&attach->flush, flush_came);
        return;
    }
    attach_set(attach, attach->events | UV_WRITABLE);
}

static void attach_del_write(void *data) {
    struct attach *attach = data;
    attach_set(attach, attach->events & ~UV_WRITABLE);
}

static void attach_closed(uv_handle_t *handle) {
    struct attach *attach = handle->data;
    if (--attach->open == 0) {
        mem_free(attach);
    }
}

static void attach_cleanup(void *data) {
    struct attach *attach = data;
    attach->context = NULL;
    attach->open = 2;
    uv_close((uv_handle_t *)&attach->poll, attach_closed);
    uv_close((uv_handle_t *)&attach->flush, attach_closed);
}

int redis_attach(struct loop *loop, redisAsyncContext *context) {
    struct attach *attach = mem_alloc(sizeof *attach);
    int result = uv_poll_init(loop_uv(loop), &attach->poll, context->c.fd);
    if (result != 0) {
        mem_free(attach);
        return result;
    }
    (void)uv_prepare_init(loop_uv(loop), &attach->flush);
    attach->poll.data = attach;
    attach->flush.data = attach;
    attach->context = context;
    context->ev.data = attach;
    context->ev.addRead = attach_add_read;
    context->ev.delRead = attach_del_read;
    context->ev.addWrite = attach_add_write;
    context->ev.delWrite = attach_del_write;
    context->ev.cleanup = attach_cleanup;
    return 0;
}
