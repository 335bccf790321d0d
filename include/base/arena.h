#ifndef GP_BASE_ARENA_H
#define GP_BASE_ARENA_H

/*
 * Memory that lives and dies together. Everything allocated from an arena is valid until
 * arena_reset or arena_destroy; nothing is freed one by one. The pure core takes memory only
 * from here. An allocation never fails (see base/mem.h).
 */

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena); /* NULL does nothing */
void arena_reset(struct arena *arena);   /* forgets all, keeps the first block */

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Returns an array with room for at least count + 1 elements that begins with the count old ones.
 * Grows by doubling; the old array stays valid but is no longer used. `array` came from arena_push and has had no
 * other elements than these, or count is 0. */
void *arena_push(struct arena *arena, void *array, size_t count, size_t size);

size_t arena_used(const struct arena *arena);

#endif
