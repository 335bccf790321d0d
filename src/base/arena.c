#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_MIN = 4 << 10, BLOCK_MAX = 256 << 10, PUSH_MIN = 4 };

struct block {
    struct block *next; /* owned: the older ones */
    size_t size;
    size_t used;
    max_align_t data[]; /* size bytes */
};

struct arena {
    struct block *first; /* owned: the newest; allocations are cut from it */
    size_t used;
};

static struct block *block_create(size_t size, struct block *next) {
    if (size > PTRDIFF_MAX) {
        size = PTRDIFF_MAX; /* with the head it is more than mem_alloc gives: it ends the process */
    }
    struct block *block = mem_alloc(sizeof *block + size);
    block->next = next;
    block->size = size;
    return block;
}

struct arena *arena_create(void) {
    struct arena *arena = mem_alloc(sizeof *arena);
    arena->first = block_create(BLOCK_MIN, NULL);
    return arena;
}

void arena_destroy(struct arena *arena) {
    if (arena == NULL) {
        return;
    }
    arena_reset(arena);
    mem_free(arena->first);
    mem_free(arena);
}

void arena_reset(struct arena *arena) {
    while (arena->first->next != NULL) {
        struct block *block = arena->first;
        arena->first = block->next;
        mem_free(block);
    }
    memset(arena->first->data, 0, arena->first->used);
    arena->first->used = 0;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size) {
    const size_t align = _Alignof(max_align_t);
    size_t wanted = size == 0 ? align : size;
    if (wanted <= SIZE_MAX - align) {
        wanted = (wanted + align - 1) / align * align;
    }
    if (wanted > arena->first->size - arena->first->used) {
        size_t block_size = arena->first->size < BLOCK_MAX / 2 ? arena->first->size * 2 : BLOCK_MAX;
        arena->first = block_create(wanted > block_size ? wanted : block_size, arena->first);
    }
    struct block *block = arena->first;
    void *pointer = (char *)block->data + block->used;
    block->used += wanted;
    arena->used += wanted;
    return pointer;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    return arena_alloc(arena, __builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total);
}

char *arena_strdup(struct arena *arena, const char *text) {
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
    size_t size = strnlen(text, length);
    char *copy = arena_alloc(arena, size + 1);
    memcpy(copy, text, size);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        length = 0; /* more than INT_MAX bytes: text of this size is not built here */
    }
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

/* The room is not stored: it is PUSH_MIN, and doubles whenever count is a power of two from there. */
void *arena_push(struct arena *arena, void *array, size_t count, size_t size) {
    bool full = count == 0 || (count >= PUSH_MIN && (count & (count - 1)) == 0);
    if (!full) {
        return array;
    }
    void *bigger = arena_array(arena, count == 0 ? PUSH_MIN : count * 2, size);
    if (count > 0) {
        memcpy(bigger, array, count * size);
    }
    return bigger;
}

size_t arena_used(const struct arena *arena) {
    return arena->used;
}
