#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* log_event needs memory itself, so the line is written by hand. */
static _Noreturn void out_of_memory(size_t count, size_t size) {
    char line[128];
    int length = snprintf(line, sizeof line, "guidepost: out of memory (%zu x %zu bytes wanted), the process ends\n",
                          count, size);
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written; /* there is nobody else to tell */
    abort();
}

/* realloc(p, 0) frees and calloc(0, n) may give NULL, so there is always at least one byte. */
static size_t total_size(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || total > PTRDIFF_MAX) {
        out_of_memory(count, size);
    }
    return total > 0 ? total : 1;
}

void *mem_alloc(size_t size) {
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size) {
    void *pointer = calloc(1, total_size(count, size));
    if (pointer == NULL) {
        out_of_memory(count, size);
    }
    return pointer;
}

void *mem_grow(void *old, size_t count, size_t size) {
    void *pointer = realloc(old, total_size(count, size));
    if (pointer == NULL) {
        out_of_memory(count, size);
    }
    return pointer;
}

char *mem_strdup(const char *text) {
    return text == NULL ? NULL : mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t length) {
    size_t size = strnlen(text, length);
    char *copy = mem_alloc(size + 1);
    memcpy(copy, text, size);
    return copy;
}

void mem_free(void *pointer) {
    free(pointer);
}
