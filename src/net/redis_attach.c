#include "redis_internal.h"

#include <uv.h>

#include "base/mem.h"

/* hiredis says what it waits for, libuv says when it is there. The adapter that comes with hiredis 0.14 never reports
 * a refused connection. */
struct attach {
    redisAsyncContext *context; /* NULL after the cleanup */
    uv_poll_t poll;
    int events;
};

static void socket_came(uv_poll_t *poll, int status, int events)
{
    struct attach *attach = poll->data;
    /* After an error libuv has stopped to watch; reading lets hiredis find the error itself. */
    if (attach->context != NULL && (status < 0 || (events & UV_READABLE) != 0)) {
        redisAsyncHandleRead(attach->context);
    }
    if (attach->context != NULL && status >= 0 && (events & UV_WRITABLE) != 0) {
        redisAsyncHandleWrite(attach->context);
    }
}

static void attach_set(struct attach *attach, int events)
{
    if (events == 0) {
        uv_poll_stop(&attach->poll);
    } else if (events != attach->events || !uv_is_active((uv_handle_t *)&attach->poll)) {
        uv_poll_start(&attach->poll, events, socket_came);
    }
    attach->events = events;
}

static void attach_add_read(void *data)
{
    struct attach *attach = data;
    attach_set(attach, attach->events | UV_READABLE);
}

static void attach_del_read(void *data)
{
    struct attach *attach = data;
    attach_set(attach, attach->events & ~UV_READABLE);
}

static void attach_add_write(void *data)
{
    struct attach *attach = data;
    attach_set(attach, attach->events | UV_WRITABLE);
}

static void attach_del_write(void *data)
{
    struct attach *attach = data;
    attach_set(attach, attach->events & ~UV_WRITABLE);
}

static void attach_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void attach_cleanup(void *data)
{
    struct attach *attach = data;
    attach->context = NULL;
    uv_close((uv_handle_t *)&attach->poll, attach_closed);
}

int redis_attach(struct loop *loop, redisAsyncContext *context)
{
    struct attach *attach = mem_alloc(sizeof *attach);
    int result = uv_poll_init(loop_uv(loop), &attach->poll, context->c.fd);
    if (result != 0) {
        mem_free(attach);
        return result;
    }
    attach->poll.data = attach;
    attach->context = context;
    context->ev.data = attach;
    context->ev.addRead = attach_add_read;
    context->ev.delRead = attach_del_read;
    context->ev.addWrite = attach_add_write;
    context->ev.delWrite = attach_del_write;
    context->ev.cleanup = attach_cleanup;
    return 0;
}
