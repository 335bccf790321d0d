#include "call_queue.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_ROOM = 16 };

static int64_t due_ms(const struct call *call) {
    return call->begun ? INT64_MIN : call->due_ms;
}

static bool is_before(const struct call_queue *queue, size_t a, size_t b) {
    return due_ms(&queue->calls[a]) < due_ms(&queue->calls[b]);
}

static void swap(struct call_queue *queue, size_t a, size_t b) {
    struct call call = queue->calls[a];
    queue->calls[a] = queue->calls[b];
    queue->calls[b] = call;
}

void call_queue_put(struct call_queue *queue, const struct call *call) {
    if (queue->count == queue->room) {
        size_t room = queue->room == 0 ? FIRST_ROOM : 2 * queue->room;
        struct call *calls = mem_array(room, sizeof *calls);
        if (queue->count > 0) {
            memcpy(calls, queue->calls, queue->count * sizeof *calls);
        }
        mem_free(queue->calls);
        queue->calls = calls;
        queue->room = room;
    }
    size_t at = queue->count++;
    queue->calls[at] = *call;
    while (at > 0 && is_before(queue, at, (at - 1) / 2)) {
        swap(queue, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

int64_t call_queue_due_ms(const struct call_queue *queue) {
    return queue->count == 0 ? INT64_MAX : due_ms(&queue->calls[0]);
}

struct call call_queue_take(struct call_queue *queue) {
    assert(queue->count > 0);
    struct call first = queue->calls[0];
    queue->calls[0] = queue->calls[--queue->count];
    for (size_t at = 0;;) {
        size_t next = 2 * at + 1;
        if (next + 1 < queue->count && is_before(queue, next + 1, next)) {
            next++;
        }
        if (next >= queue->count || !is_before(queue, next, at)) {
            return first;
        }
        swap(queue, at, next);
        at = next;
    }
}

void call_queue_clear(struct call_queue *queue) {
    mem_free(queue->calls);
    *queue = (struct call_queue){0};
}
