#include "outbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 512 };

void outbox_add(struct outbox *outbox, const char *bytes, size_t size) {
    if (outbox->capacity - outbox->size < size) {
        size_t capacity = (outbox->size + size) * 2;
        char *grown = malloc(capacity);
        if (!grown) {
            abort();
        }
        if (outbox->bytes) {
            memcpy(grown, outbox->bytes, outbox->size);
            explicit_bzero(outbox->bytes, outbox->size);
            free(outbox->bytes);
        }
        outbox->bytes = grown;
        outbox->capacity = capacity;
    }
    memcpy(outbox->bytes + outbox->size, bytes, size);
    outbox->size += size;
}

void outbox_print(struct outbox *outbox, const char *format, ...) {
    char line[LINE_BYTES];
    va_list values;

    va_start(values, format);
    int size = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (size < 0 || (size_t)size >= sizeof line) {
        abort();
    }
    outbox_add(outbox, line, (size_t)size);
}

bool outbox_is_empty(const struct outbox *outbox) {
    return outbox->done == outbox->size;
}

int outbox_write(struct outbox *outbox, int fd) {
    while (outbox->done < outbox->size) {
        ssize_t count = write(fd, outbox->bytes + outbox->done, outbox->size - outbox->done);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        }
        outbox->done += (size_t)count;
    }
    outbox_clear(outbox);
    return 0;
}

void outbox_clear(struct outbox *outbox) {
    if (outbox->bytes) {
        explicit_bzero(outbox->bytes, outbox->size);
        free(outbox->bytes);
    }
    *outbox = (struct outbox){0};
}
