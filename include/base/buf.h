#ifndef GP_BASE_BUF_H
#define GP_BASE_BUF_H

/*
 * A growing byte string with a cap. Invariants: data is always followed by a NUL byte that is not
 * counted, size <= limit. An append that would pass the limit appends nothing and sets `overflow`,
 * which sticks until buf_clear: build first, check once.
 *
 *     struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
 *     buf_printf(&text, "...");
 *     if (text.overflow) ...
 *     buf_finish(&text);
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
    char *data; /* owned; "" and not allocated while nothing was appended */
    size_t size;
    size_t capacity;
    size_t limit;
    bool overflow;
};

#define BUF_INIT(limit_bytes) \
    { .data = (char *)"", .limit = (limit_bytes) }

void buf_init(struct buf *buf, size_t limit);
void buf_finish(struct buf *buf); /* frees; the buf is then empty and usable again */
void buf_clear(struct buf *buf);  /* size 0, keeps the memory */

void buf_add(struct buf *buf, const void *data, size_t size);
void buf_adds(struct buf *buf, const char *text);
void buf_addc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args);

/* Drops the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);

/* Hands the bytes over to the caller, who frees them with mem_free; the buf is empty after it. */
char *buf_take(struct buf *buf);

#endif
