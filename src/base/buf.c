#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { CAPACITY_MIN = 64 };

void buf_init(struct buf *buf, size_t limit) {
    *buf = (struct buf)BUF_INIT(limit);
}

void buf_finish(struct buf *buf) {
    if (buf->capacity > 0) {
        mem_free(buf->data);
    }
    buf_init(buf, buf->limit);
}

void buf_clear(struct buf *buf) {
    buf->size = 0;
    buf->overflow = false;
    if (buf->capacity > 0) {
        buf->data[0] = 0;
    }
}

/* Makes room for `size` more bytes and the NUL behind them. */
static bool reserve(struct buf *buf, size_t size) {
    if (size > buf->limit - buf->size) {
        buf->overflow = true;
        return false;
    }
    size_t needed = buf->size + size + 1;
    if (needed <= buf->capacity) {
        return true;
    }
    assert(buf->limit < PTRDIFF_MAX / 2);
    size_t capacity = buf->capacity < CAPACITY_MIN / 2 ? CAPACITY_MIN : buf->capacity * 2;
    if (capacity > buf->limit + 1) {
        capacity = buf->limit + 1;
    }
    if (capacity < needed) {
        capacity = needed;
    }
    buf->data = mem_grow(buf->capacity > 0 ? buf->data : NULL, capacity, 1);
    buf->capacity = capacity;
    return true;
}

void buf_add(struct buf *buf, const void *data, size_t size) {
    if (size > 0 && reserve(buf, size)) {
        memcpy(buf->data + buf->size, data, size);
        buf->size += size;
        buf->data[buf->size] = 0;
    }
}

void buf_adds(struct buf *buf, const char *text) {
    buf_add(buf, text, strlen(text));
}

void buf_addc(struct buf *buf, char c) {
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        buf->overflow = true; /* more than INT_MAX bytes */
    } else if (length > 0 && reserve(buf, (size_t)length)) {
        (void)vsnprintf(buf->data + buf->size, (size_t)length + 1, format, again);
        buf->size += (size_t)length;
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t size) {
    assert(size <= buf->size);
    if (size > 0) {
        buf->size -= size;
        memmove(buf->data, buf->data + size, buf->size + 1);
    }
}

char *buf_take(struct buf *buf) {
    char *data = buf->capacity > 0 ? buf->data : mem_strdup("");
    buf->capacity = 0;
    buf_finish(buf);
    return data;
}
